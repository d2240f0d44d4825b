"""What survives a crash of a whole node: the synced journal, as ``disk`` keeps it, and the ledger's store.

A write set becomes durable as a whole, at the moment at which ``write`` is called. The journal is cut as
the driver does it, in steps between which the node may die: a new segment takes the records that must
still be known, it is synced, and only then the older segments go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consensus.effects import FinalizedBlock, JournalRecord
from ledger.store import MemoryStore, WriteSet
from tests.simulation.disk import Disk


class ReplicaDisk(Disk):
    """Journal and store of one node."""

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        """Begin with the contents of a store, with no journal."""
        super().__init__()
        self.database = MemoryStore()
        self.database.write(dict(values))
        self.writes = 0
        self.cuts = 0
        self._segment_start = 0

    def copy(self) -> ReplicaDisk:
        """Return a disk of its own with the same contents, all of it durable."""
        other = ReplicaDisk(dict(self.database.scan(b"")))
        other.chain = list(self.chain)
        other.journal = list(self.journal)
        other.sync()
        return other

    def write(self, batch: WriteSet, blocks: Iterable[FinalizedBlock]) -> None:
        """Store final blocks and everything that follows from them, or nothing."""
        self.database.write(batch)
        self.writes += 1
        for block in blocks:
            self.store(block)

    def begin_cut(self, records: tuple[JournalRecord, ...]) -> None:
        """Begin a new segment with these records, which are not durable yet."""
        self._segment_start = len(self.journal)
        self.append(records)

    def finish_cut(self) -> None:
        """Remove the older segments; the new one is durable."""
        if self.synced < len(self.journal):
            raise AssertionError("older segments go before the new one is durable")
        del self.journal[: self._segment_start]
        self.synced = len(self.journal)
        self.cuts += 1
