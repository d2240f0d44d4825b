"""Certificates: taking them in, whether received or counted from votes, and what each sets off.

A notarization moves the node to the next view even if it voted to nullify this one (A3), and may bring its
finalize vote. A nullification moves it too. A finalization decides a block and everything below it.

Every certificate goes into the journal before any vote that relies on it, and into the queue of those
that peers may lack (A4). The own bit in a verified certificate is checked like an own vote (A11).
"""

from __future__ import annotations

from consensus.blocks import Verdict
from consensus.catchup.exchange import push_soon
from consensus.certificates import SafetyViolationError
from consensus.effects import Timer
from consensus.inputs import Instant
from consensus.journal import RecordType, record
from consensus.messages import Certificates
from consensus.round.leading import shrink_budget
from consensus.round.signing import accuse, cast, stop_signing
from consensus.round.views import enter
from consensus.state import State
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import View


def receive_certificate(state: State, peer: str, certificate: Certificate, now: Instant) -> bool:
    """Take a certificate from a peer, if it says anything new; tell whether it was not bad."""
    if certificate.epoch != state.electorate.epoch or not is_news(state, certificate):
        return True
    fault = state.electorate.certificate_fault(certificate)
    if fault is not None:
        state.suspect(peer, fault)
        return False
    keep_certificate(state, certificate, peer, now)
    return True


def receive_certificates(state: State, peer: str, message: Certificates, now: Instant) -> None:
    """Take certificates from a peer, finalizations first: they make others superfluous."""
    for certificate in sorted(message.certificates, key=_finalizations_first):
        if not receive_certificate(state, peer, certificate, now):
            return


def _finalizations_first(certificate: Certificate) -> tuple[bool, View]:
    return certificate.kind is not CertificateKind.FINALIZATION, certificate.view


def is_news(state: State, certificate: Certificate) -> bool:
    """Tell whether a certificate, if it holds, says anything that is not proven here yet."""
    store = state.certificates
    if store.holds(certificate):
        return False
    if certificate.view > store.final.view:
        return True
    if certificate.view < store.final.view:
        return False
    if certificate.kind is CertificateKind.FINALIZATION:
        return True
    return certificate.kind is CertificateKind.NULLIFICATION and store.final_certificate is not None


def keep_certificate(
    state: State, certificate: Certificate, source: str | None, now: Instant
) -> None:
    """Take in a verified certificate."""
    own = state.electorate.own
    if own is not None and state.own.is_foreign_certificate(certificate, own):
        stop_signing(state, f"a {certificate.kind.name.lower()} vote in view {certificate.view}")
    for evidence in state.tally.absorb(certificate):
        accuse(state, evidence)
    before = state.certificates.final
    try:
        state.certificates.add(certificate)
    except SafetyViolationError as error:
        state.outbox.persist(record(RecordType.CERTIFICATE, certificate), sync=True)
        state.halt(f"safety violation: {error}")
        return
    state.outbox.persist(record(RecordType.CERTIFICATE, certificate), sync=False)
    push_soon(state, certificate, source, now)
    match certificate.kind:
        case CertificateKind.NOTARIZATION:
            state.unfinalized.append(certificate)
        case CertificateKind.NULLIFICATION:
            shrink_budget(state, certificate.view)
        case CertificateKind.FINALIZATION:
            if state.certificates.final != before:
                _note_final(state, now)
    enter(state, View(certificate.view + 1), now)


def keep_proof(state: State, certificate: Certificate) -> None:
    """Keep a verified finalization below the newest one, to be stored with its block."""
    own = state.electorate.own
    if certificate.view <= state.committing.durable.view or state.certificates.holds(certificate):
        return
    if own is not None and state.own.is_foreign_certificate(certificate, own):
        stop_signing(state, f"a finalization vote in view {certificate.view}")
    try:
        state.certificates.add(certificate)
    except SafetyViolationError as error:
        state.halt(f"safety violation: {error}")


def count_votes(state: State, now: Instant) -> bool:
    """Make certificates of the votes that came; tell whether there was one."""
    slots = list(state.uncounted)
    state.uncounted.clear()
    made = False
    for view, kind in slots:
        if view <= state.certificates.final.view or state.certificates.get(kind, view):
            continue
        certificate, forged = state.tally.certify(view, kind)
        for voter in forged:
            state.suspect(state.electorate.names[voter], "vote with a bad signature")
        if certificate is not None:
            keep_certificate(state, certificate, None, now)
            made = True
    return made


def finalize_notarized(state: State) -> bool:
    """Give the finalize votes that new notarizations allow; the only place that gives any (A6)."""
    given = False
    for certificate in state.unfinalized:
        point = certificate.point
        if point is None or point.view <= state.certificates.final.view:
            continue
        if state.certificates.get(CertificateKind.NULLIFICATION, point.view) is not None:
            continue
        known = state.blocks.get(point.block_id)
        if known is not None and known.verdict is Verdict.INVALID:
            continue
        given |= cast(state, CertificateKind.FINALIZATION, point.view, point)
    state.unfinalized.clear()
    return given


def _note_final(state: State, now: Instant) -> None:
    """Let go of what a finalization settles; time-outs fall back by themselves (A8)."""
    final = state.certificates.final
    state.proposals = {v: held for v, held in state.proposals.items() if v > final.view}
    state.work.heartbeat_due = False
    if state.config.heartbeat_interval_ms:
        state.timers.set(Timer.HEARTBEAT, now.steady_ms + state.config.heartbeat_interval_ms)
