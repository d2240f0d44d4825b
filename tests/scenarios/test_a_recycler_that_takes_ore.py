"""A recycler that takes ore, or a member's scrap: recycled oxide owes no quota."""

from __future__ import annotations

import msgspec

from ledger.refusal import RefusalCode
from ledger.vocabulary import CampaignKind
from ledger.wire.scalars import ProductCode
from tests.support.production import (
    IMPORTER,
    RECYCLER,
    RECYCLING_PLANT,
    campaign,
    elements,
    feed,
    hand_over,
    import_lot,
    made,
    plant_world,
    scrap,
    take_scrap,
)
from tests.support.trading import MINE, mined


def recycled(inputs: object) -> object:
    return campaign(
        inputs,  # type: ignore[arg-type]
        [made("OXI-NDPR", "X-1", 98_000, Pr=20_000, Nd=77_500)],
        facility=RECYCLING_PLANT,
        kind=CampaignKind.RECYCLING,
        losses=elements(La=125_000, Ce=250_000, Pr=5_000, Nd=22_500),
    )


def test_500_kg_of_ore_do_not_enter_as_a_purchase_of_scrap() -> None:
    world = plant_world()
    for product in ("ORE-MIX", "MIX-CAR", "OXI-CE"):
        record = scrap(product=ProductCode(product), elements=elements(Ce=300_000, Nd=200_000))
        assert world.refusal(RECYCLER, record).code is RefusalCode.CLASS_MISMATCH


def test_ore_that_a_recycler_bought_does_not_go_into_its_line() -> None:
    world = plant_world()
    ore = hand_over(world, mined(world), MINE, RECYCLER)
    refused = world.refusal(RECYCLER, recycled(feed(world, ore)))  # type: ignore[arg-type]
    assert (refused.code, refused.field) == (RefusalCode.CLASS_MISMATCH, "inputs[0]")


def test_nor_does_an_imported_mixed_carbonate() -> None:
    world = plant_world()
    carbonate = hand_over(world, import_lot(world), IMPORTER, RECYCLER)
    refused = world.refusal(RECYCLER, recycled(feed(world, carbonate)))  # type: ignore[arg-type]
    assert refused.code is RefusalCode.CLASS_MISMATCH


def test_nor_one_hidden_among_real_scrap() -> None:
    world = plant_world()
    real = take_scrap(world)
    ore = hand_over(world, mined(world), MINE, RECYCLER)
    record = recycled(feed(world, real, ore))
    assert world.refusal(RECYCLER, record).code is RefusalCode.CLASS_MISMATCH  # type: ignore[arg-type]
    separating = msgspec.structs.replace(record, kind=CampaignKind.SEPARATION)  # type: ignore[type-var]
    assert world.refusal(RECYCLER, separating).code is RefusalCode.ACTIVITY_MISSING  # type: ignore[arg-type]


def test_a_member_s_scrap_does_not_lose_its_history_by_a_purchase() -> None:
    world = plant_world()
    for seller in (MINE, f"REG-{MINE}"):
        assert world.refusal(RECYCLER, scrap(seller=seller)).code is RefusalCode.SELLER_IS_MEMBER
