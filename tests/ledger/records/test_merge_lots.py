"""Lots of one product become one lot that is exactly their sum."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.quantity import merge, reo_of
from ledger.records.merge_lots import MergeLots, merge_units
from ledger.refusal import RefusalCode
from ledger.state.tables import EXTERNAL_NUMBERS
from ledger.vocabulary import Element, ExternalNumberKind, Purpose, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import LOT_GRAMS_MAX, CivilDate, Grams, LotId
from tests.support.production import IMPORTER, elements, import_lot, merged, plant_world
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    MINE,
    TODAY,
    accept,
    lot_of,
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


def pair(world: World) -> tuple[LotId, LotId]:
    return mined(world), mined(world, code="C-2", gross=Grams(900_000))


def test_the_sum_is_exactly_the_parents(world: World) -> None:
    lots = pair(world)
    contents = [lot_row(world, lot).parcels for lot in lots]
    row = lot_row(world, lot_of(world.apply(MINE, merged(*lots))))
    assert row.parcels == merge(contents)
    assert (row.gross, row.reo) == (1_900_000, 1_000_000)
    assert (row.parents, row.code, row.date) == (tuple(sorted(lots)), "M-1", 20240321)
    for lot in lots:
        assert (lot_row(world, lot).gross, lot_row(world, lot).parcels) == (0, ())
    taken = world.row(EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), MINE, "C-1")
    assert taken is None


def test_a_parent_s_code_is_not_the_child_s(world: World) -> None:
    refused = world.refusal(MINE, merged(*pair(world), code="C-2"))
    assert_refused(refused, RefusalCode.CODE_TAKEN, field="code", container="C-2")


def test_lots_of_two_products_are_not_merged(world: World) -> None:
    world = plant_world()
    one = import_lot(world)
    other = import_lot(
        world, declaration="D-2", code="I-2", product="ORE-MIX", customs_code="2530.90.20"
    )
    refused = world.refusal(IMPORTER, merged(one, other))
    assert refused.code is RefusalCode.LOTS_DIFFER


def test_only_who_owns_and_holds_all_of_them_merges(world: World) -> None:
    one, other = pair(world)
    transfer = transfer_of(world.apply(MINE, offer(one, purpose=Purpose.TOLL)))
    world.apply(BUYER, accept(one, transfer))
    for author in (MINE, BUYER):
        refused = world.refusal(author, merged(one, other, date=TODAY))
        assert refused.code is RefusalCode.LOT_OF_ANOTHER
        assert refused.field.startswith("lots[")


def test_an_offered_a_held_an_exhausted_and_an_unknown_lot_are_not_merged(world: World) -> None:
    one, other = pair(world)
    world.apply(MINE, offer(one))
    assert world.refusal(MINE, merged(one, other)).code is RefusalCode.LOT_NOT_FREE
    held = mined(world, code="C-3")
    place_hold(world, held)
    assert world.refusal(MINE, merged(held, other)).code is RefusalCode.LOT_HELD
    third = mined(world, code="C-4")
    world.apply(MINE, merged(other, third))
    assert world.refusal(MINE, merged(other, third)).code is RefusalCode.LOT_EXHAUSTED
    assert world.refusal(MINE, merged(LotId(bytes(16)), one)).code is RefusalCode.LOT_UNKNOWN


def test_lots_stand_once_each_by_ascending_id(world: World) -> None:
    one, other = sorted(pair(world))
    for lots in ((other, one), (one, one)):
        refused = world.refusal(MINE, merged(one, other, lots=lots))
        assert_refused(refused, RefusalCode.FIELD_INVALID, field="lots")


@pytest.mark.parametrize("count", [0, 1, 65])
def test_a_merge_has_2_to_64_parents(count: int) -> None:
    record = merged(*[LotId(number.to_bytes(16, "big")) for number in range(count)])
    with pytest.raises(NotCanonicalError):
        decode(MergeLots, encode(record))


def test_the_date_is_not_before_the_youngest_parent(world: World) -> None:
    lots = pair(world)
    for date, code in (
        (2024_03_19, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        assert world.refusal(MINE, merged(*lots, date=CivilDate(date))).code is code
    world.apply(MINE, merged(*lots, date=CivilDate(2024_03_20)))


def test_a_filed_month_a_wrong_key_and_a_suspended_author(world: World) -> None:
    lots = pair(world)
    refused = world.refusal(MINE, merged(*lots), signers=((MINE, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, merged(*lots)).code is RefusalCode.MONTH_FILED
    suspend(world, MINE)
    assert world.refusal(MINE, merged(*lots)).code is RefusalCode.AUTHOR_SUSPENDED


def test_a_lot_never_weighs_more_than_a_million_tonnes(world: World) -> None:
    world = plant_world()
    half = LOT_GRAMS_MAX // 2
    for extra, code in ((0, "A"), (1, "B")):
        one, other = (
            import_lot(
                world, declaration=f"D-{code}-{part}", code=f"{code}-{part}",
                gross=Grams(half + extra * part), elements=elements(Ce=half // 2),
            )
            for part in (0, 1)
        )  # fmt: skip
        if extra:
            refused = world.refusal(IMPORTER, merged(one, other))
            assert_refused(refused, RefusalCode.QUANTITY_EXCEEDED, field="lots")
        else:
            world.apply(IMPORTER, merged(one, other))


def test_64_origins_stay_and_65_are_folded(world: World) -> None:
    world = plant_world()
    lots = [
        import_lot(
            world, declaration=f"D-{number}", code=f"F-{number}", gross=Grams(2_000 + number),
            elements=elements(Ce=1_000 + number),
        )
        for number in range(65)
    ]  # fmt: skip
    first = lot_of(world.apply(IMPORTER, merged(*lots[:64])))
    assert len(lot_row(world, first).parcels) == 64
    both = world.apply(IMPORTER, merged(first, lots[64], code="M-2"))
    row = lot_row(world, lot_of(both))
    assert len(row.parcels) == 64
    assert reo_of(row.parcels) == sum(1_000 + number for number in range(65))
    folded = [parcel for parcel in row.parcels if parcel.origin == f"merge/{lot_of(both).hex()}"]
    # The two smallest of 65 met here.
    assert [parcel.grams for parcel in folded] == [((Element.CE, 2_001),)]


def test_work_units_grow_with_the_lots() -> None:
    two = merged(LotId(bytes(16)), LotId(bytes(15) + b"1"))
    assert merge_units(two) == 320


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(10, 1_000), min_size=2, max_size=8))
def test_oxide_is_never_made_or_lost_by_merging(grosses: list[int]) -> None:
    world = trading_world()
    lots = [
        mined(world, code=f"C-{number}", gross=Grams(gross), elements=elements(Ce=gross // 2))
        for number, gross in enumerate(grosses)
    ]
    row = lot_row(world, lot_of(world.apply(MINE, merged(*lots))))
    assert (row.gross, row.reo) == (sum(grosses), sum(gross // 2 for gross in grosses))
