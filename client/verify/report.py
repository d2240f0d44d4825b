"""The result of an audit: what was checked, against what, from where to where, and what was not.

Two forms of the same: lines for people, with the verdict as the last one, and one JSON object of the schema
``monazite.verify/1``. Every text that may have come from a node is written so that it cannot steer a
terminal. Lines are plain text; a terminal may colour them, nothing depends on colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from client.cli.exit_codes import ExitCode
from client.verify.ends import BEHIND_BLOCKS_MAX, WITNESSES_WANTED, SourceAccount
from client.verify.findings import AuditFinding, RecordPlace
from client.verify.run import AuditOutcome
from client.verify.verdict import AuditVerdict, worst
from client.verify.words import printable, short, time_of
from ledger.wire.scalars import Height

SCHEMA: Final = "monazite.verify/1"
SHOWN_VALUE_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked everywhere, and how often."""

    name: str
    status: str
    """``ok``, ``failed`` or ``not checked``."""
    count: int
    of_what: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit says, ready to be written."""

    outcome: AuditOutcome
    verdict: AuditVerdict
    findings: tuple[AuditFinding, ...]
    checks: tuple[CheckResult, ...]
    anchors: tuple[str, ...]
    not_checked: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this report."""
        if self.outcome.is_unreachable:
            return ExitCode.UNREACHABLE
        return self.verdict.exit_code


def make_report(outcome: AuditOutcome) -> AuditReport:
    """Return the report of an audit."""
    findings = tuple(
        sorted(
            outcome.findings,
            key=lambda finding: (-_severity(finding), finding.height or 0, finding.node),
        )
    )
    return AuditReport(
        outcome=outcome,
        verdict=worst(finding.explanation.verdict for finding in findings)
        if findings or outcome.audit is not None
        else AuditVerdict.INCOMPLETE,
        findings=findings,
        checks=_checks(outcome, findings),
        anchors=_anchors(outcome),
        not_checked=_not_checked(outcome),
    )


def _severity(finding: AuditFinding) -> int:
    return list(AuditVerdict).index(finding.explanation.verdict)


def _checks(outcome: AuditOutcome, findings: tuple[AuditFinding, ...]) -> tuple[CheckResult, ...]:
    audit = outcome.audit
    if audit is None:
        return ()
    replayed = audit.replay.counts
    rows = audit.counts.rows
    heights = audit.height + 1
    counted = (
        ("sources", len(outcome.accounts), "nodes asked"),
        ("genesis", sum(account.document is not None for account in outcome.accounts), "documents"),
        ("canonical form", rows, "copies of blocks"),
        ("heights", heights, "without gap"),
        ("links", heights, "blocks"),
        ("transaction roots", heights, "blocks"),
        ("certificates", audit.checker.verified_count, "certificates"),
        ("author signatures", replayed.signatures, "signatures, keys valid at their height"),
        ("rules replayed", replayed.records, "records, state root after every block"),
        ("invariants", audit.books.checks_count, "comparisons of the books with the state"),
        ("copies compared", rows, "copies, byte for byte"),
        ("ends", outcome.end.vouching, "nodes hold the last block and vouch for the end"),
    )
    return tuple(
        CheckResult(name, _status(name, findings), count, of_what)
        for name, count, of_what in counted
    )


def _status(name: str, findings: tuple[AuditFinding, ...]) -> str:
    verdicts = [
        finding.explanation.verdict for finding in findings if finding.explanation.check == name
    ]
    found = worst(verdicts)
    if found is AuditVerdict.VERIFIED:
        return "ok"
    return "not checked" if found is AuditVerdict.INCOMPLETE else "failed"


def _anchors(outcome: AuditOutcome) -> tuple[str, ...]:
    anchors = [outcome.anchoring.sentence]
    if outcome.audit is not None and outcome.end.vouching >= WITNESSES_WANTED:
        anchors.append(
            f"the end: {outcome.end.vouching} nodes hold the last block and vouch for it (what all "
            "of them had cut off at the same block could not be seen)"
        )
    return tuple(anchors)


