"""``SettleDispute``: what becomes of a lot that arrived short, agreed by both sides or set by the ministry.

The grams that were sent go to the seller, to the buyer, or are lost, and the three add up to them exactly.
Seller and buyer sign together, whoever of them writes it, or the ministry alone. The ministry may also
settle an open transfer when one of its sides is suspended: a suspended seller cannot cancel, and what it
has sent must not stay locked for ever.

Who gets what: when both keep something, the seller's share is taken out of the lot first and becomes a lot of
its own with a code of the seller's; then the loss is taken out; the buyer keeps the rest. A settlement that
leaves the buyer nothing gives the seller the lot back, as a rejection does. The loss counts among the transit
losses of the buyer's year; the authorities are alerted when it is more than the tolerance would have booked
without a dispute, because two sides that always agree on losses are a way out of the traced world.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.quantity import reo_of, take
from ledger.records.accept_transfer import book_loss, holds_at_buyer
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    OptionalCodeField,
    ReasonField,
    change_lot,
    check_not_held,
    exhausted,
    make_lot,
    part_of,
)
from ledger.records.record import Context, Record
from ledger.records.transfer_rules import unclosed_transfer, unlocked
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, OpenTransfer
from ledger.vocabulary import MemberStatus, Purpose, Role, TransferState
from ledger.wire.scalars import LOT_GRAMS_MAX, CivilDateField, Grams, LotIdField, NameField

ALERT_SETTLED_LOSS: Final = "settled-loss"
ShareField = Annotated[Grams, Meta(ge=0, le=LOT_GRAMS_MAX)]


class SettleDispute(Record, frozen=True, array_like=True, tag=54):
    """Close ``transfer`` of ``lot``: so much to the seller, so much to the buyer, so much lost."""

    lot: LotIdField
    transfer: LotIdField
    date: CivilDateField
    """Claimed."""
    seller_gross: ShareField
    buyer_gross: ShareField
    loss_gross: ShareField
    seller_code: OptionalCodeField
    """Container code of the seller's share; empty exactly when the lot is not shared."""
    place: NameField
    """Where the buyer's share is now."""
    reason: ReasonField


def apply_settle_dispute(context: Context, record: SettleDispute) -> None:
    """Apply; refused unless both sides or the ministry share out exactly what was sent."""
    lot, transfer = unclosed_transfer(context, record.lot, record.transfer)
    _check_signers(context, transfer)
    _check_settleable(context, lot, transfer)
    check_not_held(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=transfer.offered, because="the lot was offered"
    )
    _check_shares(context, record, lot)
    _share_out(context, record, lot, transfer)
    _alert_of_loss(context, record, lot, transfer)
    for member in (context.author, transfer.seller, transfer.buyer):
        context.touch(member, record.date)


def _check_signers(context: Context, transfer: OpenTransfer) -> None:
    """Ask for both sides, or for the ministry when it is the author; refuse anybody else."""
    ministry = context.parameters.ministry
    sides = (transfer.seller, transfer.buyer)
    if context.author in sides:
        for side in sides:
            context.require(side, Role.OPERATOR)
    elif context.author == ministry:
        context.require(ministry, Role.OPERATOR)
    else:
        context.refuse(
            RefusalCode.NOT_A_PARTY,
            f"transfer {transfer.transfer.hex()} is between {transfer.seller} and {transfer.buyer}; "
            f"they settle it together or {ministry} does, the author is {context.author}.",
            field="transfer",
            author=context.author,
        )


def _check_settleable(context: Context, lot: LotRow, transfer: OpenTransfer) -> None:
    """Refuse a transfer that its sides can still answer or cancel."""
    if transfer.state == TransferState.DISPUTED:
        return
    is_stuck = any(
        context.member(side, field="transfer").status is not MemberStatus.ACTIVE
        for side in (transfer.seller, transfer.buyer)
    )
    if context.author == context.parameters.ministry and is_stuck:
        return
    context.refuse(
        RefusalCode.TRANSFER_NOT_DISPUTED,
        f"transfer {transfer.transfer.hex()} of {lot.gross:,} g is open and not disputed: the buyer "
        "accepts or rejects it, the seller cancels it; the ministry settles it only when one of "
        "them is suspended.",
        field="transfer",
        transfer=transfer.transfer.hex(),
        sent=lot.gross,
    )


