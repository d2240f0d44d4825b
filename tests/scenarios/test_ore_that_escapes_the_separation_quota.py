"""Ore that escapes the separation quota: as a metal, as scrap, as a mixed carbonate, or in a blend."""

from __future__ import annotations

import msgspec

from ledger.refusal import RefusalCode
from ledger.state.tables import QUOTAS
from ledger.vocabulary import Bucket, CampaignKind, QuotaStatus
from ledger.wire.scalars import ProductCode
from tests.support.production import (
    IMPORTER,
    METAL_PLANT,
    SEPARATION_QUOTA,
    SEPARATOR,
    SMELTER,
    campaign,
    elements,
    feed,
    hand_over,
    import_lot,
    made,
    ore_at_separator,
    plant_world,
    statuses,
)
from tests.support.trading import MINE, lot_of, lot_row, mined

ORE = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)


def test_as_a_metal_made_of_ore() -> None:
    world = plant_world()
    ore = hand_over(world, mined(world), MINE, SMELTER)
    record = campaign(
        feed(world, ore), [made("MET-ND", "T-1", 104_000, Pr=25_000, Nd=100_000)],
        facility=METAL_PLANT, kind=CampaignKind.METAL, losses=elements(La=125_000, Ce=250_000),
    )  # fmt: skip
    assert world.refusal(SMELTER, record).code is RefusalCode.CLASS_MISMATCH


def test_as_a_metal_made_of_an_imported_mixed_carbonate() -> None:
    world = plant_world()
    carbonate = hand_over(world, import_lot(world), IMPORTER, SMELTER)
    record = campaign(
        feed(world, carbonate), [made("MET-ND", "T-1", 125_000, Nd=150_000)],
        facility=METAL_PLANT, kind=CampaignKind.METAL, closing=elements(Ce=300_000),
    )  # fmt: skip
    refused = world.refusal(SMELTER, record)
    assert (refused.code, refused.figures["undebited"]) == (RefusalCode.UNDEBITED, 450_000)


def test_as_scrap_of_a_separation() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    scrap = made("SCR-MAG", "S-1", 1_000_000, La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    refused = world.refusal(SEPARATOR, campaign(feed(world, lot), [scrap]))
    assert (refused.code, refused.field) == (RefusalCode.CLASS_MISMATCH, "outputs[0]")


def test_as_a_mixed_carbonate_that_is_made_here_and_pays_at_once() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    carbonate = msgspec.structs.replace(made("MIX-CAR", "M-1", 1_000_000, Ce=1), elements=ORE)
    transaction = world.apply(SEPARATOR, campaign(feed(world, lot), [carbonate]))
    row = lot_row(world, lot_of(transaction))
    assert statuses(row) == {QuotaStatus.DEBITED: 500_000}
    account = world.expect(QUOTAS, 2024, int(Bucket.SEPARATION), SEPARATOR)
    assert account.left == SEPARATION_QUOTA - 500_000


def test_as_a_blend_of_carbonates_or_of_ore_under_another_name() -> None:
    world = plant_world()
    carbonate = hand_over(world, import_lot(world), IMPORTER, SEPARATOR)
    blended = made("MIX-CAR", "B-1", 1_000_000, Ce=300_000, Nd=150_000)
    record = campaign(feed(world, carbonate), [blended], kind=CampaignKind.BLENDING)
    assert world.refusal(SEPARATOR, record).code is RefusalCode.UNDEBITED
    ore = ore_at_separator(world)
    renamed = msgspec.structs.replace(blended, product=ProductCode("MIX-CAR"), elements=ORE)
    record = campaign(feed(world, ore), [renamed], kind=CampaignKind.BLENDING)
    refused = world.refusal(SEPARATOR, record)
    assert (refused.code, refused.field) == (RefusalCode.CLASS_MISMATCH, "outputs[0]")


def test_without_a_quota_not_a_gram_comes_out() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    world.move_to_date(2025_02_01)
    one_gram = campaign(
        feed(world, lot), [made("OXI-CE", "E-1", 100, Ce=100)], period_from=20250201,
        period_to=20250201, closing=elements(La=125_000, Ce=249_900, Pr=25_000, Nd=100_000),
    )  # fmt: skip
    refused = world.refusal(SEPARATOR, one_gram)
    assert (refused.code, refused.figures["missing"]) == (RefusalCode.QUOTA_EXCEEDED, 100)
