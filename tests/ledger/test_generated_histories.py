"""Histories of several hundred records, valid and foolish: the same everywhere, and never out of balance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commit import commit_writes, genesis_writes, open_committed
from ledger.invariants import Finding, Ledgerbook
from ledger.parsed import parse_transaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import SplitLot
from ledger.state.tables import TABLES
from ledger.store import INDEX, STATE, MemoryStore, block_key
from ledger.transition import apply_block
from ledger.wire.block import decode_block
from ledger.wire.codec import decode
from ledger.wire.scalars import Height
from tests.support.market import Market, seeded_market

ROOT = Path(__file__).parents[2]
BLOCKS, SIZE = 80, 12


@lru_cache(maxsize=1)
def long_history() -> tuple[Market, list[Finding]]:
    return seeded_market(7, BLOCKS, SIZE)


def test_the_books_agree_with_the_state_after_every_block_of_a_long_history() -> None:
    market, findings = long_history()
    assert findings == []
    kinds = Counter(
        type(record)
        for built in market.blocks
        for transaction in built.included
        for record in transaction.records
    )
    assert sum(kinds.values()) > 300
    for kind in (
        MineOutput,
        SplitLot,
        OfferTransfer,
        AcceptTransfer,
        RejectTransfer,
        CancelTransfer,
    ):
        assert kinds[kind] >= 5, f"the history hardly has a {kind.__name__}"
    refused = Counter(why.code for built in market.blocks for _tx, why in built.left_out)
    assert len(refused) >= 12, "the history breaks too few rules to say much"


def test_a_fresh_replay_of_all_blocks_gives_the_same_store() -> None:
    market, _findings = long_history()
    original = market.world.store
    fresh = MemoryStore()
    genesis = market.world.genesis
    fresh.write(
        genesis_writes(genesis.overlay, original.get(block_key(Height(0))) or b"", genesis.data)
    )
    state = open_committed(fresh)
    for height in range(1, market.world.height + 1):
        data = original.get(block_key(Height(height)))
        assert data is not None
        block = decode_block(data)
        overlay = apply_block(state, block, [parse_transaction(tx) for tx in block.transactions])
        fresh.write(commit_writes(overlay, data, b""))
        # Opened anew each time, so that every row is read back from its bytes.
        state = open_committed(fresh)
    assert dict(fresh.scan(b"")) == dict(original.scan(b""))


def test_every_row_that_was_written_can_be_read_back() -> None:
    market, _findings = long_history()
    kinds = {table.prefix: table.kind for table in TABLES}
    rows = list(market.world.store.scan(STATE))
    assert rows
    for key, data in rows:
        decode(kinds[key[1:2]], data)


def test_what_was_refused_has_left_nothing_behind() -> None:
    market, _findings = seeded_market(11, 12, 12)
    assert any(built.left_out for built in market.blocks)
    world = Market(lambda _n: 0).world
    for built in market.blocks:
        world.move_to(built.block.header.time_ms)
        again = world.commit(*(parse_transaction(tx.signed_bytes) for tx in built.included))
        assert again.left_out == ()
        assert again.block.header == built.block.header


def test_dicts_and_sets_in_another_order_give_the_same_ledger() -> None:
    first, second = (_history_in_another_process(seed) for seed in ("1", "4242"))
    assert first == second
    assert len(first.split()) == 2


def _history_in_another_process(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.ledger.test_generated_histories"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_short_history_brings_the_books_out_of_balance(data: st.DataObject) -> None:
    market = Market(lambda n: data.draw(st.integers(0, n - 1)))
    for _ in range(data.draw(st.integers(1, 4))):
        assert market.block(data.draw(st.integers(1, 5))) == []


def test_books_that_are_opened_in_the_middle_agree_at_the_end() -> None:
    market, _findings = seeded_market(5, 12, 12)
    late = Ledgerbook(market.world.store)
    for _ in range(6):
        market.block(12)
        built = market.blocks[-1]
        header = built.block.header
        late.observe(header.height, header.time_ms, built.included)
    assert late.check(market.world.store) == []


if __name__ == "__main__":
    import hashlib

    history, _ = seeded_market(3, 12, 12)
    store = history.world.store
    everything = hashlib.sha256()
    for item in (*store.scan(STATE), *store.scan(INDEX)):
        everything.update(b"".join(item))
    sys.stdout.write(f"{history.world.state.header.block_id.hex()} {everything.hexdigest()}\n")
