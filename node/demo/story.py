"""What a newcomer reads when the demo network is up: names, addresses, a lot, and four commands to try."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from node.demo.records import DemoHistory, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was started and loaded."""

    nodes: tuple[tuple[str, str, Path], ...]
    """Name, URL of the API, and home of each node."""
    genesis: Path
    keys: dict[str, Path]
    """The operator key of each member, by member."""
    profile: str
    """Name of the profile that pins the genesis; empty when it is the current one."""
    enterprises_count: int
    records_count: int
    transactions_count: int
    height: int
    loaded_seconds: float
    lot: str
    """``creator/code`` of a lot to trace."""
    lot_id: str
    transaction: str
    """A transaction with a receipt to ask for."""

    def as_json(self) -> dict[str, Any]:
        """Return what scripts need."""
        return {
            "nodes": [
                {"name": name, "api": api, "home": str(home)} for name, api, home in self.nodes
            ],
            "genesis": str(self.genesis),
            "keys": {member: str(path) for member, path in self.keys.items()},
            "lot": self.lot,
            "lot_id": self.lot_id,
            "transaction": self.transaction,
            "profile": self.profile,
            "height": self.height,
            "records": self.records_count,
        }


def program() -> str:
    """Return how the reader calls ``monazite`` from where it stands."""
    found = shutil.which("monazite")
    beside = Path(sys.executable).with_name("monazite")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "monazite"
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)


def tell(story: Story, console: Console, *, stays: bool, directory: Path | None) -> None:
    """Print the story."""
    call = program()
    profile = f" --profile {story.profile}" if story.profile else ""
    console.print(
        f"\n[bold]Four nodes, one ledger.[/bold] {story.records_count:,} records of "
        f"{story.enterprises_count} invented enterprises in {story.transactions_count:,} "
        f"transactions, {story.height:,} blocks; mined quantities add up to the published quotas "
        f"of 2023 and 2024. Loaded in {story.loaded_seconds:.1f} s.\n"
    )
    table = Table(box=None, pad_edge=False)
    for column in ("node", "API", "home"):
        table.add_column(column, no_wrap=True, overflow="ignore")
    for name, api, home in story.nodes:
        table.add_row(name, api, str(home))
    console.print(table, crop=False, soft_wrap=True)
    urls = " ".join(api for _name, api, _home in story.nodes)
    where = f" --dir {directory}" if directory is not None else ""
    console.print("\nTry, in another terminal:" if stays else "\nTry:")
    for command, meaning in _commands(call, story.lot, urls, profile, where):
        console.print(f"  [bold]{command}[/bold]", soft_wrap=True, highlight=False)
        console.print(f"      {meaning}", highlight=False)
    if stays:
        console.print("\nThe network stays up until Ctrl-C.")


def _commands(
    call: str, lot: str, urls: str, profile: str, where: str
) -> Sequence[tuple[str, str]]:
    return (
        (f"{call} trace {lot}{profile}", "where this lot came from, back to mine and quota"),
        (f"{call} verify {urls}{profile}", "four nodes, one history: VERIFIED"),
        (f"{call} demo tamper{where}", "edits one byte of one node's copy, as an insider would"),
        (
            f"{call} verify {urls}{profile}",
            "TAMPERED: which node, which block, which record, and what to do",
        ),
    )


def lot_to_trace(history: DemoHistory) -> str:
    """Return the newest received lot that was made by a dealer: it has the longest way behind it."""
    miners = {facility.owner for facility in history.facilities if facility.activity == "mining"}
    received = [
        row.lot
        for sheet in history.sheets
        for row in sheet.rows
        if isinstance(row, Receipt) and row.lot.creator not in miners
    ] or [row.lot for sheet in history.sheets for row in sheet.rows if isinstance(row, Receipt)]
    lot = received[-1]
    return f"{lot.creator}/{lot.code}"
