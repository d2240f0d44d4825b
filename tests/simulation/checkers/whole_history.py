"""The finished history of whole nodes, computed again: replay, books, audit, and store against store.

Every block is applied again from the genesis; the resulting store must be every node's store, to the last
row. Independent books (``ledger.invariants``) must find nothing. The auditor that members run must say
VERIFIED.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from client.verify.anchor import PinnedGenesis
from client.verify.report import make_report
from client.verify.run import conduct
from client.verify.source import HistoryRow, TipClaim
from client.verify.verdict import AuditVerdict
from ledger.commit import commit_writes, open_committed
from ledger.genesis import Genesis
from ledger.invariants import Ledgerbook
from ledger.parsed import parse_transaction
from ledger.store import META, PROOF, MemoryStore, block_key, proof_key
from ledger.transition import apply_block
from ledger.wire.block import decode_block
from ledger.wire.scalars import Height
from tests.simulation.replica_disk import ReplicaDisk
from tests.simulation.world import Slot


class DiskSource:
    """A node's copy of the history, for the auditor."""

    def __init__(self, name: str, genesis: Genesis, disk: ReplicaDisk) -> None:
        self._name = name
        self._genesis = genesis
        self._disk = disk

    @property
    def name(self) -> str:
        return self._name

    async def genesis(self) -> bytes:
        return self._genesis.data

    async def tip(self) -> TipClaim:
        return TipClaim(Height(len(self._disk.chain)), self._name)

    async def blocks(self, first: Height, limit: int) -> list[HistoryRow]:
        rows: list[HistoryRow] = []
        for number in range(first, first + limit):
            block = self._disk.database.get(block_key(Height(number)))
            if block is None:
                break
            rows.append((block, self._disk.database.get(proof_key(Height(number))) or b""))
        return rows

    async def close(self) -> None:
        pass


def assert_history(genesis: Genesis, slots: Sequence[Slot]) -> None:
    """Assert everything that must hold of a finished history."""
    disks = {slot.name: slot.disk for slot in slots if isinstance(slot.disk, ReplicaDisk)}
    first = next(iter(disks.values()))
    replayed = replay(genesis, first)
    wanted = _comparable(replayed)
    for name, disk in disks.items():
        found = _comparable(disk.database)
        different = [key for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
        assert not different, f"{name}: {len(different)} rows differ, first {different[0]!r}"
    assert_verified(genesis, disks)


def replay(genesis: Genesis, disk: ReplicaDisk) -> MemoryStore:
    """Apply every block again, with books beside it, and return the store that comes out."""
    store = MemoryStore()
    store.write(genesis.writes())
    state = open_committed(store)
    book = Ledgerbook(store)
    for height in range(1, len(disk.chain) + 1):
        data = disk.database.get(block_key(Height(height)))
        assert data is not None
        block = decode_block(data)
        transactions = [parse_transaction(signed) for signed in block.transactions]
        overlay = apply_block(state, block, transactions)
        store.write(commit_writes(overlay, data, b""))
        state.advance(overlay)
        assert state.header.state_root == disk.chain[height - 1].block.header.state_root
        book.observe(block.header.height, block.header.time_ms, transactions)
    findings = book.check(store)
    assert not findings, findings
    return store


def assert_verified(genesis: Genesis, disks: dict[str, ReplicaDisk]) -> None:
    """Assert that the auditor finds nothing in these copies."""
    sources = [DiskSource(name, genesis, disk) for name, disk in disks.items()]
    pinned = PinnedGenesis(genesis.chain_id, genesis.data, "the run's own")
    report = make_report(asyncio.run(conduct(sources, pinned)))
    assert report.verdict is AuditVerdict.VERIFIED, [finding.what for finding in report.findings]


def _comparable(store: MemoryStore) -> dict[bytes, bytes]:
    """Return the rows that every node must have: proofs may differ, and notes of a node are its own."""
    return {
        key: value
        for key, value in store.scan(b"")
        if not key.startswith((PROOF, META + b"evidence/"))
    }
