"""40,000 g vanish every week, each time too little for an authority to look."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.state.tables import SMALL_LOSSES
from ledger.vocabulary import Element
from tests.support.supervising import incident, supervised_world, write_off
from tests.support.trading import MINE, lot_of, mined, split


def test_a_hundred_slices_are_one_loss() -> None:
    world = supervised_world()
    lot = mined(world)
    for _ in range(10):
        world.apply(MINE, write_off(lot, 4_000))
    refused = world.refusal(MINE, write_off(lot, 4_000))
    assert refused.code is RefusalCode.AUTHORITY_NEEDED
    assert (refused.figures["grams"], refused.figures["allowed"]) == (11_000, 10_000)
    assert dict(world.expect(SMALL_LOSSES, 2024, MINE).grams)[Element.CE] == 10_000


def test_other_lots_other_reasons_and_parts_do_not_start_anew() -> None:
    world = supervised_world()
    lot = mined(world)
    world.apply(MINE, write_off(lot, 40_000))
    other = mined(world, code="C-2")
    halves = world.apply(MINE, split(lot, 480_000, 480_000))
    for record in (
        write_off(other, 40_000),
        incident(other, 40_000),
        write_off(lot_of(halves), 400),
    ):
        assert world.refusal(MINE, record).code is RefusalCode.AUTHORITY_NEEDED


def test_a_thousand_slices_in_one_transaction_are_one_loss_too() -> None:
    world = supervised_world()
    lot = mined(world)
    refused = world.refusal(MINE, *(write_off(lot, 400) for _ in range(101)))
    assert (refused.code, refused.record_index) == (RefusalCode.AUTHORITY_NEEDED, 100)
