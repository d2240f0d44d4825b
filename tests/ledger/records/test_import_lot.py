"""Goods from abroad enter with the signature of customs, once per declaration."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.import_lot import ImportLot
from ledger.refusal import RefusalCode
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBER_MONTHS
from ledger.vocabulary import ExternalNumberKind, QuotaStatus, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, Grams, MemberId, ProductCode
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.production import (
    IMPORT_SIGNERS,
    IMPORTER,
    elements,
    import_lot,
    imported,
    plant_world,
    statuses,
)
from tests.support.refusals import assert_refused
from tests.support.trading import MINE, alerts_of, lot_of, lot_row, mark_filed, suspend
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return plant_world()


def refusal(world: World, **changes: object) -> RefusalCode:
    return world.refusal(IMPORTER, imported(**changes), signers=IMPORT_SIGNERS).code


def test_a_mixed_compound_from_abroad_owes_the_separation_quota(world: World) -> None:
    lot = import_lot(world)
    row = lot_row(world, lot)
    assert statuses(row) == {QuotaStatus.UNDEBITED: 450_000}
    assert row.parcels[0].origin == f"import/{lot.hex()}"
    assert (row.owner, row.holder, row.creator, row.place) == (
        IMPORTER,
        IMPORTER,
        IMPORTER,
        "Tianjin",
    )
    assert (row.gross, row.parents, row.date) == (1_000_000, (), 20240310)


def test_a_single_compound_from_abroad_is_exempt(world: World) -> None:
    lot = import_lot(
        world,
        product=ProductCode("OXI-CE"),
        customs_code="2846.10",
        gross=Grams(1_000),
        elements=elements(Ce=995),
    )
    assert statuses(lot_row(world, lot)) == {QuotaStatus.EXEMPT: 995}


def test_it_touches_importer_and_customs_in_the_claimed_month(world: World) -> None:
    before = [world.row(MEMBER_MONTHS, member, 202403) for member in (IMPORTER, CUSTOMS)]
    import_lot(world)
    for member, row in zip((IMPORTER, CUSTOMS), before, strict=True):
        count = 0 if row is None else row.count
        assert world.expect(MEMBER_MONTHS, member, 202403).count == count + 1


def test_a_declaration_serves_once_also_under_another_importer(world: World) -> None:
    import_lot(world)
    refused = world.refusal(IMPORTER, imported(code="I-2"), signers=IMPORT_SIGNERS)
    assert_refused(refused, RefusalCode.NUMBER_USED, field="declaration", number="DEC-1")
    kind = int(ExternalNumberKind.DECLARATION)
    assert world.expect(EXTERNAL_NUMBERS, kind, CUSTOMS, "DEC-1").counterparty == IMPORTER
    import_lot(world, code="I-2", declaration="DEC-2")


def test_two_imports_under_one_declaration_race_and_one_wins(world: World) -> None:
    first = world.transaction(IMPORTER, imported(), signers=IMPORT_SIGNERS)
    second = world.transaction(IMPORTER, imported(code="I-2"), signers=IMPORT_SIGNERS)
    built = world.commit(first, second)
    assert [tx.tx_id for tx in built.included] == [first.tx_id]
    assert built.left_out[0][1].code is RefusalCode.NUMBER_USED


def test_customs_signs_and_nobody_else_in_its_place(world: World) -> None:
    alone = world.refusal(IMPORTER, imported())
    assert alone.code is RefusalCode.SIGNATURE_MISSING
    signers = ((IMPORTER, Role.OPERATOR), (MINISTRY, Role.OPERATOR))
    refused = world.refusal(IMPORTER, imported(customs=MINISTRY), signers=signers)
    assert_refused(refused, RefusalCode.NOT_CUSTOMS, field="customs", member=MINISTRY)
    assert refusal(world, customs=MemberId("nobody")) is RefusalCode.MEMBER_UNKNOWN


def test_an_enterprise_without_import_imports_nothing(world: World) -> None:
    signers = ((MINE, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    refused = world.refusal(MINE, imported(), signers=signers)
    assert_refused(refused, RefusalCode.ACTIVITY_MISSING, field="author", member=MINE)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": ProductCode("NOTHING")}, RefusalCode.PRODUCT_UNKNOWN),
        ({"customs_code": "2846.90.29"}, RefusalCode.CUSTOMS_CODE_MISMATCH),
        ({"elements": elements(Ce=600_001)}, RefusalCode.COMPOSITION_INVALID),
        ({"elements": elements(Ce=199_999)}, RefusalCode.COMPOSITION_INVALID),
        (
            {"elements": elements(Ce=300_000) + elements(La=1)},
            RefusalCode.COMPOSITION_INVALID,
        ),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"date": CivilDate(2024_02_30)}, RefusalCode.DATE_INVALID),
    ],
)
def test_what_is_wrong_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    assert refusal(world, **changes) == code


@pytest.mark.parametrize("reo", [200_000, 600_000])
def test_both_ends_of_the_range_of_oxide_are_allowed(world: World, reo: int) -> None:
    import_lot(world, elements=elements(Ce=reo))


def test_the_code_is_free_and_the_month_open(world: World) -> None:
    import_lot(world)
    assert refusal(world, declaration="DEC-2") is RefusalCode.CODE_TAKEN
    mark_filed(world, IMPORTER, 202403)
    assert refusal(world, declaration="DEC-2", code="I-2") is RefusalCode.MONTH_FILED


def test_a_suspended_importer_imports_nothing(world: World) -> None:
    suspend(world, IMPORTER)
    assert refusal(world) is RefusalCode.AUTHOR_SUSPENDED


def test_ore_that_is_not_like_its_origin_is_an_alert(world: World) -> None:
    ore = {"product": ProductCode("ORE-MIX"), "customs_code": "2530.90.20", "gross": Grams(2_000)}
    import_lot(world, **ore, origin="Bayan Obo", elements=elements(Ce=500, Nd=500))
    assert alerts_of(world) == []
    import_lot(
        world, **ore, origin="Bayan Obo", declaration="DEC-2", code="I-2",
        elements=elements(Ce=531, Nd=469),
    )  # fmt: skip
    (alert,) = alerts_of(world)
    assert (alert.code, alert.member) == ("fingerprint", IMPORTER)
    assert dict(alert.figures)["found"] == 531


def test_fields_are_within_their_ranges() -> None:
    for change in ({"gross": 0}, {"elements": ()}, {"declaration": ""}, {"origin": ""}):
        with pytest.raises(NotCanonicalError):
            decode(ImportLot, encode(msgspec.structs.replace(imported(), **change)))


def test_imported_ore_keeps_its_kind(world: World) -> None:
    lot = lot_of(
        world.apply(
            IMPORTER,
            imported(product=ProductCode("ORE-ION"), customs_code="2530.90.20"),
            signers=IMPORT_SIGNERS,
        )
    )
    assert statuses(lot_row(world, lot)) == {QuotaStatus.UNDEBITED: 450_000}
