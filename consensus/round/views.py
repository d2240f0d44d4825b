"""Views: entering them, what keeps one alive, and the time-outs that end one.

A view begins with the certificate that ended the one before. Its timers run only while there is work:
on an idle network no timer of a view is armed and nothing is sent (A7). Work is

* a transaction that wants a block (the owner says so), or a heartbeat that is due;
* a tip that stayed notarized and not final for the bury delay;
* anything already said in this view: its proposal, a vote of anybody, the own nullify vote.

Time-outs grow with the views passed since the last finalization, and fall back only with the next (A8).
"""

from __future__ import annotations

from consensus.config import UNFINALIZED_DEPTH_MAX, VOTE_WINDOW_VIEWS
from consensus.effects import Drop, Timer
from consensus.inputs import Instant
from consensus.round.signing import cast
from consensus.state import State
from ledger.wire.certificate import CertificateKind
from ledger.wire.scalars import View

_JITTER_STEPS = 401


def enter(state: State, view: View, now: Instant) -> None:
    """Go on to ``view`` if that is forwards."""
    if view <= state.view:
        return
    state.view = view
    state.work.bury_due = False
    state.leading.building = None
    state.leading.declined = False
    state.timers.cancel(Timer.LEAD, Timer.ADVANCE, Timer.RETRY, Timer.CLOCK)
    state.timers.set(Timer.BURY, now.steady_ms + state.config.bury_delay_ms)
    oldest = View(view - VOTE_WINDOW_VIEWS)
    state.tally.prune(oldest)
    _forget_stale(state, oldest)


def has_work(state: State) -> bool:
    """Tell whether there is anything to do in this view."""
    return (
        state.work.pending
        or state.empty_block_wanted()
        or (state.work.bury_due and state.tip_waits())
        or state.view in state.proposals
        or state.tally.seen(state.view)
        or state.own.vote(CertificateKind.NULLIFICATION, state.view) is not None
    )


def arm(state: State, now: Instant) -> None:
    """Arm or disarm the timers of the view, as work comes and goes."""
    if not state.may_sign:
        state.timers.cancel(Timer.LEAD, Timer.ADVANCE, Timer.RETRY)
        return
    if state.own.vote(CertificateKind.NULLIFICATION, state.view) is not None:
        state.timers.cancel(Timer.LEAD, Timer.ADVANCE)
        if not state.timers.is_armed(Timer.RETRY):
            arm_retry(state, now)
        return
    if not has_work(state):
        state.timers.cancel(Timer.LEAD, Timer.ADVANCE)
        return
    if state.view in state.proposals:
        state.timers.cancel(Timer.LEAD)
    if state.timers.is_armed(Timer.ADVANCE):
        return
    since_final = state.views_since_final
    advance_ms = state.config.view_timeout_ms(state.config.advance_timeout_ms, since_final)
    state.timers.set(Timer.ADVANCE, now.steady_ms + advance_ms)
    if state.view not in state.proposals:
        lead_ms = state.config.view_timeout_ms(state.config.lead_timeout_ms, since_final)
        skip = state.peers.is_skippable(
            state.electorate.leader(state.view), now.steady_ms, state.config.inactive_after_ms
        )
        state.timers.set(Timer.LEAD, now.steady_ms + (0 if skip else lead_ms))


def arm_retry(state: State, now: Instant) -> None:
    """Arm the retry timer, up to a fifth earlier or later, so that nodes do not speak in chorus."""
    own = state.electorate.own or 0
    state.retries += 1
    step = (own * 7_919 + state.view * 104_729 + state.retries * 15_485_863) % _JITTER_STEPS
    interval_ms = state.config.retry_interval_ms * (800 + step) // 1_000
    state.timers.set(Timer.RETRY, now.steady_ms + max(1, interval_ms))


def nullify(state: State, now: Instant) -> bool:
    """Vote to end the current view without a block; tell whether that was still possible."""
    given = cast(state, CertificateKind.NULLIFICATION, state.view, None)
    if given:
        arm(state, now)
    return given


def join_nullify(state: State, now: Instant) -> bool:
    """Nullify at once when the leader did, or more than ``f`` validators did (A9)."""
    own = state.own.vote(CertificateKind.NULLIFICATION, state.view)
    if own is not None or not state.may_sign or not state.tally.has_nullify(state.view):
        return False
    leader = state.electorate.leader(state.view)
    kind = CertificateKind.NULLIFICATION
    if state.tally.vote_of(state.view, kind, leader) is not None:
        if state.tally.verify(state.view, kind, leader):
            return nullify(state, now)
        state.suspect(state.electorate.names[leader], "nullify vote with a bad signature")
    enough = state.electorate.fault_limit + 1
    voters, forged = state.tally.nullifiers(state.view, enough)
    for voter in forged:
        state.suspect(state.electorate.names[voter], "nullify vote with a bad signature")
    return len(voters) >= enough and nullify(state, now)


def step_aside(state: State, now: Instant) -> bool:
    """Nullify an own view with work at once while catching up: this leader could not propose in time."""
    behind = state.certificates.final.height - state.blocks.base.height
    if behind <= UNFINALIZED_DEPTH_MAX or not state.leads or not has_work(state):
        return False
    return nullify(state, now)


def _forget_stale(state: State, oldest: View) -> None:
    """Forget proposals of long past views that nothing decided and that were not voted for.

    Blocks up to the final view stay: they may be on their way into the store.
    """
    for view in [view for view in state.proposal_points if view <= oldest]:
        del state.proposal_points[view]
    stale = []
    for known in state.blocks.all():
        view = known.header.view
        if view > oldest:
            break
        if view <= state.certificates.final.view:
            continue
        decided = state.certificates.decided(view)
        if known.recorded or (decided is not None and decided.block_id == known.block_id):
            continue
        stale.append(known.block_id)
    for view in [view for view in state.proposals if view <= oldest]:
        del state.proposals[view]
    for block_id in stale:
        state.blocks.forget(block_id)
    if stale:
        state.outbox.notice(Drop(tuple(stale)))
