"""``CancelTransfer``: the seller takes an offer back before it was answered; the lot is free again.

A part that was taken for the offer stays a lot of its own, and the invoice number stays bound to the
buyer (``offer_transfer``). A suspended seller may not cancel: what it has sent is settled by the ministry.
"""

from __future__ import annotations

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import ReasonField, change_lot
from ledger.records.record import Context, Record
from ledger.records.transfer_rules import open_transfer, unlocked
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, LotIdField


class CancelTransfer(Record, frozen=True, array_like=True, tag=53):
    """Take back the offer of ``lot`` under ``transfer``."""

    lot: LotIdField
    transfer: LotIdField
    date: CivilDateField
    """Claimed."""
    reason: ReasonField


def apply_cancel_transfer(context: Context, record: CancelTransfer) -> None:
    """Apply; refused unless the seller cancels a transfer that is still open."""
    context.require(context.author, Role.OPERATOR)
    lot, transfer = open_transfer(context, record.lot, record.transfer)
    if context.author != transfer.seller:
        context.refuse(
            RefusalCode.NOT_THE_SELLER,
            f"transfer {transfer.transfer.hex()} is an offer of {transfer.seller}, the author is "
            f"{context.author}; a buyer rejects it.",
            field="transfer",
            seller=transfer.seller,
            author=context.author,
        )
    check_claimed_date(
        context, record.date, not_before=transfer.offered, because="the lot was offered"
    )
    change_lot(context, record.lot, lot, unlocked(lot, record.date))
    context.touch(context.author, record.date)
    context.touch(transfer.buyer, record.date)
