"""A healthy network under a directed test: constant delays, no chance, messages may be held back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from consensus.config import ConsensusConfig
from consensus.messages import Message
from ledger.wire.scalars import ValidatorIndex
from tests.simulation.checkers.agreement import Agreement
from tests.simulation.checkers.durability import Durability
from tests.simulation.checkers.progress import stored_transactions
from tests.simulation.checkers.votes import Votes
from tests.simulation.engine_node import EngineNode, NodeOptions
from tests.simulation.network import Conditions
from tests.simulation.toy_ledger import validator_keys, validator_names, validator_set
from tests.simulation.world import Slot, World

Passes = Callable[[str, str, Message], bool]
"""Tells whether a message from one to another gets through."""


class Bench:
    def __init__(
        self, count: int = 4, *, delay_ms: int = 10, config: ConsensusConfig | None = None
    ) -> None:
        self.world = World(0)
        self.conditions = Conditions(delay_min_ms=delay_ms, delay_max_ms=delay_ms)
        self.world.network.conditions = self.conditions
        self.votes = Votes(count)
        self.votes.correct.update(validator_names(count))
        self.world.checkers = [Agreement(count), self.votes, Durability()]
        self.validators = validator_set(count)
        keys = validator_keys(count)
        for index, name in enumerate(validator_names(count)):
            options = NodeOptions(
                self.validators, ValidatorIndex(index), keys[index], config or ConsensusConfig()
            )
            slot = Slot(
                index=index,
                name=name,
                correct=True,
                make=partial(EngineNode, options),
                execute_ms=1,
            )
            self.world.slots.append(slot)

    @property
    def slots(self) -> list[Slot]:
        return self.world.slots

    def start(self, settle_ms: int = 2_000) -> None:
        for slot in self.slots:
            self.world.start(slot)
        self.wait(settle_ms)

    def wait(self, milliseconds: int) -> None:
        self.world.run_until(self.world.now_ms + milliseconds)

    def node(self, index: int) -> EngineNode:
        node = self.slots[index].node
        assert isinstance(node, EngineNode)
        return node

    def leader_of_current_view(self) -> int:
        return int(self.node(self.running()[0]).engine.status().leader)

    def running(self) -> list[int]:
        return [slot.index for slot in self.slots if slot.node is not None]

    def submit(self, transaction: bytes, receivers: list[int] | None = None) -> None:
        for index in self.running() if receivers is None else receivers:
            self.world.submit(self.slots[index], transaction)

    def time_until_stored(self, transaction: bytes, limit_ms: int = 60_000) -> int:
        """Return after how many milliseconds every running node has stored a transaction."""
        begin = self.world.now_ms
        while self.world.now_ms < begin + limit_ms:
            if all(transaction in stored_transactions(self.slots[i]) for i in self.running()):
                return self.world.now_ms - begin
            self.wait(1)
        raise AssertionError(f"{transaction!r} is not stored after {limit_ms} ms")

    def sent(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for slot in self.slots:
            for kind, count in slot.sent.items():
                totals[kind] = totals.get(kind, 0) + count
        return totals

    def filter(self, passes: Passes) -> None:
        """Let only those messages through that ``passes`` allows."""
        world = self.world
        deliver = World._deliver_after.__get__(world)

        def filtered(delay_ms: int, sender: str, other: Slot, message: Message) -> None:
            if passes(sender, other.name, message):
                deliver(delay_ms, sender, other, message)

        world._deliver_after = filtered  # type: ignore[method-assign]

    def unfilter(self) -> None:
        vars(self.world).pop("_deliver_after", None)
