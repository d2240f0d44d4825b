"""Process stock as a hiding place: what is in process cannot be weighed, so it is where things vanish."""

from __future__ import annotations

import msgspec

from ledger.refusal import RefusalCode
from ledger.wire.scalars import CivilDate, Grams
from tests.support.production import (
    SEPARATOR,
    campaign,
    elements,
    feed,
    made,
    ore_at_separator,
    plant_world,
)
from tests.support.trading import alerts_of
from tests.support.world import World


def loaded(grams: int) -> World:
    world = plant_world()
    lot = ore_at_separator(world, gross=Grams(2 * grams), elements=elements(Ce=grams))
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=elements(Ce=grams)))
    return world


def test_stock_does_not_grow_or_shrink_between_two_campaigns() -> None:
    world = loaded(500_000)
    world.move_to_date(2024_04_02)
    for grams in (499_999, 500_001):
        record = campaign(
            [], [], opening=elements(Ce=grams), closing=elements(Ce=grams),
            period_from=CivilDate(2024_04_01), period_to=CivilDate(2024_04_01),
        )  # fmt: skip
        assert world.refusal(SEPARATOR, record).code is RefusalCode.OPENING_MISMATCH


def test_what_was_sold_at_night_is_not_a_loss_of_ten_idle_campaigns() -> None:
    world = loaded(500_000)
    world.move_to_date(2024_04_02)
    record = campaign(
        [], [], opening=elements(Ce=500_000), losses=elements(Ce=25_000),
        closing=elements(Ce=475_000), period_from=CivilDate(2024_04_01),
        period_to=CivilDate(2024_04_01),
    )  # fmt: skip
    refused = world.refusal(SEPARATOR, record)
    assert (refused.code, refused.figures["lost"]) == (RefusalCode.LOSS_ABOVE_NORM, 25_000)
    with_output = msgspec.structs.replace(
        record, outputs=(made("OXI-CE", "E-1", 75_001, Ce=75_000),), closing=elements(Ce=400_000)
    )
    assert world.refusal(SEPARATOR, with_output).figures["most"] == 15_000


def test_a_line_that_holds_more_than_it_can_and_longer_than_a_year_is_seen() -> None:
    world = loaded(900_000)
    assert [a.code for a in alerts_of(world) if a.code.startswith("process")] == []
    world.move_to_date(2025_04_02)
    held = elements(Ce=900_000)
    record = campaign(
        [], [], opening=held, closing=held, period_from=CivilDate(2025_04_02),
        period_to=CivilDate(2025_04_02),
    )  # fmt: skip
    world.apply(SEPARATOR, record)
    assert [a.code for a in alerts_of(world) if a.code.startswith("process")] == [
        "process-stock-uncounted"
    ]
