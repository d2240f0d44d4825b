"""The typed rows of each kind, checked as far as the file itself tells.

Every row says which lots it ``makes``, which lot it ``needs`` and which it ``offers``, all by name
(``creator/code``): rows that build on other rows of the same import wait until those are final.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Final, TypeAlias

from client.days import written_date
from client.errors import CellProblem
from client.importing.cells import CellReader
from client.importing.columns import ELEMENTS, SheetKind, element_column
from client.importing.reading import RawRow, RawSheet
from ledger import civil
from ledger.vocabulary import Element, Purpose
from ledger.wire.codec import encode
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import (
    CHILDREN_PER_SPLIT_MAX,
    LOT_GRAMS_MAX,
    NAME_CHARACTERS_MAX,
    ChainId,
    CivilDate,
    Digest,
    Grams,
    MemberId,
)

REASON_CHARACTERS_MAX: Final = 1_024


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A lot that a mine has made."""

    period_from: CivilDate
    period_to: CivilDate
    facility: str
    product: str
    code: str
    gross: Grams
    elements: tuple[tuple[Element, Grams], ...]
    assay_digest: Digest


@dataclass(frozen=True, slots=True)
class SplitRow:
    """A lot divided into children."""

    date: CivilDate
    lot: str
    codes: tuple[str, ...]
    grosses: tuple[Grams, ...]


@dataclass(frozen=True, slots=True)
class OfferRow:
    """A lot, or a part of it, offered to a buyer."""

    date: CivilDate
    lot: str
    part_gross: Grams
    part_code: str
    buyer: str
    purpose: Purpose
    invoice: str
    terms: Digest | None


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """The buyer's acceptance of an offered lot."""

    date: CivilDate
    seller: str
    invoice: str
    lot: str
    received_gross: Grams
    place: str
    seals: str


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """The buyer's refusal of an offered lot."""

    date: CivilDate
    seller: str
    invoice: str
    lot: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancellationRow:
    """The seller's withdrawal of an offer."""

    date: CivilDate
    lot: str
    invoice: str
    reason: str


