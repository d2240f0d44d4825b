"""``AddKey``: new keys of a member."""

from __future__ import annotations

import msgspec

from ledger.records.add_key import AddKey
from ledger.records.new_key import NewKey
from ledger.records.set_plan import SetPlan
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.rows import ADMIN_KEYS_MAX
from ledger.state.tables import KEYS, MEMBERS
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import Grams, MemberId
from tests.support.founding import MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of, new_key, sign_of
from tests.support.refusals import assert_refused
from tests.support.world import World, digest_of

ADMIN = ((NORTH, Role.ADMIN),)


def adding(world: World, role: Role, number: int = 1, owner: MemberId = NORTH) -> AddKey:
    return AddKey(owner=owner, new=new_key(world.network, owner, role, number))


def test_an_added_key_signs_from_the_next_transaction_on() -> None:
    world = World()
    plan = SetPlan(
        year=2024, bucket=Bucket.SEPARATION, total=Grams(1), document=digest_of("notice")
    )
    by_new_key = world.transaction_by(
        MINISTRY,
        plan,
        signing={key_of(MINISTRY, Role.OPERATOR, 1): sign_of(MINISTRY, Role.OPERATOR, 1)},
    )
    assert_refused(world.refusal_of(by_new_key), RefusalCode.UNKNOWN_KEY, field="signatures")
    world.apply(
        MINISTRY,
        adding(world, Role.OPERATOR, owner=MINISTRY),
        signers=((MINISTRY, Role.ADMIN),),
    )
    assert world.commit(by_new_key).included


def test_every_role_can_be_added_also_for_the_member_of_a_validator() -> None:
    world = World()
    for role in Role:
        world.apply(NORTH, adding(world, role), signers=ADMIN)
        row = world.expect(KEYS, key_of(NORTH, role, 1))
        assert (row.owner, row.role, row.revoked_ms) == (NORTH, role, 0)


def test_an_admin_key_of_the_owner_signs() -> None:
    world = World()
    record = adding(world, Role.OPERATOR)
    refusal = world.refusal(NORTH, record, signers=((NORTH, Role.OPERATOR),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")
    refusal = world.refusal(NORTH, record, signers=(*ADMIN, (NORTH, Role.OPERATOR)))
    assert_refused(refusal, RefusalCode.SIGNATURE_NOT_NEEDED, field="signatures")


def test_nobody_adds_keys_for_another_not_even_the_ministry() -> None:
    world = World()
    record = adding(world, Role.OPERATOR)
    for author in (SOUTH, MINISTRY):
        refusal = world.refusal(author, record, signers=((author, Role.ADMIN),))
        assert_refused(refusal, RefusalCode.KEY_OF_ANOTHER, field="owner", owner=NORTH)


def test_a_key_of_another_member_is_not_taken_over() -> None:
    world = World()
    taken = msgspec.structs.replace(
        new_key(world.network, NORTH, Role.ADMIN, 1), key=key_of(SOUTH, Role.ADMIN)
    )
    refusal = world.refusal(NORTH, AddKey(owner=NORTH, new=taken), signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="new.key", owner=SOUTH)


def test_the_new_key_proves_possession() -> None:
    world = World()
    unproven = msgspec.structs.replace(
        new_key(world.network, NORTH, Role.ADMIN, 1),
        proof=new_key(world.network, NORTH, Role.ADMIN, 2).proof,
    )
    refusal = world.refusal(NORTH, AddKey(owner=NORTH, new=unproven), signers=ADMIN)
    assert_refused(refusal, RefusalCode.POSSESSION_NOT_PROVEN, field="new.proof")


def test_a_key_that_expires_with_the_block_is_refused_and_a_millisecond_later_taken() -> None:
    world = World()
    block_ms = world.time_ms + 1

    def until(valid_until_ms: int) -> NewKey:
        return new_key(world.network, NORTH, Role.FILING, 1, valid_until_ms=valid_until_ms)

    refusal = world.refusal(NORTH, AddKey(owner=NORTH, new=until(block_ms)), signers=ADMIN)
    assert_refused(
        refusal, RefusalCode.VALIDITY_WINDOW, field="new.valid_until_ms", valid_until_ms=block_ms
    )
    world.apply(NORTH, AddKey(owner=NORTH, new=until(block_ms + 1)), signers=ADMIN)


def test_admin_keys_are_counted_up_to_the_limit() -> None:
    world = World()
    for number in range(1, ADMIN_KEYS_MAX):
        world.apply(NORTH, adding(world, Role.ADMIN, number), signers=ADMIN)
    assert len(world.expect(MEMBERS, NORTH).admin_keys) == ADMIN_KEYS_MAX
    refusal = world.refusal(NORTH, adding(world, Role.ADMIN, ADMIN_KEYS_MAX), signers=ADMIN)
    assert_refused(
        refusal, RefusalCode.TOO_MANY_ADMIN_KEYS, field="new.role", admin_keys=ADMIN_KEYS_MAX
    )
    world.apply(NORTH, adding(world, Role.OPERATOR), signers=ADMIN)


def test_a_suspended_member_adds_no_keys() -> None:
    world = World()
    world.apply(MINISTRY, SuspendMember(member=NORTH, reason="for a test", case="C-1"))
    refusal = world.refusal(NORTH, adding(world, Role.OPERATOR), signers=ADMIN)
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")
