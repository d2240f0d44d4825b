"""Separation on paper by a split: a lot of mixed oxides is divided into lots that hold one element each."""

from __future__ import annotations

import msgspec

from ledger.quantity import totals_of
from ledger.refusal import RefusalCode
from ledger.vocabulary import QuotaStatus
from ledger.wire.scalars import CivilDate
from tests.support.production import (
    SEPARATOR,
    campaign,
    elements,
    feed,
    made,
    merged,
    ore_at_separator,
    plant_world,
    separated,
    statuses,
)
from tests.support.trading import TODAY, lot_of, lot_row, split


def test_children_have_the_composition_of_the_parent_and_owe_what_it_owes() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    whole = dict(totals_of(lot_row(world, lot).parcels))
    transaction = world.apply(SEPARATOR, split(lot, 250_000, 750_000, date=TODAY))
    for number, share in ((0, 4), (1, 0)):
        row = lot_row(world, lot_of(transaction, number))
        assert list(statuses(row)) == [QuotaStatus.UNDEBITED]
        assert row.product == "ORE-MIX"
        if share:
            assert dict(totals_of(row.parcels)) == {e: g // share for e, g in whole.items()}


def test_a_merge_under_another_name_and_a_blend_into_single_oxides_are_refused() -> None:
    world = plant_world()
    _transaction, lots = separated(world)
    refused = world.refusal(SEPARATOR, merged(*lots[:2], date=TODAY))
    assert refused.code is RefusalCode.LOTS_DIFFER
    ore = ore_at_separator(world, code="C-2")
    outputs = [made("OXI-CE", "E-9", 251_000, Ce=250_000)]
    record = campaign(
        feed(world, ore), outputs, closing=elements(La=125_000, Pr=25_000, Nd=100_000)
    )
    world.move_to_date(2024_04_02)
    later = msgspec.structs.replace(
        record, line=2, period_from=CivilDate(2024_04_01), period_to=CivilDate(2024_04_01)
    )
    # Only a campaign separates, and it debits; without quota it is refused.
    world.apply(SEPARATOR, later)
