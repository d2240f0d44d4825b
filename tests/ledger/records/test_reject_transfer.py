"""A rejected offer leaves the goods with the seller."""

from __future__ import annotations

import pytest

from ledger.records.reject_transfer import RejectTransfer
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Purpose
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, LotId
from tests.support.trading import (
    BUYER,
    MINE,
    TODAY,
    TRADER,
    accept,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    offer,
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


def test_the_lot_is_the_sellers_again_and_may_be_offered_again(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, reject(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.transfer, row.date) == (MINE, MINE, None, 20240325)
    world.apply(MINE, offer(lot, buyer=TRADER, invoice="INV-2", date=CivilDate(2024_03_25)))


def test_nothing_done_later_is_dated_before_the_goods_were_back(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, reject(lot, transfer))
    refused = world.refusal(MINE, offer(lot, date=CivilDate(2024_03_24)))
    assert refused.code is RefusalCode.DATE_BEFORE_INPUT


def test_a_rejected_part_stays_a_lot_of_its_own(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, offer_part(lot, 400_000))
    part = lot_of(transaction)
    world.apply(BUYER, reject(part, transfer_of(transaction)))
    assert (lot_row(world, part).gross, lot_row(world, lot).gross) == (400_000, 600_000)
    assert lot_row(world, part).transfer is None


def test_only_the_buyer_rejects_and_only_once(world: World) -> None:
    lot, transfer = offered(world)
    assert world.refusal(MINE, reject(lot, transfer)).code is RefusalCode.NOT_THE_BUYER
    world.apply(BUYER, reject(lot, transfer))
    assert world.refusal(BUYER, reject(lot, transfer)).code is RefusalCode.TRANSFER_UNKNOWN
    assert world.refusal(BUYER, accept(lot, transfer)).code is RefusalCode.TRANSFER_UNKNOWN


def test_a_suspended_buyer_may_reject(world: World) -> None:
    lot, transfer = offered(world)
    suspend(world, BUYER)
    world.apply(BUYER, reject(lot, transfer))
    assert lot_row(world, lot).holds == ()


def test_a_rejected_return_stays_with_the_holder(world: World) -> None:
    lot, transfer = offered(world, purpose=Purpose.TOLL)
    world.apply(BUYER, accept(lot, transfer))
    back = world.apply(
        BUYER, offer(lot, buyer=MINE, purpose=Purpose.RETURN, invoice="", date=TODAY)
    )
    world.apply(MINE, reject(lot, transfer_of(back), date=TODAY))
    assert (lot_row(world, lot).owner, lot_row(world, lot).holder) == (MINE, BUYER)


def test_a_rejection_is_dated_between_the_offer_and_today_in_an_open_month(world: World) -> None:
    lot, transfer = offered(world)
    for date, code in (
        (2024_03_21, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(BUYER, reject(lot, transfer, date=CivilDate(date))).code is code
    mark_filed(world, BUYER, 202403)
    assert world.refusal(BUYER, reject(lot, transfer)).code is RefusalCode.MONTH_FILED


def test_a_rejection_touches_both(world: World) -> None:
    lot, transfer = offered(world)
    counts = [world.expect(MEMBER_MONTHS, member, 202403).count for member in (MINE, BUYER)]
    world.apply(BUYER, reject(lot, transfer))
    after = [world.expect(MEMBER_MONTHS, member, 202403).count for member in (MINE, BUYER)]
    assert after == [count + 1 for count in counts]


def test_a_rejection_gives_a_reason() -> None:
    lot = LotId(bytes(16))
    for reason in ("", "x" * 1_025):
        with pytest.raises(NotCanonicalError):
            decode(RejectTransfer, encode(reject(lot, lot, reason=reason)))
