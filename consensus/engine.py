"""The entry point: events in, effects out. It decides nothing itself.

Every method takes one event, lets the part concerned take it in, then lets everything that has become
possible happen (``_settle``) and returns the effects in the order of their contract
(``consensus.effects``). Methods are plain functions of what came before: the same events give the same
effects. They must be called one at a time, and their effects carried out in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from consensus.catchup import exchange, ranges, repair
from consensus.config import ConsensusConfig
from consensus.effects import Build, Effect, Halt, HaltScope, JournalRecord, Timer
from consensus.inputs import FinalizedTip, Instant
from consensus.messages import (
    BlockReply,
    BlockRequest,
    Certificates,
    CertificatesRequest,
    Message,
    Proposal,
    RangeReply,
    RangeRequest,
    Status,
    Vote,
)
from consensus.payload import PayloadCheck, payload_matches
from consensus.round import committing, deciding, leading, views, voting
from consensus.setup import checkpoint, prepare
from consensus.state import State
from consensus.status import EngineStatus, describe
from ledger.wire.block import Block
from ledger.wire.scalars import BlockId, ChainId, Epoch, Height, ValidatorIndex, View
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet


class Engine:
    """One validator's, or observer's, part in the agreement of one epoch."""

    def __init__(  # noqa: PLR0913 - everything that the engine depends on, by name
        self,
        *,
        chain_id: ChainId,
        epoch: Epoch,
        validators: ValidatorSet,
        own: ValidatorIndex | None,
        sign: Sign | None,
        config: ConsensusConfig,
        final: FinalizedTip,
        journal: Iterable[JournalRecord],
        payload_matches: PayloadCheck = payload_matches,
    ) -> None:
        """Take up the work where the store and the journal stand; nothing happens before ``start``.

        Args:
            chain_id: Of the network.
            epoch: Whose validators these are.
            validators: The voters of the epoch.
            own: This validator's index; None for an observer, which follows and never votes.
            sign: Signs with the key of ``own``; None for an observer.
            config: Waiting times and sizes.
            final: The last block that the store holds.
            journal: All records, in the order in which they were written.
            payload_matches: Tells whether a block's transactions are those that its header names.

        Raises:
            JournalError: This validator must not vote with this journal.
            ValueError: The arguments contradict each other.
        """
        self._state: State = prepare(
            chain_id=chain_id,
            epoch=epoch,
            validators=validators,
            own=own,
            sign=sign,
            config=config,
            final=final,
            journal=journal,
            payload_matches=payload_matches,
        )

    @property
    def view(self) -> View:
        """The view that this node is in."""
        return self._state.view

    @property
    def tip_id(self) -> BlockId | None:
        """The block that the next one builds on; None while a certificate is missing."""
        tip = self._state.certificates.tip(self._state.view)
        return None if tip is None else tip.block_id

    def start(self, now: Instant) -> tuple[Effect, ...]:
        """Begin: say where this node stands, repeat what may not have been heard before a crash."""
        state = self._state
        state.started_ms = now.wall_ms
        state.peers.start(now.steady_ms)
        if state.stopped is not None:
            state.outbox.notice(Halt(HaltScope.SIGNING, state.stopped))
        state.timers.set(Timer.BURY, now.steady_ms + state.config.bury_delay_ms)
        if state.config.heartbeat_interval_ms:
            due_ms = now.steady_ms + state.config.heartbeat_interval_ms
            state.timers.set(Timer.HEARTBEAT, due_ms)
        proposal = state.own.proposal(state.view)
        if proposal is not None and state.may_sign:
            state.outbox.broadcast(proposal)
        exchange.announce(state)
        return self._settle(now)

    def on_connected(self, peer: str, now: Instant) -> tuple[Effect, ...]:
        """Greet a peer whose connection was just authenticated."""
        state = self._state
        if state.halted is None and state.peers.hear(peer, now.steady_ms) is not None:
            exchange.greet(state, peer)
        return self._settle(now)

    def on_message(self, peer: str, message: Message, now: Instant) -> tuple[Effect, ...]:
        """Take a decoded message from an authenticated peer."""
        state = self._state
        if state.halted is None and state.peers.hear(peer, now.steady_ms) is not None:
            _RECEIVERS[type(message)](state, peer, message, now)
        return self._settle(now)

    def on_timer(self, timer: Timer, now: Instant) -> tuple[Effect, ...]:
        """Take a timer that fired; one that was moved or cancelled meanwhile does nothing."""
        state = self._state
        if state.halted is None and state.timers.take(timer, now.steady_ms):
            _TIMEOUTS[timer](state, now)
        return self._settle(now)

    def on_executed(
        self,
        block_id: BlockId,
        valid: bool,  # noqa: FBT001 - the verdict is the event
        reason: str,
        now: Instant,
    ) -> tuple[Effect, ...]:
        """Take the verdict that ``Execute`` asked for; ``reason`` says why a block is invalid."""
        committing.receive_verdict(self._state, block_id, valid=valid, reason=reason)
        return self._settle(now)

    def on_built(self, request: Build, block: Block | None, now: Instant) -> tuple[Effect, ...]:
        """Take the block that ``Build`` asked for, executed and kept; None: nothing to put in.

        Raises:
            BuiltBlockError: It is not what was asked for; a fault of the owner.
        """
        if self._state.halted is None:
            leading.receive_built(self._state, request, block, now)
        return self._settle(now)

    def on_committed(self, height: Height, now: Instant) -> tuple[Effect, ...]:
        """Take note that the store holds everything up to ``height`` durably."""
        committing.note_committed(self._state, height)
        return self._settle(now)

    def on_work(
        self,
        pending: bool,  # noqa: FBT001 - whether there is work is the event
        now: Instant,
        *,
        empty_wanted: bool = False,
    ) -> tuple[Effect, ...]:
        """Take note that a transaction wants a block, or that none does any more.

        True may be said again with every new transaction; a leader that had nothing to put into a
        block then tries again. With ``empty_wanted`` a block is worth making without a transaction.
        """
        self._state.work.pending = pending
        self._state.work.empty_wanted = pending and empty_wanted
        self._state.leading.declined = False
        return self._settle(now)

    def status(self) -> EngineStatus:
        """Return where the engine stands, for people."""
        return describe(self._state)

    def journal_floor(self) -> View:
        """Return the view up to which journal records have done their duty; it never falls."""
        return self._state.own.floor

    def checkpoint_records(self) -> tuple[JournalRecord, ...]:
        """Return the records that replace all earlier ones when a journal segment is rolled.

        Write and sync them in a new segment before the old ones go.
        """
        return checkpoint(self._state)

    def _settle(self, now: Instant) -> tuple[Effect, ...]:
        """Let everything happen that has become possible, and return all effects."""
        state = self._state
        while state.halted is None:
            happened = deciding.count_votes(state, now)
            happened |= deciding.finalize_notarized(state)
            happened |= views.join_nullify(state, now)
            happened |= views.step_aside(state, now)
            happened |= committing.execute_decided(state)
            happened |= voting.vote_if_ready(state, now)
            happened |= leading.propose_if_leader(state, now)
            happened |= committing.commit_final(state)
            if not happened:
                break
        if state.halted is None:
            views.arm(state, now)
            repair.update_requests(state, now)
            busy = views.has_work(state) or state.requests.next_due_ms() is not None
            exchange.arm_status(state, now, busy=busy)
        return state.outbox.flush()


_RECEIVERS: Final[Mapping[type[Message], Callable[[State, str, Any, Instant], None]]] = (
    MappingProxyType(
        {
            Vote: voting.receive_vote,
            Proposal: voting.receive_proposal,
            Certificates: deciding.receive_certificates,
            Status: exchange.receive_status,
            BlockRequest: repair.answer_block_request,
            CertificatesRequest: repair.answer_certificates_request,
            RangeRequest: repair.answer_range_request,
            BlockReply: ranges.receive_block,
            RangeReply: ranges.receive_range,
        }
    )
)


def _lead_timed_out(state: State, now: Instant) -> None:
    if state.view not in state.proposals:
        views.nullify(state, now)


def _advance_timed_out(state: State, now: Instant) -> None:
    views.nullify(state, now)


def _retry(state: State, now: Instant) -> None:
    exchange.repeat_last_words(state)
    views.arm_retry(state, now)


def _bury(state: State, _now: Instant) -> None:
    state.work.bury_due = True
    if state.tip_waits():
        exchange.announce(state)


def _heartbeat(state: State, _now: Instant) -> None:
    state.work.heartbeat_due = True


def _look_again(_state: State, _now: Instant) -> None:
    """Do nothing: what the timer waits for is looked at after every event."""


_TIMEOUTS: Final[Mapping[Timer, Callable[[State, Instant], None]]] = MappingProxyType(
    {
        Timer.LEAD: _lead_timed_out,
        Timer.ADVANCE: _advance_timed_out,
        Timer.RETRY: _retry,
        Timer.BURY: _bury,
        Timer.STATUS: exchange.announce_in_time,
        Timer.PUSH: exchange.push_now,
        Timer.REPAIR: _look_again,
        Timer.CLOCK: _look_again,
        Timer.HEARTBEAT: _heartbeat,
    }
)
