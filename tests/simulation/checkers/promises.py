"""What nodes have told clients, held against what the ledger says in the end.

Told "final": it was durable at the node that said so, and is on every node exactly once. Told "refused for
good", or refused wherever it was ever submitted: it is on no node. Of wishes that exclude each other, at
most one is on the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ledger.parsed import parse_transaction
from ledger.store import decode_place, transaction_key
from ledger.wire.scalars import Height, TxId
from tests.simulation.replica_disk import ReplicaDisk
from tests.simulation.world import Slot


class Promises:
    """Hears what clients hear."""

    def __init__(self) -> None:
        self.final: dict[TxId, Height] = {}
        self.expired: dict[TxId, str] = {}

    def told_final(self, slot: Slot, tx_id: TxId, height: Height) -> None:
        assert tx_id not in self.expired, f"{tx_id.hex()} expired at {self.expired[tx_id]}"
        disk = slot.disk
        assert isinstance(disk, ReplicaDisk)
        place = disk.database.get(transaction_key(tx_id))
        assert place is not None, f"{slot.name} tells that {tx_id.hex()} is final; it is not stored"
        assert decode_place(place)[0] == height
        known = self.final.setdefault(tx_id, height)
        assert known == height, f"{tx_id.hex()} is final at {known} and at {height}"

    def told_expired(self, slot: Slot, tx_id: TxId) -> None:
        assert tx_id not in self.final, f"{slot.name} refuses {tx_id.hex()}, which is final"
        self.expired.setdefault(tx_id, slot.name)


def ids_of(slot: Slot) -> Counter[TxId]:
    """Return how often each transaction stands in a node's blocks."""
    return Counter(
        parse_transaction(data).tx_id
        for stored in slot.disk.chain
        for data in stored.block.transactions
    )


def assert_kept(
    promises: Promises,
    slots: Sequence[Slot],
    *,
    refused_everywhere: Iterable[TxId],
    conflicts: Iterable[Sequence[TxId]],
) -> None:
    """Assert that what was told is so, on every node."""
    refused = list(refused_everywhere)
    rivals = list(conflicts)
    for slot in slots:
        ids = ids_of(slot)
        assert not ids or ids.most_common(1)[0][1] == 1, f"{slot.name} has a transaction twice"
        for tx_id in promises.final:
            assert tx_id in ids, f"{slot.name} does not have {tx_id.hex()}, which is final"
        for tx_id, name in promises.expired.items():
            assert tx_id not in ids, f"{slot.name} has {tx_id.hex()}, which {name} refused for good"
        for tx_id in refused:
            assert tx_id not in ids, f"{slot.name} has {tx_id.hex()}, which was never admitted"
        for group in rivals:
            winners = [tx_id.hex() for tx_id in group if tx_id in ids]
            assert len(winners) <= 1, f"{slot.name} has {winners}, which exclude each other"
