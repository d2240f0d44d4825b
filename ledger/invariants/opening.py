"""Opening the books on a state: every row that is there becomes an opening balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import BookLoss, BookLot, BookTransfer, LotBook
from ledger.invariants.month_book import MonthBook
from ledger.invariants.quota_book import BookAccount, QuotaBook
from ledger.invariants.register_book import BookFacility, BookKey, RegisterBook
from ledger.invariants.shares import Content, by_element
from ledger.state.rows import LotRow, ParametersRow
from ledger.state.table import Table
from ledger.state.tables import (
    FACILITIES,
    FACILITY_YEARS,
    KEYS,
    LOSSES,
    LOTS,
    MEMBER_MONTHS,
    MEMBERS,
    PARAMETERS,
    PLANS,
    PRODUCTS,
    QUOTAS,
)
from ledger.store import META_TIP, STATE, Reader
from ledger.vocabulary import MemberStatus, TransferState
from ledger.wire.block import Header
from ledger.wire.codec import WireStruct, decode
from ledger.wire.scalars import FacilityId, LotId, MemberId, PublicKey

Row = TypeVar("Row", bound=WireStruct)


class NoStateError(Exception):
    """The store holds no ledger to open books on."""


@dataclass(frozen=True, slots=True)
class Books:
    """All books of one history."""

    findings: Findings
    lots: LotBook
    quotas: QuotaBook
    register: RegisterBook
    months: MonthBook


def open_books(reader: Reader) -> Books:
    """Return books whose opening balances are the rows of a store.

    Raises:
        NoStateError: The store is empty.
    """
    tip, parameters_data = reader.get(META_TIP), reader.get(STATE + PARAMETERS.key())
    if tip is None or parameters_data is None:
        raise NoStateError("the store holds no ledger; write the genesis block first")
    header, parameters = decode(Header, tip), decode(ParametersRow, parameters_data)
    findings = Findings(header.height)
    ministry = parameters.ministry
    lots = LotBook(findings, parameters.transit_tolerance_basis_points)
    quotas = QuotaBook(findings, ministry)
    register = RegisterBook(findings, ministry, header.time_ms)
    months = MonthBook(ministry, parameters.utc_offset_minutes)
    _open_lots(reader, lots)
    _open_quotas(reader, quotas)
    _open_register(reader, register)
    for key, month in rows_of(reader, MEMBER_MONTHS):
        member, rest = split_text(key)
        months.months[MemberId(member), int.from_bytes(rest, "big")] = (month.count, month.digest)
    return Books(findings, lots, quotas, register, months)


def rows_of(reader: Reader, table: Table[Row]) -> Iterator[tuple[bytes, Row]]:
    """Yield (key after the table's prefix, row) of every row of a table."""
    prefix = STATE + table.prefix
    for key, data in reader.scan(prefix):
        yield key[len(prefix) :], decode(table.kind, data)


def split_text(key: bytes) -> tuple[str, bytes]:
    """Return the text at the beginning of a key, and the rest of the key."""
    text, _zero, rest = key.partition(b"\0")
    return text.decode(), rest


def content_of(row: LotRow) -> Content:
    """Return the cells of a lot's row."""
    return {
        (parcel.origin, int(parcel.status), int(element)): grams
        for parcel in row.parcels
        for element, grams in parcel.grams
    }


def transfer_of(row: LotRow) -> BookTransfer | None:
    """Return the transfer in a lot's row as the book keeps it."""
    transfer = row.transfer
    if transfer is None:
        return None
    return BookTransfer(
        id=transfer.transfer,
        seller=transfer.seller,
        buyer=transfer.buyer,
        purpose=int(transfer.purpose),
        invoice=transfer.invoice,
        offered=transfer.offered,
        is_disputed=transfer.state == TransferState.DISPUTED,
        received=transfer.received,
    )


def lot_of(row: LotRow) -> BookLot:
    """Return a live lot's row as the book keeps it."""
    return BookLot(
        product=row.product,
        owner=row.owner,
        holder=row.holder,
        creator=row.creator,
        code=row.code,
        date=row.date,
        gross=row.gross,
        content=content_of(row),
        parents=row.parents,
        holds=tuple(hold.case for hold in row.holds),
        transfer=transfer_of(row),
    )


def _open_lots(reader: Reader, book: LotBook) -> None:
    for key, row in rows_of(reader, LOTS):
        lot_id = LotId(key)
        if not row.gross:
            book.exhausted += 1
            continue
        lot = book.lots[lot_id] = lot_of(row)
        book.codes[lot.creator, lot.code] = lot_id
        book.enter(by_element(lot.content))
    for key, loss in rows_of(reader, LOSSES):
        member, _rest = split_text(key[8:])
        grams: dict[int, int] = {int(element): amount for element, amount in loss.grams}
        year = int.from_bytes(key[:8], "big")
        book.losses[year, MemberId(member)] = BookLoss(loss.receipts, loss.sent, loss.gross, grams)
        book.enter(grams)


def _open_quotas(reader: Reader, book: QuotaBook) -> None:
    for key, plan in rows_of(reader, PLANS):
        book.plans[int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")] = plan.total
    for key, quota in rows_of(reader, QUOTAS):
        member, _rest = split_text(key[16:])
        parts = (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big"))
        book.accounts[(*parts, MemberId(member))] = BookAccount(quota.granted, quota.used)
    for key, year in rows_of(reader, FACILITY_YEARS):
        facility, rest = split_text(key)
        book.produced[FacilityId(facility), int.from_bytes(rest, "big")] = year.produced


def _open_register(reader: Reader, book: RegisterBook) -> None:
    for name, member in rows_of(reader, MEMBERS):
        book.members[MemberId(split_text(name)[0])] = member.status is MemberStatus.SUSPENDED
    for public, key in rows_of(reader, KEYS):
        book.keys[PublicKey(public)] = BookKey(
            key.owner, key.role, key.valid_from_ms, key.valid_until_ms, key.revoked_ms
        )
    for name, facility in rows_of(reader, FACILITIES):
        book.facilities[FacilityId(split_text(name)[0])] = BookFacility(
            facility.owner, facility.ore_kind
        )
    for name, product in rows_of(reader, PRODUCTS):
        book.products[split_text(name)[0]] = product.product_class
