"""A trading world with authorities in it: inspectors with two persons, and records of supervision.

The inspectorate has three operator keys: number 0 and 1 belong to two persons, number 2 is a second key of
the person with number 0.
"""

from __future__ import annotations

import msgspec

from ledger import civil
from ledger.month_totals import EMPTY_MONTH
from ledger.parsed import ParsedTransaction
from ledger.records.add_key import AddKey
from ledger.records.admit_member import AdmitMember
from ledger.records.consume import Consume
from ledger.records.correct import Correct, OutputDelta, ShownRecord
from ledger.records.export_lot import ExportLot
from ledger.records.file_month import FileMonth, ProductLine
from ledger.records.found_lot import FoundLot
from ledger.records.grant_export_licence import GrantExportLicence
from ledger.records.hold_lot import HoldLot
from ledger.records.incident import Incident
from ledger.records.record import Record
from ledger.records.release_lot import ReleaseLot
from ledger.records.release_reserve import ReleaseReserve
from ledger.records.seize_lot import SeizeLot
from ledger.records.settle_dispute import SettleDispute
from ledger.records.stock_take import CountedLot, StockTake
from ledger.records.to_reserve import ToReserve
from ledger.records.write_off import WriteOff
from ledger.state.tables import FILINGS, MEMBER_MONTHS, MEMBERS
from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    Element,
    HoldAct,
    IncidentKind,
    MemberKind,
    Role,
)
from ledger.wire.codec import encode
from ledger.wire.merkle import inclusion_path
from ledger.wire.scalars import CivilDate, Digest, Grams, LotId, MemberId, Month, ProductCode
from ledger.wire.transaction import head_of, record_leaves, record_salt
from tests.support.founding import CUSTOMS, MINISTRY, UTC_OFFSET_MINUTES
from tests.support.keys import new_key
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    PIT,
    ROCK,
    TODAY,
    accept,
    mined,
    offer,
    offered,
    trading_world,
    transfer_of,
)
from tests.support.world import MEMBER_ROLES, Signer, World, digest_of

INSPECTORATE = MemberId("inspectorate")
EXPORTER = MemberId("exporter-e")
INSPECTORS: tuple[Signer, ...] = ((INSPECTORATE, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR, 1))
ONE_PERSON_TWICE: tuple[Signer, ...] = (
    (INSPECTORATE, Role.OPERATOR),
    (INSPECTORATE, Role.OPERATOR, 2),
)
BOTH_SIDES: tuple[Signer, ...] = ((MINE, Role.OPERATOR), (BUYER, Role.OPERATOR))
SHORT = 990_000
"""Gross grams that arrived of a million: 8,000 g more are missing than the tolerance allows."""


def add_inspectors(world: World) -> None:
    """Admit the inspectorate with its persons, and give the ministry a second one."""
    world.apply(
        MINISTRY,
        AdmitMember(
            id=INSPECTORATE,
            name="Inspectorate of the test network",
            kind=MemberKind.AUTHORITY,
            office=AuthorityOffice.INSPECTORATE,
            activities=(),
            group="",
            province="Beijing",
            registration="REG-inspectorate",
            licences=(),
            keys=(
                *(new_key(world.network, INSPECTORATE, role) for role in MEMBER_ROLES),
                new_key(world.network, INSPECTORATE, Role.OPERATOR, 1),
            ),
        ),
    )
    again = new_key(world.network, INSPECTORATE, Role.OPERATOR, 2)
    first = new_key(world.network, INSPECTORATE, Role.OPERATOR)
    world.apply(
        INSPECTORATE,
        AddKey(owner=INSPECTORATE, new=msgspec.structs.replace(again, person=first.person)),
        signers=((INSPECTORATE, Role.ADMIN),),
    )
    world.apply(
        MINISTRY,
        AddKey(owner=MINISTRY, new=new_key(world.network, MINISTRY, Role.OPERATOR, 1)),
        signers=((MINISTRY, Role.ADMIN),),
    )


def supervised_world() -> World:
    world = World()
    add_inspectors(world)
    return trading_world(world)


