"""``AdvanceQuota``: January's production, set off against the spring's grants."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import civil
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS, PLANS
from ledger.vocabulary import Role
from ledger.wire.scalars import I64_MAX
from tests.support.founding import MINISTRY, NORTH, UTC_OFFSET_MINUTES
from tests.support.quotas import HOLDING, MINE_A, MINE_B, ROCK, account, advance, group_world
from tests.support.refusals import assert_refused
from tests.support.world import grant


def test_an_advance_may_be_used_before_the_first_batch_and_needs_no_plan() -> None:
    world = group_world(granted=0)
    world.apply(MINISTRY, advance(300, year=2025), advance(300, MINE_A))
    assert account(world, year=2025).left == 300
    assert (account(world, MINE_A).advanced, account(world, MINE_A).granted) == (300, 0)
    assert world.expect(PLANS, 2024, int(ROCK)).granted == 0
    assert world.expect(MEMBER_MONTHS, MINE_A, 202401).count == 3


def test_grants_replace_the_advance_before_they_add_to_it() -> None:
    world = group_world(granted=0)
    world.apply(MINISTRY, advance(300))
    lefts = []
    for grams in (299, 2, 100):
        world.grant(2024, ROCK, HOLDING, grams)
        lefts.append(account(world).left)
    # 299 g are set off whole, of 2 g one is, and what follows adds.
    assert lefts == [300, 301, 401]
    assert (account(world).advanced, account(world).set_off) == (300, 300)


def test_nothing_is_advanced_once_a_gram_is_granted_to_anybody() -> None:
    world = group_world(granted=0)
    world.apply(MINISTRY, advance(1))
    world.grant(2024, ROCK, MINE_B, 1)
    refusal = world.refusal(MINISTRY, advance(1))
    assert_refused(refusal, RefusalCode.FIRST_BATCH_GRANTED, field="year", granted=1)
    refusal = world.refusal(
        MINISTRY, advance(1, year=2025), grant(2024, ROCK, MINE_A, 1), advance(1)
    )
    assert refusal.record_index == 2


def test_an_advance_of_nothing_is_refused_and_the_largest_fits() -> None:
    world = group_world(granted=0)
    refusal = world.refusal(MINISTRY, advance(0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="grams", found=0, least=1)
    world.apply(MINISTRY, advance(I64_MAX - 1), advance(1))
    refusal = world.refusal(MINISTRY, advance(1))
    assert_refused(refusal, RefusalCode.SUM_TOO_LARGE, field="grams", total=I64_MAX + 1)


def test_the_grantee_may_produce_and_is_active() -> None:
    world = group_world(granted=0)
    refusal = world.refusal(MINISTRY, advance(1, NORTH))
    assert_refused(refusal, RefusalCode.ACTIVITY_MISSING, field="grantee", activity="mining")
    world.apply(MINISTRY, SuspendMember(member=MINE_A, reason="test", case="C-1"))
    refusal = world.refusal(MINISTRY, advance(1, MINE_A))
    assert_refused(refusal, RefusalCode.MEMBER_NOT_ACTIVE, field="grantee")
    refusal = world.refusal(MINISTRY, advance(1, "nobody"))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="grantee")


def test_an_advance_comes_until_the_last_millisecond_of_its_year() -> None:
    world = group_world(granted=0)
    end_ms = civil.start_of_year(2025, UTC_OFFSET_MINUTES)
    world.move_to(end_ms)
    assert_refused(world.refusal(MINISTRY, advance(1)), RefusalCode.YEAR_OVER, field="year")
    world.move_to(end_ms - 1)
    world.apply(MINISTRY, advance(1))


def test_only_the_ministry_advances() -> None:
    world = group_world(granted=0)
    assert_refused(world.refusal(HOLDING, advance(1)), RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(MINISTRY, advance(1), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


@settings(max_examples=20, deadline=None)
@given(
    advances=st.lists(st.integers(1, 500), max_size=4),
    grants=st.lists(st.integers(1, 500), max_size=4),
)
def test_an_account_never_holds_more_than_the_larger_of_advances_and_grants(
    advances: list[int], grants: list[int]
) -> None:
    world = group_world(granted=0)
    for grams in advances:
        world.apply(MINISTRY, advance(grams))
    for grams in grants:
        world.grant(2024, ROCK, HOLDING, grams)
    if advances or grants:
        assert account(world).left == max(sum(advances), sum(grants))
