"""A recycler takes in scrap from outside the register, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from ledger.commit import open_committed
from ledger.refusal import RefusalCode
from ledger.state.rows import ScrapFingerprint, ShareBand
from ledger.state.tables import FACILITY_YEARS, PARAMETERS
from ledger.store import STATE
from ledger.vocabulary import Element, QuotaStatus
from ledger.wire.codec import encode
from ledger.wire.scalars import CivilDate, FacilityId, Grams, ProductCode
from tests.support.production import (
    RECYCLER,
    RECYCLING_PLANT,
    SEPARATION_PLANT,
    SEPARATOR,
    elements,
    plant_world,
    scrap,
    statuses,
    take_scrap,
)
from tests.support.refusals import assert_refused
from tests.support.trading import MINE, alerts_of, lot_row, mark_filed, suspend
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return plant_world()


def test_scrap_is_exempt_and_leads_back_to_its_purchase(world: World) -> None:
    lot = take_scrap(world)
    row = lot_row(world, lot)
    assert statuses(row) == {QuotaStatus.EXEMPT: 300_000}
    assert row.parcels[0].origin == f"scrap/{lot.hex()}"
    assert (row.owner, row.holder, row.place, row.date) == (RECYCLER, RECYCLER, "Baotou", 20240310)
    assert world.expect(FACILITY_YEARS, RECYCLING_PLANT, 2024).produced == 300_000


@pytest.mark.parametrize("seller", [MINE, f"REG-{MINE}"])
def test_a_member_hands_scrap_over_by_a_transfer(world: World, seller: str) -> None:
    refused = world.refusal(RECYCLER, scrap(seller=seller))
    assert_refused(refused, RefusalCode.SELLER_IS_MEMBER, field="seller", member=MINE)


def test_a_purchase_document_serves_once_per_seller(world: World) -> None:
    take_scrap(world)
    refused = world.refusal(RECYCLER, scrap(code="R-2"))
    assert_refused(refused, RefusalCode.NUMBER_USED, field="document", number="P-1")
    take_scrap(world, code="R-2", seller="91360000-Y")


def test_only_a_recycling_facility_of_the_author_takes_in_scrap(world: World) -> None:
    for facility, author, code in (
        (FacilityId("nowhere"), RECYCLER, RefusalCode.FACILITY_UNKNOWN),
        (RECYCLING_PLANT, SEPARATOR, RefusalCode.FACILITY_OF_ANOTHER),
        (SEPARATION_PLANT, SEPARATOR, RefusalCode.ACTIVITY_MISSING),
    ):
        refused = world.refusal(author, scrap(facility=facility))
        assert_refused(refused, code, field="facility", facility=facility)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": ProductCode("ORE-MIX")}, RefusalCode.CLASS_MISMATCH),
        ({"product": ProductCode("MIX-CAR")}, RefusalCode.CLASS_MISMATCH),
        ({"product": ProductCode("NOTHING")}, RefusalCode.PRODUCT_UNKNOWN),
        ({"elements": elements(Nd=99_999)}, RefusalCode.COMPOSITION_INVALID),
        ({"elements": elements(Nd=1_000_001)}, RefusalCode.COMPOSITION_INVALID),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
    ],
)
def test_what_is_wrong_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    assert world.refusal(RECYCLER, scrap(**changes)).code == code


@pytest.mark.parametrize("reo", [100_000, 1_000_000])
def test_both_ends_of_the_range_of_oxide_are_allowed(world: World, reo: int) -> None:
    take_scrap(world, elements=elements(Nd=reo))


def test_code_month_and_suspension(world: World) -> None:
    take_scrap(world)
    assert world.refusal(RECYCLER, scrap(document="P-2")).code is RefusalCode.CODE_TAKEN
    mark_filed(world, RECYCLER, 202403)
    assert world.refusal(RECYCLER, scrap(document="P-2", code="X")).code is RefusalCode.MONTH_FILED
    suspend(world, RECYCLER)
    assert world.refusal(RECYCLER, scrap()).code is RefusalCode.AUTHOR_SUSPENDED


def test_more_than_the_plant_can_recycle_is_an_alert_at_the_first_gram(world: World) -> None:
    take_scrap(world, gross=Grams(20_000_000), elements=elements(Nd=10_000_000))
    assert alerts_of(world) == []
    take_scrap(world, code="R-2", document="P-2", gross=Grams(1), elements=elements(Nd=1))
    (alert,) = alerts_of(world)
    assert (alert.code, dict(alert.figures)["excess"]) == ("capacity", 1)


def test_scrap_unlike_its_kind_is_an_alert(world: World) -> None:
    row = world.expect(PARAMETERS)
    band = ShareBand(elements=(Element.PR, Element.ND), low_permille=900, high_permille=1_000)
    known = ScrapFingerprint(kind="NdFeB grinding sludge", bands=(band,))
    changed = msgspec.structs.replace(row, scrap_fingerprints=(known,))
    world.store.write({STATE + PARAMETERS.key(): encode(changed)})
    world.state = open_committed(world.store)
    take_scrap(world)
    assert alerts_of(world) == []
    take_scrap(
        world, code="R-2", document="P-2", elements=elements(Ce=101, Nd=899), gross=Grams(2_000)
    )
    (alert,) = alerts_of(world)
    assert (alert.code, dict(alert.figures)["found"]) == ("fingerprint", 899)
