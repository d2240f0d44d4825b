"""What an audit says about copies that were spoiled while the rest of the network is honest."""

from __future__ import annotations

import msgspec
import pytest

from client.cli.exit_codes import ExitCode
from client.verify.findings import FindingCode
from client.verify.report import report_json, report_lines
from client.verify.verdict import AuditVerdict
from ledger.parsed import parse_transaction
from ledger.records import decode_record
from ledger.records.grant_quota import GrantQuota
from ledger.wire.block import Block, Header
from ledger.wire.codec import encode
from ledger.wire.merkle import merkle_root
from ledger.wire.scalars import BlockId, Digest, Grams, TimeMs
from ledger.wire.transaction import decode_signed_transaction
from tests.client.verify.auditing import (
    MemorySource,
    audit_histories,
    audit_sources,
    expect,
    expect_tampered,
    expect_verified,
)
from tests.support.history import BASE, History, make_history, prove_blocks


def altered_record(
    block: Block, *, transaction: int = 0, record: int = 0, grams: int = 12_900
) -> Block:
    """Return the block with other grams in one grant, its header as it was."""
    signed = decode_signed_transaction(block.transactions[transaction])
    grant = decode_record(signed.transaction.records[record])
    assert isinstance(grant, GrantQuota)
    records = list(signed.transaction.records)
    records[record] = encode(msgspec.structs.replace(grant, grams=Grams(grams)))
    changed = msgspec.structs.replace(
        signed, transaction=msgspec.structs.replace(signed.transaction, records=tuple(records))
    )
    transactions = list(block.transactions)
    transactions[transaction] = encode(changed)
    return msgspec.structs.replace(block, transactions=tuple(transactions))


def with_header(block: Block, **fields: object) -> Block:
    return msgspec.structs.replace(
        block,
        header=msgspec.structs.replace(block.header, **fields),
    )


def with_own_root(block: Block) -> Block:
    """Return the block with a header that commits to its content."""
    leaves = [parse_transaction(data).leaf for data in block.transactions]
    return with_header(block, tx_root=Digest(merkle_root(leaves)))


def test_equal_histories_of_four_nodes_are_verified() -> None:
    history = make_history()
    report = audit_histories(history, history, history, history)
    expect_verified(report)
    assert report.not_checked == ()
    assert {check.status for check in report.checks} == {"ok"}
    assert report_lines(report)[-1] == "VERIFIED through block 10: 4 nodes, one history"


def test_answers_of_different_length_change_nothing() -> None:
    history = make_history()
    report = audit_sources(
        MemorySource("node-a", history, rows_per_answer=1),
        MemorySource("node-b", history, rows_per_answer=3),
        MemorySource("node-c", history),
    )
    expect_verified(report)


def test_an_altered_record_is_told_with_node_height_record_and_figures() -> None:
    history = make_history()
    spoiled = history.with_block(BASE, encode(altered_record(history.block(BASE), record=1)))
    (finding,) = expect_tampered(
        audit_histories(history, spoiled, history), FindingCode.RECORD_ALTERED
    )
    assert (finding.node, finding.height) == ("node-b", BASE)
    assert finding.record is not None
    assert (finding.record.transaction, finding.record.record) == (0, 1)
    assert finding.record.record_type == "GrantQuota"
    assert finding.what == "grams: 8,000 g → 12,900 g"


@pytest.mark.parametrize("position", range(3))
def test_the_place_of_the_spoiled_node_among_the_targets_does_not_matter(position: int) -> None:
    history = make_history()
    copies = [history, history, history]
    copies[position] = history.with_block(BASE, encode(altered_record(history.block(BASE))))
    report = audit_histories(*copies)
    (finding,) = expect_tampered(report, FindingCode.RECORD_ALTERED)
    assert finding.node == ("node-a", "node-b", "node-c")[position]
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == history.tip, "the audit goes on with a good copy"


