"""The event loop: a heap of (time, sequence, node, event), one seeded source of chance, no real clock.

Effects of an event are carried out in order. A crash may be placed before any of them, and with preference
around a synced ``Persist``: before it, after the records were written and not yet synced, and right after
the sync. What a crashed node had not carried out never happens; its disk keeps what the disk keeps.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from consensus.effects import (
    Accuse,
    Broadcast,
    Build,
    CancelTimer,
    Commit,
    Drop,
    Execute,
    Halt,
    Persist,
    Send,
    ServeRange,
    SetTimer,
    Suspect,
    Timer,
)
from consensus.inputs import Instant
from consensus.messages import Message, decode_message, encode_message
from ledger.wire.scalars import TimeMs
from node.effects import Expired, Finalized, Forward, ReplicaEffect, SetReplicaTimer
from tests.simulation.disk import Disk
from tests.simulation.network import Network
from tests.simulation.node import LocalWork, SimulatedNode
from tests.simulation.toy_ledger import GENESIS_TIME_MS

Event: TypeAlias = Callable[[SimulatedNode, Instant], Sequence[ReplicaEffect]]
"""Something that happens to a running node, and what it wants done then."""
BeyondEngine: TypeAlias = Forward | Finalized | Expired | SetReplicaTimer


class Checker(Protocol):
    """Watches a run; raises AssertionError when something that must hold does not."""

    def on_send(self, slot: Slot, message: Message) -> None: ...

    def on_stored(self, slot: Slot) -> None: ...

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None: ...


@dataclass(slots=True)
class Slot:
    """A place for a node: what it is, its disk, its clocks, and whether it runs."""

    index: int
    name: str
    correct: bool
    make: Callable[[Disk], SimulatedNode]
    which: int = 0
    """0 or 1: which of two twins."""
    wall_skew_ms: int = 0
    steady_offset_ms: int = 0
    execute_ms: int = 2
    """Execution and building take up to this long."""
    store_free_ms: int = 0
    """When the store has done all commits that were asked for; they are done in order."""
    disk: Disk = field(default_factory=Disk)
    node: SimulatedNode | None = None
    life: int = 0
    """Counts starts; events of an earlier life come to nothing."""
    timers: dict[Timer, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    """Messages sent, by type."""


@dataclass(slots=True)
class CrashPlan:
    """How often correct nodes crash, and for how long they stay down."""

    chance: float = 0.0
    """Per event of a correct node that has effects."""
    down_max_ms: int = 3_000
    at_most_down: int = 1


class World:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a simulation
        self.network = Network(self.rng)
        self.slots: list[Slot] = []
        self.now_ms = 0
        self.crashes = CrashPlan()
        self.checkers: list[Checker] = []
        self.events = 0
        self.crash_count = 0
        self.trace: hashlib._Hash | None = None
        self._heap: list[tuple[int, int, int, Callable[[], None]]] = []
        self._sequence = 0

    # ---------- driving

    def at(self, time_ms: int, slot_index: int, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (time_ms, self._sequence, slot_index, action))

    def run_until(self, time_ms: int, done: Callable[[], bool] | None = None) -> bool:
        """Run to a time; earlier if ``done`` says so. Tell whether it did."""
        while self._heap and self._heap[0][0] <= time_ms:
            self.now_ms, _sequence, _slot, action = heapq.heappop(self._heap)
            self.events += 1
            action()
            if done is not None and self.events % 16 == 0 and done():
                return True
        self.now_ms = time_ms
        return done is not None and done()

    def instant(self, slot: Slot) -> Instant:
        return Instant(
            steady_ms=self.now_ms + slot.steady_offset_ms,
            wall_ms=TimeMs(GENESIS_TIME_MS + 1_000 + self.now_ms + slot.wall_skew_ms),
        )

    def start(self, slot: Slot) -> None:
        slot.node = slot.make(slot.disk)
        slot.life += 1
        slot.timers.clear()
        self._let(slot, lambda node, now: node.start(now))

    def crash(self, slot: Slot) -> None:
        if slot.node is not None:
            slot.node = None
            slot.disk.crash(self.rng)
            self.crash_count += 1

    def submit(self, slot: Slot, transaction: bytes) -> None:
        if slot.node is not None:
            self._note(slot, b"submit" + transaction)
            self._let(slot, lambda node, now: node.submit(transaction, now))

    def running(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.node is not None]

    # ---------- effects

    def _let(self, slot: Slot, event: Event) -> None:
        """Let something happen to a node, if it runs."""
        if slot.node is not None:
            self._carry_out(slot, event(slot.node, self.instant(slot)))

    def _carry_out(self, slot: Slot, effects: Sequence[ReplicaEffect]) -> None:
        crash_at, torn = self._choose_crash(slot, effects)
        for position, effect in enumerate(effects):
            if position == crash_at:
                if torn and isinstance(effect, Persist):
                    slot.disk.append(effect.records)
                self._crash_for_a_while(slot)
                return
            if self.trace is not None:
                self._note(slot, self._spelled(effect))
            self._do(slot, effect)
        if crash_at == len(effects):
            self._crash_for_a_while(slot)

    def _spelled(self, effect: ReplicaEffect) -> bytes:
        """Return how the trace spells an effect: the same in every process."""
        return repr(effect).encode()

    def _choose_crash(
        self, slot: Slot, effects: Sequence[ReplicaEffect]
    ) -> tuple[int | None, bool]:
        plan = self.crashes
        if not effects or not slot.correct or self.rng.random() >= plan.chance:
            return None, False
        if sum(other.node is None for other in self.slots) >= plan.at_most_down:
            return None, False
        syncs = [i for i, e in enumerate(effects) if isinstance(e, Persist) and e.sync]
        if syncs and self.rng.random() < 0.7:
            at = self.rng.choice(syncs) + self.rng.randint(0, 1)
            return at, self.rng.random() < 0.7
        return self.rng.randint(0, len(effects)), False

    def _crash_for_a_while(self, slot: Slot) -> None:
        self._note(slot, b"crash")
        self.crash(slot)
        self.at(
            self.now_ms + self.rng.randint(1, self.crashes.down_max_ms),
            slot.index,
            lambda: self.start(slot) if slot.node is None else None,
        )

    def _do(self, slot: Slot, effect: ReplicaEffect) -> None:
        match effect:
            case Persist():
                slot.disk.append(effect.records)
                if effect.sync:
                    slot.disk.sync()
            case SetTimer(timer=timer, at_ms=at_ms):
                self._set_timer(slot, timer, at_ms)
            case CancelTimer(timer=timer):
                slot.timers.pop(timer, None)
            case Accuse() | Suspect() | Halt():
                for checker in self.checkers:
                    checker.on_notice(slot, effect)
            case Send() | Broadcast():
                self._speak(slot, effect)
            case Forward() | Finalized() | Expired() | SetReplicaTimer():
                self._do_beyond_engine(slot, effect)
            case _:
                self._work(slot, effect)

    def _do_beyond_engine(self, slot: Slot, effect: BeyondEngine) -> None:
        """Carry out what only a whole replica wants (``replica_world``)."""
        raise AssertionError(f"{slot.name} is an engine alone and wants {effect}")

    def _speak(self, slot: Slot, effect: Send | Broadcast) -> None:
        match effect:
            case Send(peer=peer, message=message):
                self._transmit(slot, (peer,), message)
            case Broadcast(message=message):
                names = tuple(dict.fromkeys(other.name for other in self.slots))
                self._transmit(slot, tuple(n for n in names if n != slot.name), message)

    def _work(self, slot: Slot, work: LocalWork) -> None:
        match work:
            case Commit(blocks=blocks):
                for block in blocks:  # one by one, so that a crash may come between
                    slot.store_free_ms = max(slot.store_free_ms, self.now_ms) + 1
                    self._later(slot, slot.store_free_ms - self.now_ms, Commit((block,)))
            case Execute() | Build() | ServeRange():
                self._later(slot, self.rng.randint(1, slot.execute_ms), work)
            case Drop():
                self._later(slot, 0, work)

    def _transmit(self, slot: Slot, names: tuple[str, ...], message: Message) -> None:
        for checker in self.checkers:
            checker.on_send(slot, message)
        kind = type(message).__name__
        slot.sent[kind] = slot.sent.get(kind, 0) + len(names)
        arriving = decode_message(encode_message(message))
        for name in names:
            for other in self.slots:
                if other.name == name and self._talk(slot, other):
                    for delay_ms in self.network.delays(slot.name, name):
                        self._deliver_after(delay_ms, slot.name, other, arriving)

    def _talk(self, slot: Slot, other: Slot) -> bool:
        return self.network.talks(slot.name, slot.which, other.name) and self.network.talks(
            other.name, other.which, slot.name
        )

    def _deliver_after(self, delay_ms: int, sender: str, other: Slot, message: Message) -> None:
        def deliver() -> None:
            if other.node is not None:
                self._note(other, sender.encode())
                self._let(other, lambda node, now: node.receive(sender, message, now))

        self.at(self.now_ms + delay_ms, other.index, deliver)

    def _set_timer(self, slot: Slot, timer: Timer, at_ms: int) -> None:
        slot.timers[timer] = at_ms
        life = slot.life

        def fire() -> None:
            if slot.node is not None and slot.life == life and slot.timers.get(timer) == at_ms:
                del slot.timers[timer]
                self._note(slot, timer.value.encode())
                self._let(slot, lambda node, now: node.fire(timer, now))

        self.at(max(self.now_ms, at_ms - slot.steady_offset_ms), slot.index, fire)

    def _later(self, slot: Slot, delay_ms: int, work: LocalWork) -> None:
        life = slot.life

        def perform_now(node: SimulatedNode, now: Instant) -> Sequence[ReplicaEffect]:
            effects = node.perform(work, now)
            if isinstance(work, Commit):
                for checker in self.checkers:
                    checker.on_stored(slot)
            return effects

        def perform() -> None:
            if slot.node is not None and slot.life == life:
                self._note(slot, type(work).__name__.encode())
                self._let(slot, perform_now)

        self.at(self.now_ms + delay_ms, slot.index, perform)

    def _note(self, slot: Slot, what: bytes) -> None:
        if self.trace is not None:
            self.trace.update(b"%d %d %s;" % (self.now_ms, slot.index, what))
