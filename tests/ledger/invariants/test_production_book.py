"""The book of production finds what no rule would have let in."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from ledger.invariants import Ledgerbook
from ledger.records.campaign import Campaign
from ledger.state.rows import LineRow
from ledger.state.tables import LINES
from ledger.store import STATE
from ledger.vocabulary import CampaignKind
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, LotId, TimeMs
from tests.support.production import (
    IMPORTER,
    SEPARATION_PLANT,
    SEPARATOR,
    campaign,
    elements,
    feed,
    import_lot,
    imported,
    line_row,
    made,
    merged,
    ore_at_separator,
    plant_world,
    separation,
)
from tests.support.world import World


def pretend(world: World, author: str, *records: object) -> set[str]:
    """Show the books a block that no rule has seen, and return the codes of what they find."""
    book = Ledgerbook(world.store)
    assert book.check(world.store) == []
    transaction = world.transaction(author, *records)  # type: ignore[arg-type]
    book.observe(Height(world.height + 1), TimeMs(world.time_ms + 1), (transaction,))
    return {finding.code for finding in book.check(world.store)}


SPOILED: dict[str, tuple[Callable[[Campaign], Campaign], str]] = {
    "a gram too many": (
        lambda record: msgspec.structs.replace(record, closing=elements(Ce=1)), "mass-balance"),
    "an opening from nowhere": (
        lambda record: msgspec.structs.replace(
            record, opening=elements(Ce=9), closing=elements(Ce=9)), "campaign"),
    "a gain that no error explains": (
        lambda record: msgspec.structs.replace(
            record, gain=elements(Ce=1_251), closing=elements(Ce=1_251)), "gain"),
    "the wrong kind": (
        lambda record: msgspec.structs.replace(record, kind=CampaignKind.METAL),
        "undebited-product"),
    "an output of another class": (
        lambda record: msgspec.structs.replace(
            record, outputs=(made("MET-ND", "T-1", 100_000, Nd=97_200), *record.outputs[:2])),
        "class"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_a_campaign_that_no_rule_would_let_in_is_found(name: str) -> None:
    spoil, code = SPOILED[name]
    world = plant_world()
    lot = ore_at_separator(world)
    assert code in pretend(world, SEPARATOR, spoil(separation(world, lot)))


def test_quota_that_is_not_there_is_found() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    late = separation(world, lot, period_from=20250101, period_to=20250102)
    assert "quota-overdrawn" in pretend(world, SEPARATOR, late)


def test_overlapping_campaigns_are_found() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=stock))
    again = campaign([], [], opening=stock, closing=stock)
    assert "campaign" in pretend(world, SEPARATOR, again)


def test_an_import_without_customs_and_a_merge_of_different_goods_are_found() -> None:
    world = plant_world()
    assert "author" in pretend(world, IMPORTER, imported())
    one = import_lot(world)
    other = import_lot(
        world, declaration="D-2", code="I-2", product="ORE-MIX", customs_code="2530.90.20"
    )
    assert "class" in pretend(world, IMPORTER, merged(one, other))
    assert "lot-unknown" in pretend(world, IMPORTER, merged(one, LotId(bytes(16))))


def test_stock_that_vanishes_from_a_row_is_found() -> None:
    world = plant_world()
    lot = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=stock))
    book = Ledgerbook(world.store)
    row: LineRow = line_row(world)
    empty = msgspec.structs.replace(row, stock=())
    world.store.write({STATE + LINES.key(SEPARATION_PLANT, 1): encode(empty)})
    codes = {finding.code for finding in book.check(world.store)}
    assert {"mass-balance", "production"} <= codes
