"""A mine sells a million grams twice: once on paper before the inspectors come, once behind their backs."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.vocabulary import Purpose
from ledger.wire.scalars import Grams
from tests.support.supervising import hold, inspect, supervised_world
from tests.support.trading import (
    BUYER,
    MINE,
    TRADER,
    accept,
    lot_row,
    mined,
    offer,
    offer_part,
    transfer_of,
)


def test_the_second_buyer_never_gets_the_goods_and_the_first_not_while_they_are_held() -> None:
    world = supervised_world()
    lot = mined(world)
    first = transfer_of(world.apply(MINE, offer(lot)))
    second = world.refusal(MINE, offer(lot, buyer=TRADER, invoice="INV-2"))
    assert second.code is RefusalCode.LOT_NOT_FREE
    inspect(world, hold(lot))
    assert world.refusal(BUYER, accept(lot, first)).code is RefusalCode.LOT_HELD
    assert lot_row(world, lot).owner == MINE


def test_two_offers_in_one_block_lock_the_lot_once() -> None:
    world = supervised_world()
    lot = mined(world)
    built = world.commit(
        world.transaction(MINE, offer(lot)),
        world.transaction(MINE, offer(lot, buyer=TRADER, invoice="INV-2")),
    )
    assert (len(built.included), built.left_out[0][1].code) == (1, RefusalCode.LOT_NOT_FREE)


def test_neither_a_part_nor_a_toll_nor_another_name_gets_around_the_hold() -> None:
    world = supervised_world()
    lot = mined(world)
    inspect(world, hold(lot))
    for record in (
        offer(lot),
        offer_part(lot, 10),
        offer_part(lot, 999_999),
        offer(lot, purpose=Purpose.TOLL, invoice=""),
        offer(lot, purpose=Purpose.CONSIGNMENT, invoice=""),
        offer_part(lot, 500_000, buyer=TRADER, part_gross=Grams(500_000)),
    ):
        assert world.refusal(MINE, record).code is RefusalCode.LOT_HELD
