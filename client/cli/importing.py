"""``monazite import``: CSV files of clerks onto the ledger."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from client.cli.options import (
    AsJson,
    NodeAddresses,
    PassphraseDescriptor,
    PassphraseFile,
    ProfileName,
    writing_client,
)
from client.cli.output import Outcome, note, say
from client.errors import ImportRefusal, UsageError
from client.importing.loading import ImportResult, check_files, import_files, raise_problems
from client.importing.register import Register
from client.importing.resolving import check_against_register
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
    result = asyncio.run(_import(client, files))
    if result.refused:
        raise ImportRefusal(result.refused, done=result.as_dict())
    return say(
        Outcome(
            schema="monazite.import/1",
            data=result.as_dict(),
            lines=[_summary(result)],
            next_command=f"monazite member show {client.author}",
        ),
        as_json=as_json,
    )


async def _check(client: Client, files: list[Path], *, as_json: bool) -> int:
    async with client:
        rows = await check_files(client, files)
        raise_problems(await check_against_register(rows, Register(client)))
    return say(
        Outcome(
            schema="monazite.import-check/1",
            data={"files": [str(path) for path in files], "rows": len(rows)},
            lines=[f"{len(rows)} rows in {len(files)} file(s) are in order; nothing was sent"],
            next_command=f"monazite import {' '.join(map(str, files))}",
        ),
        as_json=as_json,
    )


async def _import(client: Client, files: list[Path]) -> ImportResult:
    if client.profile is None:
        raise UsageError("an import needs a profile: its journal is kept there.")
    with _Bar() as move:
        async with client:
            return await import_files(
                client, files, client.profile.imports_directory, on_progress=move
            )


def _summary(result: ImportResult) -> str:
    already = f", {result.already_count} were on the ledger already" if result.already_count else ""
    if not result.records_count:
        return f"nothing new in {result.rows_count} rows{already}"
    return (
        f"{result.records_count} records in {result.transactions_count} transaction(s) are final, "
        f"the newest in block {result.height}{already}"
    )


class _Bar:
    """Progress on stderr: a bar at a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tenth = 0

    def __enter__(self) -> Callable[[int, int], None]:
        if not sys.stderr.isatty():
            return self._line
        self._progress = Progress(
            TextColumn("rows"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        task = self._progress.add_task("rows", total=None)
        progress = self._progress
        return lambda done, total: progress.update(task, completed=done, total=total)

    def __exit__(self, *_error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _line(self, done: int, total: int) -> None:
        tenth = done * 10 // max(1, total)
        if tenth > self._tenth:
            self._tenth = tenth
            note(f"{done} of {total} rows done")
