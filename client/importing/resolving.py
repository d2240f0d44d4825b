"""Rows into records: names of lots into ids, rows of buyers into the transfers that they answer.

A row that builds on another row of the same import (it offers a lot that another one makes, it cancels an
offer that another one writes) waits for the next round. Whatever cannot be found is a problem of a cell,
with what the ledger knows instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from client.answers import Lot, Offer
from client.errors import CellProblem
from client.importing.cells import known_or_complain
from client.importing.register import Register
from client.importing.rows import (
    CancellationRow,
    OfferRow,
    OutputRow,
    ReceiptRow,
    RejectionRow,
    Row,
    SplitRow,
)
from client.suggestion import suggestion
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import Child, SplitLot
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import FacilityId, LotId, MemberId, ProductCode


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of the rows of one round."""

    ready: tuple[tuple[Row, Record], ...]
    """Rows with their records, in the order of the rows."""
    waiting: tuple[Row, ...]
    """Rows that build on others of this import."""
    problems: tuple[CellProblem, ...]


async def check_against_register(rows: Sequence[Row], register: Register) -> list[CellProblem]:
    """Return what the ledger does not know among members, products and facilities of ``rows``."""
    outputs = [row for row in rows if isinstance(row.content, OutputRow)]
    offers = [row for row in rows if isinstance(row.content, OfferRow)]
    problems: list[CellProblem] = []
    unknown = await register.unknown_products(
        row.content.product
        for row in outputs
        if isinstance(row.content, OutputRow) and not row.cells.is_bad("product")
    )
    known = await register.product_codes() if unknown else ()
    facilities = await register.facilities() if outputs else ()
    for row in outputs:
        reader = row.cells
        before = len(reader.problems)
        if isinstance(row.content, OutputRow):
            if row.content.product in unknown and not reader.is_bad("product"):
                reader.complain(
                    "product",
                    "is no product of the catalogue.",
                    suggestion(row.content.product, known).strip(),
                )
            what = f"facility of {register.author}"
            known_or_complain(reader, "facility", row.content.facility, facilities, what)
        problems.extend(reader.problems[before:])
    strangers = await register.unknown_members(
        row.content.buyer
        for row in offers
        if isinstance(row.content, OfferRow) and not row.cells.is_bad("buyer")
    )
    members = await register.member_ids() if strangers else ()
    for row in offers:
        is_bad = row.cells.is_bad("buyer")
        if isinstance(row.content, OfferRow) and row.content.buyer in strangers and not is_bad:
            row.cells.complain(
                "buyer",
                "is not in the register of approved members: do not deliver to it.",
                suggestion(row.content.buyer, members).strip(),
            )
            problems.append(row.cells.problems[-1])
    return problems


async def resolve(rows: Sequence[Row], register: Register) -> Resolution:
    """Return the records of all rows that do not build on other rows.

    Rows whose cells have problems are neither ready nor complained of again, but others may build
    on them.
    """
    makers = Counter(name for row in rows for name in row.makes)
    offered = Counter(row.offers for row in rows if row.offers)
    now = [row for row in rows if not row.cells.problems and not _waits(row, makers, offered)]
    lots = await register.lots(
        row.needs for row in now if isinstance(row.content, SplitRow | OfferRow | CancellationRow)
    )
    answers = any(isinstance(row.content, ReceiptRow | RejectionRow) for row in now)
    offers = await register.offers() if answers else {}
    ready: list[tuple[Row, Record]] = []
    problems: list[CellProblem] = []
    for row in now:
        before = len(row.cells.problems)
        record = _record_of(row, lots, offers)
        if record is not None:
            record = _fitting(row, record)
        if record is not None:
            ready.append((row, record))
        problems.extend(row.cells.problems[before:])
    done = {id(row) for row in now}
    return Resolution(
        tuple(ready), tuple(row for row in rows if id(row) not in done), tuple(problems)
    )


def _waits(row: Row, makers: Mapping[str, int], offered: Mapping[str, int]) -> bool:
    """Tell whether another row of the round has to be final before this one."""
    if not row.needs:
        return False
    others = makers.get(row.needs, 0) - (row.needs in row.makes)
    if isinstance(row.content, CancellationRow):
        others += offered.get(row.needs, 0)
    return others > 0


