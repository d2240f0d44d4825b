"""An audit from beginning to end: ask all sources side by side, feed the core, judge the ends.

Up to where. All sources are asked at the same moment where their histories end, and every one is read up
to the highest of these claims, however high it is, or until it has no more; and on to the next certificate
when the block at that height is final through a later one. So nodes that move on during the
audit are compared at one end, and a node that claims 10^18 blocks is simply read until it is empty. A running
node that ends earlier than another is asked once more at the end of the audit whether it holds the last
block by now. What fixes the end is in ``client.verify.ends``.

Memory. One answer of each source is in flight while the core works on what came before; the core bounds what
it keeps (``client.verify.window``). The core runs in a worker thread, so that answers are read meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from client.verify.anchor import Anchoring, PinnedGenesis, establish
from client.verify.audit import Audit
from client.verify.ends import EndOfHistory, SourceAccount, judge_ends
from client.verify.findings import AuditFinding, FindingCode
from client.verify.source import (
    AnswerUnusable,
    HistoryRow,
    HistorySource,
    SourceError,
    SourceSilent,
)
from ledger.wire.scalars import Height

BATCH_ROWS: Final = 256
ROWS_PAST_END: Final = 16


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """How far an audit is, for a progress bar."""

    height: Height
    end: Height | None
    """The highest end that any source claims; None while unknown."""
    records: int


@dataclass(slots=True)
class AuditOutcome:
    """Everything that an audit has found, for a report."""

    anchoring: Anchoring
    accounts: list[SourceAccount]
    findings: list[AuditFinding]
    audit: Audit | None
    """None when there was no genesis to start from, or nobody answered."""
    end: EndOfHistory = field(default_factory=lambda: EndOfHistory(Height(0)))
    """Who vouches for the end."""

    @property
    def is_unreachable(self) -> bool:
        """Whether no source answered at all."""
        return all(
            account.failure and account.document is None and account.claim is None
            for account in self.accounts
        )


@dataclass(slots=True)
class _Run:
    sources: Sequence[HistorySource]
    accounts: list[SourceAccount]
    findings: list[AuditFinding] = field(default_factory=list)

    def fail(self, source: int, error: SourceError, *, leave: bool) -> None:
        """Note that a source gave nothing usable; with ``leave`` it is not asked again."""
        code = (
            FindingCode.UNREACHABLE
            if isinstance(error, SourceSilent)
            else FindingCode.ANSWER_UNUSABLE
        )
        self.findings.append(
            AuditFinding(
                code=code, node=error.name, height=self.accounts[source].last, what=error.reason
            )
        )
        if leave:
            self.accounts[source].failure = error.reason


async def conduct(
    sources: Sequence[HistorySource],
    pinned: PinnedGenesis | None,
    *,
    fail_fast: bool = False,
    on_progress: Callable[[AuditProgress], None] | None = None,
) -> AuditOutcome:
    """Audit the histories of all sources against each other and the pinned genesis."""
    run = _Run(sources, [SourceAccount(source.name) for source in sources])
    await asyncio.gather(*(_introduce(run, number) for number in range(len(sources))))
    served = {
        account.name: account.document for account in run.accounts if account.document is not None
    }
    anchoring = establish(pinned, served)
    run.findings.extend(anchoring.findings)
    outcome = AuditOutcome(anchoring, run.accounts, run.findings, None)
    if anchoring.genesis is None or outcome.is_unreachable:
        return outcome
    names = [account.name for account in run.accounts]
    audit = Audit(anchoring.genesis, names, fail_fast=fail_fast)
    outcome.audit = audit
    for number, account in enumerate(run.accounts):
        if account.failure:
            audit.end(number)
    await _drive(run, audit, on_progress)
    await asyncio.to_thread(audit.finish)
    for number, account in enumerate(run.accounts):
        account.checked_to = audit.sources[number].checked_to
    await _look_again(run, audit)
    run.findings[:0] = _new_findings(audit, anchoring)
    outcome.end, findings = judge_ends(audit, run.accounts)
    run.findings.extend(findings)
    return outcome


def _new_findings(audit: Audit, anchoring: Anchoring) -> list[AuditFinding]:
    """Return the audit's findings without another genesis block where another document is known."""
    told = {finding.node for finding in anchoring.findings if finding.node}
    return [
        finding
        for finding in audit.findings.all()
        if finding.code is not FindingCode.GENESIS_DIFFERS or finding.node not in told
    ]


async def _introduce(run: _Run, number: int) -> None:
    """Ask a source for its genesis and its tip."""
    source, account = run.sources[number], run.accounts[number]
    try:
        account.document = await source.genesis()
    except AnswerUnusable as error:
        run.fail(number, error, leave=False)
    except SourceError as error:
        run.fail(number, error, leave=True)
        return
    try:
        account.claim = await source.tip()
    except SourceError as error:
        run.fail(number, error, leave=False)


async def _drive(
    run: _Run, audit: Audit, on_progress: Callable[[AuditProgress], None] | None
) -> None:
    """Feed the audit until it wants nothing more."""
    claims = [account.claim.height for account in run.accounts if account.claim is not None]
    end = max(claims) if len(claims) == len(run.accounts) else None
    tasks: dict[int, asyncio.Task[list[HistoryRow]]] = {}

    def fetch(number: int, first: Height, limit: int) -> None:
        if number not in tasks and limit > 0:
            tasks[number] = asyncio.create_task(run.sources[number].blocks(first, limit))

    try:
        while wanted := audit.wanting():
            for number in wanted:
                first = audit.next_height(number)
                fetch(
                    number, first, _rows_wanted(first, end, is_end_open=audit.height < (end or 0))
                )
            batches = {
                number: await _outcome_of(run, number, tasks.pop(number, None)) for number in wanted
            }
            for number, rows in batches.items():
                if rows:
                    first = Height(audit.next_height(number) + len(rows))
                    run.accounts[number].last = Height(first - 1)
                    fetch(number, first, _rows_wanted(first, end, is_end_open=False))
            await asyncio.to_thread(_step, audit, batches)
            if on_progress is not None:
                on_progress(AuditProgress(audit.height, end, audit.replay.counts.records))
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


def _rows_wanted(first: Height, end: Height | None, *, is_end_open: bool) -> int:
    """Return how many rows to ask for; above the end only while nothing certifies the end."""
    if end is None:
        return BATCH_ROWS
    if first > end:
        return ROWS_PAST_END if is_end_open else 0
    return min(BATCH_ROWS, end + 1 - first)


def _step(audit: Audit, batches: dict[int, list[HistoryRow]]) -> None:
    for number, rows in batches.items():
        if rows:
            audit.add(number, rows)
        else:
            audit.end(number)
    audit.advance()


async def _outcome_of(
    run: _Run, number: int, task: asyncio.Task[list[HistoryRow]] | None
) -> list[HistoryRow]:
    """Return what a source gave; nothing when it was not asked, or failed, which is noted."""
    if task is None:
        return []
    try:
        return await task
    except SourceError as error:
        run.fail(number, error, leave=True)
        return []


async def _look_again(run: _Run, audit: Audit) -> None:
    """Ask sources that ended early whether they hold the last block by now."""
    for number, account in enumerate(run.accounts):
        if account.failure or account.last is None or account.is_stopped:
            continue
        if account.last < audit.height:
            try:
                rows = await run.sources[number].blocks(audit.height, 1)
            except SourceError as error:
                run.fail(number, error, leave=True)
                continue
            account.holds_tip = bool(rows) and rows[0][0] == audit.tip.copy.data