def _not_checked(outcome: AuditOutcome) -> tuple[str, ...]:
    audit = outcome.audit
    if audit is None:
        return ("the whole history: there was nothing to start from or nobody answered",)
    result: list[str] = []
    if not outcome.anchoring.is_pinned:
        result.append("whether the history began with the genesis that the members agreed on")
    if audit.stopped is not None:
        result.append(f"everything above block {audit.stopped.height}: {audit.stopped.reason}")
    result.extend(
        sentence for account in outcome.accounts if (sentence := _left_of(account, audit.height))
    )
    if outcome.end.vouching < WITNESSES_WANTED and audit.stopped is None:
        result.append(f"whether the history goes on above block {audit.height}")
    if audit.counts.sealed:
        result.append(
            f"what lies in {audit.counts.sealed} sealed attachments: only their digests can be "
            "checked without the keys"
        )
    dropped = sum(audit.findings.dropped.values())
    if dropped:
        result.append(f"{dropped} further findings were counted and not kept")
    return tuple(result)


def _left_of(account: SourceAccount, height: Height) -> str:
    """Return what of one source's copy was not checked; empty when all was."""
    above = "its copy" if account.checked_to is None else f"above block {account.checked_to}"
    if account.failure:
        return f"{account.name}, {above}: {account.failure}"
    if account.holds_tip:
        is_left = account.checked_to is None or account.checked_to + 1 < height
        between = f"{account.name}, {above} and below block {height}: it got them meanwhile"
        return between if is_left else ""
    if account.checked_to is None:
        return f"{account.name}: nothing of its copy was compared"
    return ""


def report_json(report: AuditReport) -> dict[str, Any]:
    """Return the report as one JSON object."""
    outcome, audit = report.outcome, report.outcome.audit
    tip = None
    if audit is not None:
        tip = {
            "height": audit.height,
            "block_id": audit.tip.block_id.hex(),
            "state_root": audit.tip.block.header.state_root.hex(),
            "time_ms": audit.tip.block.header.time_ms,
        }
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "exit_code": int(report.exit_code),
        "chain_id": None if audit is None else audit.genesis.chain_id.hex(),
        "range": None if audit is None else {"from": 0, "to": audit.height},
        "tip": tip,
        "end": None if audit is None else _end_json(outcome),
        "anchors": list(report.anchors),
        "counts": _counts_json(report),
        "nodes": [_account_json(account) for account in outcome.accounts],
        "checks": [
            {"name": check.name, "status": check.status, "count": check.count}
            for check in report.checks
        ],
        "findings": [_finding_json(finding) for finding in report.findings],
        "not_checked": list(report.not_checked),
    }


def _end_json(outcome: AuditOutcome) -> dict[str, Any]:
    return {
        "vouched_by": sorted({it.node for it in outcome.end.at(outcome.end.height) if it.node}),
        "nodes": outcome.end.vouching,
        "fixed_to": outcome.end.fixed_to,
    }


def _counts_json(report: AuditReport) -> dict[str, int]:
    audit = report.outcome.audit
    if audit is None:
        return {}
    counts = audit.replay.counts
    return {
        "blocks": audit.height + 1,
        "transactions": counts.transactions,
        "records": counts.records,
        "signatures": counts.signatures,
        "certificates": audit.checker.verified_count,
        "copies": audit.counts.rows,
    }


def _account_json(account: SourceAccount) -> dict[str, Any]:
    return {
        "target": account.name,
        "node": account.claim.node if account.claim else None,
        "claimed_height": account.claim.height if account.claim else None,
        "last_height": account.last,
        "checked_to": account.checked_to,
        "stopped": account.is_stopped,
        "holds_tip_by_now": account.holds_tip,
        "failure": account.failure or None,
    }


def _finding_json(finding: AuditFinding) -> dict[str, Any]:
    explanation = finding.explanation
    return {
        "code": finding.code.value,
        "verdict": explanation.verdict.value,
        "node": finding.node or None,
        "height": finding.height,
        "until": finding.until,
        "record": None if finding.record is None else _place_json(finding.record),
        "expected": finding.expected,
        "found": finding.found,
        "what": finding.what,
        "meaning": explanation.meaning,
        "action": explanation.action,
        "evidence": finding.evidence,
    }


def _place_json(place: RecordPlace) -> dict[str, Any]:
    return {
        "transaction": place.transaction,
        "tx_id": None if place.tx_id is None else place.tx_id.hex(),
        "author": place.author,
        "record": place.record,
        "type": place.record_type,
    }


