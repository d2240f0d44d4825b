"""Who holds a lot takes it elsewhere; nothing else changes."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.move_lot import MoveLot
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Purpose, Role
from ledger.wire.scalars import CivilDate, LotId
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    MINE,
    TODAY,
    accept,
    lot_row,
    mark_filed,
    mined,
    offer,
    place_hold,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return trading_world()


def move(lot: LotId, **changes: object) -> MoveLot:
    record = MoveLot(lot=lot, date=CivilDate(2024_03_21), place="Baotou, store 2")
    return msgspec.structs.replace(record, **changes)


def test_only_place_and_date_change(world: World) -> None:
    lot = mined(world)
    before = lot_row(world, lot)
    world.apply(MINE, move(lot))
    expected = msgspec.structs.replace(before, place="Baotou, store 2", date=CivilDate(2024_03_21))
    assert lot_row(world, lot) == expected


def test_the_holder_moves_and_the_owner_is_told(world: World) -> None:
    lot = mined(world)
    transfer = transfer_of(world.apply(MINE, offer(lot, purpose=Purpose.TOLL)))
    world.apply(BUYER, accept(lot, transfer))
    assert world.refusal(MINE, move(lot, date=TODAY)).code is RefusalCode.LOT_OF_ANOTHER
    before = world.expect(MEMBER_MONTHS, MINE, 202403).count
    world.apply(BUYER, move(lot, date=TODAY))
    assert world.expect(MEMBER_MONTHS, MINE, 202403).count == before + 1


def test_a_move_to_where_it_is_says_nothing(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, move(lot, place=lot_row(world, lot).place))
    assert_refused(refused, RefusalCode.FIELD_INVALID, field="place")


def test_a_held_an_offered_and_an_unknown_lot_stay(world: World) -> None:
    lot = mined(world)
    place_hold(world, lot)
    assert world.refusal(MINE, move(lot)).code is RefusalCode.LOT_HELD
    other = mined(world, code="C-2")
    world.apply(MINE, offer(other))
    assert world.refusal(MINE, move(other)).code is RefusalCode.LOT_NOT_FREE
    assert world.refusal(MINE, move(LotId(bytes(16)))).code is RefusalCode.LOT_UNKNOWN


def test_dates_month_key_and_suspension(world: World) -> None:
    lot = mined(world)
    for date, code in (
        (2024_03_19, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(MINE, move(lot, date=CivilDate(date))).code is code
    refused = world.refusal(MINE, move(lot), signers=((MINE, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, move(lot)).code is RefusalCode.MONTH_FILED
    suspend(world, MINE)
    assert world.refusal(MINE, move(lot)).code is RefusalCode.AUTHOR_SUSPENDED
