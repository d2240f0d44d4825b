"""``CutQuota``: taking quota away, from whoever has it now."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS, PLANS, SPLITS
from ledger.vocabulary import Role
from ledger.wire.scalars import I64_MAX
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


def test_a_cut_takes_what_is_left_to_the_last_gram_without_a_debt() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(400, HOLDING, "C-1"))
    world.apply(MINISTRY, cut(600))
    assert (account(world).left, account(world).cut, debt(world)) == (0, 600, 0)
    assert world.expect(PLANS, 2024, int(ROCK)).granted == 1_000
    assert world.expect(MEMBER_MONTHS, HOLDING, 202401).count == 5


def test_one_gram_beyond_is_a_debt_that_blocks_production_until_a_grant_pays_it() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(400, HOLDING, "C-1"))
    world.apply(MINISTRY, cut(601))
    assert (account(world).left, account(world).debt, debt(world)) == (0, 1, 1)
    world.grant(2024, ROCK, HOLDING, 1)
    assert (account(world).left, account(world).debt_paid, debt(world)) == (0, 1, 0)
    world.grant(2024, ROCK, HOLDING, 1)
    world.apply(HOLDING, produce(1, HOLDING, "C-2"))


def test_a_debt_outlives_its_year_and_the_new_years_grant_pays_it_first() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(1_000, HOLDING, "C-1"))
    world.move_to_date(2025_02_03)
    world.apply(MINISTRY, cut(300))
    assert debt(world) == 300
    world.plan(2025, ROCK, 10_000)
    world.grant(2025, ROCK, HOLDING, 299)
    refusal = world.refusal(HOLDING, produce(1, HOLDING, "C-2", day=2025_02_03))
    assert_refused(refusal, RefusalCode.QUOTA_DEBT, field="elements", debt=1)
    world.grant(2025, ROCK, HOLDING, 51)
    row = account(world, year=2025)
    assert (row.granted, row.debt_paid, row.left, debt(world)) == (350, 300, 50, 0)
    world.apply(HOLDING, produce(50, HOLDING, "C-2", day=2025_02_03))


def test_a_debt_of_last_year_is_paid_at_once_by_what_is_left_this_year() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(1_000, HOLDING, "C-1"))
    world.plan(2025, ROCK, 10_000)
    world.grant(2025, ROCK, HOLDING, 100)
    world.move_to_date(2025_02_03)
    world.apply(MINISTRY, cut(70))
    assert (account(world).debt, debt(world), account(world, year=2025).left) == (70, 0, 30)
    world.apply(MINISTRY, cut(31))
    assert (debt(world), account(world, year=2025).left) == (1, 0)


def test_what_has_lapsed_still_covers_its_part_of_a_cut() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(900, HOLDING, "C-1"))
    world.move_to_date(2025_02_03)
    world.apply(MINISTRY, cut(150))
    assert (account(world).left, debt(world)) == (0, 50)


def test_a_cut_follows_the_splits_the_newest_first() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, split(300), split(500, MINE_B), split(100))
    world.apply(MINE_A, produce(150, MINE_A, "C-1"))
    world.apply(MINISTRY, cut(400))
    # 100 g of its own, 250 g that the newest receiver has left, then 50 g of the other.
    assert (account(world).left, account(world).split_out, debt(world)) == (0, 600, 0)
    assert (account(world, MINE_A).left, account(world, MINE_A).split_in) == (0, 150)
    assert (account(world, MINE_B).left, account(world, MINE_B).split_in) == (450, 450)
    parts = world.expect(SPLITS, 2024, int(ROCK), HOLDING).parts
    assert parts == ((MINE_B, 450), (MINE_A, 150))
    assert world.expect(MEMBER_MONTHS, MINE_B, 202401).count == 4


def test_a_cut_does_not_take_what_a_subsidiary_has_of_its_own() -> None:
    world = group_world(granted=100)
    world.grant(2024, ROCK, MINE_A, 1_000)
    world.apply(HOLDING, split(100))
    world.apply(MINISTRY, cut(150))
    assert (account(world, MINE_A).left, debt(world), debt(world, MINE_A)) == (1_000, 50, 0)


def test_a_cut_of_the_subsidiary_leaves_the_holding_alone() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, split(400))
    world.apply(MINISTRY, cut(500, MINE_A))
    assert (debt(world, MINE_A), debt(world), account(world).left) == (100, 0, 600)
    # A later split pays the subsidiary's debt before anything is left of it.
    world.apply(HOLDING, split(101))
    assert (debt(world, MINE_A), account(world, MINE_A).left) == (0, 1)


def test_there_is_an_account_to_cut_and_something_is_cut() -> None:
    world = group_world()
    for record in (cut(1, STRANGER), cut(1, year=2025)):
        refusal = world.refusal(MINISTRY, record)
        assert_refused(refusal, RefusalCode.QUOTA_UNKNOWN, field="target", year=record.year)
    refusal = world.refusal(MINISTRY, cut(1, "nobody"))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="target")
    refusal = world.refusal(MINISTRY, cut(0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="grams", found=0, least=1)


def test_the_largest_debt_fits_and_a_gram_more_is_refused() -> None:
    world = group_world(granted=1)
    world.apply(HOLDING, produce(1, HOLDING, "C-1"))
    world.apply(MINISTRY, cut(I64_MAX))
    assert debt(world) == I64_MAX
    refusal = world.refusal(MINISTRY, cut(1))
    assert_refused(refusal, RefusalCode.SUM_TOO_LARGE, field="grams", total=I64_MAX + 1)


def test_only_the_ministry_cuts() -> None:
    world = group_world()
    assert_refused(world.refusal(HOLDING, cut(1)), RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(MINISTRY, cut(1), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")
