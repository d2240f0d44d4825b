"""Importing files: check everything, send what is new, note what is final.

    1. Read and check every file; nothing is sent while a cell is wrong.
    2. Leave out the rows that the journal knows to be final; bring to an end what an earlier run left open.
    3. Turn rows into records, up to 200 in a transaction, in the order of the rows and one transaction after
       the other, because rows about the same lot depend on their order. Rows that build on others follow in
       a next round, when those are final.
    4. A refusal names one record: its row is set aside, and the rest of the batch is sent again. A refusal
       that is about the author and not about a row ends the import.

Rows that were refused are reported together; all others are on the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from client.composing import batch
from client.errors import (
    CellProblem,
    ClientError,
    ClientRefusal,
    ImportFileError,
    ImportRefusal,
    NotFound,
)
from client.importing.columns import SheetKind, column_of
from client.importing.journal import Journal
from client.importing.reading import RawSheet, read_sheet
from client.importing.register import Register
from client.importing.resolving import Resolution, check_against_register, resolve
from client.importing.rows import Row, read_rows
from client.outbox import entry_of
from client.session import Client
from ledger.records.record import Record
from ledger.refusal import RefusalCode
from ledger.wire.scalars import Digest, Height, TxId

PROBLEMS_SHOWN_MAX: Final = 100

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many rows are done, and how many there are to do."""

_ABOUT_THE_AUTHOR: Final = frozenset(
    {
        RefusalCode.WRONG_CHAIN,
        RefusalCode.UNSUPPORTED_VERSION,
        RefusalCode.UNKNOWN_AUTHOR,
        RefusalCode.AUTHOR_SUSPENDED,
        RefusalCode.UNKNOWN_KEY,
        RefusalCode.KEY_NOT_VALID,
        RefusalCode.KEY_REVOKED,
        RefusalCode.SIGNATURE_MISSING,
        RefusalCode.SIGNATURE_NOT_NEEDED,
        RefusalCode.BAD_SIGNATURE,
    }
)
"""Refusals that every row would meet."""


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """What an import has done so far."""

    files: tuple[Path, ...]
    rows_count: int = 0
    """Rows in the files."""
    already_count: int = 0
    """Rows that an earlier import had brought onto the ledger."""
    records_count: int = 0
    """Records that are final now and were not before."""
    transactions_count: int = 0
    height: int = 0
    """Block of the newest of them."""
    newest_lot: str = ""
    """A lot that a new row made or was about, as ``creator/code``, to look at; else empty."""
    refused: list[CellProblem] = field(default_factory=list)
    """Rows that the rules do not admit."""

    def as_dict(self) -> dict[str, object]:
        """Return the result for programs."""
        return {
            "files": [str(path) for path in self.files],
            "rows": self.rows_count,
            "already": self.already_count,
            "records": self.records_count,
            "transactions": self.transactions_count,
            "height": self.height,
            "refused": [problem.as_dict() for problem in self.refused],
        }


@dataclass(slots=True)
class _Import:
    """One import under way."""

    client: Client
    journal: Journal
    register: Register
    result: ImportResult
    progress: Progress
    total: int = 0

    async def run(self, rows: Sequence[Row], first: Resolution) -> None:
        """Bring rows onto the ledger that are checked and new, beginning with the first round."""
        self.total = len(rows)
        waiting, ready = first.waiting, first.ready
        while ready:
            await self._send_all(ready)
            again = await resolve(waiting, self.register)
            waiting, ready = again.waiting, again.ready
            self.result.refused.extend(again.problems)
        for row in waiting:
            row.cells.complain("lot", "waits for another row of this import that waits for it.")
            self.result.refused.append(row.cells.problems[-1])

    async def _send_all(self, ready: Sequence[tuple[Row, Record]]) -> None:
        position = 0
        for records in batch([record for _row, record in ready]):
            await self._send(list(ready[position : position + len(records)]))
            position += len(records)

    async def _send(self, pairs: list[tuple[Row, Record]]) -> None:
        """Send one batch; set aside what is refused and send the rest again."""
        while pairs:
            refusal = await self._submit(pairs)
            if refusal is None:
                return
            if refusal.refusal_code in _ABOUT_THE_AUTHOR:
                raise refusal
            index = 0 if len(pairs) == 1 else refusal.record_index
            if index is None or not 0 <= index < len(pairs):
                # Nothing says which record it is: halves find out.
                middle = len(pairs) // 2
                await self._send(pairs[:middle])
                pairs = pairs[middle:]
                continue
            row, _record = pairs.pop(index)
            self.result.refused.append(_refused_row(row, refusal))
            self._show_progress()

    async def _submit(self, pairs: Sequence[tuple[Row, Record]]) -> ClientRefusal | None:
        transaction = self.client.prepare(*(record for _row, record in pairs))
        signed = self.client.sign(transaction)
        tx_id = entry_of(signed).tx_id
        digests = tuple(row.digest for row, _record in pairs)
        await asyncio.to_thread(self.journal.note_sent, tx_id, digests)
        try:
            receipt = await self.client.submit_signed(signed)
        except ClientRefusal as refusal:
            await asyncio.to_thread(self.journal.note_refused, tx_id)
            return refusal
        await asyncio.to_thread(self.journal.note_final, tx_id, receipt.height)
        self.result.records_count += len(pairs)
        self.result.transactions_count += 1
        row = pairs[-1][0]
        self.result.newest_lot = min(row.makes, default=row.needs)
        self.result.height = max(self.result.height, receipt.height)
        self._show_progress()
        return None

    def _show_progress(self) -> None:
        self.progress(self.result.records_count + len(self.result.refused), self.total)


