"""A revoked key: a dismissed operator keeps the key and goes on signing."""

from __future__ import annotations

from ledger.records.add_key import AddKey
from ledger.records.revoke_key import RevokeKey
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import TimeMs
from tests.support.keys import key_of, new_key, sign_of
from tests.support.refusals import assert_refused
from tests.support.trading import BUYER, MINE, accept, lot_row, mined, offer, offered, trading_world
from tests.support.world import World

ADMIN = ((MINE, Role.ADMIN),)


def revoke(world: World, *, role: Role = Role.OPERATOR) -> None:
    record = RevokeKey(owner=MINE, key=key_of(MINE, role), reason="left the company")
    world.apply(MINE, record, signers=ADMIN)


def test_it_signs_nothing_from_the_next_transaction_on() -> None:
    world = trading_world()
    lot = mined(world)
    prepared = world.transaction(MINE, offer(lot))
    revoke(world)
    # Signed before the revocation, and still not in: the block's time counts, not the signature's.
    assert_refused(world.refusal_of(prepared), RefusalCode.KEY_REVOKED, field="signatures")
    assert_refused(world.refusal(MINE, offer(lot)), RefusalCode.KEY_REVOKED, field="signatures")


def test_what_it_signed_before_stays_valid() -> None:
    world = trading_world()
    lot, transfer = offered(world)
    revoke(world)
    world.apply(BUYER, accept(lot, transfer))
    assert lot_row(world, lot).owner == BUYER


def test_it_is_not_entered_again_by_the_owner_or_by_anybody() -> None:
    world = trading_world()
    revoke(world)
    again = AddKey(owner=MINE, new=new_key(world.network, MINE, Role.OPERATOR))
    refusal = world.refusal(MINE, again, signers=ADMIN)
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="new.key")


def test_revocation_and_use_race_in_one_block_and_the_order_decides() -> None:
    world = trading_world()
    lot = mined(world)
    record = RevokeKey(owner=MINE, key=key_of(MINE, Role.OPERATOR), reason="stolen")
    revoking = world.transaction(MINE, record, signers=ADMIN)
    using = world.transaction(MINE, offer(lot))
    assert [tx for tx, _why in world.build(revoking, using).left_out] == [using]
    assert world.build(using, revoking).left_out == ()


def test_a_second_operator_key_goes_on_and_an_expired_one_does_not() -> None:
    world = trading_world()
    lot = mined(world)
    until = TimeMs(world.time_ms + 1_000)
    second = new_key(world.network, MINE, Role.OPERATOR, 1, valid_until_ms=until)
    world.apply(MINE, AddKey(owner=MINE, new=second), signers=ADMIN)
    revoke(world)
    signing = {second.key: sign_of(MINE, Role.OPERATOR, 1)}
    world.move_to(until)
    refusal = world.refusal_of(world.transaction_by(MINE, offer(lot), signing=signing))
    assert_refused(refusal, RefusalCode.KEY_NOT_VALID, field="signatures", time_ms=until)
    world.move_to(until - 1)
    built = world.commit(world.transaction_by(MINE, offer(lot), signing=signing))
    assert built.left_out == ()
