"""What must hold for whatever several nodes serve: nothing bad is verified, and timing decides nothing."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from client.verify.audit import Audit
from client.verify.findings import AuditFinding, FindingCode
from client.verify.verdict import AuditVerdict, worst
from ledger.wire.certificate import CertificateKind
from ledger.wire.codec import encode
from ledger.wire.scalars import BlockId
from tests.client.verify.auditing import MemorySource, audit_histories, audit_sources
from tests.support.history import BASE, History, certify, make_branch, make_history

PART_AT = BASE + 2
TIP = make_history().tip
HISTORIES = (make_history(), make_branch(PART_AT, 3, (1, 2, 3)), make_branch(PART_AT, 4, (2, 3)))


def findings_of(histories: list[History], rows_per_step: int) -> list[AuditFinding]:
    """Return what the core finds when every source delivers so many rows at a time."""
    audit = Audit(make_history().genesis, [f"node-{at}" for at in range(len(histories))])
    while wanted := audit.wanting():
        for source in wanted:
            first = audit.next_height(source)
            rows = list(histories[source].rows[first : first + rows_per_step])
            if rows:
                audit.add(source, rows)
            else:
                audit.end(source)
        audit.advance()
    return list(audit.findings.all())


@st.composite
def kept_histories(draw: st.DrawFn) -> History:
    """What one node may keep: a branch, with some rows exchanged, cut, or with bytes changed."""
    history = draw(st.sampled_from(HISTORIES))
    for _ in range(draw(st.integers(0, 3))):
        height = draw(st.integers(0, history.tip))
        block, proof = history.rows[height]
        kind = draw(st.sampled_from(["byte", "proof", "row", "cut", "other"]))
        if kind == "byte":
            at = draw(st.integers(0, len(block) - 1))
            block = block[:at] + bytes([block[at] ^ draw(st.integers(1, 255))]) + block[at + 1 :]
        elif kind == "proof":
            proof = draw(st.sampled_from([b"", proof[:-1], history.rows[-1][1]]))
        elif kind == "row":
            block, proof = draw(st.sampled_from(history.rows))
        elif kind == "other":
            other = draw(st.sampled_from(HISTORIES))
            block, proof = other.rows[min(height, other.tip)]
        history = history.with_row(height, (block, proof))
        if kind == "cut":
            history = history.cut_to(height)
    return history


def is_kept_honestly(history: History) -> bool:
    return history.rows == make_history().rows[: len(history.rows)]


@settings(max_examples=60, deadline=None)
@given(st.lists(kept_histories(), min_size=1, max_size=3), st.integers(1, 12))
def test_findings_do_not_depend_on_how_rows_arrive(histories: list[History], step: int) -> None:
    assert findings_of(histories, step) == findings_of(histories, 1_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(kept_histories(), min_size=1, max_size=3))
def test_a_copy_that_differs_from_an_honest_one_is_never_verified(
    histories: list[History],
) -> None:
    findings = findings_of([make_history(), *histories], 1_000)
    accused = {finding.node for finding in findings}
    for number, history in enumerate(histories, 1):
        if not is_kept_honestly(history):
            assert f"node-{number}" in accused
    if all(map(is_kept_honestly, histories)):
        assert not findings


@settings(max_examples=60, deadline=None)
@given(st.lists(kept_histories(), min_size=1, max_size=3))
def test_an_honest_node_is_accused_only_in_a_fork(histories: list[History]) -> None:
    findings = findings_of([make_history(), *histories], 1_000)
    verdict = worst(finding.explanation.verdict for finding in findings)
    if any(finding.node == "node-0" for finding in findings):
        assert verdict is AuditVerdict.FORK


def test_a_certificate_for_a_block_that_nobody_has_is_a_fork_of_its_signers() -> None:
    history = make_history()
    bare = History(
        history.genesis,
        tuple(
            (data, encode(msgspec.structs.replace(history.proof(at), finalization=None)))
            if at == BASE
            else (data, proof)
            for at, (data, proof) in enumerate(history.rows)
        ),
    )
    proof = history.proof(BASE)
    phantom = msgspec.structs.replace(proof.point, block_id=BlockId(bytes(32)))
    certificate = certify(history.genesis, CertificateKind.FINALIZATION, phantom, signers=(1, 2, 3))
    liar = history.with_proof(
        BASE, encode(msgspec.structs.replace(proof, point=phantom, finalization=certificate))
    )
    report = audit_histories(liar, bare, bare)
    (finding,) = report.findings
    assert (finding.code, finding.node) == (FindingCode.FORK, "node-a")
    assert finding.evidence["signed_both"] == "ministry, north-group"


def test_a_certified_block_on_another_parent_is_a_fork() -> None:
    history, branch = make_history(), make_branch(PART_AT, 3, (1, 2, 3))
    grafted = History(history.genesis, (*history.rows[: PART_AT + 1], *branch.rows[PART_AT + 1 :]))
    short = history.cut_to(PART_AT)
    for other in (history, short):
        report = audit_sources(MemorySource("node-a", other), MemorySource("node-b", grafted))
        (finding,) = report.findings
        assert (finding.code, finding.node) == (FindingCode.FORK, "node-b")


def test_a_source_that_is_far_ahead_is_not_asked_for_more() -> None:
    history = make_history()
    audit = Audit(history.genesis, ["node-a", "node-b"])
    rubbish = [(b"\xc1", b"")] * 100
    audit.add(0, [history.rows[0]])
    audit.add(1, [history.rows[0]])
    asked = 0
    while 1 in audit.wanting():
        for source in audit.wanting():
            if source == 0:
                audit.end(0)
            else:
                audit.add(1, rubbish)
                asked += 1
        audit.advance()
    assert asked == 11, "1,024 rows are looked at"
    assert audit.stopped is not None
