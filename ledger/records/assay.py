"""``Assay``: a registered laboratory puts on record what it found in a lot.

It changes nothing about the lot: a difference becomes effective only by ``Restate``, which the holder writes.
Holder and owner see it in their months, and a difference over the tolerance is an alert that names the
holder. The report's number serves once. The laboratory needs nobody's consent.
"""

from __future__ import annotations

from typing import Final

from ledger.quantity import reo_of, totals_of
from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import SomeElementsField, check_elements, oxide_of, use_number
from ledger.records.lot_rules import live_lot
from ledger.records.record import Context, Record
from ledger.records.restate import laboratory_of, tolerance_of
from ledger.refusal import RefusalCode
from ledger.vocabulary import ExternalNumberKind, Role
from ledger.wire.scalars import CivilDateField, CodeField, DigestField, LotIdField

ALERT_ASSAY: Final = "assay-differs"


class Assay(Record, frozen=True, array_like=True, tag=41):
    """Put on record what the author, a laboratory, found in ``lot``."""

    lot: LotIdField
    date: CivilDateField
    """Claimed: the day of the report."""
    report: CodeField
    """Number of the report."""
    report_digest: DigestField
    elements: SomeElementsField
    """What the whole lot holds by the report."""


def apply_assay(context: Context, record: Assay) -> None:
    """Apply; refused unless a laboratory reports once about a live lot."""
    context.require(context.author, Role.OPERATOR)
    laboratory_of(context, context.author)
    lot = live_lot(context, record.lot)
    check_claimed_date(context, record.date)
    check_elements(context, record.elements, field="elements")
    if oxide_of(record.elements) > 2 * lot.gross:
        context.refuse(
            RefusalCode.COMPOSITION_INVALID,
            f"{oxide_of(record.elements):,} g of oxide are more than {lot.gross:,} g of any product "
            "hold.",
            field="elements",
            reo=oxide_of(record.elements),
            gross=lot.gross,
        )
    use_number(
        context,
        ExternalNumberKind.LABORATORY_REPORT,
        context.author,
        record.report,
        counterparty=lot.holder,
        field="report",
    )
    for member in (context.author, lot.holder, lot.owner):
        context.touch(member, record.date)
    before, found = dict(totals_of(lot.parcels)), dict(record.elements)
    off = {
        element: abs(found.get(element, 0) - before.get(element, 0))
        for element in sorted({*before, *found})
    }
    over = {
        element: by
        for element, by in off.items()
        if by > tolerance_of(context, before.get(element, 0), reo_of(lot.parcels))
    }
    if over:
        element = min(over, key=lambda entry: (-over[entry], entry))
        context.alert(
            ALERT_ASSAY,
            lot.holder,
            f"{context.author} found {found.get(element, 0):,} g of {element.symbol} oxide in lot "
            f"{record.lot.hex()}, the ledger has {before.get(element, 0):,} g; {len(over)} elements are "
            "off by more than an assay may be.",
            found=found.get(element, 0),
            expected=before.get(element, 0),
            elements=len(over),
        )
