"""One cell into one value, or a problem in words.

A ``CellReader`` reads the cells of one row. A cell that is wrong gives a problem and a stand-in of the right
type, so that all cells of a row are looked at; a row with a problem is never used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, TypeVar

from client.days import parse_date
from client.errors import CellProblem
from client.forms import LOT_NAME
from client.importing.reading import RawRow
from client.suggestion import suggestion
from ledger.vocabulary import Purpose
from ledger.wire.scalars import (
    CODE_PATTERN,
    I64_MAX,
    IDENTIFIER_PATTERN,
    CivilDate,
    Digest,
    Grams,
)

FULL_WIDTH_SEMICOLON: Final = "\uff1b"
"""What Chinese input methods type for a semicolon."""
_WHOLE: Final = re.compile(r"[0-9]{1,19}\Z")
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}\Z")
_OTHER_DATE: Final = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})\D?\Z")
_CODE: Final = re.compile(CODE_PATTERN)
_IDENTIFIER: Final = re.compile(IDENTIFIER_PATTERN)
T = TypeVar("T")


class CellReader:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, file: str, row: RawRow, *, grams_max: int = I64_MAX) -> None:
        self._file = file
        self._row = row
        self._grams_max = grams_max
        self.problems: list[CellProblem] = []

    def is_bad(self, *columns: str) -> bool:
        """Tell whether something is wrong with a cell of these columns already.

        What follows from such a cell is not worth a complaint of its own.
        """
        return any(problem.column in columns for problem in self.problems)

    def complain(self, column: str, reason: str, hint: str = "") -> None:
        """Note a problem of a cell, or of the whole row when ``column`` is empty."""
        cell = self._row.cells.get(column, "")
        self.problems.append(CellProblem(self._file, self._row.number, column, cell, reason, hint))

    def text(self, column: str, *, characters_max: int, needed: bool = True) -> str:
        """Return free text."""
        cell = self._row.cells[column]
        if needed and not cell:
            self.complain(column, "is empty.", "It is needed.")
        elif len(cell) > characters_max:
            self.complain(
                column, f"has {len(cell)} characters, at most {characters_max} are allowed."
            )
        return cell

    def code(self, column: str, *, needed: bool = True) -> str:
        """Return a container code or an external number."""
        cell = self._row.cells[column]
        if cell or needed:
            self._check_code(column, cell)
        return cell

    def member(self, column: str) -> str:
        """Return the id of a member or of a facility."""
        cell = self._row.cells[column]
        if not _IDENTIFIER.match(cell):
            self.complain(
                column,
                "is no id: a small letter, then small letters, digits and hyphens, at most 32.",
                self._instead(cell.lower().replace(" ", "-"), _IDENTIFIER),
            )
        return cell

    def date(self, column: str) -> CivilDate:
        """Return a day that is written as ``2024-03-05``."""
        cell = self._row.cells[column]
        date = parse_date(cell)
        if date is not None:
            return date
        found = _OTHER_DATE.match(unicodedata.normalize("NFKC", cell))
        hint = "Write the day as YYYY-MM-DD."
        if found is not None:
            year, month, day = map(int, found.groups())
            written = f"{year:04}-{month:02}-{day:02}"
            if parse_date(written) is not None:
                hint = f"Write {written}."
        self.complain(column, "is no day." if cell else "is empty.", hint)
        return CivilDate(1970_01_01)

    def grams(self, column: str, *, needed: bool = True, least: int = 1) -> Grams:
        """Return whole grams; 0 for an empty cell that is not needed."""
        cell = self._row.cells[column]
        if not cell and not needed:
            return Grams(0)
        return self._grams(column, cell, least=least)

    def grams_list(self, column: str) -> tuple[Grams, ...]:
        """Return whole grams that are separated by semicolons."""
        return tuple(self._grams(column, item, least=1) for item in self.items(column))

    def codes(self, column: str) -> tuple[str, ...]:
        """Return container codes that are separated by semicolons."""
        items = self.items(column)
        for item in items:
            self._check_code(column, item)
        return items

    def items(self, column: str, *, needed: bool = True) -> tuple[str, ...]:
        """Return what is separated by semicolons; also by the full-width one."""
        cell = self._row.cells[column]
        if not cell:
            if needed:
                self.complain(column, "is empty.", "Several values are separated by semicolons.")
            return ()
        return tuple(item.strip() for item in cell.replace(FULL_WIDTH_SEMICOLON, ";").split(";"))

    def lot_name(self, column: str) -> str:
        """Return a lot as ``creator/code``."""
        cell = self._row.cells[column]
        if not LOT_NAME.match(cell):
            self.complain(
                column, "names no lot.", "Write it as creator/code, such as mine-a/BOX-17."
            )
        return cell

    def digest(self, column: str, *, needed: bool = True) -> Digest | None:
        """Return a SHA-256 in hexadecimal; None for an empty cell that is not needed."""
        cell = self._row.cells[column]
        if not cell and not needed:
            return None
        if not _DIGEST.match(cell):
            self.complain(
                column,
                f"is no SHA-256: it has {len(cell)} characters, 64 hexadecimal digits are needed."
                if cell
                else "is empty.",
                "Take it from `sha256sum FILE`.",
            )
            return Digest(bytes(32))
        return Digest(bytes.fromhex(cell))

    def purpose(self, column: str) -> Purpose:
        """Return the purpose of an offer."""
        cell = self._row.cells[column]
        words = {purpose.name.lower(): purpose for purpose in Purpose}
        if cell.lower() not in words:
            self.complain(
                column, f"is none of {', '.join(words)}.", suggestion(cell, list(words)).strip()
            )
            return Purpose.SALE
        return words[cell.lower()]

    def _check_code(self, column: str, code: str) -> None:
        if not _CODE.match(code):
            self.complain(
                column,
                f"{code!r} is no code: letters, digits and ./_- , at most 64, starting with a "
                "letter or digit."
                if code
                else "is empty."
                if not self._row.cells[column]
                else "has an empty code in it.",
                self._instead(re.sub(r"\s+", "-", unicodedata.normalize("NFKC", code)), _CODE),
            )

    def _grams(self, column: str, text: str, *, least: int) -> Grams:
        if not _WHOLE.match(text):
            plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
            plain = re.sub(r"(?i)\.0+(?=g|\Z)|g\Z", "", plain)
            self.complain(
                column,
                self._no_mass(column, text),
                self._instead(plain, _WHOLE) or "Write whole grams, digits only.",
            )
            return Grams(least)
        grams = int(text)
        if not least <= grams <= self._grams_max:
            self.complain(
                column, f"{grams} g is out of range, {least} to {self._grams_max:,} g are allowed."
            )
            return Grams(least)
        return Grams(grams)

    def _no_mass(self, column: str, text: str) -> str:
        if not text:
            return "is empty." if not self._row.cells[column] else "has an empty mass in it."
        # In a list of masses the cell does not say which of them it is.
        which = "" if text == self._row.cells[column] else f"{text!r} "
        return f"{which}is no mass in whole grams (digits only)."

    @staticmethod
    def _instead(text: str, pattern: re.Pattern[str]) -> str:
        """Return "Write …" when a small change makes the text right."""
        return f"Write {text}." if text and pattern.match(text) else ""


def known_or_complain(
    reader: CellReader, column: str, value: T, known: Sequence[str], what: str
) -> None:
    """Note a problem unless ``value`` is known, with the nearest known one as a suggestion."""
    if str(value) not in known and not reader.is_bad(column):
        reader.complain(column, f"is no {what}.", suggestion(str(value), known).strip())