def test_an_altered_record_in_the_only_copy_stops_the_audit_at_the_root() -> None:
    history = make_history()
    spoiled = history.with_block(BASE, encode(altered_record(history.block(BASE))))
    report = audit_histories(spoiled)
    (finding,) = expect_tampered(report, FindingCode.TRANSACTION_ROOT)
    assert finding.record is not None
    assert finding.record.transaction == 0
    assert "no longer carries a valid signature" in finding.what
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == BASE - 1
    assert f"everything above block {BASE - 1}" in " ".join(report.not_checked)


def test_different_faults_of_two_nodes_are_both_found_and_nothing_is_lost() -> None:
    history = make_history()
    first = history.with_block(BASE, encode(altered_record(history.block(BASE))))
    second = history.with_block(BASE + 1, encode(altered_record(history.block(BASE + 1))))
    report = audit_histories(first, second)
    findings = expect_tampered(report, FindingCode.RECORD_ALTERED, FindingCode.RECORD_ALTERED)
    assert [(finding.node, finding.height) for finding in findings] == [
        ("node-a", BASE),
        ("node-b", BASE + 1),
    ]
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == history.tip


def test_a_record_altered_with_recomputed_root_and_id_is_no_decided_block() -> None:
    history = make_history()
    forged = with_own_root(altered_record(history.block(BASE)))
    report = audit_histories(history, history.with_block(BASE, encode(forged)))
    (finding,) = expect_tampered(report, FindingCode.HEADER_ALTERED)
    assert finding.record is not None
    assert finding.record.record_type == "GrantQuota"
    assert "grams: 7,000 g → 12,900 g" in finding.what


def test_a_record_altered_with_recomputed_root_in_the_only_copy_is_tampered() -> None:
    history = make_history()
    forged = with_own_root(altered_record(history.block(BASE)))
    (finding,) = expect_tampered(
        audit_histories(history.with_block(BASE, encode(forged))), FindingCode.HEADER_ALTERED
    )
    assert finding.expected == history.block(BASE).header.block_id.hex()
    assert finding.found == forged.header.block_id.hex()


def rewritten_from(history: History, height: int, *, keep_proofs: bool) -> History:
    """Return a history that was altered at ``height`` and linked anew to its end, without any key."""
    block = with_own_root(altered_record(history.block(height)))
    blocks = [history.rows[below][0] for below in range(height)]
    while True:
        blocks.append(encode(block))
        if len(blocks) == len(history.rows):
            break
        block = with_header(history.block(len(blocks)), parent=BlockId(block.header.block_id))
    if keep_proofs:
        rows = tuple(
            (data, proof) for data, (_old, proof) in zip(blocks, history.rows, strict=True)
        )
        return History(history.genesis, rows)
    return prove_blocks(history.genesis, blocks, is_final=lambda at: at < height)


@pytest.mark.parametrize("keep_proofs", [True, False])
def test_a_history_rewritten_to_its_end_without_keys_is_one_finding(keep_proofs: bool) -> None:  # noqa: FBT001
    history = make_history()
    forged = rewritten_from(history, BASE, keep_proofs=keep_proofs)
    (finding,) = expect_tampered(
        audit_histories(history, forged, history), FindingCode.HEADER_ALTERED
    )
    assert (finding.node, finding.height, finding.until) == ("node-b", BASE, history.tip)


def test_a_history_rewritten_to_its_end_without_certificates_is_tampered_alone() -> None:
    forged = rewritten_from(make_history(), BASE, keep_proofs=False)
    (finding,) = expect_tampered(audit_histories(forged), FindingCode.NOT_CERTIFIED)
    assert (finding.height, finding.until) == (BASE, forged.tip)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_ms", TimeMs(1_704_153_700_000)),
        ("state_root", Digest(bytes(32))),
        ("log_root", Digest(bytes(32))),
        ("tx_root", Digest(bytes(32))),
        ("parent", BlockId(bytes(32))),
        ("proposer", 60),
        ("tx_count", 7),
        ("chain_id", bytes(32)),
        ("view", 99),
        ("flags", 1),
        ("epoch", 1),
        ("next_validators_digest", Digest(bytes(32))),
    ],
)
def test_a_moved_field_of_a_header_is_named(field: str, value: object) -> None:
    history = make_history()
    forged = with_header(history.block(BASE + 1), **{field: value})
    spoiled = history.with_block(BASE + 1, encode(forged))
    (finding,) = expect_tampered(audit_histories(history, spoiled), FindingCode.HEADER_ALTERED)
    assert finding.what.startswith(f"{field}: ")
    expect_tampered(audit_histories(spoiled), FindingCode.HEADER_ALTERED)


