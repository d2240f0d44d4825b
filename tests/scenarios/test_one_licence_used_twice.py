"""A licence for 1,000 g of dysprosium is used for 2,000 g: again, in slices, by a friend, in one block."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.state.tables import EXPORT_LICENCES
from ledger.vocabulary import Activity, Element, Role
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.supervising import EXPORTER, export, export_licence, exporting_world
from tests.support.trading import MINE, TODAY, accept, mined, offer, transfer_of
from tests.support.world import Signer

SIGNERS: tuple[Signer, ...] = ((EXPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))


def test_its_balance_is_used_once() -> None:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    world.apply(EXPORTER, export(lot, 500_000), signers=SIGNERS)
    again = export(lot, 500_000, declaration="DEC-2")
    refused = world.refusal(EXPORTER, again, signers=SIGNERS)
    assert refused.code is RefusalCode.EXPORT_LICENCE_EXCEEDED
    assert (refused.figures["used"], refused.figures["excess"]) == (2_000, 1_000)


def test_slices_add_up() -> None:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    for number in range(5):
        record = export(lot, 100_000, declaration=f"DEC-{number}")
        world.apply(EXPORTER, record, signers=SIGNERS)
    assert world.expect(EXPORT_LICENCES, "EL-1").used == ((Element.DY, 1_000),)
    last = export(lot, 100_000, declaration="DEC-5")
    assert world.refusal(EXPORTER, last, signers=SIGNERS).code is (
        RefusalCode.EXPORT_LICENCE_EXCEEDED
    )


def test_two_in_one_block_share_it() -> None:
    world, lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    built = world.commit(
        *(
            world.transaction(
                EXPORTER, export(lot, 300_000, declaration=f"DEC-{number}"), signers=SIGNERS
            )
            for number in range(2)
        )
    )
    assert len(built.included) == 1
    assert built.left_out[0][1].code is RefusalCode.EXPORT_LICENCE_EXCEEDED


def test_a_friend_cannot_use_it() -> None:
    world, _lot = exporting_world()
    world.apply(MINISTRY, export_licence())
    friend = world.admit("friend-g", activities=(Activity.EXPORT,))
    lot = mined(world, code="C-2")
    transfer = transfer_of(world.apply(MINE, offer(lot, buyer=friend, invoice="INV-7")))
    world.apply(friend, accept(lot, transfer))
    signers = ((friend, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    refused = world.refusal(friend, export(lot, 100_000, date=TODAY), signers=signers)
    assert refused.code is RefusalCode.EXPORT_LICENCE_UNKNOWN
    declared = export(lot, 100_000, licence="")
    world.apply(friend, declared, signers=signers)
