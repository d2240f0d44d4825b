"""``OpeningStock``: what lay at a facility before the ledger began.

Once per facility, up to a height that the parameters name, and signed by everybody who would have to lie
together: the owner, two persons of an authority that counted it, and the ministry. It enters lots, and
what is in process on the facility's lines, which must not have had a campaign.

The origin is ``opening/<facility>``. Ore and mixed compounds start ``undebited`` as their product says, and
so does what is in process of a separation; what a smelter or a recycler has in process is ``exempt``.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger.records.campaign import CampaignOutput
from ledger.records.campaign_alerts import alert_about_stock
from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import (
    SomeElementsField,
    check_composition,
    check_elements,
    facility_of_author,
    product_of,
)
from ledger.records.lot_rules import make_lot
from ledger.records.record import Context, Record
from ledger.records.supervision_rules import INSPECTORS, authority
from ledger.refusal import RefusalCode
from ledger.state.rows import FacilityRow, LineRow, LotRow, OpeningRow, Parcel
from ledger.state.tables import LINES, OPENINGS
from ledger.vocabulary import Activity, ProductClass, QuotaStatus, Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CivilDateField,
    DigestField,
    FacilityIdField,
    MemberIdField,
)


class LineStock(WireStruct, frozen=True, array_like=True):
    """What is in process on one line."""

    line: Annotated[int, Meta(ge=1, le=1_000)]
    elements: SomeElementsField


class OpeningStock(Record, frozen=True, array_like=True, tag=31):
    """Enter what lay at ``facility`` on ``date``."""

    facility: FacilityIdField
    date: CivilDateField
    """Claimed: the day on which it was counted."""
    inspectorate: MemberIdField
    """The authority of which two persons sign; not the ministry."""
    lots: Annotated[tuple[CampaignOutput, ...], Meta(max_length=64)]
    """The lot number of each is its position."""
    stock: Annotated[tuple[LineStock, ...], Meta(max_length=64)]
    """By ascending line."""
    evidence: DigestField
    """SHA-256 of the count."""


def apply_opening_stock(context: Context, record: OpeningStock) -> None:
    """Apply; refused unless it is the facility's first, in time, and owner and authorities sign."""
    context.require(context.author, Role.OPERATOR)
    context.count_flows(gain="incoming")
    ministry = context.parameters.ministry
    authority(context, record.inspectorate, field="inspectorate")
    if record.inspectorate == ministry:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{ministry} signs as the ministry; another authority counts.",
            field="inspectorate",
        )
    context.require(record.inspectorate, Role.OPERATOR, persons=INSPECTORS)
    context.require(ministry, Role.OPERATOR)
    facility = facility_of_author(context, record.facility, None, doing="opens with stock")
    _check_first(context, record)
    check_claimed_date(context, record.date)
    for number, entry in enumerate(record.lots):
        _enter_lot(context, record, facility, number, entry)
    for stock in record.stock:
        _enter_stock(context, record, facility, stock)
    context.state.put(OPENINGS, record.facility, row=OpeningRow(entered=context.reference))
    context.touch(context.author, record.date)
    context.touch(record.inspectorate, record.date)
    context.touch(ministry, record.date)


def _check_first(context: Context, record: OpeningStock) -> None:
    known = context.state.get(OPENINGS, record.facility)
    if known is not None:
        context.refuse(
            RefusalCode.OPENING_EXISTS,
            f"facility {record.facility} has its opening stock, by record {known.entered.index} of "
            f"transaction {known.entered.tx_id.hex()}; there is one.",
            field="facility",
            facility=record.facility,
        )
    last = context.parameters.opening_stock_until_height
    if context.height > last:
        context.refuse(
            RefusalCode.OPENING_TOO_LATE,
            f"opening stock enters up to block {last}, this is block {context.height}.",
            field="facility",
            height=context.height,
            last=last,
        )
    lines = [entry.line for entry in record.stock]
    if lines != sorted(set(lines)) or not (record.lots or record.stock):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "lines stand once each, ascending, and there is a lot or stock.",
            field="stock",
        )


def _enter_lot(
    context: Context,
    record: OpeningStock,
    facility: FacilityRow,
    number: int,
    entry: CampaignOutput,
) -> None:
    field = f"lots[{number}]"
    product = product_of(context, entry.product, ProductClass, doing="stock is", field=field)
    check_composition(context, entry.product, product, entry.gross, entry.elements, field=field)
    parcel = Parcel(
        origin=f"opening/{record.facility}",
        status=product.status_at_origin,
        grams=entry.elements,
    )
    lot = LotRow(
        product=entry.product,
        product_version=product.version,
        owner=context.author,
        holder=context.author,
        place=facility.place,
        date=record.date,
        gross=entry.gross,
        parcels=(parcel,),
        holds=(),
        code=entry.code,
        creator=context.author,
        parents=(),
        made_by=context.reference,
        made_height=context.height,
        transfer=None,
    )
    make_lot(context, context.new_lot_id(number), lot, field=field)


def _enter_stock(
    context: Context, record: OpeningStock, facility: FacilityRow, entry: LineStock
) -> None:
    if entry.line > facility.lines or context.state.get(LINES, record.facility, entry.line):
        context.refuse(
            RefusalCode.LINE_UNKNOWN,
            f"line {entry.line} of {record.facility} had a campaign, or is none of its "
            f"{facility.lines} lines.",
            field="stock",
            line=entry.line,
            lines=facility.lines,
        )
    check_elements(context, entry.elements, field="stock")
    owes = facility.activity is Activity.SEPARATION
    parcel = Parcel(
        origin=f"opening/{record.facility}",
        status=QuotaStatus.UNDEBITED if owes else QuotaStatus.EXEMPT,
        grams=entry.elements,
    )
    row = LineRow(
        campaigns=0,
        last=context.reference,
        until=record.date,
        owner=context.author,
        stock=(parcel,),
        holds=(),
        counted=record.date,
    )
    context.state.put(LINES, record.facility, entry.line, row=row)
    alert_about_stock(context, (record.facility, entry.line), facility, row)
