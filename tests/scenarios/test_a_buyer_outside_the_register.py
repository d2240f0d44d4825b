"""A buyer outside the register: goods are offered to somebody whom nobody has approved."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberId
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    MINE,
    TRADER,
    accept,
    mined,
    offer,
    offered,
    suspend,
    trading_world,
)


def test_an_offer_to_a_stranger_is_refused_and_the_lot_stays_free() -> None:
    world = trading_world()
    lot = mined(world)
    refusal = world.refusal(MINE, offer(lot, buyer=MemberId("garage-co")))
    assert_refused(refusal, RefusalCode.BUYER_UNKNOWN, field="buyer", buyer="garage-co")
    world.apply(MINE, offer(lot, buyer=BUYER))


def test_a_stranger_cannot_accept_what_was_offered_to_a_straw_man() -> None:
    world = trading_world()
    lot, transfer = offered(world)
    refusal = world.refusal(TRADER, accept(lot, transfer))
    assert_refused(refusal, RefusalCode.NOT_THE_BUYER, field="transfer", buyer=BUYER)
    stranger = world.transaction(
        "garage-co", accept(lot, transfer), signers=((BUYER, Role.OPERATOR),)
    )
    refusal = world.refusal_of(stranger)
    assert_refused(refusal, RefusalCode.UNKNOWN_AUTHOR, field="author", author="garage-co")


def test_a_buyer_that_was_suspended_since_is_no_buyer() -> None:
    world = trading_world()
    lot = mined(world)
    suspend(world, BUYER)
    refusal = world.refusal(MINE, offer(lot))
    assert_refused(refusal, RefusalCode.BUYER_NOT_ACTIVE, field="buyer", buyer=BUYER)
