"""A million grams with 2,000 g of dysprosium leave as something cheaper, for somewhere else, as less."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.supervising import EXPORTER, export, export_licence, exporting_world
from tests.support.trading import lot_row
from tests.support.world import Signer

SIGNERS: tuple[Signer, ...] = ((EXPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))


def test_goods_leave_only_as_what_they_are() -> None:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    for changes, code in (
        # Scrap of iron instead of ore with dysprosium.
        ({"customs_code": "7204.49.00"}, RefusalCode.CUSTOMS_CODE_MISMATCH),
        # "Nothing controlled in it."
        ({"licence": ""}, RefusalCode.EXPORT_LICENCE_UNKNOWN),
        # Licensed for Norway, shipped elsewhere.
        ({"destination": "Elsewhere"}, RefusalCode.EXPORT_LICENCE_UNKNOWN),
    ):
        refused = world.refusal(EXPORTER, export(lot, 500_000, **changes), signers=SIGNERS)
        assert refused.code is code
    assert world.refusal(EXPORTER, export(lot, 500_000)).code is RefusalCode.SIGNATURE_MISSING
    assert lot_row(world, lot).gross == 1_000_000


def test_declaring_less_leaves_the_rest_on_the_books() -> None:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    world.apply(EXPORTER, export(lot, 100_000), signers=SIGNERS)
    # The wagon held all of it; 900,000 g are still the exporter's to show, and to file.
    assert lot_row(world, lot).gross == 900_000
