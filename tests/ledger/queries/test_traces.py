"""A trace leads back to mine and quota, over every transfer on the way, and forward to every part."""

from __future__ import annotations

import pytest

from ledger.queries.traces import trace_lot
from ledger.records.declare_excess import DeclareExcess
from ledger.records.opening_stock import OpeningStock
from ledger.vocabulary import Bucket, TransferState
from ledger.wire.scalars import CivilDate, Grams, LotId
from ledger.wire.transaction import lot_id_of
from tests.support.market import seeded_market
from tests.support.production import (
    IMPORTER,
    METAL_PLANT,
    RECYCLING_PLANT,
    SEPARATION_PLANT,
    SEPARATOR,
    campaign,
    elements,
    feed,
    hand_over,
    import_lot,
    made,
    ore_at_separator,
    plant_world,
)
from tests.support.trading import (
    BUYER,
    GRANTED,
    LOT_GROSS,
    MINE,
    PIT,
    TODAY,
    TRADER,
    accept,
    lot_of,
    lot_row,
    mined,
    offer,
    offer_part,
    offered,
    place_hold,
    reject,
    split,
    trading_world,
    transfer_of,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return trading_world()


def sold_part_of_a_part(world: World) -> tuple[LotId, LotId, LotId]:
    """The mine sells a part, the buyer divides it, and sells a child on; return all three."""
    lot = mined(world)
    sale = world.apply(MINE, offer_part(lot, 400_000))
    part = lot_of(sale)
    world.apply(BUYER, accept(part, transfer_of(sale), received_gross=Grams(400_000)))
    child = lot_of(world.apply(BUYER, split(part, 150_000, 250_000, date=CivilDate(2024_03_26))))
    onward = world.apply(BUYER, offer(child, buyer=TRADER, date=CivilDate(2024_03_27)))
    world.apply(
        TRADER,
        accept(child, transfer_of(onward), date=TODAY, received_gross=Grams(150_000)),
    )
    return lot, part, child


def test_a_trace_ends_at_the_mine_and_the_quota_that_paid(world: World) -> None:
    lot, part, child = sold_part_of_a_part(world)
    trace = trace_lot(world.store, child)
    assert trace is not None
    assert [(each.lot.id, each.depth) for each in trace.upstream] == [(part, 1), (lot, 2)]
    (origin,) = trace.origins
    assert (origin.lot_id, origin.output.facility, origin.reo) == (lot, PIT, 500_000)
    assert origin.placed.author == MINE
    assert (origin.output.period_from, origin.output.period_to) == (20240301, 20240320)
    assert origin.facility is not None
    assert origin.facility.owner == MINE
    assert origin.account is not None
    assert (origin.account.year, origin.account.bucket, origin.account.member) == (
        2024, Bucket.ROCK_MINING, MINE,
    )  # fmt: skip
    assert origin.account.row is not None
    assert (origin.account.row.granted, origin.account.row.used) == (GRANTED, 500_000)
    assert not trace.is_cut


def test_a_trace_shows_the_transfers_on_the_way_and_no_others(world: World) -> None:
    lot, part, child = sold_part_of_a_part(world)
    # What the mine does with the rest is another story.
    rest = world.apply(MINE, offer(lot, buyer=TRADER, invoice="INV-2", date=TODAY))
    world.apply(TRADER, accept(lot, transfer_of(rest), date=TODAY, received_gross=Grams(600_000)))
    trace = trace_lot(world.store, child)
    assert trace is not None
    assert [(each.lot_id, each.seller, each.state) for each in trace.transfers] == [
        (part, MINE, TransferState.ACCEPTED), (child, BUYER, TransferState.ACCEPTED),
    ]  # fmt: skip
    whole = trace_lot(world.store, lot)
    assert whole is not None
    assert [each.lot_id for each in whole.transfers] == [lot]


def test_a_trace_shows_what_became_of_each_offer(world: World) -> None:
    lot, first = offered(world)
    world.apply(BUYER, reject(lot, first))
    second = transfer_of(world.apply(MINE, offer(lot, date=CivilDate(2024_03_26))))
    trace = trace_lot(world.store, lot)
    assert trace is not None
    assert [(each.transfer, each.state) for each in trace.transfers] == [
        (first, TransferState.REJECTED), (second, TransferState.OPEN),
    ]  # fmt: skip
    assert trace.transfers[1].answer is None
    world.apply(BUYER, accept(lot, second, date=TODAY, received_gross=Grams(LOT_GROSS // 2)))
    trace = trace_lot(world.store, lot)
    assert trace is not None
    assert trace.transfers[1].state is TransferState.DISPUTED
    assert trace.transfers[1].answer is not None


def test_downstream_is_everything_that_was_taken_from_the_lot(world: World) -> None:
    lot, part, child = sold_part_of_a_part(world)
    trace = trace_lot(world.store, lot)
    assert trace is not None
    assert trace.upstream == ()
    by_depth = [(each.depth, each.lot.id) for each in trace.downstream]
    assert by_depth[0] == (1, part)
    assert [depth for depth, _lot in by_depth] == [1, 2, 2]
    assert child in [each.lot.id for each in trace.downstream]
    grams = sum(each.lot.row.reo for each in trace.downstream) + lot_row(world, lot).reo
    assert grams == 500_000


def test_a_hold_anywhere_upstream_is_shown(world: World) -> None:
    lot, _part, child = sold_part_of_a_part(world)
    place_hold(world, lot)
    trace = trace_lot(world.store, child)
    assert trace is not None
    assert trace.held == (lot,)


def test_a_trace_that_was_cut_says_so(world: World) -> None:
    lot, _part, child = sold_part_of_a_part(world)
    for limit in (1, 2, 3, 4):
        trace = trace_lot(world.store, child, limit=limit)
        assert trace is not None
        assert trace.is_cut
        seen = 1 + len(trace.upstream) + len(trace.downstream)
        assert seen <= limit
    whole = trace_lot(world.store, child)
    assert whole is not None
    assert not whole.is_cut
    cut = trace_lot(world.store, lot, limit=5)
    assert cut is not None
    assert cut.is_cut


def test_an_unknown_lot_has_no_trace(world: World) -> None:
    assert trace_lot(world.store, LotId(bytes(16))) is None


OPENED = (SEPARATION_PLANT, METAL_PLANT, RECYCLING_PLANT)
"""Facilities whose process stock may come from an opening, which is no lot."""


def test_every_lot_of_a_long_history_leads_back_to_mines_that_account_for_it() -> None:
    market, _findings = seeded_market(23, 20, 10)
    store = market.world.store
    for lot, row in market.lots():
        trace = trace_lot(store, lot)
        assert trace is not None
        assert not trace.is_cut
        assert trace == trace_lot(store, lot)
        origins = {f"mine/{origin.output.facility}" for origin in trace.origins}
        for entry in trace.entries:
            entered = lot_id_of(entry.tx_id, entry.place.record_index, 0).hex()
            origins |= {f"import/{entered}", f"scrap/{entered}", f"found/{entered}"}
            if isinstance(entry.record, OpeningStock):
                origins.add(f"opening/{entry.record.facility}")
            if isinstance(entry.record, DeclareExcess):
                origins.add(f"mine/{entry.record.facility}")
        # What appeared by measuring, and what was folded, names where that was.
        found = {parcel.origin for parcel in row.parcels}
        measured = ("gain/", "restate/")
        opened = {f"opening/{facility}" for facility in OPENED}
        assert {origin for origin in found - opened if not origin.startswith(measured)} <= origins
        for above, below in zip(trace.upstream, (trace.lot, *trace.upstream), strict=False):
            assert above.depth >= below.depth
        for traced in trace.downstream:
            back = trace_lot(store, traced.lot.id)
            assert back is not None
            assert lot in [each.lot.id for each in back.upstream]


def test_a_trace_goes_through_campaigns_and_the_stock_between_them() -> None:
    world = plant_world()
    first = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, first), [], closing=stock))
    second = import_lot(world)
    hand_over(world, second, IMPORTER, SEPARATOR)
    world.move_to_date(2024_04_02)
    day = CivilDate(2024_04_01)
    record = campaign(
        feed(world, second),
        [made("OXI-CE", "E-1", 540_001, Ce=540_000), made("OXI-NDPR", "N-1", 240_001, Nd=240_000)],
        opening=stock, closing=elements(La=125_000, Pr=25_000), period_from=day, period_to=day,
        losses=elements(Ce=10_000, Nd=10_000),
    )  # fmt: skip
    transaction = world.apply(SEPARATOR, record)
    cerium, neodymium = lot_of(transaction, 0), lot_of(transaction, 1)
    trace = trace_lot(world.store, cerium)
    assert trace is not None
    assert {traced.lot.id for traced in trace.upstream} == {first, second}
    assert [origin.lot_id for origin in trace.origins] == [first]
    assert [type(entry.record).__name__ for entry in trace.entries] == ["ImportLot"]
    for start in (first, second):
        down = trace_lot(world.store, start)
        assert down is not None
        assert {traced.lot.id for traced in down.downstream} == {cerium, neodymium}
        assert not down.is_cut
