"""Exports: what customs is told is what the ledger knows, and licences are used up to the gram."""

from __future__ import annotations

import pytest

from ledger.refusal import RefusalCode
from ledger.state.tables import EXPORT_LICENCES, SINKS
from ledger.vocabulary import Element, Role, SinkKind
from ledger.wire.scalars import CivilDate, Grams, LotId
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    EXPORTER,
    INSPECTORATE,
    export,
    export_licence,
    exporting_world,
    filing,
    hold,
    inspect,
)
from tests.support.trading import LOT_GROSS, MINE, TRADER, lot_row, mined
from tests.support.world import Signer, World

SIGNERS: tuple[Signer, ...] = ((EXPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
Market = tuple[World, LotId]


@pytest.fixture
def market() -> Market:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    return world, lot


def test_an_export_leaves_and_uses_the_licence_up(market: Market) -> None:
    world, lot = market
    world.apply(EXPORTER, export(lot, 400_000), signers=SIGNERS)
    assert lot_row(world, lot).gross == 600_000
    assert world.expect(EXPORT_LICENCES, "EL-1").used == ((Element.DY, 800),)
    assert world.expect(SINKS, 2024, int(SinkKind.EXPORTED), EXPORTER).gross == 400_000
    (line,) = filing(world, EXPORTER, 202403).products
    assert (line.incoming, line.outgoing, line.closing) == (LOT_GROSS, 400_000, 600_000)


def test_the_licence_ends_at_its_last_gram(market: Market) -> None:
    world, lot = market
    # 500 g of this lot hold one gram of dysprosium.
    refused = world.refusal(EXPORTER, export(lot, 500_500), signers=SIGNERS)
    assert_refused(refused, RefusalCode.EXPORT_LICENCE_EXCEEDED, field="licence", excess=1)
    world.apply(EXPORTER, export(lot, 500_000), signers=SIGNERS)
    again = export(lot, 500, declaration="DEC-2")
    assert world.refusal(EXPORTER, again, signers=SIGNERS).figures["excess"] == 1


def test_a_declaration_is_used_once(market: Market) -> None:
    world, lot = market
    world.apply(EXPORTER, export(lot, 1_000), signers=SIGNERS)
    refused = world.refusal(EXPORTER, export(lot, 1_000), signers=SIGNERS)
    assert_refused(refused, RefusalCode.NUMBER_USED, field="declaration", number="DEC-1")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"customs_code": "2846.90.11"}, RefusalCode.CUSTOMS_CODE_MISMATCH, "customs_code"),
        ({"licence": ""}, RefusalCode.EXPORT_LICENCE_UNKNOWN, "licence"),
        ({"licence": "EL-9"}, RefusalCode.EXPORT_LICENCE_UNKNOWN, "licence"),
        ({"destination": "Atlantis"}, RefusalCode.EXPORT_LICENCE_UNKNOWN, "destination"),
        ({"customs": INSPECTORATE}, RefusalCode.NOT_CUSTOMS, "customs"),
        ({"customs": TRADER}, RefusalCode.NOT_AN_AUTHORITY, "customs"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(
    market: Market, changes: dict[str, object], code: RefusalCode, field: str
) -> None:
    world, lot = market
    refused = world.refusal(EXPORTER, export(lot, 1_000, **changes), signers=SIGNERS)
    assert_refused(refused, code, field=field)


def test_customs_signs(market: Market) -> None:
    world, lot = market
    assert world.refusal(EXPORTER, export(lot, 1_000)).code is RefusalCode.SIGNATURE_MISSING


def test_a_licence_is_good_on_its_first_and_last_day_only(market: Market) -> None:
    world, lot = market
    for number, (first, last, is_good) in enumerate(
        (
            (2024_03_31, 2024_03_31, True),
            (2024_01_01, 2024_03_30, False),
            (2024_04_01, 2024_04_02, False),
        )
    ):
        licence = export_licence(
            number=f"D-{number}", valid_from=CivilDate(first), valid_to=CivilDate(last)
        )
        world.apply(MINISTRY, licence)
        built = world.build(
            world.transaction(EXPORTER, export(lot, 1_000, licence=f"D-{number}"), signers=SIGNERS)
        )
        assert bool(built.included) is is_good


def test_only_approved_exporters_export_their_own_free_goods(market: Market) -> None:
    world, lot = market
    other = mined(world, code="C-2")
    signers = ((MINE, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    assert world.refusal(MINE, export(other, 1_000), signers=signers).code is (
        RefusalCode.ACTIVITY_MISSING
    )
    assert world.refusal(EXPORTER, export(other, 1_000), signers=SIGNERS).code is (
        RefusalCode.LOT_OF_ANOTHER
    )
    inspect(world, hold(lot))
    assert world.refusal(EXPORTER, export(lot, 1_000), signers=SIGNERS).code is RefusalCode.LOT_HELD


def test_the_ministry_grants_a_number_once_to_an_exporter(market: Market) -> None:
    world, _lot = market
    assert_refused(
        world.refusal(MINISTRY, export_licence()), RefusalCode.EXPORT_LICENCE_EXISTS, field="number"
    )
    for changes, code in (
        ({"exporter": TRADER}, RefusalCode.ACTIVITY_MISSING),
        ({"valid_to": CivilDate(2024_02_29)}, RefusalCode.DATE_INVALID),
        ({"valid_to": CivilDate(2024_02_30)}, RefusalCode.DATE_INVALID),
        (
            {"elements": ((Element.DY, Grams(1)), (Element.DY, Grams(1)))},
            RefusalCode.COMPOSITION_INVALID,
        ),
    ):
        record = export_licence(number="EL-2", **changes)
        assert world.refusal(MINISTRY, record).code is code
    assert world.refusal(EXPORTER, export_licence(number="EL-2")).code is (
        RefusalCode.NOT_THE_MINISTRY
    )
