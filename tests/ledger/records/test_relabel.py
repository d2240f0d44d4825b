"""A lot gets another code, and the old one is free."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.relabel import Relabel
from ledger.refusal import RefusalCode
from ledger.state.tables import EXTERNAL_NUMBERS
from ledger.vocabulary import ExternalNumberKind, Purpose, Role
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


def relabel(lot: LotId, **changes: object) -> Relabel:
    record = Relabel(lot=lot, date=CivilDate(2024_03_21), code="N-1")
    return msgspec.structs.replace(record, **changes)


def test_only_code_creator_and_date_change_and_the_old_code_is_free(world: World) -> None:
    lot = mined(world)
    before = lot_row(world, lot)
    world.apply(MINE, relabel(lot))
    after = lot_row(world, lot)
    assert after == msgspec.structs.replace(before, code="N-1", date=CivilDate(2024_03_21))
    kind = int(ExternalNumberKind.CONTAINER_CODE)
    assert world.row(EXTERNAL_NUMBERS, kind, MINE, "C-1") is None
    assert world.expect(EXTERNAL_NUMBERS, kind, MINE, "N-1").lot == lot
    mined(world)


def test_a_buyer_gives_a_code_of_its_own(world: World) -> None:
    lot = mined(world)
    transfer = transfer_of(world.apply(MINE, offer(lot)))
    world.apply(BUYER, accept(lot, transfer))
    world.apply(BUYER, relabel(lot, date=TODAY, code="C-1"))
    assert (lot_row(world, lot).creator, lot_row(world, lot).code) == (BUYER, "C-1")
    mined(world)


def test_a_code_on_a_live_lot_is_taken_the_lot_s_own_too(world: World) -> None:
    lot = mined(world)
    mined(world, code="C-2")
    for code in ("C-1", "C-2"):
        refused = world.refusal(MINE, relabel(lot, code=code))
        assert_refused(refused, RefusalCode.CODE_TAKEN, field="code", container=code)


def test_a_held_an_offered_and_an_unknown_lot_keep_their_code(world: World) -> None:
    lot = mined(world)
    place_hold(world, lot)
    assert world.refusal(MINE, relabel(lot)).code is RefusalCode.LOT_HELD
    other = mined(world, code="C-2")
    world.apply(MINE, offer(other))
    assert world.refusal(MINE, relabel(other)).code is RefusalCode.LOT_NOT_FREE
    assert world.refusal(MINE, relabel(LotId(bytes(16)))).code is RefusalCode.LOT_UNKNOWN


def test_only_who_owns_and_holds_it_relabels(world: World) -> None:
    lot = mined(world)
    transfer = transfer_of(world.apply(MINE, offer(lot, purpose=Purpose.TOLL)))
    world.apply(BUYER, accept(lot, transfer))
    for author in (MINE, BUYER):
        refused = world.refusal(author, relabel(lot, date=TODAY))
        assert refused.code is RefusalCode.LOT_OF_ANOTHER


def test_dates_month_key_and_suspension(world: World) -> None:
    lot = mined(world)
    for date, code in (
        (2024_03_19, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(MINE, relabel(lot, date=CivilDate(date))).code is code
    refused = world.refusal(MINE, relabel(lot), signers=((MINE, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, relabel(lot)).code is RefusalCode.MONTH_FILED
    suspend(world, MINE)
    assert world.refusal(MINE, relabel(lot)).code is RefusalCode.AUTHOR_SUSPENDED
