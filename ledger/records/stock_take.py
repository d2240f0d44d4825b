"""``StockTake``: somebody has counted what is at a facility, and the ledger compares.

The facility's owner counts its own goods, or inspectors count them. The count changes no balance: what is
missing is written off, what is too much is found, each by a record of its own and with its signatures. A
difference over the tolerance is an alert: for a lot the transit tolerance of its gross, for the stock in
process the tolerance of an assay, element by element. Only a count by inspectors is one that a line's process
stock has been counted by.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.quantity import totals_of
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import live_lot
from ledger.records.record import Context, Record
from ledger.records.succession import facility_under_present_name
from ledger.records.supervision_rules import require_inspectors
from ledger.refusal import RefusalCode
from ledger.state.rows import FacilityRow, LineRow
from ledger.state.tables import FACILITIES, LINES
from ledger.vocabulary import Element, Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CivilDateField,
    DigestField,
    FacilityIdField,
    GramsField,
    LotIdField,
)

LOTS_COUNTED_MAX: Final = 64
ALERT_STOCK: Final = "stock-differs"


class CountedLot(WireStruct, frozen=True, array_like=True):
    """A lot as it was weighed."""

    lot: LotIdField
    gross: GramsField


class StockTake(Record, frozen=True, array_like=True, tag=64):
    """Say what was counted at ``facility``."""

    facility: FacilityIdField
    date: CivilDateField
    """Claimed."""
    lots: Annotated[tuple[CountedLot, ...], Meta(max_length=LOTS_COUNTED_MAX)]
    line: Annotated[int, Meta(ge=0, le=1_000)]
    """The line whose process stock was counted; 0 when none was."""
    stock: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide in process on that line, by ascending atomic number."""
    evidence: DigestField
    """SHA-256 of the count's protocol."""


def apply_stock_take(context: Context, record: StockTake) -> None:
    """Apply; refused unless owner or inspectors count what the ledger knows at the facility."""
    facility = _facility(context, record)
    by_inspectors = context.author != facility.owner
    if by_inspectors:
        require_inspectors(context)
    else:
        context.require(context.author, Role.OPERATOR)
    check_claimed_date(context, record.date)
    for number, counted in enumerate(record.lots):
        _compare_lot(context, facility, counted, field=f"lots[{number}]")
    _compare_stock(context, record, facility, by_inspectors=by_inspectors)
    context.touch(context.author, record.date)
    context.touch(facility.owner, record.date)


def _facility(context: Context, record: StockTake) -> FacilityRow:
    facility = context.state.get(FACILITIES, record.facility)
    if facility is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"there is no facility {record.facility}.",
            field="facility",
            facility=record.facility,
        )
    return facility_under_present_name(context, facility)


def _compare_lot(
    context: Context, facility: FacilityRow, counted: CountedLot, *, field: str
) -> None:
    lot = live_lot(context, counted.lot, field=field)
    if lot.holder != facility.owner:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {counted.lot.hex()} lies with {lot.holder}, not with {facility.owner}.",
            field=field,
            lot=counted.lot.hex(),
            holder=lot.holder,
        )
    difference = counted.gross - lot.gross
    if abs(difference) * 10_000 > lot.gross * context.parameters.transit_tolerance_basis_points:
        context.alert(
            ALERT_STOCK,
            facility.owner,
            f"{counted.gross:,} g were counted of lot {counted.lot.hex()}, the ledger has "
            f"{lot.gross:,} g.",
            counted=counted.gross,
            ledger=lot.gross,
            difference=difference,
        )


def _compare_stock(
    context: Context, record: StockTake, facility: FacilityRow, *, by_inspectors: bool
) -> None:
    """Compare the process stock of the line, element by element, and note that it was counted."""
    line: LineRow | None = None
    if record.line:
        line = context.state.get(LINES, record.facility, record.line)
    if (line is None and record.line) or (record.stock and not record.line):
        context.refuse(
            RefusalCode.LINE_UNKNOWN,
            f"line {record.line} of {record.facility} has no process stock on the ledger.",
            field="line",
            line=record.line,
        )
    if line is None:
        return
    for (before, _), (after, _) in itertools.pairwise(record.stock):
        if before >= after:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"elements stand once each by ascending atomic number, {after.symbol} stands after "
                f"{before.symbol}.",
                field="stock",
            )
    counted, known = dict(record.stock), dict(totals_of(line.stock))
    for element in sorted({*counted, *known}):
        found, expected = counted.get(element, 0), known.get(element, 0)
        tolerated = expected * context.parameters.assay_tolerance_permille
        if abs(found - expected) * 1_000 > tolerated:
            context.alert(
                ALERT_STOCK,
                facility.owner,
                f"{found:,} g of {element.symbol} oxide were counted in process on line "
                f"{record.line} of {record.facility}, the ledger has {expected:,} g.",
                counted=found,
                ledger=expected,
                difference=found - expected,
            )
    if by_inspectors and record.date > line.counted:
        row = msgspec.structs.replace(line, counted=record.date)
        context.state.put(LINES, record.facility, record.line, row=row)
