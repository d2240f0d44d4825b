"""``AcceptTransfer``: the buyer has the goods and says how much arrived.

Nothing grows on the way: more received than sent is refused. A difference within the tolerance of the
network (parts of 10,000 of what was sent, compared exactly, never rounded) is booked as transit loss of
the receiver's year, in the lot's own composition, and the lot shrinks by it. A larger difference is a
dispute: the lot stays locked, its contents stay as sent, and the authorities are alerted; it needs a
settlement. Accepting a part of an offer is not possible: reject it and offer again.

One loss within the tolerance says nothing; always losing nearly all of it is a way to make goods vanish. At
every tenth short receipt of a year the receiver's losses are compared with what the tolerance would have
allowed for those receipts, and three quarters of it or more raise an alert.

By purpose the acceptance moves owner and holder or only the holder (``offer_transfer``). A suspended buyer
may accept, because the goods stand in its yard, but into a hold. Acceptance from a seller that was
suspended after the offer is a fact as well; the authorities are alerted.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.quantity import Parcels, add_compositions, take, totals_of
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import change_lot, check_not_held, with_hold
from ledger.records.record import Context, Record
from ledger.records.transfer_rules import check_buyer, open_transfer
from ledger.refusal import RefusalCode
from ledger.state.rows import Hold, LossRow, LotRow, OpenTransfer
from ledger.state.tables import LOSSES
from ledger.vocabulary import MemberStatus, Purpose, Role, TransferState
from ledger.wire.scalars import (
    LOT_GRAMS_MAX,
    CivilDate,
    CivilDateField,
    Grams,
    LotIdField,
    MemberId,
    NameField,
    TextField,
)

SUSPENSION_CASE: Final = "suspension"
"""Case of the hold into which a suspended buyer accepts."""
ALERT_DISPUTE: Final = "transfer-disputed"
ALERT_SELLER_SUSPENDED: Final = "seller-suspended"
ALERT_LOSSES: Final = "transit-losses"
NO_LOSS: Final = LossRow(receipts=0, sent=Grams(0), gross=Grams(0), grams=())
SHORT_RECEIPTS_COMPARED: Final = 10
"""At every so many short receipts of a year the losses are compared with the tolerance."""


class AcceptTransfer(Record, frozen=True, array_like=True, tag=51):
    """Accept ``transfer`` of ``lot``: ``received_gross`` grams arrived at ``place``."""

    lot: LotIdField
    transfer: LotIdField
    date: CivilDateField
    """Claimed."""
    received_gross: Annotated[Grams, Meta(ge=0, le=LOT_GRAMS_MAX)]
    place: NameField
    """Where the goods are now."""
    seals: TextField
    """Numbers of the seals as found, in words."""


def apply_accept_transfer(context: Context, record: AcceptTransfer) -> None:
    """Apply; refused unless the buyer accepts an open transfer with no more than was sent."""
    context.require(context.author, Role.OPERATOR)
    lot, transfer = open_transfer(context, record.lot, record.transfer)
    check_buyer(context, transfer)
    check_not_held(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=transfer.offered, because="the lot was offered"
    )
    missing = _missing(context, record, lot)
    if missing * 10_000 > lot.gross * context.parameters.transit_tolerance_basis_points:
        _dispute(context, record, lot, transfer)
    else:
        _take_over(context, record, lot, transfer)
    _alert_of_suspended_seller(context, transfer)
    context.touch(context.author, record.date)
    context.touch(transfer.seller, record.date)


def _missing(context: Context, record: AcceptTransfer, lot: LotRow) -> int:
    """Return how many gross grams did not arrive, or refuse."""
    missing = lot.gross - record.received_gross
    if missing < 0:
        context.refuse(
            RefusalCode.RECEIVED_MORE_THAN_SENT,
            f"{record.received_gross:,} g received are {-missing:,} g more than the {lot.gross:,} g "
            "that were sent; reject the transfer and let the seller find out what it is.",
            field="received_gross",
            received=record.received_gross,
            sent=lot.gross,
            excess=-missing,
        )
    if not record.received_gross:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "0 g received: there is nothing to accept; reject the transfer.",
            field="received_gross",
        )
    return missing


def _dispute(context: Context, record: AcceptTransfer, lot: LotRow, transfer: OpenTransfer) -> None:
    """Leave the lot locked and note what the buyer says has arrived."""
    disputed = msgspec.structs.replace(
        transfer, state=int(TransferState.DISPUTED), received=record.received_gross
    )
    change_lot(context, record.lot, lot, msgspec.structs.replace(lot, transfer=disputed))
    missing = lot.gross - record.received_gross
    tolerated = lot.gross * context.parameters.transit_tolerance_basis_points // 10_000
    context.alert(
        ALERT_DISPUTE,
        context.author,
        f"{record.received_gross:,} g arrived of {lot.gross:,} g that {transfer.seller} sent: "
        f"{missing:,} g are missing, at most {tolerated:,} g are booked as transit loss.",
        sent=lot.gross,
        received=record.received_gross,
        missing=missing,
        tolerated=tolerated,
    )


def _take_over(
    context: Context, record: AcceptTransfer, lot: LotRow, transfer: OpenTransfer
) -> None:
    """Move the lot to the buyer, less what was lost on the way."""
    parcels = lot.parcels
    lost_gross = lot.gross - record.received_gross
    if lost_gross:
        # The loss is the part, so its oxide is rounded down and the lot never loses a gram too many.
        lost, parcels = take(lot.parcels, lot.gross, lost_gross)
        book_loss(context, record.date, sent=lot.gross, gross=lost_gross, lost=lost)
    sold = transfer.purpose is Purpose.SALE
    after = msgspec.structs.replace(
        lot,
        owner=context.author if sold else lot.owner,
        holder=context.author,
        place=record.place,
        date=record.date,
        gross=record.received_gross,
        parcels=parcels,
        holds=holds_at_buyer(context, lot, context.author),
        transfer=None,
    )
    change_lot(context, record.lot, lot, after)


def book_loss(
    context: Context,
    date: CivilDate,
    *,
    sent: int,
    gross: int,
    lost: Parcels,
    receiver: MemberId | None = None,
) -> None:
    """Count ``gross`` grams, which hold ``lost``, as lost of ``sent`` on the way to the receiver.

    The receiver is the author unless it is named.
    """
    receiver = context.author if receiver is None else receiver
    parts = (civil.year_of(date), receiver)
    before = context.state.get(LOSSES, *parts) or NO_LOSS
    row = LossRow(
        receipts=before.receipts + 1,
        sent=Grams(before.sent + sent),
        gross=Grams(before.gross + gross),
        grams=add_compositions(before.grams, totals_of(lost)),
    )
    context.state.put(LOSSES, *parts, row=row)
    allowed = row.sent * context.parameters.transit_tolerance_basis_points
    if row.receipts % SHORT_RECEIPTS_COMPARED == 0 and row.gross * 10_000 * 4 >= allowed * 3:
        context.alert(
            ALERT_LOSSES,
            receiver,
            f"{row.receipts} receipts of {civil.year_of(date)} were short by {row.gross:,} g "
            f"of {row.sent:,} g; the tolerance for them is {allowed // 10_000:,} g.",
            receipts=row.receipts,
            lost=row.gross,
            sent=row.sent,
            tolerated=allowed // 10_000,
        )


def holds_at_buyer(context: Context, lot: LotRow, buyer: MemberId) -> tuple[Hold, ...]:
    """Return the holds on a lot that comes to ``buyer``: one more when it is suspended."""
    if context.member(buyer, field="transfer").status is MemberStatus.ACTIVE:
        return lot.holds
    return with_hold(context, lot, Hold(case=SUSPENSION_CASE))


def _alert_of_suspended_seller(context: Context, transfer: OpenTransfer) -> None:
    seller = context.member(transfer.seller, field="transfer")
    if seller.status is not MemberStatus.ACTIVE:
        context.alert(
            ALERT_SELLER_SUSPENDED,
            transfer.seller,
            f"{context.author} answered an offer of {transfer.seller}, which was suspended since.",
            offered=transfer.offered,
        )
