"""``RejectTransfer``: the buyer does not take the goods; the lot is the seller's as before the offer.

A part that was taken for the offer stays a lot of its own: its container exists. A suspended buyer may
reject. A lot that was held meanwhile goes back with its hold. A disputed transfer is no longer the
buyer's to reject: two parties have stated different facts, which needs a settlement.
"""

from __future__ import annotations

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import ReasonField, change_lot
from ledger.records.record import Context, Record
from ledger.records.transfer_rules import check_buyer, open_transfer, unlocked
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, LotIdField


class RejectTransfer(Record, frozen=True, array_like=True, tag=52):
    """Refuse to take ``lot`` under ``transfer``."""

    lot: LotIdField
    transfer: LotIdField
    date: CivilDateField
    """Claimed."""
    reason: ReasonField


def apply_reject_transfer(context: Context, record: RejectTransfer) -> None:
    """Apply; refused unless the buyer rejects an open transfer."""
    context.require(context.author, Role.OPERATOR)
    lot, transfer = open_transfer(context, record.lot, record.transfer)
    check_buyer(context, transfer)
    check_claimed_date(
        context, record.date, not_before=transfer.offered, because="the lot was offered"
    )
    change_lot(context, record.lot, lot, unlocked(lot, record.date))
    context.touch(context.author, record.date)
    context.touch(transfer.seller, record.date)
