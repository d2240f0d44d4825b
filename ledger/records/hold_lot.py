"""``HoldLot``: inspectors stop a lot where it is; the ministry may prolong that.

A held lot cannot be offered, accepted, divided, used or written off, and a part or child that comes of
it in any other way takes the hold along. Rejecting and cancelling an offer stay possible, because
they move nothing. A hold lapses by itself ``hold_days`` days after the block that placed it, counted in
milliseconds of block time; the row says when, so nothing has to be walked. Before that moment the ministry
may renew it, each time for the same number of days from the renewal's block. A case that has lapsed cannot be
placed on the same lot again: who wants longer has to convince the ministry in time.

A lot that has been used up cannot be held any more; what was made from it can, lot by lot, and the
downstream trace lists it. Following a hold into everything that came of a lot would be work that grows
with the chain's age (D17).
"""

from __future__ import annotations

import msgspec

from ledger.civil import DAY_MS
from ledger.records.lot_rules import ReasonField, change_lot, live_lot, with_hold
from ledger.records.record import Context, Record
from ledger.records.supervision_rules import require_inspectors
from ledger.refusal import RefusalCode
from ledger.state.rows import Hold, LotRow
from ledger.vocabulary import HoldAct
from ledger.wire.scalars import LotIdField, NameField, TimeMs


class HoldLot(Record, frozen=True, array_like=True, tag=72):
    """Stop ``lot`` in ``case``, or prolong that."""

    lot: LotIdField
    case: NameField
    """Number of the authority's file; one hold of a lot has it."""
    reason: ReasonField
    act: HoldAct
    """Inspectors place a hold; the ministry renews one that is in force."""

    @property
    def is_renewal(self) -> bool:
        """Whether a hold in force is prolonged."""
        return self.act is HoldAct.RENEW


def apply_hold_lot(context: Context, record: HoldLot) -> None:
    """Apply; refused unless inspectors place a new case, or the ministry renews one in force."""
    if record.is_renewal:
        context.require_ministry()
    else:
        require_inspectors(context)
    lot = live_lot(context, record.lot)
    until_ms = TimeMs(context.time_ms + context.parameters.hold_days * DAY_MS)
    if record.is_renewal:
        holds = _renewed(context, record, lot, until_ms)
    else:
        _check_new_case(context, record, lot)
        hold = Hold(case=record.case, by=context.author, until_ms=until_ms)
        holds = with_hold(context, lot, hold)
    change_lot(context, record.lot, lot, msgspec.structs.replace(lot, holds=holds))
    context.touch(lot.owner)
    context.touch(lot.holder)


def _check_new_case(context: Context, record: HoldLot, lot: LotRow) -> None:
    for hold in lot.holds:
        if hold.case != record.case:
            continue
        state = "in force" if hold.is_in_force(context.time_ms) else "lapsed"
        context.refuse(
            RefusalCode.HOLD_EXISTS,
            f"case {record.case} stands on lot {record.lot.hex()} already and is {state} (until "
            f"{hold.until_ms} ms); the ministry renews a hold before it lapses.",
            field="case",
            case=record.case,
            until_ms=hold.until_ms,
        )


def _renewed(context: Context, record: HoldLot, lot: LotRow, until_ms: TimeMs) -> tuple[Hold, ...]:
    """Return the holds with the case prolonged, or refuse a case that is not in force."""
    known = next((hold for hold in lot.holds if hold.case == record.case), None)
    if known is None or not known.is_in_force(context.time_ms):
        ended = "never placed" if known is None else f"lapsed at {known.until_ms} ms"
        context.refuse(
            RefusalCode.HOLD_UNKNOWN,
            f"case {record.case} on lot {record.lot.hex()} was {ended}; only a hold in force is "
            f"renewed, the block's time is {context.time_ms} ms.",
            field="case",
            case=record.case,
            time_ms=context.time_ms,
        )
    if not known.until_ms:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"case {record.case} never lapses; there is nothing to renew.",
            field="act",
        )
    renewed = msgspec.structs.replace(known, until_ms=until_ms)
    return tuple(renewed if hold is known else hold for hold in lot.holds)
