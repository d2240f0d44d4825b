"""Production without or over quota: ore that nobody has granted looks for a way into the ledger."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.state.tables import LOTS
from tests.support.founding import MINISTRY
from tests.support.quotas import (
    HOLDING,
    MINE_A,
    ROCK,
    STRANGER,
    account,
    advance,
    cut,
    group_world,
    produce,
    split,
)
from tests.support.refusals import assert_refused
from tests.support.trading import lot_of


def test_a_mine_without_a_grant_gets_no_gram_in() -> None:
    world = group_world(granted=1_000_000)
    refusal = world.refusal(MINE_A, produce(1, MINE_A, "C-1"))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements", left=0, missing=1)


def test_the_last_granted_gram_is_the_last() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(999, HOLDING, "C-1"))
    refusal = world.refusal(HOLDING, produce(2, HOLDING, "C-2"))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements", left=1, missing=1)
    world.apply(HOLDING, produce(1, HOLDING, "C-2"))
    assert account(world).left == 0


def test_two_outputs_race_for_the_last_grams_and_exactly_one_wins() -> None:
    world = group_world(granted=1_000)
    outputs = [world.transaction(HOLDING, produce(600, HOLDING, f"C-{n}")) for n in range(2)]
    built = world.commit(*outputs)
    assert [world.row(LOTS, lot_of(output)) is not None for output in outputs] == [True, False]
    assert [why.figures["missing"] for _tx, why in built.left_out] == [200]


def test_an_advance_is_no_second_quota_beside_the_first_batch() -> None:
    world = group_world(granted=0)
    world.apply(MINISTRY, advance(400, MINE_A))
    world.apply(MINE_A, produce(400, MINE_A, "C-1"))
    world.grant(2024, ROCK, MINE_A, 500)
    refusal = world.refusal(MINE_A, produce(101, MINE_A, "C-2"))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements", left=100, missing=1)
    refusal = world.refusal(MINISTRY, advance(1, MINE_A))
    assert_refused(refusal, RefusalCode.FIRST_BATCH_GRANTED, field="year")


def test_an_enterprise_in_debt_does_not_produce_on_the_quota_that_it_still_gets() -> None:
    world = group_world(granted=1_000)
    world.grant(2024, ROCK, MINE_A, 1_000)
    world.apply(MINE_A, produce(1_000, MINE_A, "C-1"))
    world.apply(MINISTRY, cut(700, MINE_A))
    world.apply(HOLDING, split(699))
    refusal = world.refusal(MINE_A, produce(1, MINE_A, "C-2"))
    assert_refused(refusal, RefusalCode.QUOTA_DEBT, field="elements", debt=1)
    world.apply(HOLDING, split(2))
    world.apply(MINE_A, produce(1, MINE_A, "C-2"))


def test_quota_cannot_be_bought_from_a_stranger() -> None:
    world = group_world(granted=0)
    world.grant(2024, ROCK, STRANGER, 1_000)
    refusal = world.refusal(STRANGER, split(1_000, MINE_A))
    assert_refused(refusal, RefusalCode.NOT_SAME_GROUP, field="subsidiary")
