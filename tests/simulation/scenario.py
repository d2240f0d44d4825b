"""What happens in one run: a phase of faults drawn from the seed, then healing, then silence.

In the first phase links lose, double, delay and reorder, partitions come and go, correct nodes crash at
random effects, clocks differ, and up to ``f`` validators break the rules. Then the network heals; every
transaction must become final on every correct node. At last the others are stopped and the network must
fall silent.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from consensus.config import ConsensusConfig
from ledger.wire.scalars import ValidatorIndex
from tests.simulation.adversary import make_liar, make_twin
from tests.simulation.checkers.agreement import Agreement
from tests.simulation.checkers.durability import Durability
from tests.simulation.checkers.progress import assert_silent, everything_is_stored
from tests.simulation.checkers.votes import Votes
from tests.simulation.disk import Disk
from tests.simulation.engine_node import EngineNode, NodeOptions
from tests.simulation.network import Conditions
from tests.simulation.node import SimulatedNode
from tests.simulation.toy_ledger import validator_keys, validator_names, validator_set
from tests.simulation.world import CrashPlan, Slot, World

DEFAULTS = ConsensusConfig()
PROGRESS_MS = 600_000
"""Simulated time after healing within which everything must be final."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The kind of run; everything else follows from the seed."""

    count: int = 4
    twins: int = 0
    liars: int = 0
    lost: int = 0
    """Correct validators that stay down for ever after the first phase."""
    observers: int = 0
    fault_ms: int = 15_000
    config: ConsensusConfig = DEFAULTS


@dataclass(slots=True)
class Outcome:
    """What a run showed."""

    world: World
    height: int
    accused: set[str]
    healed_ms: int
    """Simulated time from healing until everything was final."""
    digest: str