def report_lines(report: AuditReport) -> list[str]:
    """Return the report for people; the verdict is the last line."""
    lines: list[str] = []
    if report.outcome.audit is not None:
        lines += _scope_lines(report)
    lines.append("Against")
    lines += [f"  {anchor}" for anchor in report.anchors]
    if report.checks:
        lines.append("Checks")
        lines += [_check_line(check) for check in report.checks]
    lines.append("Nodes")
    lines += [f"  {_account_sentence(report.outcome, it)}" for it in report.outcome.accounts]
    lines.append("Not checked")
    lines += [f"  {sentence}" for sentence in report.not_checked] or ["  nothing was left out"]
    if report.findings:
        lines.append("Findings")
        for number, finding in enumerate(report.findings, 1):
            lines += _finding_lines(number, finding)
    lines.append(_last_line(report))
    return [printable(line) for line in lines]


def _scope_lines(report: AuditReport) -> list[str]:
    audit = report.outcome.audit
    if audit is None:
        return []
    first, last = audit.genesis.header.time_ms, audit.tip.block.header.time_ms
    counts = " · ".join(
        f"{count:,} {name}" for name, count in _counts_json(report).items() if name != "copies"
    )
    return [
        f"Checked blocks 0 to {audit.height}",
        f"  {time_of(first)} to {time_of(last)}",
        f"  {counts}",
        f"  last block {short(audit.tip.block_id)}",
    ]


def _check_line(check: CheckResult) -> str:
    word = {"ok": "OK", "failed": "FAIL", "not checked": "----"}[check.status]
    return f"  [{word:^4}] {check.name:<18} {check.count:>10,} {check.of_what}"


def _account_sentence(outcome: AuditOutcome, account: SourceAccount) -> str:
    name = account.name
    if account.claim is not None and account.claim.node:
        name += f" ({account.claim.node})"
    if account.checked_to is None:
        return f"{name}: not checked"
    text = f"{name}: compared to block {account.checked_to}"
    if account.failure:
        return f"{text}, then it failed"
    audit = outcome.audit
    if audit is None or account.last is None:
        return text
    behind = audit.height - account.last
    if account.is_stopped:
        return f"{text}; it ends at block {account.last}, stopped"
    if account.holds_tip:
        return f"{text}; it holds block {audit.height} by now"
    if 0 < behind <= BEHIND_BLOCKS_MAX:
        blocks = "block" if behind == 1 else "blocks"
        return f"{text}; {behind} {blocks} behind the others, no conflict"
    return text


def _finding_lines(number: int, finding: AuditFinding) -> list[str]:
    place = [finding.node] if finding.node else []
    if finding.height is not None:
        span = f"blocks {finding.height} to {finding.until}" if finding.until else ""
        place.append(span or f"block {finding.height}")
    verdict = finding.explanation.verdict.value
    lines = [f"  {number}. {verdict} {finding.code.value}: {', '.join(place) or 'this audit'}"]
    lines.append(f"     {_told(finding)}")
    for label, value in (("expected", finding.expected), ("found", finding.found)):
        if value:
            shortened = value if len(value) <= SHOWN_VALUE_MAX else value[:SHOWN_VALUE_MAX] + "…"
            lines.append(f"     {label:<9} {shortened}")
    lines.append(f"     means     {finding.explanation.meaning}")
    lines.append(f"     do        {finding.explanation.action}")
    return lines


def _told(finding: AuditFinding) -> str:
    """Return what is wrong, with the record where one is known."""
    place = "" if finding.record is None else finding.record.sentence()
    return finding.what if place in finding.what else f"{place}: {finding.what}"


def _last_line(report: AuditReport) -> str:
    verdict = report.verdict.value
    audit = report.outcome.audit
    if report.outcome.is_unreachable:
        return f"{verdict}: no node could be reached"
    if report.verdict is AuditVerdict.VERIFIED and audit is not None:
        return (
            f"{verdict} through block {audit.height}: "
            f"{report.outcome.end.vouching} nodes, one history"
        )
    first = report.findings[0] if report.findings else None
    where = ""
    if first is not None and first.height is not None:
        where = f" at block {first.height}"
    if first is not None and first.node:
        where += f" of {first.node}"
    count = len(report.findings)
    counted = f" ({count} finding{'' if count == 1 else 's'})" if count else ""
    reason = f": {_told(first)}" if first is not None else ""
    return f"{verdict}{where}{reason}{counted}"
