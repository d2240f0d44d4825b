"""``RevokeKey``: the end of a key."""

from __future__ import annotations

from ledger.records.add_key import AddKey
from ledger.records.record import Record
from ledger.records.revoke_key import RevokeKey
from ledger.refusal import RefusalCode
from ledger.state.tables import KEYS, MEMBERS
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberId
from tests.support.founding import MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of, new_key
from tests.support.refusals import assert_refused
from tests.support.world import World

ADMIN = ((NORTH, Role.ADMIN),)


def revoking(role: Role, number: int = 0, owner: MemberId = NORTH) -> RevokeKey:
    return RevokeKey(owner=owner, key=key_of(owner, role, number), reason="no longer used")


def adding_admin(
    world: World, number: int, *, valid_from_ms: int = 0, valid_until_ms: int = 2**62
) -> Record:
    key = new_key(
        world.network,
        NORTH,
        Role.ADMIN,
        number,
        valid_from_ms=valid_from_ms,
        valid_until_ms=valid_until_ms,
    )
    return AddKey(owner=NORTH, new=key)


def test_a_revoked_key_signs_nothing_any_more_and_is_never_entered_again() -> None:
    world = World()
    filing = world.apply(NORTH, revoking(Role.OPERATOR), signers=ADMIN)
    assert world.expect(KEYS, key_of(NORTH, Role.OPERATOR)).revoked_ms == world.time_ms
    refusal = world.refusal(NORTH, revoking(Role.FILING), signers=((NORTH, Role.OPERATOR),))
    assert_refused(refusal, RefusalCode.KEY_REVOKED, field="signatures", owner=NORTH)
    again = AddKey(owner=NORTH, new=new_key(world.network, NORTH, Role.OPERATOR))
    refusal = world.refusal(NORTH, again, signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="new.key")
    assert filing.author == NORTH


def test_a_key_is_revoked_once() -> None:
    world = World()
    world.apply(NORTH, revoking(Role.OPERATOR), signers=ADMIN)
    revoked_ms = world.time_ms
    refusal = world.refusal(NORTH, revoking(Role.OPERATOR), signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_REVOKED, field="key", revoked_ms=revoked_ms)


def test_a_key_that_nobody_has_cannot_be_revoked() -> None:
    world = World()
    refusal = world.refusal(NORTH, revoking(Role.OPERATOR, 9), signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_UNKNOWN, field="key")


def test_a_key_of_another_cannot_be_revoked() -> None:
    world = World()
    record = RevokeKey(owner=NORTH, key=key_of(SOUTH, Role.OPERATOR), reason="not mine")
    refusal = world.refusal(NORTH, record, signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_OF_ANOTHER, field="key", owner=SOUTH)


def test_the_owner_revokes_and_nobody_else_not_even_the_ministry() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, revoking(Role.OPERATOR), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.KEY_OF_ANOTHER, field="owner", owner=NORTH)
    refusal = world.refusal(NORTH, revoking(Role.OPERATOR), signers=((NORTH, Role.OPERATOR),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_the_only_admin_key_cannot_be_revoked() -> None:
    world = World()
    refusal = world.refusal(NORTH, revoking(Role.ADMIN), signers=ADMIN)
    assert_refused(refusal, RefusalCode.LAST_ADMIN_KEY, field="key", others=0)


def test_an_admin_key_is_revoked_when_another_is_valid() -> None:
    world = World()
    world.apply(NORTH, adding_admin(world, 1), signers=ADMIN)
    world.apply(NORTH, revoking(Role.ADMIN), signers=ADMIN)
    assert world.expect(MEMBERS, NORTH).admin_keys == (key_of(NORTH, Role.ADMIN, 1),)
    refusal = world.refusal(NORTH, revoking(Role.FILING), signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_REVOKED, field="signatures")


def test_two_admin_keys_cannot_both_go_in_one_transaction() -> None:
    world = World()
    world.apply(NORTH, adding_admin(world, 1), signers=ADMIN)
    refusal = world.refusal(NORTH, revoking(Role.ADMIN, 1), revoking(Role.ADMIN), signers=ADMIN)
    assert_refused(refusal, RefusalCode.LAST_ADMIN_KEY, field="key")
    assert refusal.record_index == 1


def test_an_expired_admin_key_does_not_count_from_its_first_invalid_millisecond() -> None:
    world = World()
    until_ms = world.time_ms + 100
    world.apply(NORTH, adding_admin(world, 1, valid_until_ms=until_ms), signers=ADMIN)
    world.move_to(until_ms)
    refusal = world.refusal(NORTH, revoking(Role.ADMIN), signers=ADMIN)
    assert_refused(refusal, RefusalCode.LAST_ADMIN_KEY, field="key", others=1)
    world.move_to(until_ms - 1)
    world.apply(NORTH, revoking(Role.ADMIN), signers=ADMIN)


def test_an_admin_key_that_is_not_valid_yet_counts_from_its_first_millisecond() -> None:
    world = World()
    from_ms = world.time_ms + 100
    world.apply(NORTH, adding_admin(world, 1, valid_from_ms=from_ms), signers=ADMIN)
    world.move_to(from_ms - 1)
    refusal = world.refusal(NORTH, revoking(Role.ADMIN), signers=ADMIN)
    assert_refused(refusal, RefusalCode.LAST_ADMIN_KEY, field="key", others=1)
    world.move_to(from_ms)
    world.apply(NORTH, revoking(Role.ADMIN), signers=ADMIN)


def test_keys_in_use_by_a_current_validator_stay_until_validators_change() -> None:
    world = World()
    for role in (Role.CONSENSUS, Role.NODE):
        refusal = world.refusal(NORTH, revoking(role), signers=ADMIN)
        assert_refused(refusal, RefusalCode.KEY_OF_VALIDATOR, field="key", validator=NORTH)
        spare = AddKey(owner=NORTH, new=new_key(world.network, NORTH, role, 1))
        world.apply(NORTH, spare, signers=ADMIN)
        world.apply(NORTH, revoking(role, 1), signers=ADMIN)
