"""The book of filings: who has closed which month, with which totals and in whose signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.invariants.opening import Books, rows_of, split_text, sums_of
from ledger.records.file_month import FileMonth, ProductLine
from ledger.state.tables import FILINGS, MEMBER_MONTHS
from ledger.store import Reader
from ledger.vocabulary import Role

CompareAll: TypeAlias = Callable[
    [Findings, str, str, Mapping[Any, object], Mapping[Any, object]], None
]


class FilingBook:
    """Enters filings into the book of months, after holding them against it."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def file(self, at: Occurrence, record: FileMonth) -> None:
        """Close a month; a filing that says something else than the books is a finding."""
        months, findings = self._books.months, self._books.findings
        if not self._books.register.persons.get((at.author, Role.FILING)):
            findings.add("author", f"{at.author} files {record.month} without a filing key.")
        if record.month <= months.filed.get(at.author, 0):
            findings.add("filing", f"{at.author} files {record.month} again.")
        place = (at.author, record.month)
        findings.expect(
            "filing",
            f"records that {at.author} files for {record.month}",
            expected=months.months.get(place, (0, bytes(32))),
            found=(record.count, record.digest),
        )
        kept = {
            product: totals.sums | {"closing": totals.closing(), "in_transit": totals.transit()}
            for product, totals in months.totals.get(place, {}).items()
        }
        said = {line.product: _figures(line) for line in record.products}
        shown = ProductLine.__struct_fields__[1:]
        wanted = {
            product: figures
            for product, sums in kept.items()
            if (figures := {name: sums[name] for name in shown if sums.get(name)})
        }
        findings.expect(
            "filing",
            f"totals that {at.author} files for {record.month}",
            expected=wanted,
            found=said,
        )
        months.file(at.author, record.month, at.time_ms)


def compare_filings(books: Books, reader: Reader, compare_all: CompareAll) -> None:
    """Compare totals and filings with the rows of a store."""
    totals: dict[tuple[str, int], object] = {}
    filed_ms: dict[tuple[str, int], int] = {}
    for key, row in rows_of(reader, MEMBER_MONTHS):
        member, rest = split_text(key)
        place = (member, int.from_bytes(rest, "big"))
        if row.totals:
            totals[place] = {entry.product: sums_of(entry) for entry in row.totals}
        if row.filed_ms:
            filed_ms[place] = row.filed_ms
    expected = {
        place: {product: _not_zero(entry.sums) for product, entry in products.items()}
        for place, products in books.months.totals.items()
    }
    compare_all(books.findings, "month-totals", "totals of the month", expected, totals)
    compare_all(books.findings, "filing", "filed", books.months.filed_ms, filed_ms)
    filings = {
        split_text(key)[0]: (row.first_month, row.filed_through)
        for key, row in rows_of(reader, FILINGS)
    }
    members = {*books.months.first, *books.months.filed}
    known = {
        member: (books.months.first.get(member, 0), books.months.filed.get(member, 0))
        for member in sorted(members)
    }
    compare_all(books.findings, "filing", "first and last month", known, filings)


def _figures(line: ProductLine) -> dict[str, int]:
    return _not_zero({name: getattr(line, name) for name in ProductLine.__struct_fields__[1:]})


def _not_zero(sums: Mapping[str, int]) -> dict[str, int]:
    return {name: grams for name, grams in sums.items() if grams}
