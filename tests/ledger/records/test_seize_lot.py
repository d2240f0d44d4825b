"""Seized goods lie with the authority and stay their owner's."""

from __future__ import annotations

import pytest

from ledger.refusal import RefusalCode
from ledger.vocabulary import Purpose
from ledger.wire.scalars import CivilDate
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    ONE_PERSON_TWICE,
    hold,
    inspect,
    release,
    seize,
    supervised_world,
)
from tests.support.trading import BUYER, MINE, TODAY, accept, lot_row, mined, offer, offered
from tests.support.trading import transfer_of as offer_of
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return supervised_world()


def test_a_seizure_moves_the_lot_to_the_authority_and_closes_its_offer(world: World) -> None:
    lot, transfer = offered(world)
    inspect(world, seize(lot))
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.place) == (MINE, INSPECTORATE, "Customs yard 3")
    assert (row.transfer, row.date) == (None, TODAY)
    assert [(placed.case, placed.until_ms) for placed in row.holds] == [("2024-10", 0)]
    assert world.refusal(BUYER, accept(lot, transfer)).code is RefusalCode.TRANSFER_UNKNOWN


def test_a_seizure_never_lapses(world: World) -> None:
    lot = mined(world)
    inspect(world, seize(lot))
    world.move_to_date(2029_12_31)
    back = offer(lot, purpose=Purpose.RETURN, buyer=MINE, date=CivilDate(2029_12_31), invoice="")
    assert world.refusal(INSPECTORATE, back).code is RefusalCode.LOT_HELD


def test_released_goods_come_back_by_a_return(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot))
    inspect(world, seize(lot))
    inspect(world, release(lot, case="2024-10"), release(lot))
    back = offer(lot, purpose=Purpose.RETURN, buyer=MINE, date=TODAY, invoice="")
    transfer = offer_of(world.apply(INSPECTORATE, back))
    world.apply(MINE, accept(lot, transfer, date=TODAY))
    assert lot_row(world, lot).holder == MINE


def test_what_is_seized_is_not_seized_again(world: World) -> None:
    lot = mined(world)
    inspect(world, seize(lot))
    refused = world.refusal(INSPECTORATE, seize(lot, case="2024-11"), signers=INSPECTORS)
    assert_refused(refused, RefusalCode.HOLD_EXISTS, field="case", holder=INSPECTORATE)
    held = mined(world, code="C-2")
    inspect(world, hold(held))
    refused = world.refusal(INSPECTORATE, seize(held, case="2024-9"), signers=INSPECTORS)
    assert refused.code is RefusalCode.HOLD_EXISTS


def test_two_persons_of_an_authority_seize(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(INSPECTORATE, seize(lot), signers=ONE_PERSON_TWICE)
    assert refused.code is RefusalCode.SAME_PERSON
    assert world.refusal(MINE, seize(lot)).code is RefusalCode.NOT_AN_AUTHORITY
