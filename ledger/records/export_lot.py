"""``ExportLot``: goods leave the country, with customs' signature beside the exporter's.

What a declaration can lie about is what it calls the goods and how much of the controlled elements is
in them. The ledger knows both. The customs code must be one of the codes of the lot's product, in the
version under which the lot was made, and for each element under export control the grams in the part
must be within what is left of the exporter's licence, which must be good on the day and for the
destination. Goods without controlled elements need no licence. A declaration number of a customs office
is used once.
"""

from __future__ import annotations

import msgspec

from ledger.quantity import Composition, add_compositions, totals_of
from ledger.records.claimed_date import shown
from ledger.records.lot_rules import OptionalCodeField, check_owned_and_held
from ledger.records.record import Context, Record
from ledger.records.sink_rules import lot_for_sink, sink
from ledger.records.supervision_rules import authority
from ledger.refusal import RefusalCode
from ledger.state.rows import ExportLicenceRow, ExternalNumberRow, LotRow
from ledger.state.tables import EXPORT_LICENCES, EXTERNAL_NUMBERS, PRODUCT_VERSIONS
from ledger.vocabulary import Activity, AuthorityOffice, ExternalNumberKind, Role, SinkKind
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    LotGramsField,
    LotIdField,
    MemberIdField,
    NameField,
)


class ExportLot(Record, frozen=True, array_like=True, tag=57):
    """Export ``gross`` grams of ``lot``."""

    lot: LotIdField
    gross: LotGramsField
    date: CivilDateField
    """Claimed: the day of the declaration."""
    declaration: CodeField
    """Number of the customs declaration."""
    customs: MemberIdField
    """The customs authority that signs."""
    licence: OptionalCodeField
    """Number of the export licence; empty when no controlled element is in the goods."""
    destination: NameField
    consignee: NameField
    customs_code: CodeField


def apply_export_lot(context: Context, record: ExportLot) -> None:
    """Apply; refused unless exporter and customs declare what the goods are, within the licence."""
    lot = lot_for_sink(context, record.lot, record.gross, record.date)
    check_owned_and_held(context, record.lot, lot, "export")
    if Activity.EXPORT not in context.member(context.author, field="author").activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{context.author} is not approved for export.",
            field="author",
            member=context.author,
        )
    _require_customs(context, record)
    _use_declaration(context, record)
    _check_code(context, record, lot)
    context.count_flows(drop="outgoing")
    gone = sink(context, record.lot, lot, record.gross, record.date, SinkKind.EXPORTED)
    controlled = tuple(
        (element, grams)
        for element, grams in totals_of(gone)
        if element in context.parameters.controlled_elements
    )
    if controlled or record.licence:
        _use_licence(context, record, controlled)


def _require_customs(context: Context, record: ExportLot) -> None:
    row = authority(context, record.customs, field="customs")
    if row.office is not AuthorityOffice.CUSTOMS:
        context.refuse(
            RefusalCode.NOT_CUSTOMS,
            f"{record.customs} holds the office of {row.office.name.lower()}; customs signs exports.",
            field="customs",
            member=record.customs,
        )
    context.require(record.customs, Role.OPERATOR)
    context.touch(record.customs)


def _use_declaration(context: Context, record: ExportLot) -> None:
    """Take the declaration's number, or refuse one that was used."""
    parts = (int(ExternalNumberKind.DECLARATION), record.customs, record.declaration)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    if known is not None:
        context.refuse(
            RefusalCode.NUMBER_USED,
            f"declaration {record.declaration} of {record.customs} was used by {known.counterparty} "
            f"in transaction {known.reference.tx_id.hex()}.",
            field="declaration",
            number=record.declaration,
            counterparty=known.counterparty,
        )
    row = ExternalNumberRow(
        kind=ExternalNumberKind.DECLARATION,
        counterparty=context.author,
        reference=context.reference,
        lot=None,
    )
    context.state.put(EXTERNAL_NUMBERS, *parts, row=row)


def _check_code(context: Context, record: ExportLot, lot: LotRow) -> None:
    product = context.state.get(PRODUCT_VERSIONS, lot.product, lot.product_version)
    codes = () if product is None else product.customs_codes
    if record.customs_code not in codes:
        context.refuse(
            RefusalCode.CUSTOMS_CODE_MISMATCH,
            f"lot {record.lot.hex()} is {lot.product}, which customs knows as "
            f"{', '.join(codes) or 'nothing'}, not as {record.customs_code}.",
            field="customs_code",
            product=lot.product,
            customs_code=record.customs_code,
        )


def _use_licence(context: Context, record: ExportLot, controlled: Composition) -> None:
    """Count controlled grams against the licence, or refuse."""
    licence = context.state.get(EXPORT_LICENCES, record.licence) if record.licence else None
    if licence is None or licence.exporter != context.author:
        held = ", ".join(f"{grams:,} g of {element.symbol}" for element, grams in controlled)
        context.refuse(
            RefusalCode.EXPORT_LICENCE_UNKNOWN,
            f"{context.author} has no export licence {record.licence or '(none named)'}; the goods "
            f"hold {held or '0 g'} oxide under export control.",
            field="licence",
            licence=record.licence,
        )
    _check_licence(context, record, licence)
    granted = dict(licence.granted)
    used = add_compositions(licence.used, controlled)
    for element, grams in used:
        allowed = granted.get(element, 0)
        if grams > allowed:
            context.refuse(
                RefusalCode.EXPORT_LICENCE_EXCEEDED,
                f"licence {record.licence} would be used for {grams:,} g of {element.symbol} oxide, "
                f"{grams - allowed:,} g more than the {allowed:,} g it is for.",
                field="licence",
                element=element.symbol,
                used=grams,
                granted=allowed,
                excess=grams - allowed,
            )
    row = msgspec.structs.replace(licence, used=used)
    context.state.put(EXPORT_LICENCES, record.licence, row=row)


def _check_licence(context: Context, record: ExportLot, licence: ExportLicenceRow) -> None:
    """Refuse a licence that is not good on the day or not for the destination."""
    if not licence.valid_from <= record.date <= licence.valid_to:
        context.refuse(
            RefusalCode.EXPORT_LICENCE_UNKNOWN,
            f"licence {record.licence} is good from {shown(licence.valid_from)} to "
            f"{shown(licence.valid_to)}, not on {shown(record.date)}.",
            field="licence",
            licence=record.licence,
        )
    if record.destination != licence.destination:
        context.refuse(
            RefusalCode.EXPORT_LICENCE_UNKNOWN,
            f"licence {record.licence} is for {licence.destination}, not for {record.destination}.",
            field="destination",
            licence=record.licence,
        )
