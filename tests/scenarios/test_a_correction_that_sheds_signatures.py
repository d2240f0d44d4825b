"""What needed two signatures is entered as a correction, which one would sign."""

from __future__ import annotations

import pytest

from ledger.refusal import RefusalCode
from ledger.vocabulary import Element, IncidentKind, Role
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.supervising import (
    BOTH_SIDES,
    EXPORTER,
    INSPECTORATE,
    consume,
    disputed,
    export,
    export_licence,
    exporting_world,
    forgotten,
    hold,
    incident,
    inspect,
    output_correction,
    release,
    seize,
    settle,
    supervised_world,
    write_off,
)
from tests.support.trading import MINE, lot_of, lot_row, mined, output
from tests.support.world import Signer

ALONE: tuple[Signer, ...] = ((MINE, Role.OPERATOR),)


def test_a_forgotten_record_needs_whoever_had_to_sign_it() -> None:
    world = supervised_world()
    lot = mined(world)
    for record in (
        write_off(lot, 500_000, authority=INSPECTORATE),
        incident(lot, 10, kind=IncidentKind.THEFT, authority=INSPECTORATE),
        consume(lot, 10, authority=INSPECTORATE),
    ):
        refused = world.refusal(MINE, forgotten(record), signers=ALONE)
        assert refused.code is RefusalCode.SIGNATURE_MISSING
        assert refused.figures["member"] == INSPECTORATE
    assert lot_row(world, lot).gross == 1_000_000


def test_a_settlement_needs_both_sides_and_an_export_customs() -> None:
    world = supervised_world()
    lot, transfer = disputed(world)
    record = forgotten(settle(lot, transfer))
    assert world.refusal(MINE, record).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINE, record, signers=BOTH_SIDES)
    world, lot = exporting_world()
    shipped = forgotten(export(lot, 1_000, licence=""))
    signers = ((EXPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    # With both signatures it is still an export without a licence.
    refused = world.refusal(EXPORTER, shipped, signers=signers)
    assert refused.code is RefusalCode.EXPORT_LICENCE_UNKNOWN
    world.apply(MINISTRY, export_licence())
    licensed = forgotten(export(lot, 1_000))
    assert world.refusal(EXPORTER, licensed).code is RefusalCode.SIGNATURE_MISSING
    world.apply(EXPORTER, licensed, signers=signers)


@pytest.mark.parametrize("make", [hold, release, seize])
def test_what_inspectors_did_is_not_corrected_away(make: type) -> None:
    world = supervised_world()
    lot = mined(world)
    inspect(world, hold(lot))
    for author in (MINE, INSPECTORATE):
        refused = world.refusal(author, forgotten(make(lot)))
        assert refused.code is RefusalCode.NOT_CORRECTABLE
    made = world.apply(MINE, output(code="C-2"))
    inspect(world, hold(lot_of(made)))
    away = output_correction(made, -999_000, (Element.CE, -249_000))
    assert world.refusal(MINE, away).code is RefusalCode.LOT_HELD


def test_the_ministry_does_not_correct_alone() -> None:
    world = supervised_world()
    lot, transfer = disputed(world)
    record = forgotten(settle(lot, transfer))
    assert world.refusal(MINISTRY, record).code is RefusalCode.AUTHORITY_NEEDED
    named = forgotten(settle(lot, transfer), authority=INSPECTORATE)
    assert world.refusal(MINISTRY, named).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINISTRY, named, signers=((MINISTRY, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR)))


def test_a_friend_corrects_nothing_of_somebody_elses() -> None:
    world = supervised_world()
    made = world.apply(MINE, output())
    record = output_correction(made, -1_000)
    signers = (("mine-b", Role.OPERATOR), (MINE, Role.OPERATOR))
    assert world.refusal("mine-b", record, signers=signers).code is RefusalCode.TARGET_UNKNOWN