def inspect(world: World, *records: Record) -> None:
    """Commit records that two inspectors sign."""
    world.apply(INSPECTORATE, *records, signers=INSPECTORS)


def hold(lot: LotId, **changes: object) -> HoldLot:
    record = HoldLot(lot=lot, case="2024-9", reason="seals do not match", act=HoldAct.PLACE)
    return msgspec.structs.replace(record, **changes)


def renewal(lot: LotId, **changes: object) -> HoldLot:
    return hold(lot, **{"act": HoldAct.RENEW, "reason": "the laboratory needs longer", **changes})


def release(lot: LotId, **changes: object) -> ReleaseLot:
    record = ReleaseLot(lot=lot, case="2024-9", reason="seals explained")
    return msgspec.structs.replace(record, **changes)


def seize(lot: LotId, **changes: object) -> SeizeLot:
    record = SeizeLot(lot=lot, case="2024-10", reason="no papers", place="Customs yard 3")
    return msgspec.structs.replace(record, **changes)


def settle(lot: LotId, transfer: LotId, **changes: object) -> SettleDispute:
    """Everything that arrived to the buyer, the rest lost."""
    record = SettleDispute(
        lot=lot,
        transfer=transfer,
        date=CivilDate(2024_03_28),
        seller_gross=Grams(0),
        buyer_gross=Grams(SHORT),
        loss_gross=Grams(LOT_GROSS - SHORT),
        seller_code="",
        place="Ganzhou",
        reason="the wagon leaked, both have seen it",
    )
    return msgspec.structs.replace(record, **changes)


def disputed(world: World, **changes: object) -> tuple[LotId, LotId]:
    """Offer a lot, receive too little, and return lot and transfer."""
    lot, transfer = offered(world, **changes)
    world.apply(BUYER, accept(lot, transfer, received_gross=Grams(SHORT)))
    return lot, transfer


def next_month(world: World, member: MemberId) -> Month:
    """Return the month that a member files next, as the specification says it."""
    filed = world.row(FILINGS, member)
    if filed is not None and filed.filed_through:
        return civil.next_month(Month(filed.filed_through))
    admitted = world.expect(MEMBERS, member).admitted_ms
    month = civil.month_of(civil.date_of(admitted, UTC_OFFSET_MINUTES))
    return min(month, Month(filed.first_month)) if filed is not None else month


def filing(
    world: World, member: MemberId, month: int | None = None, **changes: object
) -> FileMonth:
    """Return a filing that says what the ledger knows."""
    wanted = next_month(world, member) if month is None else Month(month)
    row = world.row(MEMBER_MONTHS, member, wanted) or EMPTY_MONTH
    lines = (
        ProductLine(
            product=entry.product,
            opening=entry.opening,
            incoming=entry.incoming,
            produced=entry.produced,
            consumed=entry.consumed,
            outgoing=entry.outgoing,
            lost=entry.lost,
            in_transit=entry.transit_opening + entry.transit_change,
            closing=entry.closing,
        )
        for entry in row.totals
    )
    record = FileMonth(
        month=wanted,
        products=tuple(line for line in lines if any(msgspec.structs.astuple(line)[1:])),
        count=row.count,
        digest=row.digest,
    )
    return msgspec.structs.replace(record, **changes)


def file_month(world: World, member: MemberId, *months: int) -> None:
    """File months, one after the other."""
    for month in months:
        world.apply(member, filing(world, member, month), signers=((member, Role.FILING),))


