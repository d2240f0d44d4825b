"""A healthy network of whole nodes under a directed test: short delays, crashes where a test says."""

from __future__ import annotations

from collections.abc import Sequence

from consensus.config import ConsensusConfig
from ledger.parsed import ParsedTransaction
from ledger.records.record import Record
from ledger.store import transaction_key
from ledger.wire.scalars import LotId, MemberId
from node.effects import ReplicaEffect, Submission
from node.mempool import MempoolLimits
from tests.simulation.checkers.progress import assert_silent
from tests.simulation.checkers.promises import Promises, assert_kept
from tests.simulation.checkers.whole_history import assert_history
from tests.simulation.replica_disk import ReplicaDisk
from tests.simulation.replica_market import TRADING_DAY
from tests.simulation.replica_node import ReplicaNode
from tests.simulation.replica_scenario import Network
from tests.simulation.world import Slot
from tests.support.trading import MINE, offer
from tests.support.world import World

VALID_MS = 60_000


class ReplicaBench:
    """Whole nodes, transactions for them, and what their clients were told."""

    def __init__(
        self, *, limits: MempoolLimits | None = None, config: ConsensusConfig | None = None
    ) -> None:
        self.network = Network(0, limits=limits, config=config)
        self.world = self.network.world
        self.world.turn_ms = 0
        self.world.network.conditions.delay_max_ms = 1
        self.promises = Promises()
        self.world.listeners.append(self.promises)
        self.lots = self.network.founded.lots
        self._notary = World(self.network.founded.genesis)
        self.network.start()
        self.network.wait(1_000)

    @property
    def slots(self) -> list[Slot]:
        return self.network.slots

    def node(self, index: int) -> ReplicaNode:
        return self.network.node(index)

    def signed(
        self, author: MemberId, *records: Record, valid_ms: int = VALID_MS
    ) -> ParsedTransaction:
        until_ms = self.world.wall_start_ms + self.world.now_ms + valid_ms
        return self._notary.transaction(author, *records, valid_until_ms=until_ms)

    def sale(self, lot: LotId, buyer: MemberId, *, valid_ms: int = VALID_MS) -> ParsedTransaction:
        record = offer(lot, buyer=buyer, date=TRADING_DAY)
        return self.signed(MINE, record, valid_ms=valid_ms)

    def admit(self, index: int, parsed: ParsedTransaction) -> None:
        """Submit a transaction to a node, which must admit it."""
        answer = self.world.ask(self.slots[index], parsed.signed_bytes)
        assert answer is Submission.ADMITTED, answer

    def has(self, index: int, parsed: ParsedTransaction) -> bool:
        return self.node_disk(index).database.get(transaction_key(parsed.tx_id)) is not None

    def node_disk(self, index: int) -> ReplicaDisk:
        disk = self.slots[index].disk
        assert isinstance(disk, ReplicaDisk)
        return disk

    def is_final(self, *transactions: ParsedTransaction) -> bool:
        """Tell whether these are final on every node."""
        return all(self.has(slot.index, parsed) for slot in self.slots for parsed in transactions)

    def leader(self) -> int:
        running = self.world.running()
        return int(self.node(running[0].index).replica.status.leader)

    def lose_transactions(self, *senders: int) -> None:
        """Lose every transaction that these nodes forward; messages of consensus pass."""
        names = {self.slots[index].name for index in senders}
        self.world.passes_transactions = lambda sender, _receiver: sender not in names

    def assert_all_is_well(self, *, rivals: Sequence[ParsedTransaction] = ()) -> None:
        """Assert that all is level and silent, and that the history holds."""
        self.network.until(self.network.is_level)
        assert_silent(self.world, settle_ms=30_000, window_ms=30_000)
        self.assert_history(rivals=rivals)

    def assert_history(self, *, rivals: Sequence[ParsedTransaction] = ()) -> None:
        assert_kept(
            self.promises,
            self.slots,
            refused_everywhere=(),
            conflicts=[[parsed.tx_id for parsed in rivals]],
        )
        assert_history(self.network.founded.genesis, self.slots)


class CrashAt:
    """Crashes one node once, at a boundary of its effects: before one of them, or after a turn's last.

    Without a number it only counts. A turn of ``n`` effects has ``n + 1`` boundaries.
    """

    def __init__(self, name: str, number: int | None = None, *, torn: bool = False) -> None:
        self.boundaries: list[str] = []
        """The effect after each boundary that was passed, by its type; empty after a turn's last."""
        self._name = name
        self._number = number
        self._torn = torn

    @property
    def has_struck(self) -> bool:
        return self._number is not None and len(self.boundaries) > self._number

    def __call__(self, slot: Slot, effects: Sequence[ReplicaEffect]) -> tuple[int | None, bool]:
        if slot.name != self._name or not effects:
            return None, False
        first = len(self.boundaries)
        self.boundaries += [*(type(effect).__name__ for effect in effects), ""]
        if self._number is None or not first <= self._number < len(self.boundaries):
            return None, False
        return self._number - first, self._torn
