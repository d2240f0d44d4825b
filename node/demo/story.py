"""What a newcomer reads when the demo network is up: names, addresses, a lot, and four commands to try."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from node.demo.history import MONTHS_MAX
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
    months_count: int
    """How many months were loaded, from January 2023 on."""
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
    mined = (
        "mined quantities add up to the published quotas of 2023 and 2024"
        if story.months_count == MONTHS_MAX
        else f"the first {story.months_count} of the {MONTHS_MAX} months from January 2023 on"
    )
    console.print(
        f"\n[bold]Four nodes, one ledger.[/bold] {story.records_count:,} records of "
        f"{story.enterprises_count} invented enterprises in {story.transactions_count:,} "
        f"transactions, {story.height:,} blocks; {mined}. "
        f"Loaded in {story.loaded_seconds:.1f} s.\n"
    )
    for name, api, home in story.nodes:
        # One line each, whatever the width: a path is there to be copied.
        console.print(f"{name:<12} {api}  {home}", soft_wrap=True, highlight=False)
    urls = " ".join(api for _name, api, _home in story.nodes)
    where = f" --dir {directory}" if directory is not None else ""
    console.print(
        "\nTry, in another terminal:"
        if stays
        else "\nThis network has ended. Without --once it stays up, and you could try:"
    )
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
        (
            f"{call} demo stop customs{where}",
            f"one node fewer, and writing goes on; back with: {call} demo start customs{where}",
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
