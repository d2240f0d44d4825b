"""What the three answers to an offer have in common: the open transfer that they close.

An offer stands in the row of the lot that it locks (``OpenTransfer``); there is no row of its own. A
transfer has an id of its own, because one lot may be offered several times: an answer that is meant for
an earlier offer must not close a later one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger.records.lot_rules import live_lot
from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, OpenTransfer
from ledger.vocabulary import TransferState
from ledger.wire.scalars import CivilDate, LotId

TRANSFER_PART: Final = 1_000
"""Number under which an offer derives the id of its transfer; the part that it takes is number 0."""


def open_transfer(
    context: Context, lot_id: LotId, transfer_id: LotId
) -> tuple[LotRow, OpenTransfer]:
    """Return a lot with the open transfer on it, or refuse."""
    lot, transfer = unclosed_transfer(context, lot_id, transfer_id)
    if transfer.state != TransferState.OPEN:
        context.refuse(
            RefusalCode.TRANSFER_NOT_OPEN,
            f"transfer {transfer_id.hex()} is disputed: {transfer.received:,} g were received of "
            f"{lot.gross:,} g; the dispute must be settled first.",
            field="transfer",
            transfer=transfer_id.hex(),
            sent=lot.gross,
            received=transfer.received,
        )
    return lot, transfer


def unclosed_transfer(
    context: Context, lot_id: LotId, transfer_id: LotId
) -> tuple[LotRow, OpenTransfer]:
    """Return a lot with the open or disputed transfer on it, or refuse."""
    lot = live_lot(context, lot_id)
    transfer = lot.transfer
    if transfer is None or transfer.transfer != transfer_id:
        current = "no transfer" if transfer is None else f"transfer {transfer.transfer.hex()}"
        context.refuse(
            RefusalCode.TRANSFER_UNKNOWN,
            f"transfer {transfer_id.hex()} is not open on lot {lot_id.hex()}: {current} is. It was "
            "answered, cancelled, or is one of another lot.",
            field="transfer",
            lot=lot_id.hex(),
            transfer=transfer_id.hex(),
        )
    return lot, transfer


def check_buyer(context: Context, transfer: OpenTransfer) -> None:
    """Refuse unless the author is the buyer."""
    if context.author != transfer.buyer:
        context.refuse(
            RefusalCode.NOT_THE_BUYER,
            f"transfer {transfer.transfer.hex()} is an offer to {transfer.buyer}, the author is "
            f"{context.author}.",
            field="transfer",
            buyer=transfer.buyer,
            author=context.author,
        )


def unlocked(lot: LotRow, date: CivilDate) -> LotRow:
    """Return the row of a lot whose offer came to nothing on ``date``: the seller's again."""
    return msgspec.structs.replace(lot, transfer=None, date=date)
