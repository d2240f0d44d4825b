"""Opening the books on a state: every row that is there becomes an opening balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import BookLoss, BookLot, BookTransfer, LotBook
from ledger.invariants.month_book import MonthBook
from ledger.invariants.quota_book import BookAccount, QuotaBook
from ledger.invariants.register_book import BookFacility, BookKey, Entry, RegisterBook
from ledger.invariants.shares import Content, by_element
from ledger.state.rows import LotRow, MemberRow, ParametersRow, ProductTotals, QuotaRow
from ledger.state.table import Table
from ledger.state.tables import (
    DEBTS,
    FACILITIES,
    FACILITY_YEARS,
    FILINGS,
    KEYS,
    LOSSES,
    LOTS,
    MEMBER_MONTHS,
    MEMBERS,
    PARAMETERS,
    PLANS,
    PRODUCTS,
    QUOTAS,
    SPLITS,
    SUCCESSIONS,
)
from ledger.store import META_TIP, STATE, Reader
from ledger.vocabulary import MemberKind, MemberStatus, TransferState
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
    parameters: ParametersRow
    """In force when the books were opened."""


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
    lots.lots.before.clear()
    # Opening balances are no changes of the first record.
    lots.lots.changes()
    _open_quotas(reader, quotas)
    _open_register(reader, register)
    lots.lots.successors.update(register.succeeded)
    quotas.successors.update(register.succeeded)
    for key, month in rows_of(reader, MEMBER_MONTHS):
        member, rest = split_text(key)
        place = (MemberId(member), int.from_bytes(rest, "big"))
        months.months[place] = (month.count, month.digest)
        for entry in month.totals:
            months.entry(*place, entry.product).sums.update(sums_of(entry))
        if month.filed_ms:
            months.filed_ms[place] = month.filed_ms
    for key, filing in rows_of(reader, FILINGS):
        name = MemberId(split_text(key)[0])
        if filing.filed_through:
            months.filed[name] = filing.filed_through
        if filing.first_month:
            months.first[name] = filing.first_month
    return Books(findings, lots, quotas, register, months, parameters)


def rows_of(reader: Reader, table: Table[Row]) -> Iterator[tuple[bytes, Row]]:
    """Yield (key after the table's prefix, row) of every row of a table."""
    prefix = STATE + table.prefix
    for key, data in reader.scan(prefix):
        yield key[len(prefix) :], decode(table.kind, data)


def split_text(key: bytes) -> tuple[str, bytes]:
    """Return the text at the beginning of a key, and the rest of the key."""
    text, _zero, rest = key.partition(b"\0")
    return text.decode(), rest


def sums_of(entry: ProductTotals) -> dict[str, int]:
    """Return the figures of a product's totals that are not zero."""
    names = ProductTotals.__struct_fields__[1:]
    return {name: getattr(entry, name) for name in names if getattr(entry, name)}


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
        holds=tuple((hold.case, hold.by, hold.until_ms) for hold in row.holds),
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


def figures_of(row: QuotaRow) -> tuple[int, ...]:
    """Return the figures of an account's row, in the order of ``BookAccount.figures``."""
    return (
        row.granted, row.used, row.advanced, row.set_off, row.split_in, row.split_out,
        row.cut, row.debt, row.debt_paid,
    )  # fmt: skip


def _open_quotas(reader: Reader, book: QuotaBook) -> None:
    for key, plan in rows_of(reader, PLANS):
        book.plans[int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")] = plan.total
    for key, quota in rows_of(reader, QUOTAS):
        member, _rest = split_text(key[16:])
        parts = (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big"))
        book.accounts[(*parts, MemberId(member))] = BookAccount(*figures_of(quota))
    for key, debt in rows_of(reader, DEBTS):
        if debt.grams:
            member, _rest = split_text(key[8:])
            book.debts[int.from_bytes(key[:8], "big"), MemberId(member)] = debt.grams
    for key, splits in rows_of(reader, SPLITS):
        member, _rest = split_text(key[16:])
        parts = (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big"))
        book.splits[(*parts, MemberId(member))] = dict(splits.parts)
    for key, year in rows_of(reader, FACILITY_YEARS):
        facility, rest = split_text(key)
        book.produced[FacilityId(facility), int.from_bytes(rest, "big")] = year.produced


def entry_of(row: MemberRow) -> Entry:
    """Return what a member's row says about it, as the book keeps it."""
    return (row.name, row.activities, row.group, row.province, row.licences)


def _open_register(reader: Reader, book: RegisterBook) -> None:
    for name, member in rows_of(reader, MEMBERS):
        book.members[MemberId(split_text(name)[0])] = member.status is MemberStatus.SUSPENDED
        book.entries[MemberId(split_text(name)[0])] = entry_of(member)
        if member.kind is MemberKind.AUTHORITY:
            book.authorities.add(MemberId(split_text(name)[0]))
    for name, succession in rows_of(reader, SUCCESSIONS):
        if succession.successor is not None:
            book.succeeded[MemberId(split_text(name)[0])] = succession.successor
    for public, key in rows_of(reader, KEYS):
        book.keys[PublicKey(public)] = BookKey(
            key.owner,
            key.role,
            key.valid_from_ms,
            key.valid_until_ms,
            key.revoked_ms,
            key.person,
        )
    for name, facility in rows_of(reader, FACILITIES):
        book.facilities[FacilityId(split_text(name)[0])] = BookFacility(
            facility.owner, facility.ore_kind, facility.licence
        )
    for name, product in rows_of(reader, PRODUCTS):
        book.products[split_text(name)[0]] = product.product_class