async def import_file(
    client: Client,
    path: Path,
    directory: Path,
    *,
    register: Register | None = None,
    on_progress: Progress | None = None,
) -> ImportResult:
    """Import one file, and return only when all of its rows are on the ledger.

    Args:
        client: An open session of the member whose file it is.
        path: The file.
        directory: Where the journal is kept, one for each member and ledger.
        register: What the ledger knows; give the same one to imports that follow each other.
        on_progress: Is told how far it is.

    Raises:
        ImportFileError: Cells are wrong; nothing was sent.
        ImportRefusal: The rules do not admit some rows; the others are on the ledger.
        ClientError: As ``Client.submit``; importing the file again goes on where it ended.
    """
    result = await import_files(
        client, [path], directory, register=register, on_progress=on_progress
    )
    if result.refused:
        raise ImportRefusal(result.refused, done=result.as_dict())
    return result


async def import_files(
    client: Client,
    paths: Sequence[Path],
    directory: Path,
    *,
    register: Register | None = None,
    on_progress: Progress | None = None,
) -> ImportResult:
    """Import several files together; rows may build on rows of other files.

    Raises:
        ImportFileError: Cells are wrong; nothing was sent.
        ClientError: As ``Client.submit``; importing the files again goes on where it ended.
    """
    register = register or Register(client)
    journal = Journal(directory)
    read = await _read_files(client, paths)
    if read.problems:
        state = await asyncio.to_thread(journal.read)
        open_rows = (digest for digests in state.unsettled.values() for digest in digests)
        await _raise_everything(read, register, without=state.final.union(open_rows))
    rows = read.rows
    result = ImportResult(files=tuple(paths), rows_count=len(rows))
    final = await _final_rows(client, journal, {row.digest for row in rows})
    new = [row for row in rows if row.digest not in final]
    result.already_count = len(rows) - len(new)
    problems = await check_against_register(new, register)
    first = await resolve(new, register)
    raise_problems(read.in_order([*problems, *first.problems]))
    work = _Import(client, journal, register, result, on_progress or _show_nothing)
    await work.run(new, first)
    return result


async def check_files(client: Client, paths: Sequence[Path]) -> list[Row]:
    """Read and check files and return their rows in the order in which they are worked on.

    Raises:
        ImportFileError: Anything is wrong, in any of the files.
    """
    read = await _read_files(client, paths)
    raise_problems(read.problems)
    return read.rows


async def check_import(
    client: Client, paths: Sequence[Path], directory: Path | None = None
) -> list[Row]:
    """Check files whole, against the ledger as well, and send nothing.

    Args:
        client: An open session of the member whose files they are.
        paths: The files.
        directory: Where the journal is: rows that it knows to be sent are not looked up again.

    Raises:
        ImportFileError: Anything is wrong, in any of the files.
    """
    read = await _read_files(client, paths)
    sent: set[Digest] = set()
    if directory is not None:
        state = await asyncio.to_thread(Journal(directory).read)
        sent = state.final.union(*state.unsettled.values())
    await _raise_everything(read, Register(client), without=sent)
    return read.rows


