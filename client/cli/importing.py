"""``monazite import``: CSV files of clerks onto the ledger."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from client.cli.options import (
    AsJson,
    NodeAddresses,
    PassphraseDescriptor,
    PassphraseFile,
    ProfileName,
    writing_client,
)
from client.cli.output import Outcome, note, say
from client.cli.waiting import run_waiting
from client.cli.words import counted
from client.errors import ImportRefusal, UsageError
from client.importing.loading import ImportResult, check_import, import_files
from client.session import Client


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command("import")(import_command)


def import_command(  # noqa: PLR0913 - a command line
    files: Annotated[list[Path], typer.Argument(help="CSV files; the kind is in the header.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Check the files and send nothing.")
    ] = False,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseDescriptor = None,
    as_json: AsJson = False,
) -> int:
    """Check files whole, then bring what is new in them onto the ledger.

    Kinds: outputs, splits, offers, receipts, rejections, cancellations (docs/import.md). A file that was
    corrected can be imported again: rows that are on the ledger already are left out.
    """
    client = writing_client(profile, node, passphrase_file, passphrase_fd)
    if check:
        return asyncio.run(_check(client, files, as_json=as_json))
    with _Bar() as bar:
        result = run_waiting(client, _import(client, files, bar), bar.tell)
    if result.refused:
        raise ImportRefusal(result.refused, done=result.as_dict())
    return say(
        Outcome(
            schema="monazite.import/1",
            data=result.as_dict(),
            lines=[_summary(result)],
            next_command=f"monazite lot show {result.newest_lot}" if result.newest_lot else "",
        ),
        as_json=as_json,
    )


async def _check(client: Client, files: list[Path], *, as_json: bool) -> int:
    async with client:
        directory = None if client.profile is None else client.profile.imports_directory
        rows = await check_import(client, files, directory)
    return say(
        Outcome(
            schema="monazite.import-check/1",
            data={"files": [str(path) for path in files], "rows": len(rows)},
            lines=[
                f"{counted(len(rows), 'row')} in {counted(len(files), 'file')}: all in order",
                "nothing was sent",
            ],
            next_command=f"monazite import {' '.join(map(str, files))}",
        ),
        as_json=as_json,
    )


async def _import(client: Client, files: list[Path], bar: _Bar) -> ImportResult:
    if client.profile is None:
        raise UsageError("an import needs a profile: its journal is kept there.")
    async with client:
        return await import_files(
            client, files, client.profile.imports_directory, on_progress=bar.move
        )


def _summary(result: ImportResult) -> str:
    already = f", {result.already_count} were on the ledger already" if result.already_count else ""
    if not result.records_count:
        return f"nothing new in {counted(result.rows_count, 'row')}{already}"
    return (
        f"final: {counted(result.records_count, 'record')} in "
        f"{counted(result.transactions_count, 'transaction')}, the newest in block "
        f"{result.height}{already}"
    )


class _Bar:
    """Progress on stderr: a bar at a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._tenth = 0

    def __enter__(self) -> Self:
        if not sys.stderr.isatty():
            return self
        self._progress = Progress(
            TextColumn("rows"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._task = self._progress.add_task("", total=None)
        return self

    def move(self, done: int, total: int) -> None:
        """Show how many rows are done."""
        if self._progress is None or self._task is None:
            self._line(done, total)
        else:
            self._progress.update(self._task, completed=done, total=total)

    def tell(self, text: str) -> None:
        """Show at a terminal what is waited for."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=text)

    def __exit__(self, *_error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _line(self, done: int, total: int) -> None:
        tenth = done * 10 // max(1, total)
        if tenth > self._tenth:
            self._tenth = tenth
            note(f"{done} of {total} rows done")
