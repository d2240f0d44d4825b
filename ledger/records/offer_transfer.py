"""``OfferTransfer``: a seller offers a lot, or a part of one, to a buyer, and locks it.

Who may offer what, by purpose, and what acceptance will change:

===========  ==========================================  ==================  ==========================
purpose      the author                                  the buyer           acceptance moves
===========  ==========================================  ==================  ==========================
sale         owns the lot, and it lies with the author   anybody else        owner and holder
             or with the buyer
toll         owns and holds it                           anybody else        the holder
consignment  owns and holds it                           anybody else        the holder
return       holds it and does not own it                the owner           the holder
===========  ==========================================  ==================  ==========================

So goods under toll or consignment are the owner's at every height; who holds them can only give them
back, and cannot pass them on. Goods in consignment are sold to a third party by returning them first, or to
the consignee by a sale of goods that already lie there. Goods that were sold come back by a sale in the
other direction, with a credit note as its invoice: ownership never moves without a sale.

The buyer must be in the register and active: the register of approved enterprises is what a seller checks
first, and the ledger checks it again.

A part is taken off the lot at once, in the lot's own composition, and is a lot of its own from then on,
whatever becomes of the offer. The transfer stands in the row of the offered lot (see
``docs/adr/0005-lots-and-transfers.md``).

An invoice number belongs to its seller and to the buyer whom the seller first used it for, for ever. It may
cover several transfers between the two, also after one was cancelled or rejected: the paper with that
number and that buyer's name exists. It never covers a transfer to somebody else, because one invoice that
is shown for two sales is the oldest trick. A number that was wasted by a mistake stays wasted until a
record says which one replaces it. An empty number means that the invoice follows.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.quantity import reo_of, take
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    OptionalCodeField,
    change_lot,
    check_free,
    check_owned_and_held,
    live_lot,
    make_lot,
    part_of,
)
from ledger.records.record import Context, Record
from ledger.records.transfer_rules import TRANSFER_PART
from ledger.refusal import RefusalCode
from ledger.state.rows import ExternalNumberRow, LotRow, OpenTransfer
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBERS
from ledger.vocabulary import ExternalNumberKind, MemberStatus, Purpose, Role, TransferState
from ledger.wire.scalars import (
    LOT_GRAMS_MAX,
    CivilDateField,
    DigestField,
    Grams,
    LotIdField,
    MemberIdField,
)


class OfferTransfer(Record, frozen=True, array_like=True, tag=50):
    """Offer ``lot`` or a part of it to ``buyer``."""

    lot: LotIdField
    part_gross: Annotated[Grams, Meta(ge=0, le=LOT_GRAMS_MAX)]
    """Gross grams of the part; 0 offers the lot whole."""
    part_code: OptionalCodeField
    """Container code of the part; empty exactly when the lot goes whole."""
    buyer: MemberIdField
    purpose: Purpose
    invoice: OptionalCodeField
    """Number of the seller's invoice; empty when it follows."""
    date: CivilDateField
    """Claimed."""
    terms: DigestField | None
    """Digest of the sealed commercial terms, whether they are attached or travel elsewhere."""