def write_off(lot: LotId, gross: int, **changes: object) -> WriteOff:
    record = WriteOff(
        lot=lot, gross=Grams(gross), date=CivilDate(2024_03_21), reason="spilt in the yard",
        evidence=digest_of("protocol"), authority="",
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def incident(lot: LotId, gross: int, **changes: object) -> Incident:
    record = Incident(
        lot=lot, gross=Grams(gross), date=CivilDate(2024_03_21), kind=IncidentKind.FIRE,
        reason="a warehouse has burnt", evidence=digest_of("fire brigade"), authority="",
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def consume(lot: LotId, gross: int, **changes: object) -> Consume:
    record = Consume(
        lot=lot, gross=Grams(gross), date=CivilDate(2024_03_21), article="catalyst",
        article_gross=Grams(gross), authority="",
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def export_licence(**changes: object) -> GrantExportLicence:
    record = GrantExportLicence(
        number="EL-1", exporter=EXPORTER, destination="Norway", valid_from=CivilDate(2024_03_01),
        valid_to=CivilDate(2024_12_31), elements=((Element.DY, Grams(1_000)),),
        document=digest_of("licence"),
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def export(lot: LotId, gross: int, **changes: object) -> ExportLot:
    record = ExportLot(
        lot=lot, gross=Grams(gross), date=TODAY, declaration="DEC-1", customs=CUSTOMS,
        licence="EL-1", destination="Norway", consignee="Neodym AS", customs_code="2530.90.20",
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def exporting_world() -> tuple[World, LotId]:
    """Return a world with an exporter that has bought a lot: 1,000,000 g with 2,000 g of dysprosium."""
    world = supervised_world()
    world.admit(EXPORTER, activities=(Activity.EXPORT,))
    rich = (*ROCK[:-1], (Element.ND, Grams(98_000)), (Element.DY, Grams(2_000)))
    lot = mined(world, elements=rich)
    transfer = transfer_of(world.apply(MINE, offer(lot, buyer=EXPORTER)))
    world.apply(EXPORTER, accept(lot, transfer))
    return world, lot


def shown(transaction: ParsedTransaction, index: int = 0) -> ShownRecord:
    """Return a record of a transaction with its path to the transaction id."""
    signed = transaction.signed.transaction
    return ShownRecord(
        tx_id=transaction.tx_id,
        index=index,
        head=head_of(signed),
        salt=record_salt(signed.nonce, index),
        record=signed.records[index],
        path=tuple(Digest(step) for step in inclusion_path(record_leaves(signed), index)),
    )


def output_correction(
    transaction: ParsedTransaction, gross: int, *elements: tuple[Element, int], **changes: object
) -> Correct:
    record = Correct(
        reason="the scale was read wrongly",
        output=OutputDelta(target=shown(transaction), gross=gross, elements=elements),
        forgotten=None,
        authority="",
    )
    return msgspec.structs.replace(record, **changes)


def forgotten(record: Record, **changes: object) -> Correct:
    correction = Correct(
        reason="found in a drawer", output=None, forgotten=encode(record), authority=""
    )
    return msgspec.structs.replace(correction, **changes)


def to_reserve(lot: LotId, **changes: object) -> ToReserve:
    record = ToReserve(
        lot=lot,
        date=CivilDate(2024_03_21),
        reason="state order 9",
        evidence=digest_of("order"),
        authority=INSPECTORATE,
    )
    return msgspec.structs.replace(record, **changes)


def release_reserve(lot: LotId, **changes: object) -> ReleaseReserve:
    record = ReleaseReserve(
        lot=lot, date=CivilDate(2024_03_22), reason="order lifted", authority=INSPECTORATE
    )
    return msgspec.structs.replace(record, **changes)


def found(**changes: object) -> FoundLot:
    record = FoundLot(
        product=ProductCode("ORE-MIX"),
        code="F-1",
        gross=Grams(1_000),
        elements=((Element.CE, Grams(400)),),
        place="behind the old mill",
        date=CivilDate(2024_03_21),
        reason="not on anybody's list",
        evidence=digest_of("protocol"),
        authority=INSPECTORATE,
    )
    return msgspec.structs.replace(record, **changes)


def counting(lot: LotId, gross: int, **changes: object) -> StockTake:
    record = StockTake(
        facility=PIT,
        date=CivilDate(2024_03_25),
        lots=(CountedLot(lot=lot, gross=Grams(gross)),),
        line=0,
        stock=(),
        evidence=digest_of("count"),
    )
    return msgspec.structs.replace(record, **changes)
