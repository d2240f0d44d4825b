"""Tolerance pumping by many blends: smuggled oxide is fed in as errors of measuring, a little each time."""

from __future__ import annotations

import msgspec

from ledger.refusal import RefusalCode, Refused
from ledger.state.tables import GAIN_YEARS
from ledger.vocabulary import CampaignKind, Element, QuotaStatus
from ledger.wire.scalars import CivilDate, Grams, LotId
from tests.support.production import (
    SEPARATION_PLANT,
    SEPARATOR,
    campaign,
    elements,
    feed,
    line_row,
    made,
    ore_at_separator,
    plant_world,
)
from tests.support.trading import alerts_of, lot_of, lot_row
from tests.support.world import World


def one_pass(world: World, lot: LotId, number: int, **gain: int) -> LotId | Refused:
    """Put a lot of cerium oxide through the line again, with a gain."""
    day = CivilDate(2024_04_01 + number)
    world.move_to_date(day)
    cerium = lot_row(world, lot).reo + gain.get("Ce", 0)
    record = campaign(
        feed(world, lot),
        [made("OXI-CE", f"X-{number}", cerium + 1, Ce=cerium)],
        gain=elements(**gain),
        closing=stock_after(world, gain),
        opening=stock_after(world, {}),
        period_from=day,
        period_to=day,
    )
    transaction = world.transaction(SEPARATOR, record)
    built = world.commit(transaction)
    return built.left_out[0][1] if built.left_out else lot_of(transaction)


def stock_after(world: World, gain: dict[str, int]) -> tuple[tuple[Element, Grams], ...]:
    row = line_row(world)
    held = sum(grams for parcel in row.stock for _element, grams in parcel.grams)
    return elements(Dy=held + gain.get("Dy", 0)) if held + gain.get("Dy", 0) else ()


def start() -> tuple[World, LotId]:
    world = plant_world()
    lot = ore_at_separator(world, elements=elements(Ce=500_000))
    transaction = world.apply(
        SEPARATOR, campaign(feed(world, lot), [made("OXI-CE", "X-S", 500_001, Ce=500_000)])
    )
    return world, lot_of(transaction)


def test_dysprosium_that_was_never_bought_is_found_once_and_not_in_every_pass() -> None:
    world, lot = start()
    first = one_pass(world, lot, 0, Dy=100)
    assert not isinstance(first, Refused)
    second = one_pass(world, first, 1, Dy=1)
    assert isinstance(second, Refused)
    assert second.code is RefusalCode.GAIN_EXCEEDED
    assert (second.figures["net"], second.figures["excess"]) == (101, 1)


def test_cerium_that_grows_by_the_whole_tolerance_in_ten_passes_is_an_alert() -> None:
    world, lot = start()
    for number in range(10):
        assert "gains" not in [alert.code for alert in alerts_of(world)]
        after = one_pass(world, lot, number, Ce=lot_row(world, lot).reo * 5 // 1_000)
        assert not isinstance(after, Refused)
        lot = after
    (alert,) = [alert for alert in alerts_of(world) if alert.code == "gains"]
    assert alert.member == SEPARATOR
    cells = {cell[0]: cell[2] for cell in world.expect(GAIN_YEARS, 2024, SEPARATOR).cells}
    assert dict(alert.figures)["net"] == cells[Element.CE]
    # What was pumped in says so in every lot, and has paid the separation quota.
    pumped = [p for p in lot_row(world, lot).parcels if p.origin == f"gain/{SEPARATION_PLANT}"]
    assert [parcel.status for parcel in pumped] == [QuotaStatus.DEBITED]


def test_one_gram_over_the_tolerance_of_a_single_pass_is_refused() -> None:
    world, lot = start()
    refused = one_pass(world, lot, 0, Ce=2_501)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.figures["excess"]) == (RefusalCode.GAIN_EXCEEDED, 1)


def test_blending_gains_nothing_at_all() -> None:
    world, lot = start()
    record = campaign(
        feed(world, lot), [made("OXI-CE", "B-1", 500_002, Ce=500_001)],
        kind=CampaignKind.BLENDING, line=2,
    )  # fmt: skip
    assert world.refusal(SEPARATOR, record).code is RefusalCode.ELEMENTS_DO_NOT_ADD_UP
    with_gain = msgspec.structs.replace(record, gain=elements(Ce=1))
    assert world.refusal(SEPARATOR, with_gain).code is RefusalCode.FIELD_INVALID
