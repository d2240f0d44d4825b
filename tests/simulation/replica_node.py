"""A whole node without sockets, files and threads: the production replica and intake over a simulated disk.

What ``node.driver`` decides is restated here, since that needs an event loop: events are collected and
handled in turns; one turn's journal records are written at once, before anything of it is sent; requests of
the engine come back as events of later turns; a block's write set is durable before anybody hears of it; the
journal is cut when it has grown. Everything in this object is lost in a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consensus.config import ConsensusConfig
from consensus.effects import (
    Build,
    Commit,
    Drop,
    Execute,
    JournalRecord,
    Persist,
    ServeRange,
    Timer,
)
from consensus.inputs import Instant
from consensus.messages import Message
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.wire.errors import WireError
from ledger.wire.scalars import ValidatorIndex
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet
from node.effects import ReplicaEffect, Submission
from node.intake import Intake, IntakeEvents
from node.mempool import MempoolLimits
from node.replica import Replica
from node.signatures import Done, SignatureChecker
from tests.simulation.disk import Disk
from tests.simulation.node import LocalWork
from tests.simulation.replica_disk import ReplicaDisk

NodeEvent = Callable[[Instant], Sequence[ReplicaEffect]]


class DiedInCut(Exception):  # noqa: N818 - says what happened
    """The node died while it cut its journal."""


class Outside(Protocol):
    """What a node asks of the world around it."""

    def post(self, event: NodeEvent) -> None:
        """Let this be an event of the next turn."""

    def later(self, action: Callable[[], None]) -> None:
        """Do this after some time that work takes, if the node still runs."""

    def refused(self, peer: str, reason: str) -> None:
        """A peer has sent what no correct node sends."""

    def dies_in_cut(self) -> bool:
        """Tell whether the node dies at this moment of cutting its journal."""


@dataclass(frozen=True, slots=True)
class ReplicaOptions:
    """What a node is configured with."""

    validators: ValidatorSet
    own: ValidatorIndex | None
    sign: Sign | None
    config: ConsensusConfig = field(default_factory=ConsensusConfig)
    limits: MempoolLimits = field(default_factory=MempoolLimits)
    journal_records_max: int = 150
    """The journal is cut when it holds more."""


class LaterSignatures(SignatureChecker):
    """Checks signatures without threads; the answer comes when the simulated work is done."""

    def __init__(self, later: Callable[[Callable[[], None]], None]) -> None:
        self._later = later

    def check(self, transactions: Sequence[ParsedTransaction], done: Done) -> None:
        valid = [parsed for parsed in transactions if parsed.are_signatures_valid()]
        self._later(lambda: done(valid))


class ReplicaNode:
    """One life of a node."""

    def __init__(self, options: ReplicaOptions, disk: Disk) -> None:
        if not isinstance(disk, ReplicaDisk):
            raise TypeError("a whole node needs a disk with a store")
        self.disk = disk
        self.options = options
        self.replica = Replica(
            validators=options.validators,
            own=options.own,
            sign=options.sign,
            config=options.config,
            limits=options.limits,
            store=disk.database,
            journal=tuple(disk.journal),
        )
        self.inbox: list[NodeEvent] = []
        self.ready: list[ReplicaEffect] = []
        """Effects of submissions, which the replica takes at once; they come first in a turn."""
        self.is_turn_due = False
        self._outside: Outside | None = None
        self._intake: Intake | None = None

    def attach(self, outside: Outside) -> None:
        """Join the node to its world."""
        self._outside = outside
        replica = self.replica
        self._intake = Intake(
            replica.chain.tip.chain_id,
            LaterSignatures(outside.later),
            IntakeEvents(
                is_known=lambda data: replica.mempool.parsed_from(data) is not None,
                is_final=replica.chain.committed.has_transaction,
                take=lambda peer, valid: outside.post(
                    lambda now: replica.on_transactions(peer, valid, now)
                ),
                refuse=outside.refused,
            ),
        )

    # ---------- turns

    def turn(self, now: Instant) -> list[ReplicaEffect]:
        """Handle everything that has arrived; records of the whole turn come first."""
        self.is_turn_due = False
        events, self.inbox = self.inbox, []
        effects, self.ready = self.ready, []
        for event in events:
            effects.extend(event(now))
        records: list[JournalRecord] = []
        sync = False
        for effect in effects:
            if isinstance(effect, Persist):
                records.extend(effect.records)
                sync = sync or effect.sync
        others = [effect for effect in effects if not isinstance(effect, Persist)]
        first: list[ReplicaEffect] = [Persist(tuple(records), sync)] if records or sync else []
        return first + others

    # ---------- events

    def start(self, now: Instant) -> Sequence[ReplicaEffect]:
        return self.replica.start(now)

    def connected(self, peer: str, now: Instant) -> Sequence[ReplicaEffect]:
        return self.replica.on_connected(peer, now)

    def receive(self, peer: str, message: Message, now: Instant) -> Sequence[ReplicaEffect]:
        return self.replica.on_message(peer, message, now)

    def receive_transactions(self, peer: str, batch: Sequence[bytes]) -> None:
        if self._intake is not None:
            self._intake.receive(peer, batch)

    def fire(self, timer: Timer, now: Instant) -> Sequence[ReplicaEffect]:
        return self.replica.on_timer(timer, now)

    def resend(self, now: Instant) -> Sequence[ReplicaEffect]:
        return self.replica.on_resend(now)

    def submit(self, transaction: bytes, now: Instant) -> Sequence[ReplicaEffect]:
        """Submit; ``Refused`` and ``BusyError`` pass through."""
        self.answer(transaction, now)
        return ()

    def answer(self, transaction: bytes, now: Instant) -> Submission:
        """Admit a client's transaction at once, as the driver does, and say what became of it.

        Raises:
            Refused: It does not apply.
            BusyError: There is no room, or no time to tell.
        """
        parsed = parse_transaction(transaction)
        parsed.verify_signatures()
        submission, effects = self.replica.submit(parsed, now)
        self.ready.extend(effects)
        return submission

    # ---------- work

    def perform(self, work: LocalWork, now: Instant) -> Sequence[ReplicaEffect]:
        match work:
            case Execute():
                return self._execute(work, now)
            case Build():
                return self.replica.build(work, now)
            case Commit():
                return self._commit(work, now)
            case ServeRange():
                return self.replica.serve(work)
            case Drop():
                return ()

    def _execute(self, work: Execute, now: Instant) -> Sequence[ReplicaEffect]:
        try:
            transactions = self.replica.chain.parse_block(work.block)
        except WireError:
            return self.replica.execute(work, None, now)
        return self.replica.execute(work, transactions, now)

    def _commit(self, work: Commit, now: Instant) -> Sequence[ReplicaEffect]:
        self.disk.write(self.replica.writes(work), work.blocks)
        effects = self.replica.on_stored(work, now)
        if len(self.disk.journal) > self.options.journal_records_max:
            self._cut_journal()
        return effects

    def _cut_journal(self) -> None:
        self.disk.begin_cut(self.replica.checkpoint_records())
        self._may_die()
        self.disk.sync()
        self._may_die()
        self.disk.finish_cut()
        self._may_die()

    def _may_die(self) -> None:
        if self._outside is not None and self._outside.dies_in_cut():
            raise DiedInCut
