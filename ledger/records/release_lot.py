"""``ReleaseLot``: inspectors end a hold or a seizure; the lot may move again when it was the last one.

The authority that placed a hold releases it, or the ministry, each with two persons. A hold that the rules
placed (a suspended buyer's goods) is released by the ministry. Seized goods stay where they are when they
are released: the authority gives them back by offering a return to their owner.
"""

from __future__ import annotations

import msgspec

from ledger.records.lot_rules import ReasonField, change_lot, live_lot
from ledger.records.record import Context, Record
from ledger.records.supervision_rules import require_inspectors
from ledger.refusal import RefusalCode
from ledger.wire.scalars import LotIdField, NameField


class ReleaseLot(Record, frozen=True, array_like=True, tag=73):
    """End the hold of ``case`` on ``lot``."""

    lot: LotIdField
    case: NameField
    reason: ReasonField


def apply_release_lot(context: Context, record: ReleaseLot) -> None:
    """Apply; refused unless inspectors of the holding authority or the ministry end a known hold."""
    require_inspectors(context)
    lot = live_lot(context, record.lot)
    hold = next((hold for hold in lot.holds if hold.case == record.case), None)
    if hold is None:
        cases = ", ".join(hold.case for hold in lot.holds) or "none"
        context.refuse(
            RefusalCode.HOLD_UNKNOWN,
            f"case {record.case} does not stand on lot {record.lot.hex()}; the cases on it: {cases}.",
            field="case",
            case=record.case,
        )
    ministry = context.parameters.ministry
    if context.author not in (hold.by, ministry):
        context.refuse(
            RefusalCode.HOLD_OF_ANOTHER,
            f"case {record.case} is one of {hold.by or ministry}; it or {ministry} releases it, the "
            f"author is {context.author}.",
            field="case",
            by=hold.by or ministry,
            author=context.author,
        )
    left = tuple(kept for kept in lot.holds if kept is not hold)
    change_lot(context, record.lot, lot, msgspec.structs.replace(lot, holds=left))
    context.touch(lot.owner)
    context.touch(lot.holder)
