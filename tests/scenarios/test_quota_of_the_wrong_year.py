"""Quota of the wrong year: last year's rest for this year's ore, and next year's for the overrun."""

from __future__ import annotations

import msgspec

from ledger import civil
from ledger.refusal import RefusalCode
from ledger.wire.scalars import CivilDate
from tests.support.founding import MINISTRY, UTC_OFFSET_MINUTES
from tests.support.quotas import HOLDING, MINE_A, ROCK, account, cut, group_world, produce, split
from tests.support.refusals import assert_refused
from tests.support.world import World, grant


def two_years(in_2024: int = 1_000, in_2025: int = 1_000) -> World:
    world = group_world(granted=in_2024)
    world.plan(2025, ROCK, 1_000_000)
    world.grant(2025, ROCK, HOLDING, in_2025)
    return world


def test_last_years_rest_does_not_pay_for_this_years_ore() -> None:
    world = two_years(in_2024=1_000_000, in_2025=1)
    world.move_to_date(2025_01_10)
    refusal = world.refusal(HOLDING, produce(2, HOLDING, "C-1", day=2025_01_05))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements", left=1, missing=1)
    world.apply(HOLDING, produce(1, HOLDING, "C-1", day=2025_01_05))


def test_this_years_overrun_is_not_dated_into_a_year_that_has_quota() -> None:
    world = two_years(in_2024=1, in_2025=1_000_000)
    world.move_to_date(2024_12_31)
    refusal = world.refusal(HOLDING, produce(2, HOLDING, "C-1", day=2025_01_01))
    assert_refused(refusal, RefusalCode.DATE_IN_FUTURE, field="period_to")
    assert account(world, year=2025).used == 0


def test_december_reported_in_january_is_decembers() -> None:
    world = two_years(in_2024=600, in_2025=1)
    world.move_to_date(2025_01_03)
    world.apply(HOLDING, produce(600, HOLDING, "C-1", day=2024_12_31))
    assert (account(world).used, account(world, year=2025).used) == (600, 0)


def test_a_period_over_new_year_has_no_quota_at_all() -> None:
    world = two_years()
    world.move_to_date(2025_01_10)
    across = msgspec.structs.replace(
        produce(1, HOLDING, "C-1", day=2025_01_05), period_from=CivilDate(2024_12_31)
    )
    assert_refused(
        world.refusal(HOLDING, across), RefusalCode.PERIOD_CROSSES_YEAR, field="period_from"
    )


def test_nothing_is_granted_or_split_out_of_a_year_that_is_over() -> None:
    world = two_years()
    world.move_to(civil.start_of_year(2025, UTC_OFFSET_MINUTES))
    for author, record in ((MINISTRY, grant(2024, ROCK, MINE_A, 1)), (HOLDING, split(1))):
        refusal = world.refusal(author, record)
        assert_refused(refusal, RefusalCode.YEAR_OVER, field="year", year=2024)


def test_the_debt_of_the_old_year_does_not_lapse_with_it() -> None:
    world = two_years(in_2024=1_000, in_2025=100)
    world.apply(HOLDING, produce(1_000, HOLDING, "C-1"))
    world.move_to_date(2025_01_10)
    world.apply(MINISTRY, cut(101))
    refusal = world.refusal(HOLDING, produce(1, HOLDING, "C-2", day=2025_01_10))
    assert_refused(refusal, RefusalCode.QUOTA_DEBT, field="elements", debt=1)
