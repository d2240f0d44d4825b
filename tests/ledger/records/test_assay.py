"""A laboratory's report stands on the ledger and changes nothing but the list of alerts."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.assay import Assay
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate, LotId
from tests.support.production import LABORATORY, admit_laboratory, elements, plant_world
from tests.support.refusals import assert_refused
from tests.support.trading import MINE, alerts_of, lot_row, mark_filed, mined, suspend
from tests.support.world import World, digest_of


@pytest.fixture
def world() -> World:
    world = plant_world()
    admit_laboratory(world)
    return world


def assay(of_lot: LotId, cerium: int = 250_000, **changes: object) -> Assay:
    record = Assay(
        lot=of_lot,
        date=CivilDate(2024_03_26),
        report="LAB-1",
        report_digest=digest_of("report"),
        elements=elements(La=125_000, Ce=cerium, Pr=25_000, Nd=100_000),
    )
    return msgspec.structs.replace(record, **changes)


@pytest.mark.parametrize(
    ("cerium", "alerted"), [(255_000, 0), (255_001, 1), (245_000, 0), (244_999, 1)]
)
def test_a_difference_over_the_tolerance_is_an_alert(
    world: World, cerium: int, alerted: int
) -> None:
    lot = mined(world)
    before = lot_row(world, lot)
    world.apply(LABORATORY, assay(lot, cerium))
    assert lot_row(world, lot) == before
    found = [alert for alert in alerts_of(world) if alert.code == "assay-differs"]
    assert len(found) == alerted
    assert all(alert.member == MINE for alert in found)


def test_the_holder_sees_it_in_its_month(world: World) -> None:
    lot = mined(world)
    before = world.expect(MEMBER_MONTHS, MINE, 202403).count
    world.apply(LABORATORY, assay(lot))
    assert world.expect(MEMBER_MONTHS, MINE, 202403).count == before + 1


def test_a_report_serves_once(world: World) -> None:
    lot = mined(world)
    world.apply(LABORATORY, assay(lot))
    refused = world.refusal(LABORATORY, assay(lot))
    assert_refused(refused, RefusalCode.NUMBER_USED, field="report", number="LAB-1")


def test_only_an_active_laboratory_reports(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, assay(lot))
    assert_refused(refused, RefusalCode.NOT_A_LABORATORY, field="laboratory", member=MINE)
    refused = world.refusal(LABORATORY, assay(lot), signers=((LABORATORY, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, LABORATORY, 202403)
    assert world.refusal(LABORATORY, assay(lot)).code is RefusalCode.MONTH_FILED
    suspend(world, LABORATORY)
    assert world.refusal(LABORATORY, assay(lot)).code is RefusalCode.AUTHOR_SUSPENDED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lot": LotId(bytes(16))}, RefusalCode.LOT_UNKNOWN),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"elements": elements(Ce=2_000_001)}, RefusalCode.COMPOSITION_INVALID),
        ({"elements": elements(Nd=1) + elements(Ce=1)}, RefusalCode.COMPOSITION_INVALID),
    ],
)
def test_what_is_wrong_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    lot = mined(world)
    assert world.refusal(LABORATORY, msgspec.structs.replace(assay(lot), **changes)).code == code
