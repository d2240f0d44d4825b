"""``AmendPlan``: another national total."""

from __future__ import annotations

from ledger import civil
from ledger.refusal import RefusalCode
from ledger.state.tables import PLANS
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import I64_MAX
from tests.support.founding import MINISTRY, UTC_OFFSET_MINUTES
from tests.support.quotas import HOLDING, ROCK, amending, group_world
from tests.support.refusals import assert_refused
from tests.support.world import digest_of, grant


def test_a_plan_grows_and_the_new_room_is_granted_to_the_gram() -> None:
    world = group_world(total=1_000, granted=1_000)
    transaction = world.apply(MINISTRY, amending(1_500))
    plan = world.expect(PLANS, 2024, int(ROCK))
    assert (plan.total, plan.granted, plan.document) == (1_500, 1_000, digest_of("amended plan"))
    assert plan.set_by.tx_id == transaction.tx_id
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, HOLDING, 501))
    assert_refused(refusal, RefusalCode.PLAN_EXCEEDED, field="grams", excess=1)
    world.apply(MINISTRY, grant(2024, ROCK, HOLDING, 500))


def test_a_plan_shrinks_down_to_its_grants_and_not_a_gram_further() -> None:
    world = group_world(total=2_000, granted=1_000)
    refusal = world.refusal(MINISTRY, amending(999))
    assert_refused(refusal, RefusalCode.PLAN_BELOW_GRANTED, field="total", granted=1_000, missing=1)
    world.apply(MINISTRY, amending(1_000))
    assert world.expect(PLANS, 2024, int(ROCK)).total == 1_000


def test_a_plan_of_nothing_is_refused_and_the_largest_is_not() -> None:
    world = group_world(granted=0)
    refusal = world.refusal(MINISTRY, amending(0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="total", found=0, least=1)
    world.apply(MINISTRY, amending(1))
    world.apply(MINISTRY, amending(I64_MAX))


def test_a_plan_is_set_before_it_is_amended() -> None:
    world = group_world()
    for record in (amending(9_999, year=2025), amending(9_999, bucket=Bucket.IONIC_MINING)):
        refusal = world.refusal(MINISTRY, record)
        assert_refused(refusal, RefusalCode.PLAN_UNKNOWN, field="year", year=record.year)


def test_a_plan_is_amended_until_the_last_millisecond_of_its_year() -> None:
    world = group_world()
    end_ms = civil.start_of_year(2025, UTC_OFFSET_MINUTES)
    world.move_to(end_ms)
    refusal = world.refusal(MINISTRY, amending(9_999))
    assert_refused(refusal, RefusalCode.YEAR_OVER, field="year", end_ms=end_ms)
    world.move_to(end_ms - 1)
    world.apply(MINISTRY, amending(9_999))


def test_only_the_ministry_amends_with_an_operator_key() -> None:
    world = group_world()
    assert_refused(world.refusal(HOLDING, amending(9_999)), RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(MINISTRY, amending(9_999), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")
