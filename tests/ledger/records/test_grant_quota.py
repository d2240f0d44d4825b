"""``GrantQuota``: parts of the plan."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import civil
from ledger.records.grant_quota import ACTIVITY_OF_BUCKET, GRANTS_KEPT
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode, Refused
from ledger.state.tables import MEMBER_MONTHS, PLANS, QUOTAS
from ledger.vocabulary import Activity, Bucket, Role
from ledger.wire.scalars import I64_MAX, MemberId
from tests.support.founding import MINISTRY, NORTH, UTC_OFFSET_MINUTES
from tests.support.refusals import assert_refused
from tests.support.world import World, grant

ROCK = Bucket.ROCK_MINING
YEAR_END_MS = civil.start_of_year(2025, UTC_OFFSET_MINUTES)


def planned_world(total: int = 1_000) -> World:
    world = World()
    world.admit("mine-a", activities=(Activity.MINING,))
    world.admit("mine-b", activities=(Activity.MINING,))
    world.admit("plant-a", activities=(Activity.SEPARATION,))
    world.plan(2024, ROCK, total)
    return world


def test_a_grant_moves_grams_from_the_plan_to_the_account() -> None:
    world = planned_world()
    transaction = world.apply(MINISTRY, grant(2024, ROCK, "mine-a", 400))
    assert world.expect(PLANS, 2024, int(ROCK)).granted == 400
    account = world.expect(QUOTAS, 2024, int(ROCK), "mine-a")
    assert (account.granted, account.used, account.left) == (400, 0, 400)
    assert [reference.tx_id for reference in account.grants] == [transaction.tx_id]
    assert world.expect(MEMBER_MONTHS, "mine-a", 202401).count == 2


def test_grants_use_up_the_plan_to_the_last_gram_and_no_gram_more() -> None:
    world = planned_world(1_000)
    world.apply(MINISTRY, grant(2024, ROCK, "mine-a", 400))
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-b", 601))
    assert_refused(refusal, RefusalCode.PLAN_EXCEEDED, field="grams", grams=601, left=600, excess=1)
    world.apply(MINISTRY, grant(2024, ROCK, "mine-b", 600))
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-b", 1))
    assert_refused(refusal, RefusalCode.PLAN_EXCEEDED, field="grams", left=0, excess=1)


def test_grants_in_one_transaction_count_together() -> None:
    world = planned_world(1_000)
    refusal = world.refusal(
        MINISTRY, grant(2024, ROCK, "mine-a", 500), grant(2024, ROCK, "mine-b", 501)
    )
    assert_refused(refusal, RefusalCode.PLAN_EXCEEDED, field="grams", left=500)
    assert refusal.record_index == 1
    world.apply(MINISTRY, grant(2024, ROCK, "mine-a", 500), grant(2024, ROCK, "mine-b", 500))


def test_a_grant_of_one_gram_is_one_and_none_is_refused() -> None:
    world = planned_world()
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-a", 0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="grams", found=0, least=1)
    world.apply(MINISTRY, grant(2024, ROCK, "mine-a", 1))


def test_the_largest_plan_can_be_granted_whole() -> None:
    world = planned_world(I64_MAX)
    world.apply(MINISTRY, grant(2024, ROCK, "mine-a", I64_MAX))
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-a", I64_MAX))
    assert_refused(refusal, RefusalCode.PLAN_EXCEEDED, field="grams", excess=I64_MAX)


def test_a_plan_is_set_before_it_is_granted() -> None:
    world = planned_world()
    for year, bucket in ((2025, ROCK), (2024, Bucket.IONIC_MINING)):
        refusal = world.refusal(MINISTRY, grant(year, bucket, "mine-a", 1))
        assert_refused(refusal, RefusalCode.PLAN_UNKNOWN, field="year", year=year)


def test_the_grantee_has_the_activity_of_the_bucket() -> None:
    world = planned_world()
    for bucket, activity in ACTIVITY_OF_BUCKET.items():
        if bucket is not ROCK:
            world.plan(2024, bucket, 10)
        for member, is_mine in (("mine-a", True), ("plant-a", False)):
            record = grant(2024, bucket, member, 1)
            if is_mine == (activity is Activity.MINING):
                world.apply(MINISTRY, record)
            else:
                refusal = world.refusal(MINISTRY, record)
                assert_refused(refusal, RefusalCode.ACTIVITY_MISSING, field="grantee")
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, NORTH, 1))
    assert_refused(refusal, RefusalCode.ACTIVITY_MISSING, field="grantee", activity="mining")


def test_the_grantee_is_admitted_and_active() -> None:
    world = planned_world()
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-x", 1))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="grantee", member="mine-x")
    world.apply(MINISTRY, SuspendMember(member=MemberId("mine-a"), reason="test", case="C-1"))
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-a", 1))
    assert_refused(refusal, RefusalCode.MEMBER_NOT_ACTIVE, field="grantee", member="mine-a")


def test_only_the_ministry_grants_with_an_operator_key() -> None:
    world = planned_world()
    refusal = world.refusal("mine-a", grant(2024, ROCK, "mine-a", 1))
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(
        MINISTRY, grant(2024, ROCK, "mine-a", 1), signers=((MINISTRY, Role.ADMIN),)
    )
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_a_grant_comes_until_the_last_millisecond_of_its_civil_year() -> None:
    world = planned_world()
    world.move_to(YEAR_END_MS)
    refusal = world.refusal(MINISTRY, grant(2024, ROCK, "mine-a", 1))
    assert_refused(refusal, RefusalCode.YEAR_OVER, field="year", end_ms=YEAR_END_MS)
    world.move_to(YEAR_END_MS - 1)
    world.apply(MINISTRY, grant(2024, ROCK, "mine-a", 1))


def test_an_account_keeps_its_newest_grants() -> None:
    world = planned_world()
    records = [grant(2024, ROCK, "mine-a", 1) for _ in range(GRANTS_KEPT + 1)]
    transaction = world.apply(MINISTRY, *records)
    account = world.expect(QUOTAS, 2024, int(ROCK), "mine-a")
    assert account.granted == GRANTS_KEPT + 1
    assert [reference.index for reference in account.grants] == list(range(1, GRANTS_KEPT + 1))
    assert {reference.tx_id for reference in account.grants} == {transaction.tx_id}


@settings(max_examples=25, deadline=None)
@given(
    grants=st.lists(
        st.tuples(st.sampled_from(["mine-a", "mine-b"]), st.integers(1, 600)), max_size=12
    )
)
def test_accounts_always_add_up_to_what_the_plan_says_is_granted(
    grants: list[tuple[str, int]],
) -> None:
    world = planned_world(1_000)
    for grantee, grams in grants:
        built = world.commit(world.transaction(MINISTRY, grant(2024, ROCK, grantee, grams)))
        plan = world.expect(PLANS, 2024, int(ROCK))
        accounts = [world.row(QUOTAS, 2024, int(ROCK), member) for member in ("mine-a", "mine-b")]
        assert plan.granted == sum(account.granted for account in accounts if account)
        assert plan.granted <= plan.total
        for _left_out, refusal in built.left_out:
            assert isinstance(refusal, Refused)
            assert plan.granted + grams > plan.total