def _record_of(
    row: Row, lots: Mapping[str, Lot | None], offers: Mapping[str, Offer]
) -> Record | None:
    match row.content:
        case OutputRow() as output:
            return _output(output)
        case SplitRow() | OfferRow() | CancellationRow():
            lot = lots[row.needs]
            if lot is None:
                row.cells.complain(
                    "lot", "there is no such lot on the ledger.", "Check creator and code."
                )
                return None
            return _about_lot(row, row.content, lot)
        case ReceiptRow() | RejectionRow():
            return _answer(row, row.content, offers)
        case _:
            assert_never(row.content)


def _output(output: OutputRow) -> MineOutput:
    return MineOutput(
        facility=FacilityId(output.facility),
        period_from=output.period_from,
        period_to=output.period_to,
        product=ProductCode(output.product),
        code=output.code,
        gross=output.gross,
        elements=output.elements,
        assay_digest=output.assay_digest,
    )


def _about_lot(row: Row, content: SplitRow | OfferRow | CancellationRow, lot: Lot) -> Record | None:
    match content:
        case SplitRow():
            children = zip(content.grosses, content.codes, strict=True)
            return SplitLot(
                lot=lot.lot_id,
                date=content.date,
                children=tuple(Child(gross=gross, code=code) for gross, code in children),
            )
        case OfferRow():
            return OfferTransfer(
                lot=lot.lot_id,
                part_gross=content.part_gross,
                part_code=content.part_code,
                buyer=MemberId(content.buyer),
                purpose=content.purpose,
                invoice=content.invoice,
                date=content.date,
                terms=content.terms,
            )
        case CancellationRow():
            return _cancellation(row, content, lot)
        case _:
            assert_never(content)


def _cancellation(row: Row, content: CancellationRow, lot: Lot) -> CancelTransfer | None:
    if lot.transfer is None:
        row.cells.complain(
            "lot",
            f"is not on offer: it is with {lot.holder}.",
            "It was answered or cancelled already.",
        )
        return None
    if not _same_invoice(row, content.invoice, lot.transfer.invoice):
        return None
    return CancelTransfer(
        lot=lot.lot_id,
        transfer=LotId(bytes.fromhex(lot.transfer.transfer)),
        date=content.date,
        reason=content.reason,
    )


def _answer(
    row: Row, content: ReceiptRow | RejectionRow, offers: Mapping[str, Offer]
) -> Record | None:
    offer = offers.get(content.lot)
    if offer is None:
        row.cells.complain(
            "lot",
            f"is not on offer to {row.author}.",
            suggestion(content.lot, list(offers)).strip()
            or "It was answered or cancelled already, or the seller has not offered it yet.",
        )
        return None
    if offer.seller != content.seller:
        row.cells.complain(
            "seller", f"the offer of {content.lot} is by {offer.seller}.", f"Write {offer.seller}."
        )
        return None
    if not _same_invoice(row, content.invoice, offer.invoice):
        return None
    lot, transfer = (LotId(bytes.fromhex(text)) for text in (offer.lot, offer.transfer))
    if isinstance(content, RejectionRow):
        return RejectTransfer(lot=lot, transfer=transfer, date=content.date, reason=content.reason)
    return AcceptTransfer(
        lot=lot,
        transfer=transfer,
        date=content.date,
        received_gross=content.received_gross,
        place=content.place,
        seals=content.seals,
    )


def _same_invoice(row: Row, found: str, offered: str) -> bool:
    if found == offered:
        return True
    row.cells.complain(
        "invoice",
        f"the offer names the invoice {offered}." if offered else "the offer names no invoice yet.",
        f"Write {offered}." if offered else "Leave the cell empty.",
    )
    return False


def _fitting(row: Row, record: Record) -> Record | None:
    """Return the record if the wire has room for it, as a last check."""
    try:
        return decode(type(record), encode(record))
    except WireError as error:
        row.cells.complain("", f"makes no valid record: {error}.")
        return None
