"""A cut escaped by a split: a holding hears of a case and hides its quota with its mines."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from tests.support.founding import MINISTRY
from tests.support.quotas import (
    HOLDING,
    MINE_A,
    MINE_B,
    ROCK,
    STRANGER,
    account,
    cut,
    debt,
    group_world,
    produce,
    split,
)
from tests.support.refusals import assert_refused


def test_everything_is_split_off_before_the_cut_and_comes_back_with_it() -> None:
    world = group_world(granted=5_000_000, total=50_000_000)
    world.apply(HOLDING, split(3_000_000), split(2_000_000, MINE_B))
    assert account(world).left == 0
    world.apply(MINISTRY, cut(4_000_000))
    assert (account(world, MINE_A).left, account(world, MINE_B).left) == (1_000_000, 0)
    assert (debt(world), account(world).split_out) == (0, 1_000_000)
    refusal = world.refusal(MINE_A, produce(1_000_001, MINE_A, "C-1"))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements")
    assert refusal.figures["missing"] == 1


def test_the_quota_is_passed_round_the_group_so_that_the_cut_loses_its_trace() -> None:
    world = group_world(granted=5_000_000, total=50_000_000)
    world.apply(HOLDING, split(5_000_000))
    refusal = world.refusal(MINE_A, split(5_000_000, MINE_B))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="grams", free=0, missing=5_000_000)
    refusal = world.refusal(MINE_A, split(5_000_000, HOLDING))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="grams", free=0)
    refusal = world.refusal(HOLDING, split(1, STRANGER))
    assert_refused(refusal, RefusalCode.NOT_SAME_GROUP, field="subsidiary")


def test_the_mines_dig_it_up_before_the_cut_and_the_holding_pays_for_it_next_year() -> None:
    world = group_world(granted=5_000_000, total=50_000_000)
    world.apply(HOLDING, split(5_000_000))
    world.apply(MINE_A, produce(4_999_999, MINE_A, "C-1"))
    world.apply(MINISTRY, cut(5_000_000))
    assert (debt(world), account(world, MINE_A).left) == (4_999_999, 0)
    world.move_to_date(2025_02_03)
    world.plan(2025, ROCK, 50_000_000)
    world.grant(2025, ROCK, HOLDING, 4_999_998)
    refusal = world.refusal(HOLDING, split(1, year=2025))
    assert_refused(refusal, RefusalCode.QUOTA_DEBT, field="bucket")
    assert refusal.figures["debt"] == 1
    world.grant(2025, ROCK, HOLDING, 2)
    world.apply(HOLDING, split(1, year=2025))


def test_split_and_cut_in_one_block_come_out_the_same_in_either_order() -> None:
    for split_first in (True, False):
        world = group_world(granted=1_000)
        hiding = world.transaction(HOLDING, split(1_000))
        cutting = world.transaction(MINISTRY, cut(400))
        built = world.commit(*((hiding, cutting) if split_first else (cutting, hiding)))
        left = account(world).left + (account(world, MINE_A).left if split_first else 0)
        assert (left, debt(world)) == (600, 0)
        assert [tx for tx, _why in built.left_out] == ([] if split_first else [hiding])