@dataclass(frozen=True, slots=True)
class _ReadFiles:
    """What stands in the files of one import, and everything that is wrong as far as they tell."""

    paths: tuple[str, ...]
    rows: list[Row]
    problems: list[CellProblem]
    are_all_lots_named: bool
    """Whether it is known which lots the rows make and offer; not so when such a cell is wrong."""

    def in_order(self, problems: Sequence[CellProblem]) -> list[CellProblem]:
        """Return problems in the order of the files and their rows."""
        place = {path: number for number, path in enumerate(self.paths)}
        return sorted(problems, key=lambda item: (place.get(item.file, 0), item.row))


_NAMING_COLUMNS: Final = ("code", "codes", "part_code", "lot")


async def _read_files(client: Client, paths: Sequence[Path]) -> _ReadFiles:
    problems: list[CellProblem] = []
    sheets: list[RawSheet] = []
    for path in paths:
        try:
            sheets.append(await asyncio.to_thread(read_sheet, path))
        except ImportFileError as error:
            problems.extend(error.problems)
    problems.extend(problem for sheet in sheets for problem in sheet.problems)
    is_whole = not problems
    order = list(SheetKind)
    rows: list[Row] = []
    for sheet in sorted(sheets, key=lambda sheet: order.index(sheet.kind)):
        rows += read_rows(
            sheet, author=client.author, chain_id=client.trust.chain_id, today=client.today()
        )
    _note_doubles(row for row in rows if not row.cells.problems)
    problems.extend(problem for row in rows for problem in row.cells.problems)
    named = is_whole and not any(row.cells.is_bad(*_NAMING_COLUMNS) for row in rows)
    read = _ReadFiles(tuple(map(str, paths)), rows, [], named)
    read.problems.extend(read.in_order(problems))
    return read


async def _raise_everything(
    read: _ReadFiles, register: Register, *, without: Collection[Digest]
) -> None:
    """Raise what is wrong in the files together with what the ledger says about their other cells.

    Raises:
        ImportFileError: Anything is wrong.
        ClientError: The files are in order, and the ledger cannot be asked.
    """
    rows = [row for row in read.rows if row.digest not in without]
    try:
        problems = await check_against_register(rows, register)
        found = (await resolve(rows, register)).problems
    except ClientError:
        # What is wrong in the files themselves is known without the ledger.
        raise_problems(read.problems)
        raise
    # A lot that seems unknown may be one that a row which cannot be read makes.
    problems.extend(item for item in found if read.are_all_lots_named or item.column != "lot")
    raise_problems(read.in_order([*read.problems, *problems]))


def raise_problems(problems: Sequence[CellProblem]) -> None:
    """Raise if there are problems.

    Raises:
        ImportFileError: With all of them, up to a limit.
    """
    if problems:
        shown = problems[:PROBLEMS_SHOWN_MAX]
        raise ImportFileError(shown, more=len(problems) - len(shown))


def _note_doubles(rows: Iterable[Row]) -> None:
    """Complain of rows that stand in several files of one import."""
    seen: dict[Digest, Row] = {}
    for row in rows:
        first = seen.setdefault(row.digest, row)
        if first is not row:
            row.cells.complain("", f"says the same as row {first.raw.number} of {first.file}.")


async def _final_rows(client: Client, journal: Journal, wanted: set[Digest]) -> set[Digest]:
    """Return which rows are on the ledger, after settling what an earlier run left open."""
    state = await asyncio.to_thread(journal.read)
    for tx_id, digests in tuple(state.unsettled.items()):
        if wanted.isdisjoint(digests):
            continue
        height = await _settled_height(client, tx_id)
        if height is None:
            await asyncio.to_thread(journal.note_refused, tx_id)
        else:
            await asyncio.to_thread(journal.note_final, tx_id, height)
            state.final.update(digests)
    return state.final


async def _settled_height(client: Client, tx_id: TxId) -> Height | None:
    """Return where a transaction of an earlier run stands, or None when it is not and will not be.

    Raises:
        StillPending: It is not decided yet.
    """
    for result in await client.resume_outbox(only={tx_id}):
        if result.pending is not None:
            raise result.pending
        return None if result.receipt is None else result.receipt.height
    try:
        # It has left the outbox, or never got there: the ledger knows.
        return (await client.receipt(tx_id)).height
    except NotFound:
        return None


def _refused_row(row: Row, refusal: ClientRefusal) -> CellProblem:
    column = column_of(row.kind, refusal.field)
    return CellProblem(
        row.file, row.raw.number, column, row.raw.cells.get(column, ""), refusal.sentence
    )


def _show_nothing(_done: int, _total: int) -> None:
    """Progress for somebody who does not want any."""
