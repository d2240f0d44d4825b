"""Bytes into rows: encodings, header and shape of a file.

UTF-8 is tried first, with or without a byte order mark, then GB18030, the encoding of Chinese spreadsheets.
Text that is valid UTF-8 is never taken for anything else. The kind follows from the header; columns may
stand in any order, but none may be missing, doubled or unknown. Rows are numbered as spreadsheets do:
the header is row 1.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.errors import CellProblem, ImportFileError
from client.importing.columns import COLUMNS, SheetKind

FILE_BYTES_MAX: Final = 32 * 1024 * 1024
ROWS_MAX: Final = 100_000
_SPACES: Final = " \t\r\n\u00a0\u3000\ufeff"
"""What is cut off at both ends of a cell, the full-width space among it."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """The cells of one row by column, without surrounding spaces."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class RawSheet:
    """A file that has the right shape."""

    path: Path
    kind: SheetKind
    rows: tuple[RawRow, ...]
    problems: tuple[CellProblem, ...] = ()
    """Rows that do not have the shape of the header; they are not among ``rows``."""


def read_sheet(path: Path) -> RawSheet:
    """Read a file and recognise its kind.

    Raises:
        ImportFileError: It cannot be read, is no CSV, or its header is of no kind.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _wrong_file(path, f"cannot be read: {error.strerror or error}.") from error
    if len(data) > FILE_BYTES_MAX:
        raise _wrong_file(
            path, f"is larger than {FILE_BYTES_MAX} bytes.", "Split it into several files."
        )
    return parse_sheet(path, decode_text(path, data))


def decode_text(path: Path, data: bytes) -> str:
    """Return the text of a file in UTF-8 or GB18030.

    Raises:
        ImportFileError: It is in neither, or is a spreadsheet file.
    """
    if data.startswith(b"PK\x03\x04"):
        raise _wrong_file(
            path,
            "is a spreadsheet file (XLSX), not CSV.",
            "Save it as 'CSV UTF-8' and import that.",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _wrong_file(path, "is in UTF-16.", "Save it as 'CSV UTF-8'.")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise _wrong_file(path, "is neither UTF-8 nor GB18030 text.", "Save it as 'CSV UTF-8'.")


def parse_sheet(path: Path, text: str) -> RawSheet:
    """Return the rows of a file's text.

    Raises:
        ImportFileError: It has no header of a known kind, too many rows, or is broken CSV.
    """
    lines, broken = _lines_of(path, text)
    header_row = next((number for number, line in enumerate(lines) if any(line)), None)
    if broken and (header_row is None or broken[0].row <= header_row):
        raise ImportFileError(broken)
    if header_row is None:
        raise _wrong_file(path, "is empty.", "It needs a header and at least one row.")
    header = [cell.strip(_SPACES) for cell in lines[header_row]]
    kind = _kind_of(path, header)
    if len(lines) - header_row - 1 > ROWS_MAX:
        raise _wrong_file(path, f"has more than {ROWS_MAX} rows.", "Split it into several files.")
    rows: list[RawRow] = []
    problems: list[CellProblem] = list(broken)
    for number, line in enumerate(lines[header_row + 1 :], header_row + 2):
        cells = [cell.strip(_SPACES) for cell in line]
        if not any(cells):
            continue
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            problems.append(_wrong_length(path, number, len(cells), len(header)))
        else:
            rows.append(RawRow(number, dict(zip(header, cells, strict=True))))
    if broken and not rows:
        raise ImportFileError(problems)
    if not rows and not problems:
        raise _wrong_file(path, "has a header and no rows.", "There is nothing to import.")
    return RawSheet(path, kind, tuple(rows), tuple(problems))


def _lines_of(path: Path, text: str) -> tuple[list[list[str]], list[CellProblem]]:
    """Return the lines of a file, an empty one for each that is broken, and what is wrong with those."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[list[str]] = []
    problems: list[CellProblem] = []
    while True:
        try:
            lines.append(next(reader))
        except StopIteration:
            return lines, problems
        except csv.Error as error:
            lines.append([])
            problems.append(
                CellProblem(
                    str(path),
                    len(lines),
                    "",
                    "",
                    f"is broken CSV: {error}.",
                    "Look for a quotation mark that is not closed or stands inside a cell.",
                )
            )


def _kind_of(path: Path, header: Sequence[str]) -> SheetKind:
    """Return the kind whose columns the header has, or say how it differs from the nearest one."""
    for kind, columns in COLUMNS.items():
        if sorted(header) == sorted(columns):
            return kind
    if len(header) == 1 and header[0].count(";") + header[0].count("\t") > 2:
        raise _wrong_file(
            path, "separates its columns by semicolons or tabs.", "Save it with commas."
        )
    kind = max(COLUMNS, key=lambda kind: _likeness(header, COLUMNS[kind]))
    if not _likeness(header, COLUMNS[kind]):
        kinds = ", ".join(kind.value for kind in COLUMNS)
        raise _wrong_file(
            path,
            f"has no header of a known kind ({kinds}); its first row is {', '.join(header)!r}.",
            "The columns are listed in docs/import.md.",
        )
    problems = [
        CellProblem(
            str(path),
            1,
            "",
            "",
            f"column {column!r} is missing in a file of {kind.value}.",
            _nearest(column, [name for name in header if name not in COLUMNS[kind]]),
        )
        for column in COLUMNS[kind]
        if column not in header
    ]
    problems += [
        CellProblem(
            str(path),
            1,
            name,
            name,
            f"is no column of a file of {kind.value}.",
            "Remove it or correct its name.",
        )
        for name in dict.fromkeys(header)
        if name not in COLUMNS[kind]
    ]
    problems += [
        CellProblem(str(path), 1, name, name, "stands twice in the header.", "Remove one.")
        for name in dict.fromkeys(header)
        if header.count(name) > 1 and name in COLUMNS[kind]
    ]
    raise ImportFileError(problems)


def _likeness(header: Sequence[str], columns: Sequence[str]) -> int:
    """Return how much of a kind's own header this one has, in a thousand."""
    return len(set(header) & set(columns)) * 1_000 // len(columns)


def _nearest(column: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(column, names, n=1)
    return f"Is it the column that is called {close[0]!r}?" if close else ""


def _wrong_length(path: Path, number: int, found: int, wanted: int) -> CellProblem:
    return CellProblem(
        str(path),
        number,
        "",
        "",
        f"the row has {found} cells, the header has {wanted}.",
        "Look for a comma in a cell that is not in quotation marks.",
    )


def _wrong_file(path: Path, reason: str, suggestion: str = "") -> ImportFileError:
    return ImportFileError([CellProblem(str(path), 0, "", "", reason, suggestion)])
