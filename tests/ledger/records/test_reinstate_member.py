"""``ReinstateMember``: the end of a suspension."""

from __future__ import annotations

from ledger.records.reinstate_member import ReinstateMember
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.tables import KEYS, MEMBER_MONTHS, MEMBERS, VALIDATORS
from ledger.vocabulary import MemberStatus, Role
from ledger.wire.scalars import MemberId
from tests.support.founding import MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of
from tests.support.refusals import assert_refused
from tests.support.world import World, ore_product


def reinstating(member: str = NORTH) -> ReinstateMember:
    return ReinstateMember(member=MemberId(member), reason="filings are in", case="C-2024/18")


def suspended_world() -> World:
    world = World()
    world.apply(MINISTRY, SuspendMember(member=NORTH, reason="no filings", case="C-2024/17"))
    return world


def test_a_reinstated_member_writes_again() -> None:
    world = suspended_world()
    refusal = world.refusal(NORTH, ore_product())
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")
    world.apply(MINISTRY, reinstating())
    row = world.expect(MEMBERS, NORTH)
    assert (row.status, row.status_reason) == (MemberStatus.ACTIVE, "")
    assert world.expect(MEMBER_MONTHS, NORTH, 202401).count == 2
    # The next rule answers, no longer the suspension.
    refusal = world.refusal(NORTH, ore_product())
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")


def test_only_a_suspended_member_is_reinstated_and_only_once() -> None:
    world = suspended_world()
    refusal = world.refusal(MINISTRY, reinstating(SOUTH))
    assert_refused(refusal, RefusalCode.MEMBER_NOT_SUSPENDED, field="member", member=SOUTH)
    refusal = world.refusal(MINISTRY, reinstating(), reinstating())
    assert_refused(refusal, RefusalCode.MEMBER_NOT_SUSPENDED, field="member")
    assert refusal.record_index == 1
    refusal = world.refusal(MINISTRY, reinstating("nobody"))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="member")


def test_only_the_ministry_reinstates_and_a_suspended_member_not_itself() -> None:
    world = suspended_world()
    assert_refused(world.refusal(SOUTH, reinstating()), RefusalCode.NOT_THE_MINISTRY, field="")
    assert_refused(
        world.refusal(NORTH, reinstating()), RefusalCode.AUTHOR_SUSPENDED, field="author"
    )
    refusal = world.refusal(MINISTRY, reinstating(), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_keys_and_validators_are_as_before() -> None:
    world = suspended_world()
    before = world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))
    world.apply(MINISTRY, reinstating())
    assert (world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))) == before
