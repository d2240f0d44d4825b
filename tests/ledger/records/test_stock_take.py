"""Counting changes nothing and tells everything that is off by more than the tolerance."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.stock_take import StockTake
from ledger.refusal import RefusalCode
from ledger.vocabulary import Bucket, Element
from ledger.wire.scalars import CivilDate, Grams, LotId
from tests.support.production import (
    SEPARATION_PLANT,
    SEPARATOR,
    elements,
    line_row,
    separated,
    with_plants,
)
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    ONE_PERSON_TWICE,
    counting,
    inspect,
    supervised_world,
)
from tests.support.trading import (
    LOT_GROSS,
    MINE,
    OTHER_MINE,
    TODAY,
    TRADER,
    alerts_of,
    lot_row,
    mark_filed,
    mined,
)
from tests.support.world import World, digest_of

IN_PROCESS = elements(La=3_500, Ce=7_000, Pr=700, Nd=2_800)


@pytest.fixture
def world() -> World:
    return supervised_world()


def codes(world: World) -> list[str]:
    return [row.code for row in alerts_of(world)]


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_tolerance_is_the_edge_of_the_alert(world: World, sign: int) -> None:
    lot = mined(world)
    world.apply(MINE, counting(lot, LOT_GROSS + sign * 2_000))
    assert codes(world) == []
    world.apply(MINE, counting(lot, LOT_GROSS + sign * 2_001))
    (alert,) = alerts_of(world)
    assert (alert.code, dict(alert.figures)["difference"]) == ("stock-differs", sign * 2_001)
    assert lot_row(world, lot).gross == LOT_GROSS


def test_owner_or_inspectors_count_what_lies_there(world: World) -> None:
    lot = mined(world)
    inspect(world, counting(lot, LOT_GROSS))
    refused = world.refusal(INSPECTORATE, counting(lot, LOT_GROSS), signers=ONE_PERSON_TWICE)
    assert refused.code is RefusalCode.SAME_PERSON
    assert world.refusal(TRADER, counting(lot, LOT_GROSS)).code is RefusalCode.NOT_AN_AUTHORITY
    for changes, code in (
        ({"facility": "pit-z"}, RefusalCode.FACILITY_UNKNOWN),
        ({"line": 1}, RefusalCode.LINE_UNKNOWN),
        ({"stock": ((Element.CE, Grams(1)),)}, RefusalCode.LINE_UNKNOWN),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(MINE, counting(lot, LOT_GROSS, **changes)).code is code
    assert world.refusal(MINE, counting(LotId(bytes(16)), 1)).code is RefusalCode.LOT_UNKNOWN
    at_other = counting(lot, LOT_GROSS, facility="pit-b")
    assert_refused(
        world.refusal(OTHER_MINE, at_other),
        RefusalCode.LOT_OF_ANOTHER,
        field="lots[0]",
        holder=MINE,
    )
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, counting(lot, LOT_GROSS)).code is RefusalCode.MONTH_FILED


def test_process_stock_is_compared_and_counted_by_inspectors_only() -> None:
    world = with_plants(supervised_world())
    world.plan(2024, Bucket.SEPARATION, 10_000_000)
    world.grant(2024, Bucket.SEPARATION, SEPARATOR, 1_000_000)
    separated(world, losses=(), closing=IN_PROCESS)
    world.move_to_date(2024_06_01)
    day = CivilDate(2024_06_01)
    exact = StockTake(
        facility=SEPARATION_PLANT, date=day, lots=(), line=1, stock=IN_PROCESS,
        evidence=digest_of("count"),
    )  # fmt: skip
    before = codes(world)
    world.apply(SEPARATOR, exact)
    assert line_row(world).counted != day
    world.apply(INSPECTORATE, exact, signers=INSPECTORS)
    assert line_row(world).counted == day
    # Two per cent of 7,000 g of cerium are 140 g.
    edge = tuple((e, Grams(g + 140 if e is Element.CE else g)) for e, g in IN_PROCESS)
    world.apply(SEPARATOR, msgspec.structs.replace(exact, stock=edge))
    assert codes(world) == before
    over = tuple((e, Grams(g + 141 if e is Element.CE else g)) for e, g in IN_PROCESS)
    world.apply(SEPARATOR, msgspec.structs.replace(exact, stock=over))
    assert codes(world)[len(before) :] == ["stock-differs"]
    twice = msgspec.structs.replace(exact, stock=(*IN_PROCESS, IN_PROCESS[0]))
    assert world.refusal(SEPARATOR, twice).code is RefusalCode.COMPOSITION_INVALID
    assert day > TODAY
