"""``SetPlan``: the national total of a bucket and year."""

from __future__ import annotations

from ledger import civil
from ledger.records.set_plan import SetPlan
from ledger.refusal import RefusalCode
from ledger.state.tables import PLANS
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import I64_MAX, Grams
from tests.support.founding import MINISTRY, NORTH, UTC_OFFSET_MINUTES
from tests.support.refusals import assert_refused
from tests.support.world import World, digest_of

YEAR_END_MS = civil.start_of_year(2025, UTC_OFFSET_MINUTES)


def planning(year: int = 2024, total: int = 135_000_000_000) -> SetPlan:
    return SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(total), document=digest_of("notice")
    )


def test_a_plan_names_its_notice_and_its_record() -> None:
    world = World()
    transaction = world.apply(MINISTRY, planning())
    row = world.expect(PLANS, 2024, int(Bucket.ROCK_MINING))
    assert (row.total, row.granted, row.document) == (135_000_000_000, 0, digest_of("notice"))
    assert (row.set_by.tx_id, row.set_by.index) == (transaction.tx_id, 0)


def test_only_the_ministry_plans_with_an_operator_key() -> None:
    world = World()
    assert_refused(world.refusal(NORTH, planning()), RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(MINISTRY, planning(), signers=((MINISTRY, Role.FILING),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_a_plan_is_set_once_for_each_year_and_bucket() -> None:
    world = World()
    world.apply(MINISTRY, planning(total=7))
    refusal = world.refusal(MINISTRY, planning(total=8))
    assert_refused(refusal, RefusalCode.PLAN_EXISTS, field="year", total=7)
    world.apply(MINISTRY, planning(year=2025))
    world.plan(2024, Bucket.IONIC_MINING, 8)


def test_a_plan_of_one_gram_is_one_and_none_is_refused() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, planning(total=0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="total", found=0, least=1)
    world.apply(MINISTRY, planning(total=1))
    world.apply(MINISTRY, planning(year=2025, total=I64_MAX))


def test_a_plan_comes_until_the_last_millisecond_of_its_civil_year() -> None:
    world = World()
    world.move_to(YEAR_END_MS)
    refusal = world.refusal(MINISTRY, planning())
    assert_refused(refusal, RefusalCode.YEAR_OVER, field="year", end_ms=YEAR_END_MS, year=2024)
    world.move_to(YEAR_END_MS - 1)
    world.apply(MINISTRY, planning())


def test_a_plan_may_come_before_its_year() -> None:
    World().apply(MINISTRY, planning(year=9999))
