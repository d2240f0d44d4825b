"""``monazite verify TARGET…``: are these copies one true history?

The result goes to stdout, progress to stderr, and only when it is a terminal and the audit takes longer than
a second. ``--json`` writes one object instead, also when the command could not run. The last line is the
verdict; the exit code says the same (``client.cli.exit_codes``).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

import client.verify.http_source  # noqa: F401 - registers how nodes are opened
from client.cli.exit_codes import ExitCode, of_error
from client.errors import ClientError, ProfileError, UsageError
from client.profile import Profile, load_profile
from client.verify.anchor import PinnedGenesis, pin_genesis, read_pinned
from client.verify.report import SCHEMA, AuditReport, make_report, report_json, report_lines
from client.verify.run import AuditOutcome, AuditProgress, conduct
from client.verify.source import HistorySource, SourceInUse, open_target
from client.verify.verdict import AuditVerdict

SHOW_PROGRESS_AFTER_S: Final = 1.0
_STYLES: Final = {
    AuditVerdict.VERIFIED: "bold green",
    AuditVerdict.INCOMPLETE: "bold yellow",
    AuditVerdict.TRUNCATED: "bold red",
    AuditVerdict.TAMPERED: "bold red",
    AuditVerdict.FORK: "bold red",
}

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        help="Addresses of nodes (https://…) or the home of a stopped node; without any, the nodes "
        "of the profile.",
        show_default=False,
    ),
]
GenesisOption = Annotated[
    str | None,
    typer.Option(
        "--genesis",
        metavar="FILE|DIGEST",
        help="The genesis that you trust: its file, or its SHA-256. Default: the one pinned in the "
        "profile.",
        show_default=False,
    ),
]
PeerOption = Annotated[
    list[str] | None,
    typer.Option("--peer", metavar="URL", help="A further node to compare with (repeatable)."),
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="The profile that pins genesis and nodes.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help=f"Write one JSON object ({SCHEMA}) to stdout.")
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first fault instead of finding all.")
]


def verify(
    targets: Targets = None,
    *,
    genesis: GenesisOption = None,
    peer: PeerOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
    fail_fast: FailFastOption = False,
) -> None:
    """Check whole histories: every byte, signature, certificate and rule, and compare nodes.

    Ends with VERIFIED (exit code 0), TAMPERED (3), TRUNCATED (4), FORK (5) or INCOMPLETE (6).

    Example: monazite verify https://a.example:8443 https://b.example:8443 --genesis genesis.json
    """
    try:
        known = _profile_for(profile, needed=genesis is None or not targets)
        pinned = _pinned(genesis, known)
        sources = _open_sources(_chosen(targets, peer, known))
        outcome = asyncio.run(_audit(sources, pinned, fail_fast=fail_fast, quiet=as_json))
    except ClientError as error:
        _write_error(error, as_json=as_json)
        code = ExitCode.STORE_IN_USE if isinstance(error, SourceInUse) else of_error(error)
        raise typer.Exit(int(code)) from error
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted; nothing was judged", markup=False)
        raise typer.Exit(130) from None
    report = make_report(outcome)
    if as_json:
        sys.stdout.write(json.dumps(report_json(report), indent=2) + "\n")
    else:
        _write_report(report)
    raise typer.Exit(int(report.exit_code))


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(name="verify")(verify)


def _profile_for(name: str | None, *, needed: bool) -> Profile | None:
    """Return the profile; None when none was named and there is none to be had."""
    if name is None and not needed:
        return None
    try:
        return load_profile(name)
    except ProfileError:
        if name is not None:
            raise
        return None


def _pinned(genesis: str | None, profile: Profile | None) -> PinnedGenesis | None:
    if genesis is not None:
        return read_pinned(genesis)
    if profile is not None:
        return pin_genesis(profile.genesis, f"pinned in the profile {profile.name}")
    return None


def _chosen(
    targets: Sequence[str] | None, peers: Sequence[str] | None, profile: Profile | None
) -> list[str]:
    """Return the targets to open, each once, in order."""
    chosen = [*(targets or ()), *(peers or ())]
    if not targets and profile is not None:
        chosen = [*profile.nodes, *chosen]
    if not chosen:
        raise UsageError(
            "nothing to verify: name at least one node, for example "
            "`monazite verify https://a.example:8443 https://b.example:8443 --genesis genesis.json`."
        )
    return list(dict.fromkeys(target.rstrip("/") or target for target in chosen))


def _open_sources(targets: Sequence[str]) -> list[HistorySource]:
    return [open_target(target) for target in targets]


async def _audit(
    sources: Sequence[HistorySource],
    pinned: PinnedGenesis | None,
    *,
    fail_fast: bool,
    quiet: bool,
) -> AuditOutcome:
    try:
        with _Bar(quiet=quiet) as bar:
            return await conduct(sources, pinned, fail_fast=fail_fast, on_progress=bar.move)
    finally:
        for source in sources:
            await source.close()


class _Bar:
    """A progress bar on stderr that appears after a second, on a terminal only."""

    def __init__(self, *, quiet: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet or not self._console.is_terminal
        self._now = now
        self._started = now()
        self._progress: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def move(self, progress: AuditProgress) -> None:
        """Show how far the audit is."""
        elapsed = self._now() - self._started
        if self._quiet or elapsed < SHOW_PROGRESS_AFTER_S:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("blocks"),
                BarColumn(),
                MofNCompleteColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task("blocks", total=None, rate="")
        self._progress.update(
            self._task,
            completed=progress.height,
            total=progress.end,
            rate=f"{progress.records / elapsed:,.0f} records/s",
        )


def _write_report(report: AuditReport) -> None:
    console = Console(highlight=False)
    *lines, last = report_lines(report)
    for line in lines:
        _write_line(console, Text(line))
    _write_line(console, Text(last, style=_STYLES[report.verdict]))


def _write_line(console: Console, line: Text) -> None:
    """Write one line; broken to the width of a terminal, whole for everything else."""
    if console.encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        line = Text(
            line.plain.encode(console.encoding, "replace").decode(console.encoding),
            style=line.style,
        )
    console.print(line, soft_wrap=not console.is_terminal)


def _write_error(error: ClientError, *, as_json: bool) -> None:
    if as_json:
        body = {
            "schema": SCHEMA,
            "verdict": AuditVerdict.INCOMPLETE.value,
            "error": error.as_dict(),
            "findings": [],
        }
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
    else:
        Console(stderr=True).print(Text(f"verify: {error}"), soft_wrap=True)
