"""A long generated history in LevelDB is byte for byte the history in a dict."""

from __future__ import annotations

from pathlib import Path

from ledger.commit import commit_writes, open_committed
from ledger.invariants import Ledgerbook
from ledger.parsed import parse_transaction
from ledger.store import STATE, block_key
from ledger.transition import apply_block
from ledger.wire.block import decode_block
from ledger.wire.scalars import Height
from node.storage.leveldb import LevelStore
from tests.support.market import seeded_market


def test_replaying_into_leveldb_gives_the_same_roots_rows_and_books(tmp_path: Path) -> None:
    market, findings = seeded_market(13, 20, 10)
    assert findings == []
    memory = market.world.store
    store = LevelStore(tmp_path / "ledger", create=True)
    try:
        store.write(market.world.genesis.writes(), sync=True)
        book = Ledgerbook(store)
        state = open_committed(store)
        for height in range(1, market.world.height + 1):
            data = memory.get(block_key(Height(height)))
            assert data is not None
            block = decode_block(data)
            parsed = [parse_transaction(signed) for signed in block.transactions]
            overlay = apply_block(state, block, parsed)
            store.write(commit_writes(overlay, data, b""), sync=False)
            state.advance(overlay)
            book.observe(Height(height), block.header.time_ms, parsed)
        assert state.header == market.world.state.header
        assert dict(store.scan(STATE)) == dict(memory.scan(STATE))
        assert book.check(store) == []
    finally:
        store.close()