def _check_shares(context: Context, record: SettleDispute, lot: LotRow) -> None:
    total = record.seller_gross + record.buyer_gross + record.loss_gross
    if total != lot.gross:
        context.refuse(
            RefusalCode.SETTLEMENT_DOES_NOT_ADD_UP,
            f"{record.seller_gross:,} g to the seller, {record.buyer_gross:,} g to the buyer and "
            f"{record.loss_gross:,} g lost are {total:,} g, {abs(total - lot.gross):,} g "
            f"{'more' if total > lot.gross else 'less'} than the {lot.gross:,} g that were sent.",
            field="seller_gross",
            total=total,
            sent=lot.gross,
            difference=total - lot.gross,
        )
    is_shared = bool(record.seller_gross and record.buyer_gross)
    if is_shared != bool(record.seller_code):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the seller's share has a code of its own exactly when the buyer has a share too.",
            field="seller_code",
        )


def _share_out(
    context: Context, record: SettleDispute, lot: LotRow, transfer: OpenTransfer
) -> None:
    context.count_flows(drop="lost")
    if record.seller_code:
        lot = _split_off(context, record, lot, transfer)
    rest = _without_loss(context, record, lot, transfer)
    buyer = transfer.buyer
    if not rest.gross:
        after = exhausted(lot, record.date)
    elif not record.buyer_gross:
        after = unlocked(rest, record.date)
    else:
        after = msgspec.structs.replace(
            rest,
            owner=buyer if transfer.purpose is Purpose.SALE else lot.owner,
            holder=buyer,
            place=record.place,
            date=record.date,
            holds=holds_at_buyer(context, lot, buyer),
            transfer=None,
        )
    change_lot(context, record.lot, lot, after)


def _split_off(
    context: Context, record: SettleDispute, lot: LotRow, transfer: OpenTransfer
) -> LotRow:
    """Make the seller's share a lot of its own and return the rest, written."""
    share, rest = take(lot.parcels, lot.gross, record.seller_gross)
    if not reo_of(share):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{record.seller_gross:,} g of this lot hold less than one gram of oxide, at least one "
            "is needed to trace it.",
            field="seller_gross",
            gross=record.seller_gross,
        )
    part = part_of(
        context, record.lot, lot, gross=record.seller_gross, parcels=share, code=record.seller_code
    )
    row = msgspec.structs.replace(part, creator=transfer.seller, date=record.date)
    make_lot(context, context.new_lot_id(), row, field="seller_code")
    left = msgspec.structs.replace(lot, gross=Grams(lot.gross - record.seller_gross), parcels=rest)
    change_lot(context, record.lot, lot, left)
    return left


def _without_loss(
    context: Context, record: SettleDispute, lot: LotRow, transfer: OpenTransfer
) -> LotRow:
    """Book the loss and return what is left of the lot, not yet written."""
    if not record.loss_gross:
        return lot
    lost, parcels = take(lot.parcels, lot.gross, record.loss_gross)
    book_loss(
        context,
        record.date,
        sent=record.seller_gross + record.buyer_gross + record.loss_gross,
        gross=record.loss_gross,
        lost=lost,
        receiver=transfer.buyer,
    )
    left = Grams(lot.gross - record.loss_gross)
    return msgspec.structs.replace(lot, gross=left, parcels=parcels)


def _alert_of_loss(
    context: Context, record: SettleDispute, lot: LotRow, transfer: OpenTransfer
) -> None:
    tolerated = lot.gross * context.parameters.transit_tolerance_basis_points // 10_000
    if record.loss_gross > tolerated:
        context.alert(
            ALERT_SETTLED_LOSS,
            transfer.buyer,
            f"{transfer.seller} and {transfer.buyer} settle on {record.loss_gross:,} g lost of "
            f"{lot.gross:,} g, {record.loss_gross - tolerated:,} g more than the tolerance.",
            lost=record.loss_gross,
            sent=lot.gross,
            tolerated=tolerated,
        )
