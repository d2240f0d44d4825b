"""Write sets: everything that a block brings, in one batch."""

from __future__ import annotations

import pytest

from ledger.commit import EmptyStoreError, commit_writes, open_committed
from ledger.records.set_plan import SetPlan
from ledger.state.tables import PLANS
from ledger.store import (
    META_LOG,
    META_TIP,
    STATE,
    MemoryStore,
    block_key,
    decode_place,
    history_key,
    log_node_key,
    proof_key,
    transaction_key,
)
from ledger.vocabulary import Bucket
from ledger.wire.block import decode_block
from ledger.wire.codec import encode
from ledger.wire.merkle import leaf_hash, log_inclusion_path, verify_inclusion
from ledger.wire.scalars import Grams, Height
from tests.support.founding import MINISTRY
from tests.support.world import World, digest_of


def planning(year: int) -> SetPlan:
    return SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(7), document=digest_of("notice")
    )


def test_an_empty_store_holds_no_ledger() -> None:
    with pytest.raises(EmptyStoreError):
        open_committed(MemoryStore())


def test_one_batch_holds_block_proof_rows_versions_places_and_tip() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, planning(2024))
    built = world.build(transaction)
    data = encode(built.block)
    writes = commit_writes(built.overlay, data, b"proof")
    height = Height(1)
    assert writes[block_key(height)] == data
    assert writes[proof_key(height)] == b"proof"
    place = writes[transaction_key(transaction.tx_id)]
    assert place is not None
    assert decode_place(place) == (1, 0)
    key = PLANS.key(2024, 1)
    assert writes[STATE + key] == writes[history_key(key, height)]
    assert writes[META_TIP] == encode(built.block.header)
    assert writes[META_LOG] == built.overlay.log.encode()


def test_a_store_is_opened_at_the_block_that_was_written_last() -> None:
    world = World()
    for year in (2024, 2025, 2026):
        world.apply(MINISTRY, planning(year))
        state = open_committed(world.store)
        assert state.header == world.state.header
        assert state.log.size == world.height + 1
        assert state.log.root() == world.state.log.root()


def test_the_stored_nodes_of_the_log_prove_every_block_below() -> None:
    world = World()
    for year in range(2024, 2034):
        world.apply(MINISTRY, planning(year))

    def node_of(level: int, index: int) -> bytes:
        node = world.store.get(log_node_key(level, index))
        assert node is not None
        return node

    tip = world.state.header
    for height in range(tip.height):
        data = world.store.get(block_key(Height(height)))
        assert data is not None
        path = log_inclusion_path(height, tip.height, node_of)
        leaf = leaf_hash(encode(decode_block(data).header))
        verify_inclusion(leaf, height, tip.height, path, tip.log_root)


def test_a_deleted_row_leaves_an_empty_version() -> None:
    world = World()
    built = world.build(world.transaction(MINISTRY, planning(2024)))
    key = PLANS.key(2030, 1)
    built.overlay.values[key] = None
    writes = commit_writes(built.overlay, b"block", b"")
    assert writes[STATE + key] is None
    assert writes[history_key(key, Height(1))] == b""
