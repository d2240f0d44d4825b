"""The event loop around whole nodes: turns, transactions on the links, connections, clients' answers.

Beside what ``world`` does, events of a node wait for its next turn, which comes at once or a little later,
so that one turn handles several; batches of transactions are lost, delayed and doubled like messages; the
store takes all blocks of a ``Commit`` in one write; and whoever listens hears what nodes tell their clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from consensus.effects import Commit
from consensus.inputs import Instant
from ledger.refusal import Refused
from ledger.wire.scalars import Height, TimeMs, TxId
from node.effects import (
    Expired,
    Finalized,
    Forward,
    ReplicaEffect,
    SetReplicaTimer,
    Submission,
)
from node.gossip import decode_transactions, encode_transactions, split_channel
from node.mempool import BusyError
from tests.simulation.node import LocalWork
from tests.simulation.replica_node import DiedInCut, NodeEvent, ReplicaNode
from tests.simulation.world import BeyondEngine, Event, Slot, World

Answer = Submission | Refused | BusyError | None
"""What a client hears at once; None if nobody is there."""


ChooseCrash = Callable[[Slot, Sequence[ReplicaEffect]], tuple[int | None, bool]]
"""Tells before which effect a node crashes, and whether a ``Persist`` there was written, not synced."""


class ClientListener(Protocol):
    """Hears what nodes say to clients."""

    def told_final(self, slot: Slot, tx_id: TxId, height: Height) -> None: ...

    def told_expired(self, slot: Slot, tx_id: TxId) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeOutside:
    """What one life of a node asks of the world."""

    world: ReplicaWorld
    slot: Slot
    life: int

    def post(self, event: NodeEvent) -> None:
        if self._lives():
            self.world._let(self.slot, lambda _node, now: event(now))

    def later(self, action: Callable[[], None]) -> None:
        world = self.world
        delay_ms = world.rng.randint(0, self.slot.execute_ms)
        world.at(
            world.now_ms + delay_ms, self.slot.index, lambda: action() if self._lives() else None
        )

    def refused(self, peer: str, reason: str) -> None:
        raise AssertionError(f"{self.slot.name} refuses {peer}, which is correct: {reason}")

    def dies_in_cut(self) -> bool:
        return self.world.dies_in_cut()

    def _lives(self) -> bool:
        return self.slot.node is not None and self.slot.life == self.life


class ReplicaWorld(World):
    """Runs whole nodes."""

    def __init__(self, seed: int, *, wall_start_ms: int) -> None:
        super().__init__(seed)
        self.wall_start_ms = wall_start_ms
        self.turn_ms = 2
        """A turn comes up to this long after the first event that it handles."""
        self.listeners: list[ClientListener] = []
        self.deaths_in_cuts = 0
        self.directed_crash: ChooseCrash | None = None
        """Chooses crashes in the place of chance."""
        self.passes_transactions: Callable[[str, str], bool] = lambda _sender, _receiver: True
        """Whether transactions from … to … have a chance to arrive."""

    # ---------- driving

    def instant(self, slot: Slot) -> Instant:
        return Instant(
            steady_ms=self.now_ms + slot.steady_offset_ms,
            wall_ms=TimeMs(self.wall_start_ms + self.now_ms + slot.wall_skew_ms),
        )

    def start(self, slot: Slot) -> None:
        super().start(slot)
        node = node_in(slot)
        if node is not None:
            node.attach(NodeOutside(self, slot, slot.life))
        for other in self.running():
            if other is not slot:
                self.connect(slot, other)

    def connect(self, one: Slot, two: Slot) -> None:
        """Let two nodes find each other soon, each for itself, if nothing is between them."""
        for slot, other in ((one, two), (two, one)):
            delay_ms = self.rng.randint(1, 60)
            self.at(self.now_ms + delay_ms, slot.index, partial(self._connected, slot, other))

    def ask(self, slot: Slot, transaction: bytes) -> Answer:
        """Submit a transaction to a node and return what the client hears at once."""
        node = node_in(slot)
        if node is None:
            return None
        self._note(slot, b"submit" + transaction)
        try:
            answer: Answer = node.answer(transaction, self.instant(slot))
        except (Refused, BusyError) as error:
            answer = error
        if node.ready:
            self._schedule_turn(slot, node)
        return answer

    def dies_in_cut(self) -> bool:
        """Tell whether a node that may crash dies at a moment in the middle of cutting its journal."""
        plan = self.crashes
        down = sum(other.node is None for other in self.slots)
        if not plan.chance or down >= plan.at_most_down or self.rng.random() >= 0.12:
            return False
        self.deaths_in_cuts += 1
        return True

    # ---------- turns

    def _let(self, slot: Slot, event: Event) -> None:
        node = node_in(slot)
        if node is not None:
            node.inbox.append(partial(event, node))
            self._schedule_turn(slot, node)

    def _schedule_turn(self, slot: Slot, node: ReplicaNode) -> None:
        if not node.is_turn_due:
            node.is_turn_due = True
            at_ms = self.now_ms + self.rng.randint(0, self.turn_ms)
            self.at(at_ms, slot.index, partial(self._turn, slot, node))

    def _turn(self, slot: Slot, node: ReplicaNode) -> None:
        if slot.node is not node:
            return
        try:
            effects = node.turn(self.instant(slot))
        except DiedInCut:
            self._crash_for_a_while(slot)
            return
        self._carry_out(slot, effects)

    def _choose_crash(
        self, slot: Slot, effects: Sequence[ReplicaEffect]
    ) -> tuple[int | None, bool]:
        if self.directed_crash is not None:
            return self.directed_crash(slot, effects)
        return super()._choose_crash(slot, effects)

    # ---------- effects

    def _do_beyond_engine(self, slot: Slot, effect: BeyondEngine) -> None:
        match effect:
            case Forward(transactions=transactions, peer=peer):
                self._forward(slot, transactions, peer)
            case Finalized():
                for parsed in effect.executed.transactions:
                    for listener in self.listeners:
                        height = effect.final.block.header.height
                        listener.told_final(slot, parsed.tx_id, height)
            case Expired(tx_id=tx_id):
                for listener in self.listeners:
                    listener.told_expired(slot, tx_id)
            case SetReplicaTimer(at_ms=at_ms):
                self._set_resend(slot, at_ms)

    def _work(self, slot: Slot, work: LocalWork) -> None:
        if isinstance(work, Commit):  # in one write, as the driver does it
            took_ms = self.rng.randint(1, 2 * slot.execute_ms)
            slot.store_free_ms = max(slot.store_free_ms, self.now_ms) + took_ms
            self._later(slot, slot.store_free_ms - self.now_ms, work)
        else:
            super()._work(slot, work)

    def _set_resend(self, slot: Slot, at_ms: int) -> None:
        life = slot.life

        def fire() -> None:
            node = node_in(slot)
            if node is not None and slot.life == life:
                self._let(slot, lambda _node, now: node.resend(now))

        self.at(max(self.now_ms, at_ms - slot.steady_offset_ms), slot.index, fire)

    def _forward(self, slot: Slot, transactions: Sequence[bytes], peer: str | None) -> None:
        for data in encode_transactions(transactions):
            _channel, content = split_channel(data)
            batch = decode_transactions(content)
            for other in self.slots:
                if other is not slot and peer in (None, other.name):
                    slot.sent["Transactions"] = slot.sent.get("Transactions", 0) + 1
                    if not self.passes_transactions(slot.name, other.name):
                        continue
                    for delay_ms in self.network.delays(slot.name, other.name):
                        arrive = partial(self._arrive, slot.name, other, batch)
                        self.at(self.now_ms + delay_ms, other.index, arrive)

    def _arrive(self, sender: str, other: Slot, batch: Sequence[bytes]) -> None:
        node = node_in(other)
        if node is not None:
            self._note(other, b"batch from " + sender.encode())
            node.receive_transactions(sender, batch)

    def _connected(self, slot: Slot, other: Slot) -> None:
        node = node_in(slot)
        blocked = self.network.conditions.blocked
        if node is None or other.node is None or (slot.name, other.name) in blocked:
            return
        self._let(slot, lambda _node, now: node.connected(other.name, now))

    def _spelled(self, effect: ReplicaEffect) -> bytes:
        match effect:
            case Finalized(final=final):
                return b"final " + final.block_id
            case Expired(tx_id=tx_id, refusal=refusal):
                return b"expired " + tx_id + refusal.sentence.encode()
            case _:
                return super()._spelled(effect)


def node_in(slot: Slot) -> ReplicaNode | None:
    """Return the node that runs in a slot, if one does."""
    node = slot.node
    if node is None:
        return None
    if not isinstance(node, ReplicaNode):
        raise TypeError(f"{slot.name} runs a {type(node).__name__}, not a whole node")
    return node