def apply_offer_transfer(context: Context, record: OfferTransfer) -> None:
    """Apply; refused unless the author may offer the lot, it is free, and the buyer may buy."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    _check_seller(context, record, lot)
    check_free(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    _check_buyer(context, record)
    _use_invoice(context, record)
    context.name_sealed(record.terms)
    transfer = OpenTransfer(
        transfer=context.new_lot_id(TRANSFER_PART),
        seller=context.author,
        buyer=record.buyer,
        purpose=record.purpose,
        invoice=record.invoice,
        terms=record.terms,
        offered=record.date,
        state=int(TransferState.OPEN),
        received=Grams(0),
    )
    if record.part_gross:
        _offer_part(context, record, lot, transfer)
    else:
        _check_no_code(context, record)
        change_lot(context, record.lot, lot, msgspec.structs.replace(lot, transfer=transfer))
    context.touch(context.author, record.date)
    context.touch(record.buyer, record.date)


def _check_seller(context: Context, record: OfferTransfer, lot: LotRow) -> None:
    """Refuse an author who may not offer this lot for this purpose."""
    if record.purpose is Purpose.RETURN:
        _check_return(context, record, lot)
        return
    lies_with_buyer = lot.holder == record.buyer
    if record.purpose is Purpose.SALE and lot.owner == context.author and lies_with_buyer:
        return
    check_owned_and_held(context, record.lot, lot, "offer")


def _check_return(context: Context, record: OfferTransfer, lot: LotRow) -> None:
    if lot.holder != context.author:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {record.lot.hex()} lies with {lot.holder}; only who holds it can return it.",
            field="lot",
            lot=record.lot.hex(),
            holder=lot.holder,
        )
    if lot.owner == context.author or lot.owner != record.buyer:
        context.refuse(
            RefusalCode.PURPOSE_MISMATCH,
            f"a return goes from who holds a lot to who owns it; lot {record.lot.hex()} belongs to "
            f"{lot.owner} and the offer is to {record.buyer}. Goods that were sold come back by "
            "a sale.",
            field="purpose",
            owner=lot.owner,
            buyer=record.buyer,
        )


def _check_buyer(context: Context, record: OfferTransfer) -> None:
    if record.buyer == context.author:
        context.refuse(
            RefusalCode.BUYER_IS_SELLER,
            f"{record.buyer} cannot offer to itself.",
            field="buyer",
            buyer=record.buyer,
        )
    buyer = context.state.get(MEMBERS, record.buyer)
    if buyer is None:
        context.refuse(
            RefusalCode.BUYER_UNKNOWN,
            f"{record.buyer} is not in the register of approved members: do not deliver to it.",
            field="buyer",
            buyer=record.buyer,
        )
    if buyer.status is not MemberStatus.ACTIVE:
        context.refuse(
            RefusalCode.BUYER_NOT_ACTIVE,
            f"{record.buyer} is suspended ({buyer.status_reason}): do not deliver to it.",
            field="buyer",
            buyer=record.buyer,
        )


def _use_invoice(context: Context, record: OfferTransfer) -> None:
    """Bind the invoice number to the buyer, or refuse one that is bound to another."""
    if not record.invoice:
        return
    parts = (int(ExternalNumberKind.INVOICE), context.author, record.invoice)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    if known is None:
        row = ExternalNumberRow(
            kind=ExternalNumberKind.INVOICE,
            counterparty=record.buyer,
            reference=context.reference,
            lot=None,
        )
        context.state.put(EXTERNAL_NUMBERS, *parts, row=row)
    elif known.counterparty != record.buyer:
        context.refuse(
            RefusalCode.INVOICE_USED,
            f"invoice {record.invoice} of {context.author} is one to {known.counterparty}; an "
            f"invoice to {record.buyer} needs a number of its own.",
            field="invoice",
            invoice=record.invoice,
            counterparty=known.counterparty,
            transaction=known.reference.tx_id.hex(),
        )


def _offer_part(
    context: Context, record: OfferTransfer, lot: LotRow, transfer: OpenTransfer
) -> None:
    """Take the part off the lot and make it a lot of its own that carries the transfer."""
    if record.part_gross > lot.gross:
        context.refuse(
            RefusalCode.QUANTITY_EXCEEDED,
            f"the part of {record.part_gross:,} g is {record.part_gross - lot.gross:,} g more than "
            f"the {lot.gross:,} g of lot {record.lot.hex()}.",
            field="part_gross",
            asked=record.part_gross,
            left=lot.gross,
            missing=record.part_gross - lot.gross,
        )
    if record.part_gross == lot.gross or not record.part_code:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"a part weighs less than the lot and has a code of its own; to offer all "
            f"{lot.gross:,} g leave part_gross 0 and part_code empty.",
            field="part_gross" if record.part_code else "part_code",
        )
    taken, rest = take(lot.parcels, lot.gross, record.part_gross)
    if not reo_of(taken):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{record.part_gross:,} g of this lot hold less than one gram of oxide, at least one "
            "is needed to trace it.",
            field="part_gross",
            gross=record.part_gross,
        )
    part = part_of(
        context, record.lot, lot, gross=record.part_gross, parcels=taken, code=record.part_code
    )
    offered = msgspec.structs.replace(part, date=record.date, transfer=transfer)
    make_lot(context, context.new_lot_id(), offered, field="part_code")
    left = Grams(lot.gross - record.part_gross)
    change_lot(context, record.lot, lot, msgspec.structs.replace(lot, gross=left, parcels=rest))


def _check_no_code(context: Context, record: OfferTransfer) -> None:
    if record.part_code:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"the lot goes whole (part_gross is 0) and keeps its code, part_code is "
            f"{record.part_code}; leave it empty.",
            field="part_code",
        )
