"""``Incident``: goods are gone because something happened: theft, fire, water, an accident.

Like a write-off, with two differences: a theft always needs an authority's signature, however small it is,
and every incident is an alert, because a thief's goods appear somewhere else under another name.
"""

from __future__ import annotations

from typing import Final

from ledger.quantity import totals_of
from ledger.records.lot_rules import ReasonField
from ledger.records.record import Context, Record
from ledger.records.sink_rules import (
    OptionalMemberField,
    check_allowance,
    lot_for_sink,
    sink,
)
from ledger.refusal import RefusalCode
from ledger.vocabulary import IncidentKind, SinkKind
from ledger.wire.scalars import CivilDateField, DigestField, LotGramsField, LotIdField

ALERT_INCIDENT: Final = "incident"


class Incident(Record, frozen=True, array_like=True, tag=60):
    """``gross`` grams of ``lot`` were lost by ``kind``."""

    lot: LotIdField
    gross: LotGramsField
    date: CivilDateField
    """Claimed."""
    kind: IncidentKind
    reason: ReasonField
    evidence: DigestField
    """SHA-256 of the report to the police or the fire brigade."""
    authority: OptionalMemberField
    """Signs for theft and for what exceeds the allowance; empty when the holder signs alone."""


def apply_incident(context: Context, record: Incident) -> None:
    """Apply; refused unless the holder reports what it had, a theft with an authority."""
    lot = lot_for_sink(context, record.lot, record.gross, record.date)
    if record.kind is IncidentKind.THEFT and not record.authority:
        context.refuse(
            RefusalCode.AUTHORITY_NEEDED,
            f"a theft of {record.gross:,} g needs an authority's signature, whatever its size; name "
            "one that signs.",
            field="authority",
            gross=record.gross,
        )
    context.count_flows(drop="lost")
    gone = sink(context, record.lot, lot, record.gross, record.date, SinkKind.INCIDENT)
    check_allowance(context, totals_of(gone), record.date, record.authority)
    context.alert(
        ALERT_INCIDENT,
        context.author,
        f"{context.author} has lost {record.gross:,} g of {lot.product} by "
        f"{record.kind.name.lower()}.",
        gross=record.gross,
        kind=int(record.kind),
    )
