"""The honest must get through: ten campaigns, each assay off by 2 %, at a true yield of 97 %."""

from __future__ import annotations

import itertools

import pytest

from ledger.wire.scalars import CivilDate, Grams
from tests.support.production import (
    IMPORTER,
    SEPARATOR,
    campaign,
    elements,
    feed,
    hand_over,
    import_lot,
    made,
    plant_world,
)
from tests.support.trading import alerts_of

FED = 100_000
TRUE_OUTPUT = FED * 97 // 100


@pytest.mark.parametrize("signs", [(1, -1), (1, 1), (-1, -1)])
def test_ten_honest_campaigns_with_errors_of_2_percent_are_not_refused(
    signs: tuple[int, int],
) -> None:
    world = plant_world()
    for number, sign in zip(range(10), itertools.cycle(signs), strict=False):
        day = CivilDate(2024_04_01 + number)
        carbonate = import_lot(
            world, declaration=f"D-{number}", code=f"I-{number}", gross=Grams(300_000),
            elements=elements(Ce=FED, Nd=50_000),
        )  # fmt: skip
        lot = hand_over(world, carbonate, IMPORTER, SEPARATOR)
        world.move_to_date(day)
        # The laboratory of the plant finds 2 % more or less than there is, of each element.
        cerium = TRUE_OUTPUT * (100 + 2 * sign) // 100
        neodymium = TRUE_OUTPUT * (100 - 2 * sign) // 200
        record = campaign(
            feed(world, lot),
            [
                made("OXI-CE", f"E-{number}", cerium + 1, Ce=cerium),
                made("OXI-NDPR", f"N-{number}", neodymium + 1, Nd=neodymium),
            ],
            losses=elements(Ce=FED - cerium, Nd=50_000 - neodymium),
            period_from=day,
            period_to=day,
        )
        world.apply(SEPARATOR, record)
    found = {alert.code for alert in alerts_of(world)}
    assert not found & {"yield-low", "yield-high", "gains", "process-stock-cap"}
