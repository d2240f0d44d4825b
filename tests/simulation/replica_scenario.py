"""What happens to whole nodes in one run: a market in trouble, then healing, then silence, then the audit.

Nodes begin on a founded market. In the first phase links lose, double, delay and reorder messages and
transactions, partitions come and go, nodes crash between any two effects, clocks differ; clients submit all
the while. Then everything heals: whatever could only succeed must be final, everybody must get an answer,
pools must become empty, and the network must fall silent. At last the history is computed again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from consensus.config import ConsensusConfig
from node.mempool import MempoolLimits
from tests.simulation.checkers.durability import Durability
from tests.simulation.checkers.progress import assert_silent
from tests.simulation.checkers.promises import assert_kept
from tests.simulation.checkers.replica_chain import ReplicaChain
from tests.simulation.checkers.votes import Votes
from tests.simulation.checkers.whole_history import assert_history
from tests.simulation.network import Conditions
from tests.simulation.replica_clients import Clients
from tests.simulation.replica_founding import OPENING_MS, Founding, founding, options_of
from tests.simulation.replica_market import Market
from tests.simulation.replica_node import ReplicaNode
from tests.simulation.replica_world import ReplicaWorld, node_in
from tests.simulation.world import CrashPlan, Slot

PROGRESS_MS = 300_000
"""Simulated time after healing within which every client must have an answer."""
STEP_MS = 500
SETTLE_MS = 60_000
WINDOW_MS = 30_000


@dataclass(frozen=True, slots=True)
class ReplicaPlan:
    """The kind of run; everything else follows from the seed."""

    count: int = 4
    fault_ms: int = 8_000
    config: ConsensusConfig | None = None


@dataclass(frozen=True, slots=True)
class ReplicaOutcome:
    """What a run showed."""

    world: ReplicaWorld
    clients: Clients
    height: int
    """Blocks above the founding."""
    final: int
    crashes: int
    healed_ms: int
    digest: str


class Network:
    """Whole nodes on copies of the founded disks, under all checkers."""

    def __init__(
        self,
        seed: int,
        *,
        count: int = 4,
        trace: bool = False,
        config: ConsensusConfig | None = None,
        limits: MempoolLimits | None = None,
        journal_records_max: int = 150,
    ) -> None:
        self.founded: Founding = founding(count)
        self.world = ReplicaWorld(seed, wall_start_ms=OPENING_MS)
        self.world.trace = hashlib.sha256() if trace else None
        genesis = self.founded.genesis
        self.votes = Votes(
            count,
            validators=genesis.validators,
            chain_id=genesis.chain_id,
            epoch=genesis.header.epoch,
        )
        self.chain = ReplicaChain(genesis)
        self.world.checkers = [self.chain, self.votes, Durability()]
        for index, disk in enumerate(self.founded.disks):
            name = genesis.validators.validators[index].name
            options = options_of(
                name,
                genesis,
                config=config or ConsensusConfig(),
                limits=limits or MempoolLimits(),
                journal_records_max=journal_records_max,
            )
            self.votes.correct.add(name)
            make = partial(ReplicaNode, options)
            slot = Slot(
                index=index, name=name, correct=True, make=make, disk=disk.copy(), execute_ms=1
            )
            self.world.slots.append(slot)

    @property
    def slots(self) -> list[Slot]:
        return self.world.slots

    def start(self) -> None:
        for slot in self.slots:
            self.world.start(slot)

    def wait(self, milliseconds: int) -> None:
        self.world.run_until(self.world.now_ms + milliseconds)

    def until(self, condition: Callable[[], bool], limit_ms: int = 60_000) -> int:
        """Let time pass until a condition holds; return how many milliseconds that took."""
        begin = self.world.now_ms
        while not condition():
            assert self.world.now_ms < begin + limit_ms, f"not true after {limit_ms} ms: {self}"
            self.wait(1)
        return self.world.now_ms - begin

    def node(self, index: int) -> ReplicaNode:
        node = node_in(self.slots[index])
        assert node is not None, f"{self.slots[index].name} is down"
        return node

    def connect_all(self) -> None:
        """Let all nodes that run find each other again."""
        running = self.world.running()
        for number, slot in enumerate(running):
            for other in running[number + 1 :]:
                self.world.connect(slot, other)

    def is_level(self) -> bool:
        """Tell whether all nodes run, stand at one height, and have nothing pending."""
        nodes = [node_in(slot) for slot in self.slots]
        return (
            all(node is not None and not len(node.replica.mempool) for node in nodes)
            and len({len(slot.disk.chain) for slot in self.slots}) == 1
        )

    def finish(self, clients: Clients) -> None:
        """Assert silence, and everything that must hold of a finished run."""
        self.until(self.is_level)
        assert_silent(self.world, settle_ms=SETTLE_MS, window_ms=WINDOW_MS)
        assert self.is_level(), str(self)
        assert_kept(
            clients.promises,
            self.slots,
            refused_everywhere=clients.refused_everywhere(),
            conflicts=clients.groups,
        )
        assert_history(self.founded.genesis, self.slots)

    def __str__(self) -> str:
        lines = []
        for slot in self.slots:
            node = node_in(slot)
            if node is None:
                lines.append(f"{slot.name} is down")
                continue
            pool = node.replica.mempool
            lines.append(f"{slot.name}: {len(pool)} pending, {node.replica.status}")
        return "\n".join(lines)


class ReplicaRun:
    """One run."""

    def __init__(self, seed: int, plan: ReplicaPlan, *, trace: bool = False) -> None:
        self.seed = seed
        self.plan = plan
        self.rng = random.Random(seed ^ 0x5EED)  # noqa: S311 - a simulation
        self.network = Network(
            seed,
            count=plan.count,
            trace=trace,
            config=plan.config,
            journal_records_max=self.rng.choice((10, 50, 150)),
        )
        self.world = self.network.world
        self.world.turn_ms = self.rng.choice((0, 2, 10))
        for slot in self.world.slots:
            slot.wall_skew_ms = self.rng.randint(-900, 900)
            slot.steady_offset_ms = self.rng.randint(0, 10**9)
            slot.execute_ms = self.rng.choice((1, 5, 40))
        self.clients = Clients(self.world, self.network.founded, self.rng)
        self.market = Market(self.clients, self.network.founded, self.rng)

    def run(self) -> ReplicaOutcome:
        """Run, and return what was seen.

        Raises:
            AssertionError: Something that must hold does not.
        """
        world = self.world
        self.network.start()
        self._fault_phase()
        healed_at = world.now_ms
        self._heal()
        self._let_clients_finish()
        healed_ms = world.now_ms - healed_at
        self._assert_certain_wishes_are_final()
        self.network.finish(self.clients)
        height = len(world.slots[0].disk.chain)
        self.world._note(world.slots[0], self.network.chain.chain[-1])
        return ReplicaOutcome(
            world=world,
            clients=self.clients,
            height=height - self.network.founded.height,
            final=len(self.clients.promises.final),
            crashes=world.crash_count,
            healed_ms=healed_ms,
            digest=world.trace.hexdigest() if world.trace else "",
        )

    # ---------- phases

    def _fault_phase(self) -> None:
        world, rng = self.world, self.rng
        world.crashes = CrashPlan(chance=rng.choice((0.0, 0.004, 0.03)), at_most_down=2)
        end = self.plan.fault_ms
        while world.now_ms < end:
            self._change_conditions()
            if rng.random() < 0.2:
                rng.choice(world.slots).wall_skew_ms = rng.randint(-7_000, 4_000)
            for _ in range(rng.randint(1, 4)):
                self.clients.act()
                for _new in range(rng.randint(0, 3)):
                    self.market.invent()
                world.run_until(min(end, world.now_ms + rng.randint(50, 600)))

    def _heal(self) -> None:
        world = self.world
        world.network.conditions = Conditions(delay_max_ms=self.rng.choice((5, 40)))
        world.crashes = CrashPlan()
        for slot in world.slots:
            slot.wall_skew_ms = self.rng.randint(-900, 900)
            if slot.node is None:
                world.start(slot)
        self.network.connect_all()

    def _let_clients_finish(self) -> None:
        world = self.world
        deadline = world.now_ms + PROGRESS_MS
        while self.clients.waiting():
            assert world.now_ms < deadline, self._stuck()
            self.clients.act()
            world.run_until(world.now_ms + STEP_MS)

    def _assert_certain_wishes_are_final(self) -> None:
        for tx_id, wish in self.clients.wishes.items():
            if wish.certain:
                assert wish.settled == "final", (
                    f"{tx_id.hex()} could only succeed, and is {wish.settled}, after "
                    f"{wish.refusals} refusals"
                )
        for group in self.clients.groups:
            wishes = [self.clients.wishes[tx_id] for tx_id in group]
            if not any(wish.gives_up for wish in wishes):
                settled = [wish.settled for wish in wishes]
                assert settled.count("final") == 1, f"of a group of rivals became {settled}"

    # ---------- chance

    def _change_conditions(self) -> None:
        world, rng = self.world, self.rng
        before = world.network.conditions.blocked
        conditions = Conditions(
            loss=rng.choice((0.0, 0.02, 0.1, 0.3)),
            duplication=rng.choice((0.0, 0.1)),
            delay_min_ms=rng.choice((1, 10)),
            delay_max_ms=rng.choice((10, 60, 300)),
            slow_share=rng.choice((0.0, 0.05)),
        )
        names = [slot.name for slot in world.slots]
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
        world.network.conditions = conditions
        by_name = {slot.name: slot for slot in world.slots}
        for one, two in sorted(before - conditions.blocked):
            if one < two:
                world.connect(by_name[one], by_name[two])

    def _stuck(self) -> str:
        waiting = [wish.parsed.tx_id.hex()[:16] for wish in self.clients.waiting()]
        return f"seed {self.seed}, {self.plan}: no answer for {waiting}\n{self.network}"
