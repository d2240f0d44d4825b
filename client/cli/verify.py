"""``monazite verify TARGET…``: are these copies one true history?

The result goes to stdout, progress to stderr, and only when it is a terminal and the audit takes longer than
a second. ``--json`` writes one object instead. The last line is the verdict; the exit code says the same
(``client.cli.exit_codes``).

What is trusted comes from ``--genesis`` or from the profile, never from a target. The profile also gives the
nodes when no target is named, and the certificate authorities for ``https``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

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
from rich.text import Text

from client.cli.exit_codes import ExitCode
from client.cli.options import AsJson, ProfileName
from client.cli.output import result_console
from client.errors import ProfileError, UsageError
from client.identity import tls_of
from client.profile import Profile, current_profile_name, load_profile
from client.trust import trust_root_of
from client.verify.anchor import PinnedGenesis, pin_genesis, read_pinned
from client.verify.http_source import open_node
from client.verify.receipt_file import (
    check_receipt_files,
    receipt_lines,
    receipts_json,
    verdict_of,
)
from client.verify.report import AuditReport, make_report, report_json, report_lines
from client.verify.run import AuditOutcome, AuditProgress, conduct
from client.verify.source import (
    SOURCE_OPENERS,
    HistorySource,
    SourceOpener,
    TargetKind,
    kind_of_target,
    open_target,
)
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
        metavar="TARGET",
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
    typer.Option("--peer", metavar="URL", help="A further node to compare with. Repeatable."),
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first fault instead of finding all.")
]


def verify(
    targets: Targets = None,
    *,
    genesis: GenesisOption = None,
    peer: PeerOption = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
    fail_fast: FailFastOption = False,
) -> int:
    """Check whole histories: every byte, signature, certificate and rule, and compare nodes.

    Receipts (files) are checked offline, against the pinned genesis.
    Ends with VERIFIED (exit code 0), TAMPERED (3), TRUNCATED (4), FORK (5) or INCOMPLETE (6).

    Example: monazite verify https://a.example:8443 https://b.example:8443 --genesis genesis.json
    """
    known = _profile(profile, optional=bool(targets) and genesis is not None)
    pinned = _pinned(genesis, known)
    chosen = _chosen(targets, peer, known)
    if files := _receipt_files(chosen):
        return _verify_receipts(files, pinned, as_json=as_json)
    report = make_report(asyncio.run(_audit(chosen, known, pinned, fail_fast=fail_fast)))
    if as_json:
        sys.stdout.write(json.dumps(report_json(report), indent=2) + "\n")
    else:
        _write_report(report)
    return int(report.exit_code)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(name="verify")(verify)


def _profile(name: str | None, *, optional: bool) -> Profile | None:
    """Return the profile; None when none was named and none is in use.

    A profile that is damaged is an error, unless everything that it would give was given by hand.
    """
    try:
        chosen = name or current_profile_name()
    except ProfileError:
        return None
    try:
        return load_profile(chosen)
    except ProfileError:
        if name is None and optional:
            return None
        raise


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


async def _audit(
    targets: Sequence[str],
    profile: Profile | None,
    pinned: PinnedGenesis | None,
    *,
    fail_fast: bool,
) -> AuditOutcome:
    openers: dict[TargetKind, SourceOpener] = {
        **SOURCE_OPENERS,
        TargetKind.NODE: partial(open_node, tls=tls_of(profile)),
    }
    sources: list[HistorySource] = []
    try:
        for target in targets:
            sources.append(open_target(target, openers))  # noqa: PERF401 - closed below if one fails
        with _ProgressBar() as bar:
            return await conduct(sources, pinned, fail_fast=fail_fast, on_progress=bar.move)
    finally:
        for source in sources:
            await source.close()


class _ProgressBar:
    """Blocks, rate and remaining time on stderr, after a second and on a terminal only."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def move(self, audited: AuditProgress) -> None:
        """Show how far the audit is."""
        elapsed = time.monotonic() - self._started
        if not self._console.is_terminal or elapsed < SHOW_PROGRESS_AFTER_S:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("blocks"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task("blocks", total=None, rate="")
        self._progress.update(
            self._task,
            completed=audited.height,
            total=audited.end,
            rate=f"{audited.records / elapsed:,.0f} records/s",
        )


def _receipt_files(targets: Sequence[str]) -> list[Path]:
    """Return the targets as receipts if they are files.

    Raises:
        UsageError: Files and other targets are mixed: they are different questions.
    """
    files = [target for target in targets if kind_of_target(target) is TargetKind.ARCHIVE]
    if files and len(files) < len(targets):
        raise UsageError(
            f"{files[0]} is a file: receipts are verified by themselves, in a command of their own."
        )
    return [Path(target) for target in files]


def _verify_receipts(
    files: Sequence[Path], pinned: PinnedGenesis | None, *, as_json: bool
) -> ExitCode:
    document = None if pinned is None else pinned.document
    if pinned is not None and document is None:
        raise UsageError(
            "to verify a receipt the genesis document is needed, its digest alone does not name the "
            "validators: give --genesis FILE."
        )
    trust = None if document is None else trust_root_of(document)
    checked = check_receipt_files(files, trust)
    if as_json:
        sys.stdout.write(json.dumps(receipts_json(checked, trust), indent=2) + "\n")
    else:
        console = result_console()
        *lines, verdict = receipt_lines(checked, trust)
        for line in (*map(Text, lines), Text(verdict, style=_STYLES[verdict_of(checked)])):
            console.print(_encodable(line, console.encoding), soft_wrap=True)
    return verdict_of(checked).exit_code


def _write_report(report: AuditReport) -> None:
    """Write the lines; broken at words on a terminal, whole for everything else."""
    console = result_console()
    *lines, verdict = report_lines(report)
    for line in (*map(Text, lines), Text(verdict, style=_STYLES[report.verdict])):
        console.print(_encodable(line, console.encoding), soft_wrap=not console.is_terminal)


def _encodable(line: Text, encoding: str) -> Text:
    """Return a line that stdout can take: a report must not die of an arrow."""
    plain = line.plain.encode(encoding, "backslashreplace").decode(encoding)
    return line if plain == line.plain else Text(plain, style=line.style)
