"""A world in which ore is dug and traded, and records about it that are valid until a test breaks them.

``trading_world()`` has two mines, two buyers, a rock and an ionic ore, quotas, and stands on 2024-03-31. The
builders return valid records; a test changes one field (``output(gross=...)``) and looks what happens.
"""

from __future__ import annotations

import msgspec

from ledger.commit import open_committed
from ledger.month_totals import EMPTY_MONTH
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import Child, SplitLot
from ledger.records.suspend_member import SuspendMember
from ledger.records.transfer_rules import TRANSFER_PART
from ledger.state.rows import AlertRow, Hold, LotRow
from ledger.state.tables import ALERTS, LOTS, MEMBER_MONTHS
from ledger.store import STATE
from ledger.vocabulary import Activity, Bucket, Element, OreKind, Purpose
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import (
    CivilDate,
    FacilityId,
    Grams,
    LotId,
    MemberId,
    ProductCode,
)
from ledger.wire.transaction import lot_id_of
from tests.support.founding import MINISTRY
from tests.support.world import World, digest_of

MINE = MemberId("mine-a")
OTHER_MINE = MemberId("mine-b")
BUYER = MemberId("separator-c")
TRADER = MemberId("trader-d")
PIT = FacilityId("pit-a")
IONIC_PIT = FacilityId("pit-b")
TODAY = CivilDate(2024_03_31)
GRANTED = 2_000_000
"""Grams of oxide that each mine may produce in 2024."""
CAPACITY = 1_500_000
"""Grams of oxide that the rock mine can produce in a year."""
LOT_GROSS = 1_000_000
ROCK = (
    (Element.LA, Grams(125_000)),
    (Element.CE, Grams(250_000)),
    (Element.PR, Grams(25_000)),
    (Element.ND, Grams(100_000)),
)
"""500,000 g of oxide as in Bayan Obo."""


def trading_world(world: World | None = None) -> World:
    world = World() if world is None else world
    world.admit_mine(MINE, PIT, yearly_capacity=CAPACITY)
    world.admit_mine(OTHER_MINE, IONIC_PIT, ore="Longnan", ore_kind=OreKind.IONIC)
    world.admit(BUYER, activities=(Activity.SEPARATION,), licences=("LIC-plant-c",))
    world.admit(TRADER, activities=(Activity.TRADE,))
    world.define_ore("ORE-MIX")
    world.define_ore("ORE-ION", ore_kind=OreKind.IONIC)
    for bucket, grantee in ((Bucket.ROCK_MINING, MINE), (Bucket.IONIC_MINING, OTHER_MINE)):
        world.plan(2024, bucket, 10_000_000)
        world.grant(2024, bucket, grantee, GRANTED)
    world.move_to_date(TODAY)
    return world


def output(**changes: object) -> MineOutput:
    record = MineOutput(
        facility=PIT,
        period_from=CivilDate(2024_03_01),
        period_to=CivilDate(2024_03_20),
        product=ProductCode("ORE-MIX"),
        code="C-1",
        gross=Grams(LOT_GROSS),
        elements=ROCK,
        assay_digest=digest_of("assay"),
    )
    return msgspec.structs.replace(record, **changes)


def split(lot: LotId, *grosses: int, **changes: object) -> SplitLot:
    children = tuple(
        Child(gross=Grams(gross), code=f"S-{number}") for number, gross in enumerate(grosses)
    )
    record = SplitLot(lot=lot, date=CivilDate(2024_03_21), children=children)
    return msgspec.structs.replace(record, **changes)


def offer(lot: LotId, **changes: object) -> OfferTransfer:
    record = OfferTransfer(
        lot=lot,
        part_gross=Grams(0),
        part_code="",
        buyer=BUYER,
        purpose=Purpose.SALE,
        invoice="INV-1",
        date=CivilDate(2024_03_22),
        terms=None,
    )
    return msgspec.structs.replace(record, **changes)


def offer_part(lot: LotId, gross: int, **changes: object) -> OfferTransfer:
    return offer(lot, **{"part_gross": Grams(gross), "part_code": "P-1", **changes})


def accept(lot: LotId, transfer: LotId, **changes: object) -> AcceptTransfer:
    record = AcceptTransfer(
        lot=lot,
        transfer=transfer,
        date=CivilDate(2024_03_25),
        received_gross=Grams(LOT_GROSS),
        place="Ganzhou",
        seals="S0000001",
    )
    return msgspec.structs.replace(record, **changes)


def reject(lot: LotId, transfer: LotId, **changes: object) -> RejectTransfer:
    record = RejectTransfer(
        lot=lot, transfer=transfer, date=CivilDate(2024_03_25), reason="seals broken on arrival"
    )
    return msgspec.structs.replace(record, **changes)


def cancel(lot: LotId, transfer: LotId, **changes: object) -> CancelTransfer:
    record = CancelTransfer(
        lot=lot, transfer=transfer, date=CivilDate(2024_03_23), reason="no wagon before April"
    )
    return msgspec.structs.replace(record, **changes)


def suspend(world: World, member: MemberId) -> None:
    world.apply(MINISTRY, SuspendMember(member=member, reason="false figures", case="2024-7"))


def lot_of(transaction: ParsedTransaction, part: int = 0, *, record: int = 0) -> LotId:
    """Return the id of a lot that a transaction has made."""
    return lot_id_of(transaction.tx_id, record, part)


def transfer_of(transaction: ParsedTransaction, *, record: int = 0) -> LotId:
    """Return the id of the transfer that a transaction has offered."""
    return lot_id_of(transaction.tx_id, record, TRANSFER_PART)


def mined(world: World, **changes: object) -> LotId:
    """Apply an output of the rock mine and return its lot."""
    return lot_of(world.apply(MINE, output(**changes)))


def offered(world: World, **changes: object) -> tuple[LotId, LotId]:
    """Mine a lot and offer it whole; return lot and transfer."""
    lot = mined(world)
    return lot, transfer_of(world.apply(MINE, offer(lot, **changes)))


def lot_row(world: World, lot: LotId) -> LotRow:
    return world.expect(LOTS, lot)


def mark_filed(world: World, member: MemberId, month: int) -> None:
    """Close a member's month in the store, as a filing does."""
    key = MEMBER_MONTHS.key(member, month)
    row = world.row(MEMBER_MONTHS, member, month) or EMPTY_MONTH
    filed = msgspec.structs.replace(row, filed_ms=world.time_ms)
    world.store.write({STATE + key: encode(filed)})
    world.state = open_committed(world.store)


def place_hold(world: World, lot: LotId, case: str = "2024-9") -> None:
    """Hold a lot in the store, as inspectors do."""
    row = lot_row(world, lot)
    held = msgspec.structs.replace(row, holds=(*row.holds, Hold(case=case)))
    world.store.write({STATE + LOTS.key(lot): encode(held)})
    world.state = open_committed(world.store)


def alerts_of(world: World) -> list[AlertRow]:
    """Return all alerts, oldest first."""
    return [decode(AlertRow, data) for _key, data in world.store.scan(STATE + ALERTS.prefix)]
