"""False import origin: domestic ore comes back as an import, because nobody counts a foreign mine."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.vocabulary import QuotaStatus
from ledger.wire.scalars import ProductCode
from tests.support.production import (
    IMPORT_SIGNERS,
    IMPORTER,
    elements,
    import_lot,
    imported,
    plant_world,
    statuses,
)
from tests.support.trading import alerts_of, lot_row


def test_ore_that_is_declared_as_longnan_and_is_cerium_is_seen() -> None:
    world = plant_world()
    lot = import_lot(
        world, origin="Longnan", product=ProductCode("ORE-ION"), customs_code="2530.90.20",
        elements=elements(Ce=250_000, Nd=200_000),
    )  # fmt: skip
    (alert,) = alerts_of(world)
    assert (alert.code, alert.member, dict(alert.figures)["found"]) == ("fingerprint", IMPORTER, 0)
    # And it owes the separation quota like any ore that was dug here.
    assert statuses(lot_row(world, lot)) == {QuotaStatus.UNDEBITED: 450_000}


def test_without_customs_and_with_a_used_declaration_nothing_enters() -> None:
    world = plant_world()
    assert world.refusal(IMPORTER, imported()).code is RefusalCode.SIGNATURE_MISSING
    import_lot(world)
    again = imported(code="I-2", origin="Mount Weld")
    refused = world.refusal(IMPORTER, again, signers=IMPORT_SIGNERS)
    assert refused.code is RefusalCode.NUMBER_USED