def test_the_tip_is_not_easier_to_alter_than_other_blocks() -> None:
    history = make_history()
    forged = with_header(history.block(history.tip), time_ms=TimeMs(1_704_153_700_000))
    spoiled = history.with_block(history.tip, encode(forged))
    expect_tampered(audit_histories(history, spoiled), FindingCode.HEADER_ALTERED)
    expect_tampered(audit_histories(spoiled), FindingCode.HEADER_ALTERED)


def test_bytes_that_are_no_block_are_located_in_the_good_copy() -> None:
    history = make_history()
    data = bytearray(history.rows[BASE][0])
    second = history.block(BASE).transactions[1]
    at = bytes(data).index(second)
    data[at] ^= 0xFF
    spoiled = history.with_block(BASE, bytes(data[:-1]))
    (finding,) = expect_tampered(audit_histories(history, spoiled), FindingCode.NOT_CANONICAL)
    assert finding.record is not None
    assert finding.record.transaction == 1
    assert f"from byte {at} on" in finding.what
    expect_tampered(audit_histories(spoiled), FindingCode.NOT_CANONICAL)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92", b"\xdd\xff\xff\xff\xff", bytes(100_000)])
def test_rubbish_in_the_place_of_a_block_is_not_canonical(data: bytes) -> None:
    history = make_history()
    expect_tampered(
        audit_histories(history, history.with_block(BASE, data)), FindingCode.NOT_CANONICAL
    )


def test_a_removed_block_is_one_finding_that_reaches_to_the_end() -> None:
    history = make_history()
    removed = History(history.genesis, (*history.rows[:5], *history.rows[6:]))
    report = audit_sources(MemorySource("node-a", history), MemorySource("node-b", removed))
    (finding,) = expect_tampered(report, FindingCode.WRONG_PLACE)
    assert (finding.height, finding.until) == (5, history.tip - 1)
    assert finding.what == "block 6 stands in the place of block 5"


def test_a_doubled_block_is_in_the_wrong_place() -> None:
    history = make_history()
    doubled = History(history.genesis, (*history.rows[:6], *history.rows[5:]))
    report = audit_sources(
        MemorySource("node-a", history), MemorySource("node-b", doubled, claim=history.tip)
    )
    (finding,) = expect_tampered(report, FindingCode.WRONG_PLACE)
    assert (finding.height, finding.until) == (6, history.tip)


def test_swapped_blocks_are_in_the_wrong_places() -> None:
    history = make_history()
    swapped = history.with_row(5, history.rows[6]).with_row(6, history.rows[5])
    (finding,) = expect_tampered(audit_histories(history, swapped), FindingCode.WRONG_PLACE)
    assert (finding.height, finding.until) == (5, 6)


@pytest.mark.parametrize("spoil", ["removed", "doubled", "swapped"])
def test_blocks_out_of_order_are_seen_without_another_copy(spoil: str) -> None:
    rows = make_history().rows
    spoiled = {
        "removed": (*rows[:5], *rows[6:]),
        "doubled": (*rows[:6], *rows[5:]),
        "swapped": (*rows[:5], rows[6], rows[5], *rows[7:]),
    }[spoil]
    report = audit_histories(History(make_history().genesis, spoiled))
    expect_tampered(report, FindingCode.WRONG_PLACE)


