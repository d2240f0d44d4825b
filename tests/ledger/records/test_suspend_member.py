"""``SuspendMember``: the end of everyday business, and of nothing else."""

from __future__ import annotations

import pytest

from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.tables import KEYS, MEMBER_MONTHS, MEMBERS, VALIDATORS
from ledger.vocabulary import MemberStatus, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import MemberId
from tests.support.founding import MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of
from tests.support.refusals import assert_refused
from tests.support.world import World


def suspending(member: str = NORTH, *, reason: str = "no filings since March") -> SuspendMember:
    return SuspendMember(member=MemberId(member), reason=reason, case="C-2024/17")


def test_a_suspended_member_is_told_why() -> None:
    world = World()
    world.apply(MINISTRY, suspending())
    row = world.expect(MEMBERS, NORTH)
    assert row.status is MemberStatus.SUSPENDED
    assert row.status_reason == "no filings since March (case C-2024/17)"
    assert world.expect(MEMBER_MONTHS, NORTH, 202401).count == 1
    refusal = world.refusal(NORTH, suspending(SOUTH))
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")
    assert "no filings since March" in refusal.sentence


def test_suspension_touches_neither_keys_nor_validators() -> None:
    world = World()
    before = world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))
    world.apply(MINISTRY, suspending())
    assert (world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))) == before


def test_only_the_ministry_suspends() -> None:
    refusal = World().refusal(SOUTH, suspending())
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")


def test_the_ministry_cannot_suspend_itself() -> None:
    refusal = World().refusal(MINISTRY, suspending(MINISTRY))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="member")


def test_a_member_is_suspended_once_and_must_be_admitted() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, suspending("nobody"))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="member")
    world.apply(MINISTRY, suspending())
    refusal = world.refusal(MINISTRY, suspending())
    assert_refused(refusal, RefusalCode.MEMBER_NOT_ACTIVE, field="member")


def test_the_longest_reason_fits_the_members_row_and_one_character_more_is_no_record() -> None:
    world = World()
    world.apply(MINISTRY, SuspendMember(member=NORTH, reason="x" * 800, case="C" * 128))
    assert len(world.expect(MEMBERS, NORTH).status_reason) > 900
    with pytest.raises(NotCanonicalError):
        decode(SuspendMember, encode(suspending(reason="x" * 801)))
