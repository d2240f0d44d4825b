"""A report of a laboratory changes what a lot holds, within limits and with everything booked."""

from __future__ import annotations

import msgspec
import pytest

from ledger.quantity import totals_of
from ledger.records.restate import Restate
from ledger.refusal import RefusalCode
from ledger.state.tables import GAIN_YEARS
from ledger.vocabulary import Element, QuotaStatus, Role
from ledger.wire.scalars import CivilDate, LotId
from tests.support.founding import MINISTRY
from tests.support.production import (
    LABORATORY,
    SEPARATOR,
    admit_laboratory,
    assert_grams,
    campaign,
    elements,
    feed,
    made,
    ore_at_separator,
    plant_world,
)
from tests.support.refusals import assert_refused
from tests.support.trading import MINE, lot_row, mark_filed, mined, place_hold, suspend
from tests.support.world import World, digest_of

SIGNERS = ((SEPARATOR, Role.OPERATOR), (LABORATORY, Role.OPERATOR))
CE = 250_000


@pytest.fixture
def world() -> World:
    world = plant_world()
    admit_laboratory(world)
    return world


def report(of_lot: LotId, cerium: int = CE, **changes: object) -> Restate:
    record = Restate(
        lot=of_lot,
        date=CivilDate(2024_03_26),
        laboratory=LABORATORY,
        report="LAB-1",
        report_digest=digest_of("report"),
        elements=elements(La=125_000, Ce=cerium, Pr=25_000, Nd=100_000),
        authority="",
    )
    return msgspec.structs.replace(record, **changes)


def worked(world: World) -> LotId:
    """Give the separator a throughput of 250,000 g of cerium, and return another lot."""
    lot = ore_at_separator(world, code="C-9")
    world.apply(
        SEPARATOR,
        campaign(
            feed(world, lot), [made("OXI-CE", "E-1", CE + 1, Ce=CE)], line=2,
            closing=elements(La=125_000, Pr=25_000, Nd=100_000),
        ),
    )  # fmt: skip
    return ore_at_separator(world)


@pytest.mark.parametrize(("lost", "passes"), [(5_000, True), (5_001, False)])
def test_a_loss_within_the_tolerance_of_an_assay_is_booked_and_a_gram_more_needs_an_authority(
    world: World,
    lost: int,
    passes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lot = ore_at_separator(world)
    record = report(lot, CE - lost)
    if passes:
        world.apply(SEPARATOR, record, signers=SIGNERS)
        assert totals_of(lot_row(world, lot).parcels) == record.elements
        assert lot_row(world, lot).gross == 1_000_000
        row = world.expect(GAIN_YEARS, 2024, SEPARATOR)
        assert (row.gains, row.cells) == (0, ((Element.CE, 0, 0, 5_000),))
        return
    refused = world.refusal(SEPARATOR, record, signers=SIGNERS)
    assert_grams(refused, RefusalCode.LOSS_ABOVE_NORM, field="elements", lost=5_001, excess=1)
    signed = msgspec.structs.replace(record, authority=MINISTRY)
    world.apply(SEPARATOR, signed, signers=(*SIGNERS, (MINISTRY, Role.OPERATOR)))


@pytest.mark.parametrize(("gain", "passes"), [(1_250, True), (1_251, False)])
def test_a_gain_counts_against_the_throughput_of_the_year(
    world: World,
    gain: int,
    passes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lot = worked(world)
    record = report(lot, CE + gain)
    if not passes:
        refused = world.refusal(SEPARATOR, record, signers=SIGNERS)
        assert_grams(refused, RefusalCode.GAIN_EXCEEDED, field="gain", net=1_251, excess=1)
        return
    world.apply(SEPARATOR, record, signers=SIGNERS)
    (found,) = [p for p in lot_row(world, lot).parcels if p.origin == f"restate/{lot.hex()}"]
    assert (found.status, found.grams) == (QuotaStatus.UNDEBITED, elements(Ce=1_250))


def test_ore_does_not_grow_past_the_mining_quota_by_an_assay(world: World) -> None:
    lot = mined(world)
    signers = ((MINE, Role.OPERATOR), (LABORATORY, Role.OPERATOR))
    world.build(world.transaction(MINE, report(lot, CE + 100), signers=signers))
    refused = world.refusal(MINE, report(lot, CE + 101), signers=signers)
    assert refused.code is RefusalCode.GAIN_EXCEEDED


def test_a_report_serves_once(world: World) -> None:
    lot = ore_at_separator(world)
    world.apply(SEPARATOR, report(lot, CE - 1), signers=SIGNERS)
    refused = world.refusal(SEPARATOR, report(lot), signers=SIGNERS)
    assert_refused(refused, RefusalCode.NUMBER_USED, field="report", number="LAB-1")


def test_a_laboratory_signs(world: World) -> None:
    lot = ore_at_separator(world)
    assert world.refusal(SEPARATOR, report(lot)).code is RefusalCode.SIGNATURE_MISSING
    signers = (SIGNERS[0], (MINE, Role.OPERATOR))
    refused = world.refusal(SEPARATOR, report(lot, laboratory=MINE), signers=signers)
    assert_refused(refused, RefusalCode.NOT_A_LABORATORY, field="laboratory", member=MINE)
    suspend(world, LABORATORY)
    refused = world.refusal(SEPARATOR, report(lot), signers=SIGNERS)
    assert refused.code is RefusalCode.MEMBER_NOT_ACTIVE


def test_lot_product_dates_and_month(world: World) -> None:
    lot = ore_at_separator(world)
    for changes, code in (
        ({"elements": elements(Ce=600_001)}, RefusalCode.COMPOSITION_INVALID),
        ({"date": CivilDate(2024_03_24)}, RefusalCode.DATE_BEFORE_INPUT),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"lot": LotId(bytes(16))}, RefusalCode.LOT_UNKNOWN),
        ({"authority": MINE}, RefusalCode.NOT_AN_AUTHORITY),
    ):
        assert world.refusal(SEPARATOR, report(lot, **changes), signers=SIGNERS).code is code
    refused = world.refusal(
        MINE, report(lot), signers=((MINE, Role.OPERATOR), (LABORATORY, Role.OPERATOR))
    )
    assert refused.code is RefusalCode.LOT_OF_ANOTHER
    place_hold(world, lot)
    assert world.refusal(SEPARATOR, report(lot), signers=SIGNERS).code is RefusalCode.LOT_HELD
    other = ore_at_separator(world, code="C-2")
    mark_filed(world, SEPARATOR, 202403)
    assert world.refusal(SEPARATOR, report(other), signers=SIGNERS).code is RefusalCode.MONTH_FILED
