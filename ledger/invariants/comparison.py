"""Comparing the books with the rows of a state, table by table, both ways.

Whatever the records say must stand in the state, and nothing else may stand there: a row that no record
has made is a finding like a row that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.invariants.filing_book import compare_filings
from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import BookLot, LotBook
from ledger.invariants.opening import (
    Books,
    content_of,
    entry_of,
    figures_of,
    lot_of,
    rows_of,
    split_text,
)
from ledger.invariants.quota_book import QuotaBook
from ledger.invariants.register_book import RegisterBook
from ledger.invariants.shares import by_element
from ledger.state.rows import ExternalNumberRow, LotRow
from ledger.state.tables import (
    DEBTS,
    EXTERNAL_NUMBERS,
    FACILITY_YEARS,
    KEYS,
    LOSSES,
    LOTS,
    MEMBER_MONTHS,
    MEMBERS,
    PLANS,
    QUOTAS,
    SPLITS,
    SUCCESSIONS,
)
from ledger.store import STATE, Reader
from ledger.vocabulary import ExternalNumberKind, MemberStatus, ProductClass, QuotaStatus
from ledger.wire.codec import decode
from ledger.wire.scalars import LotId, MemberId

REGISTRY: Final = "registry"
"""The issuer of registration and licence numbers."""


def compare(books: Books, reader: Reader, in_process: Mapping[int, int]) -> None:
    """Note every difference between the books and the rows of a store.

    ``in_process`` are the grams of each element on the lines of that store.
    """
    findings, entered = books.findings, books.lots.entered
    lost = _compare_losses(books.lots, findings, reader)
    in_lots = _compare_lots(books, reader)
    for element in sorted({*entered, *in_lots, *lost, *in_process}):
        findings.expect(
            "mass-balance",
            f"grams of element {element} that entered, and that are in lots, in process or lost on the way",
            expected=entered.get(element, 0),
            found=in_lots.get(element, 0) + lost.get(element, 0) + in_process.get(element, 0),
        )
    _compare_quotas(books.quotas, findings, reader)
    _compare_register(books.register, findings, reader)
    _compare_numbers(books, reader)
    months = {
        (split_text(key)[0], int.from_bytes(split_text(key)[1], "big")): (row.count, row.digest)
        for key, row in rows_of(reader, MEMBER_MONTHS)
    }
    _compare_all(findings, "member-month", "records of the month", books.months.months, months)
    compare_filings(books, reader, _compare_all)


def _compare_lots(books: Books, reader: Reader) -> dict[int, int]:
    """Compare every lot, and return the grams of each element in all of them."""
    findings, book = books.findings, books.lots
    grams: dict[int, int] = {}
    seen = exhausted = 0
    transfers: set[bytes] = set()
    for key, row in rows_of(reader, LOTS):
        lot_id = LotId(key)
        _check_row(findings, lot_id, row)
        for element, amount in by_element(content_of(row)).items():
            grams[element] = grams.get(element, 0) + amount
        lot = book.lots.get(lot_id)
        if lot is None:
            exhausted += not row.gross
            if row.gross:
                findings.add("lot", f"no record has made the live lot {lot_id.hex()}.")
            continue
        seen += 1
        findings.expect("lot", f"lot {lot_id.hex()}", expected=lot, found=lot_of(row))
        _check_origin(books, lot_id, lot)
        if lot.transfer is not None:
            if lot.transfer.id in transfers:
                findings.add("double-transfer", f"transfer {lot.transfer.id.hex()} stands twice.")
            transfers.add(lot.transfer.id)
    findings.expect("lot", "number of live lots", expected=len(book.lots), found=seen)
    findings.expect(
        "exhausted-lots", "number of exhausted lots", expected=book.exhausted, found=exhausted
    )
    for lot_id in book.just_exhausted:
        data = reader.get(STATE + LOTS.key(lot_id))
        if data is None or decode(LotRow, data).gross:
            findings.add("exhausted-lots", f"lot {lot_id.hex()} was used up, its row is not empty.")
    book.just_exhausted.clear()
    return grams


def _check_row(findings: Findings, lot_id: LotId, row: LotRow) -> None:
    """Find parcels that are out of order, empty or negative, and things left on an empty lot."""
    order = [(parcel.origin, int(parcel.status)) for parcel in row.parcels]
    cells = [
        (origin, status, int(element), grams)
        for (origin, status), parcel in zip(order, row.parcels, strict=True)
        for element, grams in parcel.grams
    ]
    names = [cell[:3] for cell in cells]
    is_sorted = names == sorted(set(names)) and order == sorted(set(order))
    if not is_sorted or any(cell[3] <= 0 for cell in cells) or row.gross < 0:
        findings.add("lot-parcels", f"the parcels of lot {lot_id.hex()} are not in canonical form.")
    if not row.gross and (row.parcels or row.holds or row.transfer is not None):
        findings.add("lot-parcels", f"lot {lot_id.hex()} is used up and still holds something.")


def _check_origin(books: Books, lot_id: LotId, lot: BookLot) -> None:
    """Find content that no mine has produced, and undebited grams where there can be none."""
    mined = {f"mine/{facility}" for facility, _year in books.quotas.produced}
    product_class = books.register.products.get(lot.product)
    is_separated = product_class in (ProductClass.METAL, ProductClass.ALLOY, ProductClass.MAGNET)
    for origin, status, _element in lot.content:
        if origin not in mined and origin not in books.lots.origins:
            books.findings.add("origin-unknown", f"lot {lot_id.hex()} holds grams from {origin}.")
        if is_separated and status == QuotaStatus.UNDEBITED:
            books.findings.add(
                "undebited-product", f"lot {lot_id.hex()} of {lot.product} owes quota."
            )


def _compare_losses(book: LotBook, findings: Findings, reader: Reader) -> dict[int, int]:
    """Compare transit losses, and return the grams of each element that were lost."""
    rows: dict[tuple[int, str], object] = {}
    lost: dict[int, int] = {}
    for key, row in rows_of(reader, LOSSES):
        grams = {int(element): amount for element, amount in row.grams}
        place = (int.from_bytes(key[:8], "big"), split_text(key[8:])[0])
        rows[place] = (row.receipts, row.sent, row.gross, grams)
        for element, amount in grams.items():
            lost[element] = lost.get(element, 0) + amount
    expected = {
        place: (loss.receipts, loss.sent, loss.gross, loss.grams)
        for place, loss in book.losses.items()
    }
    _compare_all(findings, "transit-loss", "transit losses", expected, rows)
    return lost


def _compare_quotas(book: QuotaBook, findings: Findings, reader: Reader) -> None:
    accounts = {
        (
            int.from_bytes(key[:8], "big"),
            int.from_bytes(key[8:16], "big"),
            split_text(key[16:])[0],
        ): figures_of(row)
        for key, row in rows_of(reader, QUOTAS)
    }
    expected = {place: account.figures() for place, account in book.accounts.items()}
    _compare_all(findings, "quota-account", "figures of the account", expected, accounts)
    for place, account in book.accounts.items():
        if account.left < 0:
            findings.add("quota-overdrawn", f"account {place} stands at {account.left} g.")
    debts = {
        (int.from_bytes(key[:8], "big"), split_text(key[8:])[0]): row.grams
        for key, row in rows_of(reader, DEBTS)
        if row.grams
    }
    _compare_all(findings, "quota-debt", "debt", book.debts, debts)
    _compare_splits(book, findings, reader)
    plans: dict[tuple[int, int], tuple[int, int]] = {}
    for key, plan in rows_of(reader, PLANS):
        year, bucket = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")
        plans[year, bucket] = (plan.total, plan.granted)
        if plan.granted > plan.total:
            findings.add("plan", f"more is granted than planned for {year}, bucket {bucket}.")
    planned = {
        (year, bucket): (total, book.granted_of(year, bucket))
        for (year, bucket), total in book.plans.items()
    }
    _compare_all(findings, "plan", "planned and granted", planned, plans)
    produced = {
        (split_text(key)[0], int.from_bytes(split_text(key)[1], "big")): row.produced
        for key, row in rows_of(reader, FACILITY_YEARS)
    }
    _compare_all(findings, "facility-year", "produced", book.produced, produced)


def _compare_splits(book: QuotaBook, findings: Findings, reader: Reader) -> None:
    """Compare who passed quota on to whom; both ends of every split add up."""
    found = {
        (
            int.from_bytes(key[:8], "big"),
            int.from_bytes(key[8:16], "big"),
            split_text(key[16:])[0],
        ): row.parts
        for key, row in rows_of(reader, SPLITS)
        if row.parts
    }
    expected = {place: tuple(parts.items()) for place, parts in book.splits.items() if parts}
    _compare_all(findings, "quota-split", "passed on", expected, found)
    received: dict[tuple[int, int, str], int] = {}
    for (year, bucket, _holder), parts in book.splits.items():
        for member, grams in parts.items():
            place = (year, bucket, book.holder(year, bucket, member))
            received[place] = received.get(place, 0) + grams
    for place, account in book.accounts.items():
        given = sum(book.splits.get(place, {}).values())
        findings.expect(
            "quota-split",
            f"passed on and received at {place}",
            expected=(given, received.get(place, 0)),
            found=(account.split_out, account.split_in),
        )


def _compare_register(book: RegisterBook, findings: Findings, reader: Reader) -> None:
    members = {
        split_text(key)[0]: row.status is MemberStatus.SUSPENDED
        for key, row in rows_of(reader, MEMBERS)
    }
    _compare_all(findings, "author", "suspended", book.members, members)
    successors = {
        split_text(key)[0]: row.successor
        for key, row in rows_of(reader, SUCCESSIONS)
        if row.successor is not None
    }
    _compare_all(findings, "register", "successor", book.succeeded, successors)
    for key, row in rows_of(reader, MEMBERS):
        member = MemberId(split_text(key)[0])
        if (row.status is MemberStatus.SUCCEEDED) != (member in book.succeeded):
            findings.add("register", f"{member} has the status {row.status.name.lower()}.")
    entries = {split_text(key)[0]: entry_of(row) for key, row in rows_of(reader, MEMBERS)}
    _compare_all(findings, "register", "what the register says", book.entries, entries)
    keys = {
        key: (row.owner, row.role, row.valid_from_ms, row.valid_until_ms, row.revoked_ms)
        for key, row in rows_of(reader, KEYS)
    }
    expected = {
        public: (key.owner, key.role, key.valid_from_ms, key.valid_until_ms, key.revoked_ms)
        for public, key in book.keys.items()
    }
    _compare_all(findings, "key", "key", expected, keys)


def _compare_numbers(books: Books, reader: Reader) -> None:
    """Compare the codes of live lots, and the numbers that were used since the last check."""
    findings = books.findings
    codes: dict[tuple[str, str], LotId | None] = {}
    prefix = int(ExternalNumberKind.CONTAINER_CODE).to_bytes(8, "big")
    for key, row in rows_of(reader, EXTERNAL_NUMBERS):
        if key.startswith(prefix):
            creator, rest = split_text(key[8:])
            codes[creator, split_text(rest)[0]] = row.lot
    _compare_all(findings, "container-code", "lot that carries the code", books.lots.codes, codes)
    used = [
        (ExternalNumberKind.INVOICE, seller, number, buyer)
        for seller, number, buyer in books.lots.just_invoiced
    ]
    used += [
        (kind, MemberId(REGISTRY), number, member)
        for kind, number, member in books.register.just_claimed
    ]
    used += books.lots.just_numbered
    for kind, issuer, number, party in used:
        data = reader.get(STATE + EXTERNAL_NUMBERS.key(int(kind), issuer, number))
        found = None if data is None else decode(ExternalNumberRow, data).counterparty
        what = f"counterparty of {kind.name.lower()} {number} of {issuer}"
        findings.expect("number", what, expected=party, found=found)
    books.lots.just_invoiced.clear()
    books.lots.just_numbered.clear()
    books.register.just_claimed.clear()


def _compare_all(
    findings: Findings,
    code: str,
    what: str,
    expected: Mapping[Any, object],
    found: Mapping[Any, object],
) -> None:
    """Compare two tables both ways; places are named in the order of their text."""
    for place in sorted({*expected, *found}, key=str):
        findings.expect(
            code, f"{what} at {place}", expected=expected.get(place), found=found.get(place)
        )