class Run:
    """One run.

    ``make_node`` makes the correct nodes; any ``SimulatedNode`` over a ``Disk`` will do.
    """

    def __init__(
        self,
        seed: int,
        plan: Plan,
        *,
        trace: bool = False,
        make_node: Callable[[NodeOptions, Disk], SimulatedNode] = EngineNode,
    ) -> None:
        self.make_node = make_node
        self.plan = plan
        self.world = World(seed)
        self.world.trace = hashlib.sha256() if trace else None
        self.rng = random.Random(seed ^ 0x5EED)  # noqa: S311 - a simulation
        self.seed = seed
        self.transactions: set[bytes] = set()
        self.votes = Votes(plan.count)
        self.agreement = Agreement(plan.count)
        self.world.checkers = [self.agreement, self.votes, Durability()]
        self._make_slots()

    # ---------- phases

    def run(self) -> Outcome:
        world = self.world
        for slot in world.slots:
            world.start(slot)
        self._fault_phase()
        healed_at = world.now_ms
        self._heal()
        assert world.run_until(world.now_ms + PROGRESS_MS, self._done), self._stuck()
        healed_ms = world.now_ms - healed_at
        for slot in world.slots:
            if not slot.correct:
                slot.node = None
        self._settle()
        digest = world.trace.hexdigest() if world.trace else ""
        height = max(len(slot.disk.chain) for slot in world.slots if slot.correct)
        return Outcome(world, height, self.votes.accused, healed_ms, digest)

    def _fault_phase(self) -> None:
        world, rng = self.world, self.rng
        world.crashes = CrashPlan(chance=rng.choice((0.0, 0.003, 0.03)), at_most_down=2)
        end = self.plan.fault_ms
        while world.now_ms < end:
            world.network.conditions = self._conditions()
            if rng.random() < 0.2:
                rng.choice(world.slots).wall_skew_ms = rng.randint(-7_000, 4_000)
            for _ in range(rng.randint(0, 3)):
                self._submit(rng.randint(1, len(world.slots)))
            world.run_until(min(end, world.now_ms + rng.randint(200, 2_500)))

    def _heal(self) -> None:
        world = self.world
        world.network.conditions = Conditions(delay_max_ms=self.rng.choice((5, 40)))
        world.crashes = CrashPlan()
        for slot in self._lost_slots():
            world.crash(slot)
            slot.correct = False
        for slot in world.slots:
            slot.wall_skew_ms = self.rng.randint(-900, 900)
            if slot.node is None and slot.correct:
                world.start(slot)
        if self.rng.random() < 0.5:
            for slot in world.slots:
                if not slot.correct:
                    slot.node = None
        self._submit(1)
        for transaction in sorted(self.transactions):
            for slot in world.slots:
                world.submit(slot, transaction)

    def _lost_slots(self) -> list[Slot]:
        correct = [slot for slot in self.world.slots if slot.name in self.votes.correct]
        return self.rng.sample(correct, self.plan.lost)

    def _done(self) -> bool:
        return everything_is_stored(self.world, self.transactions)

    def _settle(self) -> None:
        """The others are gone: what is left must become equal, then silent."""
        world = self.world
        assert world.run_until(world.now_ms + PROGRESS_MS, self._done), self._stuck()
        assert_silent(world, settle_ms=400_000, window_ms=60_000)

    # ---------- chance

    def _conditions(self) -> Conditions:
        rng = self.rng
        conditions = Conditions(
            loss=rng.choice((0.0, 0.02, 0.1, 0.3)),
            duplication=rng.choice((0.0, 0.1)),
            delay_min_ms=rng.choice((1, 10)),
            delay_max_ms=rng.choice((10, 60, 300)),
            slow_share=rng.choice((0.0, 0.05)),
        )
        names = list(validator_names(self.plan.count))
        kind = rng.choice(("whole", "whole", "halves", "one way", "alone"))
        if kind == "halves":
            left = {name for name in names if rng.random() < 0.5}
            conditions.blocked = {
                (a, b) for a in names for b in names if (a in left) != (b in left)
            }
        elif kind == "one way":
            conditions.blocked = {(a, b) for a in names for b in names if rng.random() < 0.25}
        elif kind == "alone":
            victim = rng.choice(names)
            conditions.blocked = {(a, b) for a in names for b in names if victim in (a, b)}
        for twins in names[: self.plan.twins]:
            for other in names:
                conditions.twin_of[twins, other] = rng.choice(((0,), (1,), (0, 1)))
        return conditions

    def _submit(self, receivers: int) -> None:
        transaction = b"tx %d %d" % (self.seed, len(self.transactions))
        slots = self.rng.sample(self.world.slots, min(receivers, len(self.world.slots)))
        taken = [slot for slot in slots if slot.node is not None and slot.correct]
        if taken:
            self.transactions.add(transaction)
        for slot in slots:
            self.world.submit(slot, transaction)

    # ---------- slots

    def _make_slots(self) -> None:
        plan, validators = self.plan, validator_set(self.plan.count)
        keys = validator_keys(plan.count)
        for index, name in enumerate(validator_names(plan.count)):
            rolled_at = self.rng.choice((10, 40, 400))
            options = NodeOptions(
                validators, ValidatorIndex(index), keys[index], plan.config, rolled_at
            )
            if index < plan.twins:
                for which in (0, 1):
                    self._add(name, partial(make_twin, options), which, correct=False)
            elif index < plan.twins + plan.liars:
                self._add(name, make_liar(options, self.seed + index), 0, correct=False)
            else:
                self._add(name, partial(self.make_node, options), 0, correct=True)
                self.votes.correct.add(name)

        for number in range(plan.observers):
            options = NodeOptions(validators, None, None, plan.config)
            make = partial(self.make_node, options)
            self._add(f"observer-{number}", make, 0, correct=True)

    def _add(
        self, name: str, make: Callable[[Disk], SimulatedNode], which: int, *, correct: bool
    ) -> None:
        slot = Slot(
            index=len(self.world.slots),
            name=name,
            correct=correct,
            make=make,
            which=which,
            wall_skew_ms=self.rng.randint(-900, 900),
            steady_offset_ms=self.rng.randint(0, 10**9),
            execute_ms=self.rng.choice((1, 5, 40)),
            disk=Disk(),
        )
        self.world.slots.append(slot)

    def _stuck(self) -> str:
        lines = [f"seed {self.seed}, {self.plan}: not everything became final"]
        lines += [
            f"{slot.name} {slot.correct}: {slot.node.engine.status()}"
            for slot in self.world.slots
            if isinstance(slot.node, EngineNode)
        ]
        return "\n".join(lines)
