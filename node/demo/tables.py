"""Strict reading of a small CSV table, every complaint with its file, line and column.

A ``Table`` has exactly the expected header, at least one row, and no row with a cell too many or
too few. A ``Row`` hands out its cells as what they mean: text, whole tonnes as grams, or a
decimal number as an integer of smaller units. Decimals are read from their digits; no float is
made on the way.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GRAMS_PER_TONNE: Final = 1_000_000


class FiguresError(Exception):
    """A file of figures does not say what it should."""

    def __init__(self, file: str, line: int, column: str, reason: str) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.reason = reason
        where = f"{file}, line {line}" + (f", column {column}" if column else "")
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, with the line on which it ends."""

    file: str
    line: int
    cells: Mapping[str, str]

    def error(self, column: str, reason: str) -> FiguresError:
        """Make the error that names this row and ``column``."""
        return FiguresError(self.file, self.line, column, reason)

    def text(self, column: str) -> str:
        """Give the cell as text; raise ``FiguresError`` when it is empty."""
        cell = self.cells[column]
        if not cell:
            raise self.error(column, "is empty; a value is needed")
        return cell

    def one_of(self, column: str, allowed: Sequence[str]) -> str:
        """Give the cell, which must be one of ``allowed``."""
        cell = self.text(column)
        if cell not in allowed:
            raise self.error(column, f"is {cell!r}; one of {', '.join(allowed)} is needed")
        return cell

    def whole(self, column: str) -> int:
        """Give the cell as a whole number that is not negative."""
        return self.decimal(column, 0)

    def grams(self, column: str) -> int:
        """Give a cell of whole tonnes in grams."""
        return self.whole(column) * GRAMS_PER_TONNE

    def grams_if_published(self, column: str) -> int | None:
        """Give a cell of whole tonnes in grams, or None when it is empty."""
        return self.grams(column) if self.cells[column] else None

    def decimal(self, column: str, places: int) -> int:
        """Give a decimal number as an integer of ``10 ** -places``.

        ``0.652`` with four places is 6520. More decimals than ``places`` are refused, not rounded.
        """
        cell = self.text(column)
        whole, point, fraction = cell.partition(".")
        if not _is_digits(whole) or (point and not _is_digits(fraction)):
            raise self.error(column, f"is {cell!r}; a number of plain digits is needed")
        if len(fraction) > places:
            raise self.error(column, f"is {cell!r}; at most {places} decimals are possible here")
        return int(whole + fraction.ljust(places, "0"))


def read_table(file: str, text: str, columns: Sequence[str]) -> tuple[Row, ...]:
    """Read the rows of a CSV text whose header must be exactly ``columns``.

    Raises:
        FiguresError: for another header, a row of another length, broken quoting, or no rows.
    """
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if header != list(columns):
            raise FiguresError(file, 1, "", f"the header is {header}; {list(columns)} is needed")
        for cells in reader:
            if len(cells) != len(columns):
                reason = f"has {len(cells)} cells; {len(columns)} are needed"
                raise FiguresError(file, reader.line_num, "", reason)
            rows.append(Row(file, reader.line_num, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise FiguresError(file, reader.line_num, "", f"is not valid CSV: {error}") from error
    if not rows:
        raise FiguresError(file, 1, "", "the table has no rows")
    return tuple(rows)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
