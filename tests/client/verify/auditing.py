"""Audits of histories in memory: sources that tests control, and one call from histories to a report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from client.cli.exit_codes import ExitCode
from client.verify.anchor import PinnedGenesis
from client.verify.findings import AuditFinding, FindingCode
from client.verify.report import AuditReport, make_report
from client.verify.run import conduct
from client.verify.source import HistoryRow, SourceError, TipClaim
from client.verify.verdict import AuditVerdict
from ledger.wire.scalars import Height
from tests.support.history import History, make_history

NAMES = ("node-a", "node-b", "node-c", "node-d")


class MemorySource:
    """A node's history in memory, that claims and serves what a test says."""

    def __init__(
        self,
        name: str,
        history: History,
        *,
        claim: int | None = None,
        node: str | None = None,
        document: bytes | None = None,
        fails_from: int | None = None,
        failure: type[SourceError] | None = None,
        rows_per_answer: int = 1_000,
        is_stopped: bool = False,
    ) -> None:
        self._name = name
        self.history = history
        self._claim = TipClaim(
            Height(history.tip if claim is None else claim),
            name if node is None else node,
            is_stopped,
        )
        self._document = history.genesis.data if document is None else document
        self._fails_from = fails_from
        self._failure = failure
        self._rows_per_answer = rows_per_answer

    @property
    def name(self) -> str:
        return self._name

    async def genesis(self) -> bytes:
        return self._document

    async def tip(self) -> TipClaim:
        return self._claim

    async def blocks(self, first: Height, limit: int) -> list[HistoryRow]:
        if self._failure and self._fails_from is not None and first >= self._fails_from:
            raise self._failure(self._name, "the test says so")
        return list(self.history.rows[first : first + min(limit, self._rows_per_answer)])

    async def close(self) -> None:
        pass


def pinned(history: History) -> PinnedGenesis:
    return PinnedGenesis(history.genesis.chain_id, history.genesis.data, "pinned by the test")


def audit_sources(
    *sources: MemorySource, trust: PinnedGenesis | None = None, fail_fast: bool = False
) -> AuditReport:
    outcome = asyncio.run(
        conduct(sources, pinned(make_history()) if trust is None else trust, fail_fast=fail_fast)
    )
    return make_report(outcome)


def audit_histories(*histories: History, fail_fast: bool = False) -> AuditReport:
    """Audit one node for each history, all names different, the test genesis pinned."""
    sources = [MemorySource(name, history) for name, history in zip(NAMES, histories, strict=False)]
    return audit_sources(*sources, fail_fast=fail_fast)


def expect(
    report: AuditReport,
    verdict: AuditVerdict,
    exit_code: ExitCode,
    *codes: FindingCode,
) -> Sequence[AuditFinding]:
    """Check verdict, exit code and codes, and return the findings."""
    assert report.verdict is verdict, [finding.what for finding in report.findings]
    assert report.exit_code is exit_code
    assert [finding.code for finding in report.findings] == list(codes)
    return report.findings


def expect_verified(report: AuditReport) -> None:
    expect(report, AuditVerdict.VERIFIED, ExitCode.GOOD)


def expect_tampered(report: AuditReport, *codes: FindingCode) -> Sequence[AuditFinding]:
    return expect(report, AuditVerdict.TAMPERED, ExitCode.TAMPERED, *codes)
