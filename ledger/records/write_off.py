"""``WriteOff``: who holds a lot says that a part of it, or all of it, is gone: spilt, dried out, decayed.

Within the year's small-loss allowance the holder signs alone, above it an authority signs too
(``sink_rules``). Theft is an ``Incident``.
"""

from __future__ import annotations

from ledger.quantity import totals_of
from ledger.records.lot_rules import ReasonField
from ledger.records.record import Context, Record
from ledger.records.sink_rules import OptionalMemberField, check_allowance, lot_for_sink, sink
from ledger.vocabulary import SinkKind
from ledger.wire.scalars import CivilDateField, DigestField, LotGramsField, LotIdField


class WriteOff(Record, frozen=True, array_like=True, tag=59):
    """Take ``gross`` grams of ``lot`` off the books."""

    lot: LotIdField
    gross: LotGramsField
    date: CivilDateField
    """Claimed."""
    reason: ReasonField
    evidence: DigestField
    """SHA-256 of the protocol."""
    authority: OptionalMemberField
    """Signs for what exceeds the allowance; empty when the holder signs alone."""


def apply_write_off(context: Context, record: WriteOff) -> None:
    """Apply; refused unless the holder writes off what it has, alone only within its allowance."""
    lot = lot_for_sink(context, record.lot, record.gross, record.date)
    context.count_flows(drop="lost")
    gone = sink(context, record.lot, lot, record.gross, record.date, SinkKind.WRITTEN_OFF)
    check_allowance(context, totals_of(gone), record.date, record.authority)
