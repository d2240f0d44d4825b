"""``SeizeLot``: inspectors take a lot away; it lies with their authority from then on.

The owner stays the owner: whether goods are forfeited is for a court and not for this record. The authority
holds them, under a hold that never lapses; an offer that was open is closed, since the seller can no longer
deliver. Seizing needs no hold before it. The goods come back by a release and a return.
"""

from __future__ import annotations

import msgspec

from ledger.records.lot_rules import ReasonField, change_lot, live_lot, with_hold
from ledger.records.record import Context, Record
from ledger.records.supervision_rules import require_inspectors
from ledger.refusal import RefusalCode
from ledger.state.rows import Hold
from ledger.wire.scalars import LotIdField, NameField


class SeizeLot(Record, frozen=True, array_like=True, tag=74):
    """Take ``lot`` away in ``case``."""

    lot: LotIdField
    case: NameField
    reason: ReasonField
    place: NameField
    """Where the authority keeps it."""


def apply_seize_lot(context: Context, record: SeizeLot) -> None:
    """Apply; refused unless inspectors take a live lot that the authority does not hold already."""
    require_inspectors(context)
    lot = live_lot(context, record.lot)
    if lot.holder == context.author or any(hold.case == record.case for hold in lot.holds):
        context.refuse(
            RefusalCode.HOLD_EXISTS,
            f"lot {record.lot.hex()} lies with {lot.holder} and has the cases "
            f"{', '.join(hold.case for hold in lot.holds) or 'none'}; a seizure takes a lot away from "
            "somebody else, under a case that the lot does not have yet.",
            field="case",
            case=record.case,
            holder=lot.holder,
        )
    hold = Hold(case=record.case, by=context.author)
    after = msgspec.structs.replace(
        lot,
        holder=context.author,
        place=record.place,
        date=max(lot.date, context.today),
        holds=with_hold(context, lot, hold),
        transfer=None,
    )
    change_lot(context, record.lot, lot, after)
    context.touch(lot.owner)
    context.touch(lot.holder)
    if lot.transfer is not None:
        context.touch(lot.transfer.seller)
        context.touch(lot.transfer.buyer)
