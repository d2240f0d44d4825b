"""Repair that needs no request: certificates passed on, statuses compared, own votes sent again (A4).

In the good case every validator counts every certificate from the same votes, and passing certificates on
would only double the traffic. So a new certificate goes at once only to the peers that seem to lack it when
its view was disputed (there are votes for two outcomes, and peers may see different quorums). Otherwise it
waits for the push delay, and by then it goes to those that neither voted for the same statement nor are
known to have gone on.

What is still missing then comes with the status exchange: every node says now and then where it stands;
whoever is ahead sends what moves the other, and both repeat their own votes and proposal of a shared view.
"""

from __future__ import annotations

from consensus.effects import Timer
from consensus.inputs import Instant
from consensus.messages import (
    CERTIFICATES_PER_MESSAGE_MAX,
    Certificates,
    CertificatesRequest,
    Status,
)
from consensus.peers import Peer
from consensus.round.signing import own_status
from consensus.state import PendingPush, State
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import ValidatorIndex, View

VIEWS_PER_REQUEST = 31
"""Two certificates a view and the newest finalization fit into one reply."""
STATUS_TOKENS = 4


def send_certificates(state: State, peer: str, certificates: tuple[Certificate, ...]) -> None:
    """Send certificates to a peer, as many as one message takes."""
    if certificates:
        state.outbox.send(peer, Certificates(certificates[:CERTIFICATES_PER_MESSAGE_MAX]))


# ---------- passing certificates on


def push_soon(state: State, certificate: Certificate, source: str | None, now: Instant) -> None:
    """Pass a new certificate on: at once if its view was disputed, otherwise after the push delay."""
    pending = PendingPush(certificate, source)
    if state.tally.is_disputed(certificate.view):
        _push(state, [pending], presume=False)
        return
    state.pushes.append(pending)
    state.timers.advance(Timer.PUSH, now.steady_ms + state.config.push_delay_ms)


def push_now(state: State, _now: Instant) -> None:
    """Pass on what waited for the push delay."""
    pending, state.pushes = state.pushes, []
    _push(state, pending, presume=True)


def _push(state: State, pending: list[PendingPush], *, presume: bool) -> None:
    for index, name in enumerate(state.electorate.names):
        peer = state.peers.get(name)
        if peer is None:
            continue
        missing = tuple(
            push.certificate
            for push in pending
            if push.source != name
            and not _is_stale(state, push.certificate)
            and not _has(state, ValidatorIndex(index), peer, push.certificate, presume=presume)
        )
        send_certificates(state, name, missing)


def _is_stale(state: State, certificate: Certificate) -> bool:
    return certificate.view < state.certificates.final.view


def _has(
    state: State, voter: ValidatorIndex, peer: Peer, certificate: Certificate, *, presume: bool
) -> bool:
    """Tell whether a peer is known, or with ``presume`` likely, to have a certificate."""
    if certificate.kind is CertificateKind.FINALIZATION:
        known = peer.final_view >= certificate.view
    else:
        finalize = state.tally.vote_of(certificate.view, CertificateKind.FINALIZATION, voter)
        known = peer.view > certificate.view or (
            finalize is not None and finalize.point == certificate.point
        )
    if known or not presume:
        return known
    vote = state.tally.vote_of(certificate.view, certificate.kind, voter)
    return vote is not None and vote.point == certificate.point


# ---------- statuses


def receive_status(state: State, peer: str, status: Status, now: Instant) -> None:
    """Take a peer's status, send what it lacks and ask for what it is ahead by."""
    known = state.peers.get(peer)
    if status.epoch != state.electorate.epoch or known is None:
        return
    # Before the signature is checked: a flood of statuses must not keep this node busy.
    if not state.peers.spend(peer, STATUS_TOKENS, now.steady_ms):
        return
    if status.voter is not None and (
        state.electorate.index_of(peer) != status.voter
        or not state.electorate.is_status_signed(status)
    ):
        state.suspect(peer, "status that it did not sign")
        return
    known.view, known.final_view = status.view, status.final_view
    known.final_height = status.final_height
    _send_missing(state, peer, status)
    _repeat_own(state, peer, status)
    _ask_for_more(state, peer, status)


def _send_missing(state: State, peer: str, status: Status) -> None:
    final = state.certificates.final
    last = View(state.view - 1)
    if status.final_view < final.view:
        first = View(status.final_view + 1)
    elif status.view < state.view:
        first = status.view
    else:
        return
    found = state.certificates.between(first, last, CERTIFICATES_PER_MESSAGE_MAX)
    send_certificates(state, peer, found)


def _repeat_own(state: State, peer: str, status: Status) -> None:
    """Send the own finalize votes that the peer may lack, and everything said in a shared view."""
    first = View(max(status.final_view, state.certificates.final.view) + 1)
    for vote in state.own.votes_between(first, status.view):
        if vote.kind is CertificateKind.FINALIZATION or vote.view == status.view:
            state.outbox.send(peer, vote)
    proposal = state.own.proposal(status.view)
    if proposal is None or status.view != state.view:
        return
    voter = state.electorate.index_of(peer)
    kind = CertificateKind.NOTARIZATION
    if voter is None or state.tally.vote_of(status.view, kind, voter) is None:
        state.outbox.send(peer, proposal)


def _ask_for_more(state: State, peer: str, status: Status) -> None:
    final = state.certificates.final
    if status.final_view > final.view:
        first = View(final.view + 1)
    elif status.view > state.view:
        first = state.view
    else:
        return
    request = CertificatesRequest(
        epoch=state.electorate.epoch,
        from_view=first,
        to_view=View(first + VIEWS_PER_REQUEST - 1),
    )
    state.outbox.send(peer, request)


def announce(state: State) -> None:
    """Tell everybody where this node stands."""
    state.outbox.broadcast(own_status(state))


def announce_in_time(state: State, _now: Instant) -> None:
    """Tell everybody where this node stands: the status timer fired."""
    announce(state)


def greet(state: State, peer: str) -> None:
    """Tell one peer where this node stands."""
    state.outbox.send(peer, own_status(state))


def arm_status(state: State, now: Instant, *, busy: bool) -> None:
    """Arm the status timer; when there is work, soon."""
    config = state.config
    interval_ms = config.status_busy_interval_ms if busy else config.status_idle_interval_ms
    state.timers.advance(Timer.STATUS, now.steady_ms + interval_ms)


def repeat_last_words(state: State) -> None:
    """Send the own nullify vote again, with what led into this view, and the status."""
    vote = state.own.vote(CertificateKind.NULLIFICATION, state.view)
    if vote is not None and state.may_sign:
        state.outbox.broadcast(vote)
    entry = state.certificates.exit_of(View(state.view - 1))
    if entry:
        state.outbox.broadcast(Certificates(entry))
    announce(state)
