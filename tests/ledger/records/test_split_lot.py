"""A lot becomes several lots that are together exactly what it was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.quantity import merge, reo_of
from ledger.records.split_lot import Child, SplitLot
from ledger.refusal import RefusalCode
from ledger.state.tables import EXTERNAL_NUMBERS, LOTS
from ledger.vocabulary import Element, ExternalNumberKind, Purpose, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, Grams, LotId
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    TODAY,
    accept,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    offer,
    offered,
    output,
    place_hold,
    split,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return trading_world()


def test_children_are_together_what_the_parent_was(world: World) -> None:
    lot = mined(world)
    parent = lot_row(world, lot)
    grosses = (333_333, 333_333, 333_334)
    transaction = world.apply(MINE, split(lot, *grosses))
    children = [lot_row(world, lot_of(transaction, number)) for number in range(3)]
    assert tuple(child.gross for child in children) == grosses
    assert merge(child.parcels for child in children) == parent.parcels
    for number, child in enumerate(children):
        assert (child.owner, child.holder, child.creator) == (MINE, MINE, MINE)
        assert (child.code, child.parents, child.date) == (f"S-{number}", (lot,), 20240321)
        assert (child.product, child.product_version) == (parent.product, parent.product_version)
        assert child.made_by.tx_id == transaction.tx_id


def test_the_parent_stays_as_an_empty_row_and_its_code_is_free(world: World) -> None:
    lot = mined(world)
    world.apply(MINE, split(lot, 1, LOT_GROSS - 1, children=(
        Child(gross=Grams(500_000), code="S-0"), Child(gross=Grams(500_000), code="S-1"),
    )))  # fmt: skip
    row = lot_row(world, lot)
    assert (row.gross, row.parcels, row.code) == (0, (), "C-1")
    assert world.row(EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), MINE, "C-1") is None
    again = mined(world)
    assert lot_row(world, again).code == "C-1"


@pytest.mark.parametrize("difference", [-1, 1])
def test_children_that_miss_the_parent_by_one_gram_are_refused(
    world: World, difference: int
) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, split(lot, 400_000, 600_000 + difference))
    assert (refused.code, refused.field) == (RefusalCode.PARTS_DO_NOT_ADD_UP, "children")
    assert refused.figures["difference"] == difference


@pytest.mark.parametrize("count", [0, 1, 65])
def test_a_split_has_2_to_64_children(count: int) -> None:
    record = split(LotId(bytes(16)), *[1] * count)
    with pytest.raises(NotCanonicalError):
        decode(SplitLot, encode(record))


@pytest.mark.parametrize("count", [2, 64])
def test_the_smallest_and_the_largest_split_apply(world: World, count: int) -> None:
    lot = mined(world)
    grosses = [LOT_GROSS // count] * (count - 1)
    transaction = world.apply(MINE, split(lot, *grosses, LOT_GROSS - sum(grosses)))
    children = [lot_row(world, lot_of(transaction, number)) for number in range(count)]
    assert sum(child.reo for child in children) == 500_000


def test_a_child_of_nothing_is_no_child_and_one_without_oxide_is_refused(world: World) -> None:
    with pytest.raises(NotCanonicalError):
        decode(SplitLot, encode(split(LotId(bytes(16)), 0, 1)))
    lot = mined(world, gross=Grams(10), elements=((Element.CE, Grams(5)),))
    refused = world.refusal(MINE, split(lot, *[1] * 10))
    assert refused.code is RefusalCode.FIELD_INVALID
    assert refused.field.startswith("children[")


def test_codes_of_children_are_new(world: World) -> None:
    lot = mined(world)
    mined(world, code="C-2")
    half = Grams(LOT_GROSS // 2)
    for taken in ("S-0", "C-1", "C-2"):
        children = tuple(Child(gross=half, code=code) for code in ("S-0", taken))
        refused = world.refusal(MINE, split(lot, children=children))
        assert (refused.code, refused.field) == (RefusalCode.CODE_TAKEN, "children[1]")


def test_only_who_owns_and_holds_a_lot_divides_it(world: World) -> None:
    lot, transfer = offered(world, purpose=Purpose.TOLL)
    world.apply(BUYER, accept(lot, transfer))
    halves = split(lot, 500_000, 500_000, date=TODAY)
    for author in (MINE, BUYER):
        refused = world.refusal(author, halves)
        assert refused.code is RefusalCode.LOT_OF_ANOTHER
        assert (refused.figures["owner"], refused.figures["holder"]) == (MINE, BUYER)


def test_an_offered_a_held_an_exhausted_and_an_unknown_lot_stay_whole(world: World) -> None:
    lot, transfer = offered(world)
    halves = split(lot, 500_000, 500_000, date=TODAY)
    refused = world.refusal(MINE, halves)
    assert (refused.code, refused.figures["transfer"]) == (RefusalCode.LOT_NOT_FREE, transfer.hex())
    held = mined(world, code="C-2")
    place_hold(world, held)
    assert world.refusal(MINE, split(held, 500_000, 500_000)).code is RefusalCode.LOT_HELD
    gone = mined(world, code="C-3")
    world.apply(MINE, split(gone, 500_000, 500_000))
    assert world.refusal(MINE, split(gone, 500_000, 500_000)).code is RefusalCode.LOT_EXHAUSTED
    unknown = split(LotId(bytes(16)), 500_000, 500_000)
    assert world.refusal(MINE, unknown).code is RefusalCode.LOT_UNKNOWN


def test_a_split_is_dated_between_the_lot_and_today(world: World) -> None:
    lot = mined(world)
    halves = split(lot, 500_000, 500_000)
    for date, code in (
        (2024_03_19, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
        (2024_03_32, RefusalCode.DATE_INVALID),
    ):
        dated = msgspec.structs.replace(halves, date=CivilDate(date))
        assert world.refusal(MINE, dated).code is code
    world.build(world.transaction(MINE, msgspec.structs.replace(halves, date=TODAY)))
    world.apply(MINE, msgspec.structs.replace(halves, date=CivilDate(2024_03_20)))


def test_a_filed_month_takes_no_split(world: World) -> None:
    lot = mined(world)
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, split(lot, 500_000, 500_000)).code is RefusalCode.MONTH_FILED


def test_the_operator_of_an_active_member_signs(world: World) -> None:
    lot = mined(world)
    halves = split(lot, 500_000, 500_000)
    refused = world.refusal(MINE, halves, signers=((MINE, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    suspend(world, MINE)
    assert world.refusal(MINE, halves).code is RefusalCode.AUTHOR_SUSPENDED


def test_a_child_of_a_bought_lot_carries_a_code_of_its_new_owner(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    transaction = world.apply(BUYER, split(lot, 500_000, 500_000, date=TODAY))
    child = lot_row(world, lot_of(transaction))
    assert (child.creator, child.owner, child.place) == (BUYER, BUYER, "Ganzhou")
    # The mine's label is free again although somebody else has emptied the container.
    assert world.row(EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), MINE, "C-1") is None


def test_a_refused_split_leaves_nothing_behind(world: World) -> None:
    lot = mined(world)
    mined(world, code="S-1")
    transaction = world.transaction(MINE, split(lot, 500_000, 500_000))
    built = world.build(transaction)
    assert built.overlay.rows == {}
    assert built.overlay.index == {}
    assert world.row(LOTS, lot_of(transaction)) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(50, 10_000), min_size=2, max_size=64), st.data())
def test_oxide_is_never_made_or_lost_by_dividing(grosses: list[int], data: st.DataObject) -> None:
    world = trading_world()
    gross = sum(grosses)
    reo = data.draw(st.integers(-(-gross * 3 // 10), gross * 6 // 10))
    light = data.draw(st.integers(1, reo - 1))
    elements = ((Element.LA, Grams(light)), (Element.CE, Grams(reo - light)))
    lot = lot_of(world.apply(MINE, output(gross=Grams(gross), elements=elements)))
    parcels = lot_row(world, lot).parcels
    transaction = world.apply(MINE, split(lot, *grosses))
    children = [lot_row(world, lot_of(transaction, number)) for number in range(len(grosses))]
    assert merge(child.parcels for child in children) == parcels
    assert sum(reo_of(child.parcels) for child in children) == reo


def test_an_offered_part_can_be_divided_after_the_buyer_has_it(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, offer(lot, part_gross=Grams(400_001), part_code="P-1"))
    part = lot_of(transaction)
    world.apply(BUYER, accept(part, transfer_of(transaction), received_gross=Grams(400_001)))
    world.apply(BUYER, split(part, 200_000, 200_001, date=TODAY))
    assert lot_row(world, part).gross == 0