def test_transactions_in_another_order_are_told() -> None:
    history = make_history()
    block = history.block(BASE)
    turned = msgspec.structs.replace(block, transactions=block.transactions[::-1])
    (finding,) = expect_tampered(
        audit_histories(history, history.with_block(BASE, encode(turned))),
        FindingCode.RECORD_ALTERED,
    )
    assert finding.what == "transactions 0, 1 stand in another order"


def test_a_removed_transaction_is_told() -> None:
    history = make_history()
    block = history.block(BASE)
    fewer = msgspec.structs.replace(block, transactions=block.transactions[1:])
    (finding,) = expect_tampered(
        audit_histories(history, history.with_block(BASE, encode(fewer))),
        FindingCode.RECORD_ALTERED,
    )
    assert finding.record is not None
    assert finding.record.transaction == 0
    assert (finding.expected, finding.found) == ("2", "1")


def test_another_signature_under_a_transaction_is_told() -> None:
    history = make_history()
    block = history.block(BASE)
    signed = decode_signed_transaction(block.transactions[0])
    entry = signed.signatures[0]
    other = bytes([entry.signature[0] ^ 1]) + entry.signature[1:]
    changed = msgspec.structs.replace(
        signed, signatures=(msgspec.structs.replace(entry, signature=other),)
    )
    spoiled = msgspec.structs.replace(
        block, transactions=(encode(changed), *block.transactions[1:])
    )
    (finding,) = expect_tampered(
        audit_histories(history, history.with_block(BASE, encode(spoiled))),
        FindingCode.RECORD_ALTERED,
    )
    assert finding.what.startswith("signatures[0].signature: ")


def test_fail_fast_stops_after_the_height_of_the_first_fault() -> None:
    history = make_history()
    spoiled = history.with_block(BASE, encode(altered_record(history.block(BASE)))).with_block(
        BASE + 2, encode(altered_record(history.block(BASE + 2)))
    )
    expect_tampered(
        audit_histories(history, spoiled), FindingCode.RECORD_ALTERED, FindingCode.RECORD_ALTERED
    )
    report = audit_histories(history, spoiled, fail_fast=True)
    expect_tampered(report, FindingCode.RECORD_ALTERED)
    assert any("--fail-fast" in sentence for sentence in report.not_checked)


def test_a_node_that_is_wrong_everywhere_does_not_fill_the_report() -> None:
    history = make_history(130)
    spoiled = history
    for height in range(BASE + 1, history.tip + 1):
        spoiled = spoiled.with_block(height, encode(altered_record(history.block(height))))
    report = audit_histories(history, spoiled)
    assert report.verdict is AuditVerdict.TAMPERED
    assert len(report.findings) == 100
    assert any("30 further findings" in sentence for sentence in report.not_checked)


def test_json_and_text_say_the_same() -> None:
    history = make_history()
    spoiled = history.with_block(BASE, encode(altered_record(history.block(BASE))))
    report = audit_histories(history, spoiled)
    body = report_json(report)
    assert body["schema"] == "monazite.verify/1"
    assert body["verdict"] == "TAMPERED"
    assert body["range"] == {"from": 0, "to": history.tip}
    (finding,) = body["findings"]
    assert {"code", "height", "record", "expected", "found", "meaning", "action"} <= set(finding)
    lines = report_lines(report)
    assert lines[-1].startswith(f"TAMPERED at block {BASE} of node-b: ")
    assert any("grams: 7,000 g → 12,900 g" in line for line in lines)
    assert expect(report, AuditVerdict.TAMPERED, ExitCode.TAMPERED, FindingCode.RECORD_ALTERED)


def test_headers_are_compared_with_all_their_fields() -> None:
    tried = {
        "time_ms", "state_root", "log_root", "tx_root", "parent", "proposer", "tx_count",
        "chain_id", "view", "flags", "epoch", "next_validators_digest",
    }  # fmt: skip
    untried = set(Header.__struct_fields__) - tried
    assert untried == {"version", "height", "validators_digest", "rules_version"}
