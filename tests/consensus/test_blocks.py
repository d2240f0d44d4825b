from __future__ import annotations

from consensus.blocks import BlockStore, Verdict
from ledger.wire.scalars import Height, TimeMs, View
from tests.consensus.catchup.test_repair import line
from tests.consensus.rig import Chain

CHAIN = Chain()
LINE = line(CHAIN, 5)
IDS = [point.block_id for _block, point in LINE]


def store_with(*heights: int) -> BlockStore:
    store = BlockStore(CHAIN.origin.block_id, CHAIN.genesis, View(0))
    for height in heights:
        store.add(LINE[height - 1][0], IDS[height - 1])
    return store


def test_a_path_lists_the_blocks_above_the_base_lowest_first() -> None:
    path = store_with(1, 2, 3).path(IDS[2], Height(3))
    assert [known.block_id for known in path.blocks] == IDS[:3]
    assert path.missing is None
    assert not path.forks
    assert store_with().path(CHAIN.origin.block_id, Height(0)).blocks == ()


def test_a_path_names_the_first_ancestor_that_is_missing() -> None:
    path = store_with(1, 3, 4).path(IDS[3], Height(4))
    assert path.missing == (IDS[1], 2)
    assert [known.block_id for known in path.blocks] == IDS[2:4]


def test_a_path_that_misses_the_base_is_on_another_branch() -> None:
    store = store_with(1, 2)
    known = store.get(IDS[0])
    assert known is not None
    store.advance(known)
    other = CHAIN.block(9)
    store.add(other, other.header.block_id)
    assert store.path(other.header.block_id, Height(1)).forks
    assert not store.path(IDS[1], Height(2)).forks


def test_the_base_counts_as_executed_and_a_block_when_found_valid() -> None:
    store = store_with(1)
    known = store.get(IDS[0])
    assert known is not None
    assert store.is_executed(CHAIN.origin.block_id)
    for verdict in Verdict:
        known.verdict = verdict
        assert store.is_executed(IDS[0]) == (verdict is Verdict.VALID)
    assert not store.is_executed(IDS[1])


def test_the_first_time_of_receipt_as_a_proposal_stays() -> None:
    store = store_with(1)
    block = LINE[0][0]
    assert store.add(block, IDS[0], TimeMs(5)).received_wall_ms == 5
    assert store.add(block, IDS[0], TimeMs(9)).received_wall_ms == 5


def test_settling_forgets_all_blocks_up_to_a_view() -> None:
    store = store_with(1, 2, 3, 4)
    assert store.settle(View(2)) == tuple(IDS[:2])
    assert [known.block_id for known in store.all()] == IDS[2:4]
    store.forget(IDS[3])
    store.forget(IDS[4])
    assert [known.block_id for known in store.all()] == [IDS[2]]


def test_headers_and_views_of_the_base_are_known_too() -> None:
    store = store_with(1)
    assert store.header_of(CHAIN.origin.block_id) == CHAIN.genesis
    assert store.header_of(IDS[0]) == LINE[0][0].header
    assert store.header_of(IDS[1]) is None
    assert store.view_of(LINE[0][0].header, IDS[0]) == 1
    assert store.view_of(CHAIN.genesis, CHAIN.origin.block_id) == 0
