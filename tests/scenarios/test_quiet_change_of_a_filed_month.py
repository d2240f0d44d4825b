"""March is filed with 1,000,000 g; in April the mine would like it to have been 900,000 g."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.record import Record
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Element, Role
from tests.support.supervising import (
    file_month,
    filing,
    incident,
    output_correction,
    supervised_world,
    write_off,
)
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    accept,
    lot_of,
    offer,
    output,
    split,
    transfer_of,
)


def test_no_record_changes_a_filed_month_not_even_a_correction() -> None:
    world = supervised_world()
    made = world.apply(MINE, output())
    lot = lot_of(made)
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, MINE, 202403)
    filed = world.expect(MEMBER_MONTHS, MINE, 202403)
    quiet: tuple[Record, ...] = (
        write_off(lot, 40_000), incident(lot, 40_000), split(lot, 900_000, 100_000), offer(lot),
        output(code="C-2"),
    )  # fmt: skip
    for record in quiet:
        assert world.refusal(MINE, record).code is RefusalCode.MONTH_FILED
    lower = filing(world, MINE, 202403)
    refused = world.refusal(MINE, lower, signers=((MINE, Role.FILING),))
    assert refused.code is RefusalCode.MONTH_FILED
    world.apply(MINE, output_correction(made, -100_000, (Element.CE, -50_000)))
    assert world.expect(MEMBER_MONTHS, MINE, 202403) == filed
    # What was filed and what is there differ by exactly the correction, which everybody can read.
    world.move_to_date(2024_05_02)
    (april,) = filing(world, MINE, 202404).products
    assert (april.opening, april.lost, april.closing) == (LOT_GROSS, 100_000, 900_000)


@pytest.mark.parametrize("name", ["opening", "produced", "closing"])
def test_nobody_files_other_figures_than_the_ledgers(name: str) -> None:
    world = supervised_world()
    world.apply(MINE, output())
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    right = filing(world, MINE, 202403)
    (line,) = right.products
    wrong = msgspec.structs.replace(line, **{name: abs(getattr(line, name) - 100_000)})
    record = msgspec.structs.replace(right, products=(wrong,))
    refused = world.refusal(MINE, record, signers=((MINE, Role.FILING),))
    assert refused.code is RefusalCode.TOTALS_DIFFER
    assert refused.figures["product"] == "ORE-MIX"


def test_a_partner_cannot_change_it_from_the_other_side() -> None:
    world = supervised_world()
    lot = lot_of(world.apply(MINE, output()))
    transfer = transfer_of(world.apply(MINE, offer(lot)))
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, MINE, 202403)
    filed = world.expect(MEMBER_MONTHS, MINE, 202403)
    world.apply(BUYER, accept(lot, transfer))
    assert world.expect(MEMBER_MONTHS, MINE, 202403) == filed
    (april,) = world.expect(MEMBER_MONTHS, MINE, 202404).totals
    assert april.outgoing == LOT_GROSS
