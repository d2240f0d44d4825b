"""``SplitQuota``: from a holding to its mines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import civil
from ledger.records.split_quota import (
    ALERT_SPLIT_LATE,
    SUBSIDIARIES_MAX,
    _working_days_before,
)
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode, Refused
from ledger.state.tables import ALERTS, MEMBER_MONTHS, QUOTAS, SPLITS
from ledger.vocabulary import Activity, Role
from ledger.wire.scalars import MemberId, TimeMs
from tests.support.founding import MINISTRY, NORTH, UTC_OFFSET_MINUTES
from tests.support.quotas import (
    HOLDING,
    MINE_A,
    MINE_B,
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
from tests.support.world import World


def test_grams_move_from_the_holding_to_the_mine_and_are_used_there() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, split(600))
    assert (account(world).split_out, account(world).left) == (600, 400)
    assert (account(world, MINE_A).split_in, account(world, MINE_A).left) == (600, 600)
    assert world.expect(SPLITS, 2024, int(ROCK), HOLDING).parts == ((MINE_A, 600),)
    assert world.expect(MEMBER_MONTHS, MINE_A, 202401).count == 3
    refusal = world.refusal(MINE_A, produce(601, MINE_A, "C-1"))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="elements", missing=1)
    world.apply(MINE_A, produce(600, MINE_A, "C-1"))
    assert account(world, MINE_A).left == 0


def test_a_split_takes_the_last_free_gram_and_no_gram_more() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(300, HOLDING, "C-1"))
    refusal = world.refusal(HOLDING, split(701))
    assert_refused(
        refusal, RefusalCode.QUOTA_EXCEEDED, field="grams", asked=701, free=700, missing=1
    )
    refusal = world.refusal(HOLDING, split(700), split(1, MINE_B))
    assert (refusal.code, refusal.record_index) == (RefusalCode.QUOTA_EXCEEDED, 1)
    world.apply(HOLDING, split(700))
    assert account(world).left == 0


def test_what_was_received_by_a_split_is_not_split_on() -> None:
    world = group_world(granted=1_000)
    world.grant(2024, ROCK, MINE_A, 50)
    world.apply(HOLDING, split(600))
    refusal = world.refusal(MINE_A, split(51, MINE_B))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="grams", free=50, left=650, missing=1)
    # Production counts against what was received first, so its own grams stay free.
    world.apply(MINE_A, produce(600, MINE_A, "C-1"))
    world.apply(MINE_A, split(50, MINE_B))
    assert account(world, MINE_A).left == 0


def test_an_advance_may_be_split() -> None:
    world = group_world(granted=0)
    world.apply(MINISTRY, advance(100))
    world.apply(HOLDING, split(100))
    assert account(world, MINE_A).left == 100
    world.grant(2024, ROCK, HOLDING, 100)
    assert (account(world).left, account(world).set_off) == (0, 100)


def test_quota_stays_within_the_group() -> None:
    world = group_world()
    for member in (STRANGER, HOLDING, NORTH):
        refusal = world.refusal(HOLDING, split(1, member))
        assert_refused(refusal, RefusalCode.NOT_SAME_GROUP, field="subsidiary", member=member)
    world.grant(2024, ROCK, STRANGER, 10)
    refusal = world.refusal(STRANGER, split(1))
    assert_refused(refusal, RefusalCode.NOT_SAME_GROUP, field="subsidiary")
    refusal = world.refusal(HOLDING, split(1, "nobody"))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="subsidiary")


def test_the_subsidiary_may_produce_and_is_active() -> None:
    world = group_world()
    world.admit("plant", activities=(Activity.SEPARATION,), group="big-group")
    refusal = world.refusal(HOLDING, split(1, "plant"))
    assert_refused(refusal, RefusalCode.ACTIVITY_MISSING, field="subsidiary", activity="mining")
    world.apply(MINISTRY, SuspendMember(member=MINE_A, reason="test", case="C-1"))
    refusal = world.refusal(HOLDING, split(1))
    assert_refused(refusal, RefusalCode.MEMBER_NOT_ACTIVE, field="subsidiary")


def test_the_holder_splits_with_its_operator_key_and_nobody_for_it() -> None:
    world = group_world()
    refusal = world.refusal(HOLDING, split(1), signers=((HOLDING, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")
    refusal = world.refusal(MINE_A, split(1, MINE_B))
    assert_refused(refusal, RefusalCode.QUOTA_EXCEEDED, field="grams", free=0, missing=1)
    world.apply(MINISTRY, SuspendMember(member=HOLDING, reason="test", case="C-1"))
    assert_refused(world.refusal(HOLDING, split(1)), RefusalCode.AUTHOR_SUSPENDED, field="author")


def test_a_split_of_nothing_is_refused() -> None:
    refusal = group_world().refusal(HOLDING, split(0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="grams", found=0, least=1)


def test_who_owes_passes_nothing_on() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(1_000, HOLDING, "C-1"))
    world.apply(MINISTRY, cut(1))
    refusal = world.refusal(HOLDING, split(1))
    assert_refused(refusal, RefusalCode.QUOTA_DEBT, field="bucket", debt=1)
    world.grant(2024, ROCK, HOLDING, 2)
    world.apply(HOLDING, split(1))


def test_a_split_comes_until_the_last_millisecond_of_its_year() -> None:
    world = group_world()
    end_ms = civil.start_of_year(2025, UTC_OFFSET_MINUTES)
    world.move_to(end_ms)
    assert_refused(world.refusal(HOLDING, split(1)), RefusalCode.YEAR_OVER, field="year")
    world.move_to(end_ms - 1)
    world.apply(HOLDING, split(1))


def test_the_tenth_working_day_is_in_time_and_the_eleventh_raises_an_alert() -> None:
    # The grant is of Tuesday 2 January 2024; ten working days later is Tuesday 16 January.
    for date, alerts in ((2024_01_16, []), (2024_01_17, [ALERT_SPLIT_LATE])):
        world = group_world()
        world.move_to_date(date, hour=0)
        transaction = world.apply(HOLDING, split(1))
        found = world.row(ALERTS, world.height, transaction.tx_id, 0, 0)
        assert [found.code] == alerts if found else not alerts
        if found:
            assert dict(found.figures) == {"grams": 1, "working_days": 11, "allowed": 10}
            assert found.member == HOLDING


@given(st.integers(0, 100_000))
def test_working_days_are_those_of_the_calendar(day: int) -> None:
    date = civil.date_of(TimeMs(day * civil.DAY_MS), 0)
    assert civil.start_of(date, 0) == day * civil.DAY_MS
    weekday = (day + 3) % 7
    assert _working_days_before(day + 1) - _working_days_before(day) == (weekday < 5)


def test_64_subsidiaries_and_one_more() -> None:
    world = group_world(granted=1_000)
    members = [f"plant-{number}" for number in range(SUBSIDIARIES_MAX + 1)]
    for member in members:
        world.admit(member, activities=(Activity.MINING,), group="big-group", roles=(Role.ADMIN,))
    world.apply(HOLDING, *(split(1, member) for member in members[:-1]))
    refusal = world.refusal(HOLDING, split(1, members[-1]))
    assert_refused(refusal, RefusalCode.SPLITS_TOO_MANY, field="subsidiary", subsidiaries=64)
    world.apply(HOLDING, split(1, members[0]))
    parts = world.expect(SPLITS, 2024, int(ROCK), HOLDING).parts
    assert parts[-1] == (MemberId(members[0]), 2)
    world.apply(MINISTRY, cut(1_000))
    assert world.expect(SPLITS, 2024, int(ROCK), HOLDING).parts == ()


@pytest.mark.parametrize("grams", [1, 999, 1_000])
def test_two_splits_of_one_block_race_for_the_same_grams(grams: int) -> None:
    world = group_world(granted=1_000)
    first = world.transaction(HOLDING, split(1_001 - grams))
    second = world.transaction(HOLDING, split(grams, MINE_B))
    built = world.commit(first, second)
    assert [refusal.code for _tx, refusal in built.left_out] == [RefusalCode.QUOTA_EXCEEDED]
    assert built.included == (first,)


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["split", "cut", "produce", "grant"]),
            st.sampled_from([HOLDING, MINE_A, MINE_B]),
            st.integers(1, 700),
        ),
        max_size=10,
    )
)
def test_splits_cuts_and_grants_add_up_whatever_happens(
    steps: list[tuple[str, MemberId, int]],
) -> None:
    world = group_world(granted=1_000)
    granted, used, taken = 1_000, 0, 0
    for number, (what, member, grams) in enumerate(steps):
        records = {
            "split": (HOLDING, split(grams, MINE_A if member == HOLDING else member)),
            "cut": (MINISTRY, cut(grams, member)),
            "produce": (member, produce(grams, member, f"C-{number}")),
        }
        try:
            if what == "grant":
                world.grant(2024, ROCK, member, grams)
            else:
                author, record = records[what]
                world.apply(author, record)
        except Refused:
            continue
        granted += grams * (what == "grant")
        used += grams * (what == "produce")
        taken += grams * (what == "cut")
    accounts = [account(world, member) for member in _with_account(world)]
    assert all(row.left >= 0 for row in accounts)
    assert sum(row.split_in for row in accounts) == sum(row.split_out for row in accounts)
    owed = sum(row.debt - row.debt_paid for row in accounts)
    assert sum(row.left for row in accounts) - owed == granted - used - taken


def _with_account(world: World) -> list[MemberId]:
    members = (HOLDING, MINE_A, MINE_B)
    return [member for member in members if world.row(QUOTAS, 2024, int(ROCK), member)]
