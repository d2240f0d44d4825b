"""``GrantExportLicence``: the ministry lets an exporter take grams of controlled elements out.

A licence has a number, a destination, a first and a last day, and a balance for each element. It is used up
by exports and never grows: who needs more needs another licence.
"""

from __future__ import annotations

import itertools
from typing import Annotated

from msgspec import Meta

from ledger.records.claimed_date import check_is_date, shown
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import ExportLicenceRow
from ledger.state.tables import EXPORT_LICENCES
from ledger.vocabulary import Activity, Element
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    LotGramsField,
    MemberIdField,
    NameField,
)


class GrantExportLicence(Record, frozen=True, array_like=True, tag=56):
    """Grant ``exporter`` the licence ``number``."""

    number: CodeField
    exporter: MemberIdField
    destination: NameField
    valid_from: CivilDateField
    valid_to: CivilDateField
    """The last day on which it is good."""
    elements: Annotated[
        tuple[tuple[Element, LotGramsField], ...], Meta(min_length=1, max_length=16)
    ]
    """Grams of oxide per element, by ascending atomic number."""
    document: DigestField
    """SHA-256 of the licence as it was signed on paper."""


def apply_grant_export_licence(context: Context, record: GrantExportLicence) -> None:
    """Apply; refused unless the ministry grants a new number to an active exporter."""
    context.require_ministry()
    known = context.state.get(EXPORT_LICENCES, record.number)
    if known is not None:
        context.refuse(
            RefusalCode.EXPORT_LICENCE_EXISTS,
            f"export licence {record.number} was granted to {known.exporter} already.",
            field="number",
            number=record.number,
            exporter=known.exporter,
        )
    exporter = context.active_member(record.exporter, field="exporter")
    if Activity.EXPORT not in exporter.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{record.exporter} is not approved for export.",
            field="exporter",
            member=record.exporter,
        )
    _check_fields(context, record)
    row = ExportLicenceRow(
        exporter=record.exporter,
        destination=record.destination,
        valid_from=record.valid_from,
        valid_to=record.valid_to,
        granted=record.elements,
        used=(),
        granted_by=context.reference,
    )
    context.state.put(EXPORT_LICENCES, record.number, row=row)
    context.touch(record.exporter)


def _check_fields(context: Context, record: GrantExportLicence) -> None:
    check_is_date(context, record.valid_from, field="valid_from")
    check_is_date(context, record.valid_to, field="valid_to")
    if record.valid_from > record.valid_to:
        context.refuse(
            RefusalCode.DATE_INVALID,
            f"the licence would end on {shown(record.valid_to)}, before it begins on "
            f"{shown(record.valid_from)}.",
            field="valid_to",
            valid_from=record.valid_from,
            valid_to=record.valid_to,
        )
    for (before, _), (after, _) in itertools.pairwise(record.elements):
        if before >= after:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"elements stand once each by ascending atomic number, {after.symbol} stands after "
                f"{before.symbol}.",
                field="elements",
            )
