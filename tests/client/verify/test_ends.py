"""Where histories begin and end: anchors, cut tails, nodes that are behind, and nodes that fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.cli.exit_codes import ExitCode
from client.errors import UsageError
from client.verify.anchor import PinnedGenesis, establish, read_pinned
from client.verify.ends import BEHIND_BLOCKS_MAX
from client.verify.findings import FindingCode
from client.verify.report import make_report, report_json, report_lines
from client.verify.run import conduct
from client.verify.source import AnswerUnusable, SourceSilent
from client.verify.verdict import AuditVerdict
from ledger.genesis import encode_genesis, open_genesis
from ledger.wire.codec import encode
from ledger.wire.scalars import ChainId, TimeMs
from tests.client.verify.auditing import (
    MemorySource,
    audit_histories,
    audit_sources,
    expect,
    expect_tampered,
    expect_verified,
)
from tests.support.founding import genesis_document
from tests.support.history import (
    BASE,
    History,
    blocks_of,
    grow,
    make_history,
    make_world,
    prove_blocks,
)

LONG = 40


def other_genesis() -> bytes:
    """Return the document of another network: the same founders, a millisecond later."""
    document = genesis_document()
    later = msgspec.structs.replace(document, time_ms=TimeMs(document.time_ms + 1))
    return encode_genesis(later)


def test_one_node_alone_cannot_show_where_the_history_ends() -> None:
    report = audit_histories(make_history())
    expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.END_NOT_FIXED)
    assert "whether the history goes on above block 10" in report.not_checked


def test_two_names_of_one_node_do_not_vouch_for_each_other() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("http://a", history, node="north"),
        MemorySource("http://10.0.0.1", history, node="north"),
    )
    expect(
        report,
        AuditVerdict.INCOMPLETE,
        ExitCode.INCOMPLETE,
        FindingCode.SAME_NODE_TWICE,
        FindingCode.END_NOT_FIXED,
    )


def test_the_cut_tail_of_one_of_four_nodes_is_truncated() -> None:
    history = make_history(LONG)
    cut = history.cut_to(history.tip - BEHIND_BLOCKS_MAX - 1)
    report = audit_histories(history, history, cut, history)
    (finding,) = expect(report, AuditVerdict.TRUNCATED, ExitCode.TRUNCATED, FindingCode.TAIL_CUT)
    assert (finding.node, finding.height) == ("node-c", cut.tip)
    assert (finding.expected, finding.found) == (str(history.tip), str(cut.tip))


def test_a_node_that_is_a_few_blocks_behind_is_said_to_be_behind() -> None:
    history = make_history()
    report = audit_histories(history, history.cut_to(history.tip - 2), history)
    expect_verified(report)
    assert any("2 blocks behind the others, no conflict" in line for line in report_lines(report))


def test_the_end_is_vouched_for_by_nodes_that_reach_it() -> None:
    history = make_history(LONG)
    report = audit_histories(history, history.cut_to(5))
    expect(
        report,
        AuditVerdict.TRUNCATED,
        ExitCode.TRUNCATED,
        FindingCode.TAIL_CUT,
        FindingCode.END_NOT_FIXED,
    )


def test_the_same_cut_on_all_nodes_cannot_be_seen() -> None:
    cut = make_history(LONG).cut_to(12)
    expect_verified(audit_histories(cut, cut, cut, cut))


def test_a_node_that_claims_more_than_it_gives_is_truncated() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("node-a", history),
        MemorySource("node-b", history, claim=10**18),
        MemorySource("node-c", history),
    )
    (finding,) = expect(
        report, AuditVerdict.TRUNCATED, ExitCode.TRUNCATED, FindingCode.CLAIM_NOT_KEPT
    )
    assert finding.node == "node-b"
    assert finding.expected == str(10**18)


def test_a_node_that_claims_less_than_it_has_is_compared_to_its_end() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("node-a", history), MemorySource("node-b", history, claim=0)
    )
    expect_verified(report)
    assert [account.checked_to for account in report.outcome.accounts] == [history.tip] * 2


def test_an_end_that_is_final_through_a_later_block_is_read_on_to_its_certificate() -> None:
    world = make_world()
    grow(world, 6)
    history = prove_blocks(
        world.genesis, blocks_of(world), is_final=lambda at: at < BASE or at in (BASE + 3, BASE + 6)
    )
    report = audit_sources(
        MemorySource("node-a", history, claim=BASE + 1), MemorySource("node-b", history, claim=BASE)
    )
    expect_verified(report)
    assert report.outcome.audit is not None
    assert report.outcome.audit.height >= BASE + 3


class GrowingSource(MemorySource):
    """A node that has no more than a few blocks when it is first asked, and all of them later."""

    async def blocks(self, first: int, limit: int) -> list[tuple[bytes, bytes]]:
        rows = self.history.rows
        if first < len(rows) - 1:
            rows = rows[:6]
        return list(rows[first : first + limit])


def test_a_node_that_caught_up_during_the_audit_is_not_truncated() -> None:
    history = make_history(LONG)
    report = audit_sources(
        MemorySource("node-a", history),
        GrowingSource("node-b", history, claim=5),
        MemorySource("node-c", history),
    )
    expect_verified(report)
    assert any("it got them meanwhile" in sentence for sentence in report.not_checked)


def test_a_node_without_blocks_is_incomplete() -> None:
    empty = History(make_history().genesis, ())
    report = audit_sources(MemorySource("node-a", empty, claim=0))
    expect(
        report,
        AuditVerdict.INCOMPLETE,
        ExitCode.INCOMPLETE,
        FindingCode.NO_BLOCKS,
    )


def test_a_network_that_has_only_its_genesis_is_verified() -> None:
    fresh = make_history().cut_to(0)
    expect_verified(audit_histories(fresh, fresh))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (SourceSilent, FindingCode.UNREACHABLE),
        (AnswerUnusable, FindingCode.ANSWER_UNUSABLE),
    ],
)
@pytest.mark.parametrize("fails_from", [0, 5])
def test_a_node_that_fails_on_the_way_leaves_the_audit_incomplete(
    failure: type[SourceSilent], code: FindingCode, fails_from: int
) -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("node-a", history),
        MemorySource("node-b", history),
        MemorySource("node-c", history, fails_from=fails_from, failure=failure, rows_per_answer=5),
    )
    (finding,) = expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, code)
    assert finding.node == "node-c"
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == history.tip


def test_another_genesis_document_is_tampered() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("node-a", history),
        MemorySource("node-b", history, document=other_genesis()),
        MemorySource("node-c", history),
    )
    (finding,) = expect_tampered(report, FindingCode.GENESIS_DIFFERS)
    assert finding.node == "node-b"
    assert finding.expected == history.genesis.chain_id.hex()


def test_a_node_of_another_network_is_one_finding() -> None:
    history = make_history()
    other = open_genesis(other_genesis())
    strange = History(other, (*other_rows(other_genesis()), *history.rows[1:]))
    report = audit_sources(
        MemorySource("node-a", history), MemorySource("node-b", strange), MemorySource("c", history)
    )
    (finding,) = expect_tampered(report, FindingCode.GENESIS_DIFFERS)
    assert finding.node == "node-b"
    assert "node-b: nothing of its copy was compared" in report.not_checked


def other_rows(document: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((encode(open_genesis(document).block), b""),)


def test_without_a_pinned_genesis_the_audit_is_incomplete() -> None:
    history = make_history()
    sources = [MemorySource("node-a", history), MemorySource("node-b", history)]
    report = make_report(asyncio.run(conduct(sources, None)))
    expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.GENESIS_NOT_PINNED)
    assert any("NOT pinned" in anchor for anchor in report.anchors)


def test_a_forged_start_is_not_believed_because_a_node_serves_it() -> None:
    document = other_genesis()
    forged = History(open_genesis(document), other_rows(document))
    report = audit_sources(MemorySource("node-a", forged), MemorySource("node-b", forged))
    expect_tampered(report, FindingCode.GENESIS_DIFFERS, FindingCode.GENESIS_DIFFERS)


def test_a_pinned_digest_is_enough_when_a_node_serves_its_document() -> None:
    history = make_history()
    trust = PinnedGenesis(history.genesis.chain_id, None, "given")
    expect_verified(
        audit_sources(MemorySource("node-a", history), MemorySource("node-b", history), trust=trust)
    )


def test_a_pinned_digest_that_no_node_has_is_tampered_and_nothing_is_checked() -> None:
    history = make_history()
    trust = PinnedGenesis(ChainId(bytes(32)), None, "given")
    report = audit_sources(
        MemorySource("node-a", history), MemorySource("node-b", history), trust=trust
    )
    expect_tampered(report, FindingCode.GENESIS_DIFFERS, FindingCode.GENESIS_DIFFERS)
    assert report.not_checked[0].startswith("the whole history")


def test_a_genesis_argument_is_a_digest_or_a_readable_genesis(tmp_path: Path) -> None:
    document = make_history().genesis.data
    path = tmp_path / "genesis.json"
    path.write_bytes(document)
    by_file = read_pinned(str(path))
    by_digest = read_pinned(by_file.chain_id.hex().upper())
    assert by_digest.chain_id == by_file.chain_id == make_history().genesis.chain_id
    assert by_digest.document is None
    path.write_bytes(document + b"\n")
    with pytest.raises(UsageError, match="no genesis document"):
        read_pinned(str(path))
    for argument in ("", "nowhere.json", str(tmp_path), "a" * 63, "\0"):
        with pytest.raises(UsageError, match="--genesis"):
            read_pinned(argument)


@settings(max_examples=300)
@given(st.data())
def test_a_served_genesis_that_was_changed_anywhere_never_ends_the_audit(
    data: st.DataObject,
) -> None:
    document = make_history().genesis.data
    at = data.draw(st.integers(0, len(document) - 1))
    piece = data.draw(st.sampled_from([b"", b"0", b"9" * 30, b"-1", b"\xff", b"[", b'"', b"e9"]))
    served = document[:at] + piece + document[at + 1 :]
    anchoring = establish(None, {"node-a": served})
    assert anchoring.findings[0].code is FindingCode.GENESIS_NOT_PINNED
    assert not anchoring.is_pinned


def stopped(name: str, history: History, node: str | None = None) -> MemorySource:
    return MemorySource(name, history, node=node, is_stopped=True)


def test_two_homes_of_one_node_do_not_vouch_for_each_other() -> None:
    history = make_history()
    for other in (
        stopped("/copy", history, "north"),
        MemorySource("http://a", history, node="north"),
    ):
        expect(
            audit_sources(stopped("/home", history, "north"), other),
            AuditVerdict.INCOMPLETE,
            ExitCode.INCOMPLETE,
            FindingCode.SAME_NODE_TWICE,
            FindingCode.END_NOT_FIXED,
        )


def test_homes_of_two_nodes_vouch_for_each_other() -> None:
    history = make_history()
    expect_verified(audit_sources(stopped("/a", history), stopped("/b", history)))


@pytest.mark.parametrize("named", [0, 1])
def test_sources_without_a_name_are_no_further_witnesses(named: int) -> None:
    history = make_history()
    sources = [stopped(f"/{at}", history, "") for at in range(2)]
    report = audit_sources(
        *sources, *(MemorySource("node-a", history, node="north") for _ in range(named))
    )
    (finding,) = expect(
        report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.END_NOT_FIXED
    )
    assert ("may be a copy of it" if named else "may be copies of one") in finding.what
    assert report_json(report)["end"]["nodes"] == 1


def test_a_source_without_a_name_does_not_spoil_what_two_others_vouch_for() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("a", history), MemorySource("b", history), stopped("/c", history, "")
    )
    expect_verified(report)
    assert report_lines(report)[-1] == "VERIFIED through block 10: 2 nodes, one history"


@pytest.mark.parametrize("missing", [1, 2, BEHIND_BLOCKS_MAX])
@pytest.mark.parametrize("is_stopped", [False, True])
def test_the_last_blocks_that_only_one_of_two_nodes_holds_are_not_fixed(
    missing: int, *, is_stopped: bool
) -> None:
    history = make_history(LONG)
    behind = history.cut_to(history.tip - missing)
    for ahead in (MemorySource("node-a", history), stopped("node-a", history)):
        report = audit_sources(MemorySource("node-b", behind, is_stopped=is_stopped), ahead)
        (finding,) = expect(
            report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.END_NOT_FIXED
        )
        assert finding.height == behind.tip
        assert finding.what == f"through block {behind.tip} two nodes, above it one"
        assert finding.what in report_lines(report)[-1]
        end = report_json(report)["end"]
        assert end == {"vouched_by": ["node-a"], "nodes": 1, "fixed_to": behind.tip}


def test_a_stopped_home_far_behind_is_said_to_end_there_and_is_no_fault() -> None:
    history = make_history(LONG)
    early = history.cut_to(history.tip - BEHIND_BLOCKS_MAX - 5)
    report = audit_sources(
        MemorySource("node-a", history), MemorySource("node-b", history), stopped("/c", early)
    )
    expect_verified(report)
    assert any(f"it ends at block {early.tip}, stopped" in line for line in report_lines(report))
    assert [node["stopped"] for node in report_json(report)["nodes"]] == [False, False, True]
    assert report_json(report)["end"]["nodes"] == 2


def test_three_nodes_that_hold_less_than_a_fourth_fix_the_end_below_it() -> None:
    history = make_history()
    short = history.cut_to(8)
    (finding,) = expect(
        audit_histories(short, history, short, short),
        AuditVerdict.INCOMPLETE,
        ExitCode.INCOMPLETE,
        FindingCode.END_NOT_FIXED,
    )
    assert finding.what == "through block 8 four nodes, above it one"
    assert (finding.height, finding.found) == (8, "node-b")


class LaggingSource(MemorySource):
    """A node that lacks the last block when it is read, and holds it when it is asked again."""

    reads = 0

    async def blocks(self, first: int, limit: int) -> list[tuple[bytes, bytes]]:
        self.reads += first == self.history.tip
        rows = self.history.rows if self.reads > 1 else self.history.rows[:-1]
        return list(rows[first : first + limit])


def test_a_node_that_is_one_block_behind_is_asked_again_and_then_vouches() -> None:
    history = make_history()
    late = LaggingSource("node-b", history, claim=history.tip - 1)
    report = audit_sources(MemorySource("node-a", history), late)
    expect_verified(report)
    assert report.not_checked == ()
    assert late.reads == 2


def test_a_stopped_home_is_not_asked_again() -> None:
    history = make_history()
    late = LaggingSource("/b", history, claim=history.tip - 1, is_stopped=True)
    report = audit_sources(MemorySource("node-a", history), late)
    assert report.verdict is AuditVerdict.INCOMPLETE
    assert late.reads == 1


def test_a_stopped_home_that_claims_more_than_it_gives_is_truncated() -> None:
    history = make_history()
    cut = MemorySource("/c", history.cut_to(4), claim=history.tip, is_stopped=True)
    report = audit_sources(MemorySource("node-a", history), MemorySource("node-b", history), cut)
    expect(report, AuditVerdict.TRUNCATED, ExitCode.TRUNCATED, FindingCode.CLAIM_NOT_KEPT)
