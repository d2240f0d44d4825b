"""A seller takes an offer back as long as nobody has answered it."""

from __future__ import annotations

import pytest

from ledger.records.cancel_transfer import CancelTransfer
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, LotId
from tests.support.trading import (
    BUYER,
    MINE,
    TRADER,
    accept,
    cancel,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    offer_part,
    offered,
    reject,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return trading_world()


def test_the_lot_is_free_again(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(MINE, cancel(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.transfer, row.date) == (MINE, None, 20240323)


def test_a_cancelled_part_stays_a_lot_of_its_own(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, offer_part(lot, 400_000))
    world.apply(MINE, cancel(lot_of(transaction), transfer_of(transaction)))
    assert lot_row(world, lot_of(transaction)).gross == 400_000
    assert lot_row(world, lot).gross == 600_000


def test_only_the_seller_cancels(world: World) -> None:
    lot, transfer = offered(world)
    for author in (BUYER, TRADER):
        refused = world.refusal(author, cancel(lot, transfer))
        assert (refused.code, refused.figures["seller"]) == (RefusalCode.NOT_THE_SELLER, MINE)


def test_an_answered_offer_cannot_be_cancelled(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    refused = world.refusal(MINE, cancel(lot, transfer, date=CivilDate(2024_03_26)))
    assert refused.code is RefusalCode.TRANSFER_UNKNOWN
    other = mined(world, code="C-2")
    transaction = world.apply(MINE, offer_part(other, 400_000))
    part, transfer = lot_of(transaction), transfer_of(transaction)
    world.apply(BUYER, reject(part, transfer))
    refused = world.refusal(MINE, cancel(part, transfer, date=CivilDate(2024_03_26)))
    assert refused.code is RefusalCode.TRANSFER_UNKNOWN


def test_of_acceptance_and_cancellation_in_one_block_the_first_wins(world: World) -> None:
    lot, transfer = offered(world)
    taking = world.transaction(BUYER, accept(lot, transfer))
    withdrawing = world.transaction(MINE, cancel(lot, transfer))
    for first, second in ((taking, withdrawing), (withdrawing, taking)):
        built = world.build(first, second)
        assert built.included == (first,)
        assert built.left_out[0][1].code is RefusalCode.TRANSFER_UNKNOWN


def test_a_suspended_seller_may_not_cancel(world: World) -> None:
    lot, transfer = offered(world)
    suspend(world, MINE)
    assert world.refusal(MINE, cancel(lot, transfer)).code is RefusalCode.AUTHOR_SUSPENDED


def test_a_cancellation_is_dated_between_the_offer_and_today_in_an_open_month(
    world: World,
) -> None:
    lot, transfer = offered(world)
    for date, code in (
        (2024_03_21, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(MINE, cancel(lot, transfer, date=CivilDate(date))).code is code
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, cancel(lot, transfer)).code is RefusalCode.MONTH_FILED


def test_a_cancellation_touches_both(world: World) -> None:
    lot, transfer = offered(world)
    before = world.expect(MEMBER_MONTHS, BUYER, 202403).count
    world.apply(MINE, cancel(lot, transfer))
    assert world.expect(MEMBER_MONTHS, BUYER, 202403).count == before + 1


def test_a_cancellation_gives_a_reason() -> None:
    lot = LotId(bytes(16))
    with pytest.raises(NotCanonicalError):
        decode(CancelTransfer, encode(cancel(lot, lot, reason="")))