Content: TypeAlias = OutputRow | SplitRow | OfferRow | ReceiptRow | RejectionRow | CancellationRow


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file that is right as far as the file tells."""

    kind: SheetKind
    raw: RawRow
    file: str
    content: Content
    digest: Digest
    """Names the row by what it says, whatever file it stands in."""
    author: MemberId
    cells: CellReader = field(repr=False)
    """For complaints that come up later."""

    @property
    def makes(self) -> frozenset[str]:
        """Names of the lots that come into being with the row."""
        match self.content:
            case OutputRow(code=code):
                codes: tuple[str, ...] = (code,)
            case SplitRow(codes=codes):
                pass
            case OfferRow(part_code=code) if code:
                codes = (code,)
            case _:
                codes = ()
        return frozenset(f"{self.author}/{code}" for code in codes)

    @property
    def needs(self) -> str:
        """Name of the lot that the row is about; empty when it makes one from nothing."""
        return "" if isinstance(self.content, OutputRow) else self.content.lot

    @property
    def offers(self) -> str:
        """Name of the lot that is offered after the row; empty when none is."""
        if not isinstance(self.content, OfferRow):
            return ""
        return f"{self.author}/{self.content.part_code}" if self.content.part_code else self.needs


def check_rows(
    sheet: RawSheet, *, author: MemberId, chain_id: ChainId, today: CivilDate
) -> tuple[list[Row], list[CellProblem]]:
    """Return the rows of a file that are right, and everything that is wrong with the others.

    Args:
        sheet: The file.
        author: Who writes.
        chain_id: The ledger that the rows are for; part of their digests.
        today: The civil day; no claimed day may be later.
    """
    rows = read_rows(sheet, author=author, chain_id=chain_id, today=today)
    problems = list(sheet.problems)
    for row in rows:
        problems.extend(row.cells.problems)
    return [row for row in rows if not row.cells.problems], problems


def read_rows(
    sheet: RawSheet, *, author: MemberId, chain_id: ChainId, today: CivilDate
) -> list[Row]:
    """Return all rows of a file, also those whose ``cells`` have problems: these are never sent."""
    rows: list[Row] = []
    seen: dict[Digest, int] = {}
    made: dict[str, int] = {}
    read = _READERS[sheet.kind]
    for raw in sheet.rows:
        cells = CellReader(str(sheet.path), raw, grams_max=LOT_GRAMS_MAX)
        content = read(cells)
        _check_not_later(cells, content, today)
        digest = plain_digest(encode([chain_id, author, sheet.kind.value, list(astuple(content))]))
        row = Row(sheet.kind, raw, str(sheet.path), content, digest, author, cells)
        if not cells.problems:
            if digest in seen:
                cells.complain("", f"says the same as row {seen[digest]}.", "Remove one of them.")
            for name in sorted(row.makes):
                if name in made and made[name] != raw.number:
                    cells.complain("", f"makes the lot {name}, as row {made[name]} does.")
                made.setdefault(name, raw.number)
            seen.setdefault(digest, raw.number)
        rows.append(row)
    return rows


def _check_not_later(cells: CellReader, content: Content, today: CivilDate) -> None:
    column = "period_to" if isinstance(content, OutputRow) else "date"
    date = content.period_to if isinstance(content, OutputRow) else content.date
    if date > today and not cells.is_bad(column):
        cells.complain(
            column, f"is later than today ({written_date(today)}).", "A claimed day is past."
        )


def _read_output(cells: CellReader) -> OutputRow:
    row = OutputRow(
        period_from=cells.date("period_from"),
        period_to=cells.date("period_to"),
        facility=cells.member("facility"),
        product=cells.code("product"),
        code=cells.code("code"),
        gross=cells.grams("gross_g"),
        elements=_read_elements(cells),
        assay_digest=cells.digest("assay_digest") or Digest(bytes(32)),
    )
    if cells.is_bad("period_from", "period_to"):
        pass
    elif row.period_from > row.period_to:
        cells.complain(
            "period_to", f"is before the period begins ({written_date(row.period_from)})."
        )
    elif civil.year_of(row.period_from) != civil.year_of(row.period_to):
        cells.complain(
            "period_to",
            "the period crosses the end of a year.",
            "Enter one output for each calendar year.",
        )
    if not row.elements and not cells.is_bad(*map(element_column, ELEMENTS)):
        cells.complain("", "no element has any grams.", "Enter the oxides of the assay.")
    return row


def _read_elements(cells: CellReader) -> tuple[tuple[Element, Grams], ...]:
    found = [
        (element, cells.grams(element_column(element), needed=False, least=0))
        for element in ELEMENTS
    ]
    return tuple(sorted((element, grams) for element, grams in found if grams))


def _read_split(cells: CellReader) -> SplitRow:
    row = SplitRow(
        date=cells.date("date"),
        lot=cells.lot_name("lot"),
        codes=cells.codes("codes"),
        grosses=cells.grams_list("gross_g"),
    )
    if cells.is_bad("codes", "gross_g"):
        return row
    if len(row.codes) != len(row.grosses):
        cells.complain(
            "gross_g",
            f"{len(row.grosses)} masses for {len(row.codes)} codes.",
            "Each part has one code and one mass.",
        )
    elif not 2 <= len(row.codes) <= CHILDREN_PER_SPLIT_MAX:
        cells.complain(
            "codes", f"{len(row.codes)} parts; 2 to {CHILDREN_PER_SPLIT_MAX} are possible."
        )
    for code in dict.fromkeys(row.codes):
        if row.codes.count(code) > 1:
            cells.complain("codes", f"the code {code!r} stands twice.")
    return row


def _read_offer(cells: CellReader) -> OfferRow:
    row = OfferRow(
        date=cells.date("date"),
        lot=cells.lot_name("lot"),
        part_gross=cells.grams("part_gross_g", needed=False),
        part_code=cells.code("part_code", needed=False),
        buyer=cells.member("buyer"),
        purpose=cells.purpose("purpose"),
        invoice=cells.code("invoice", needed=False),
        terms=cells.digest("terms_digest", needed=False),
    )
    is_bad = cells.is_bad("part_gross_g", "part_code")
    if bool(row.part_gross) != bool(row.part_code) and not is_bad:
        cells.complain(
            "part_code" if row.part_gross else "part_gross_g",
            "is empty.",
            "A part has a mass and a code of its own; without both the lot goes whole.",
        )
    return row


def _read_receipt(cells: CellReader) -> ReceiptRow:
    return ReceiptRow(
        date=cells.date("date"),
        seller=cells.member("seller"),
        invoice=cells.code("invoice", needed=False),
        lot=cells.lot_name("lot"),
        received_gross=cells.grams("received_gross_g"),
        place=cells.text("place", characters_max=NAME_CHARACTERS_MAX),
        seals="; ".join(cells.items("seals", needed=False)),
    )


def _read_rejection(cells: CellReader) -> RejectionRow:
    return RejectionRow(
        date=cells.date("date"),
        seller=cells.member("seller"),
        invoice=cells.code("invoice", needed=False),
        lot=cells.lot_name("lot"),
        reason=cells.text("reason", characters_max=REASON_CHARACTERS_MAX),
    )


def _read_cancellation(cells: CellReader) -> CancellationRow:
    return CancellationRow(
        date=cells.date("date"),
        lot=cells.lot_name("lot"),
        invoice=cells.code("invoice", needed=False),
        reason=cells.text("reason", characters_max=REASON_CHARACTERS_MAX),
    )


_READERS: Final[dict[SheetKind, Callable[[CellReader], Content]]] = {
    SheetKind.OUTPUTS: _read_output,
    SheetKind.SPLITS: _read_split,
    SheetKind.OFFERS: _read_offer,
    SheetKind.RECEIPTS: _read_receipt,
    SheetKind.REJECTIONS: _read_rejection,
    SheetKind.CANCELLATIONS: _read_cancellation,
}
