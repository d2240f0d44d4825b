"""Two certified histories: the verdict is a fork, and whoever signed both is named."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from client.cli.exit_codes import ExitCode
from client.verify.findings import FindingCode
from client.verify.report import report_json
from client.verify.verdict import AuditVerdict
from ledger.errors import InvalidBlockError
from ledger.wire.certificate import Certificate, verify_certificate
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import Digest
from tests.client.verify.auditing import NAMES, audit_histories, expect, expect_tampered
from tests.support.history import (
    BASE,
    History,
    blocks_of,
    grow,
    make_branch,
    make_history,
    make_world,
    prove_blocks,
)
from tests.support.world import World

PART_AT = BASE + 2


def test_a_fork_names_the_f_plus_1_validators_that_signed_both() -> None:
    report = audit_histories(make_history(), make_branch(PART_AT, 3, (1, 2, 3)))
    (finding,) = expect(report, AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK)
    assert (finding.height, finding.until) == (PART_AT, PART_AT + 2)
    assert finding.node == "node-b"
    # customs 0, ministry 1, north-group 2, south-group 3: the first branch was signed by 0, 1 and 2.
    assert finding.evidence["signed_both"] == "ministry, north-group"


def test_the_evidence_of_a_fork_convinces_a_third_party() -> None:
    report = audit_histories(make_history(), make_branch(PART_AT, 3, (1, 2, 3)))
    (finding,) = report_json(report)["findings"]
    genesis = make_history().genesis
    certificates = [
        decode(Certificate, bytes.fromhex(finding["evidence"][name]))
        for name in ("certificate", "other_certificate")
    ]
    for certificate in certificates:
        verify_certificate(
            certificate,
            chain_id=genesis.chain_id,
            epoch=genesis.header.epoch,
            validators=genesis.validators,
        )
    points = [certificate.point for certificate in certificates]
    assert points[0] is not None
    assert points[1] is not None
    assert points[0].height == points[1].height == PART_AT
    assert points[0].block_id != points[1].block_id


def test_a_fork_is_found_in_every_order_of_targets() -> None:
    copies = (make_history(), make_history(), make_branch(PART_AT, 3, (1, 2, 3)))
    for order in permutations(copies):
        report = audit_histories(*order)
        assert report.verdict is AuditVerdict.FORK
        assert {finding.code for finding in report.findings} == {FindingCode.FORK}


def test_a_branch_that_is_certified_later_is_a_fork_from_where_it_parts() -> None:
    world = make_world()
    grow(world, PART_AT - 1 - world.height)
    grow(world, 3, grams=99_000)
    branch = prove_blocks(
        world.genesis, blocks_of(world), is_final=lambda at: at < PART_AT or at == PART_AT + 2
    )
    (finding,) = expect(
        audit_histories(make_history(), branch), AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK
    )
    assert finding.height == PART_AT


def test_a_longer_branch_of_a_fork_is_told_once() -> None:
    report = audit_histories(make_history(), make_branch(PART_AT, 9, (1, 2, 3)))
    assert report.verdict is AuditVerdict.FORK
    assert [finding.code for finding in report.findings] == [FindingCode.FORK]


def test_a_certificate_for_another_block_beside_a_good_copy_is_a_fork() -> None:
    history, branch = make_history(), make_branch(PART_AT, 1, (1, 2, 3))
    stranger = history.with_proof(PART_AT, branch.rows[PART_AT][1])
    (finding,) = expect(
        audit_histories(history, stranger), AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK
    )
    assert finding.found == branch.block(PART_AT).header.block_id.hex()


def test_fewer_than_a_quorum_cannot_make_a_fork() -> None:
    report = audit_histories(make_history(), make_branch(PART_AT, 3, (2, 3)))
    expect_tampered(report, FindingCode.HEADER_ALTERED)


def test_a_fork_outweighs_a_tampered_copy() -> None:
    history = make_history()
    spoiled = history.with_block(1, history.rows[1][0][:-1])
    report = audit_histories(history, make_branch(PART_AT, 3, (1, 2, 3)), spoiled)
    expect(report, AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK, FindingCode.NOT_CANONICAL)


def test_a_quorum_that_signs_a_broken_rule_is_found_by_replaying() -> None:
    world = make_world()
    block = world.build().block
    forged = msgspec.structs.replace(
        block,
        header=msgspec.structs.replace(block.header, state_root=Digest(bytes(32))),
    )
    history = prove_blocks(world.genesis, [*blocks_of(world), encode(forged)])
    report = audit_histories(history, history)
    (finding,) = expect_tampered(report, FindingCode.RULES_BROKEN)
    assert (finding.height, finding.what) == (BASE + 1, "state_root")
    assert finding.expected == block.header.state_root.hex()
    assert finding.evidence["signed_by"] == "customs, ministry, north-group"
    assert any(f"everything above block {BASE}" in sentence for sentence in report.not_checked)


def test_a_quorum_that_repeats_a_transaction_is_found_by_replaying() -> None:
    world = make_world()
    repeated = decode_transactions(world, BASE)
    empty = world.build().block
    forged = msgspec.structs.replace(empty, transactions=repeated)
    forged = msgspec.structs.replace(
        forged,
        header=msgspec.structs.replace(
            forged.header,
            tx_count=len(repeated),
            tx_root=make_history().block(BASE).header.tx_root,
        ),
    )
    history = prove_blocks(world.genesis, [*blocks_of(world), encode(forged)])
    (finding,) = expect_tampered(audit_histories(history, history), FindingCode.RULES_BROKEN)
    assert "duplicate_transaction" in finding.what
    assert finding.record is not None
    assert finding.record.transaction == 0
    assert InvalidBlockError.__name__ not in finding.what


def decode_transactions(world: World, height: int) -> tuple[bytes, ...]:
    return prove_blocks(world.genesis, blocks_of(world)).block(height).transactions


def invalid_branch(part_at: int, blocks: int = 1, *, is_final_from: int = 0) -> History:
    """Return a history whose keys 1, 2 and 3 signed a block with a stale state root at ``part_at``.

    Blocks above it build on it; below ``is_final_from`` none of the branch is finalized.
    """
    history = make_history()
    data = [block for block, _proof in history.rows[:part_at]]
    below = history.block(part_at - 1).header
    for offset in range(blocks):
        honest = make_history().block(part_at + offset)
        header = msgspec.structs.replace(
            honest.header, parent=below.block_id, state_root=below.state_root
        )
        data.append(encode(msgspec.structs.replace(honest, header=header)))
        below = header
    return prove_blocks(
        history.genesis,
        data,
        signers=lambda at: (1, 2, 3) if at >= part_at else (0, 1, 2),
        is_final=lambda at: at < part_at or at >= is_final_from,
    )


@pytest.mark.parametrize("is_final_from", [PART_AT, PART_AT + 1], ids=["directly", "later"])
def test_a_certified_branch_that_breaks_the_rules_is_a_fork_in_every_order_of_targets(
    is_final_from: int,
) -> None:
    history = make_history()
    bad = invalid_branch(PART_AT, 2, is_final_from=is_final_from)
    certified_late = prove_blocks(
        history.genesis,
        [block for block, _proof in history.rows],
        is_final=lambda at: at < PART_AT or at >= is_final_from,
    )
    told = set()
    for place in range(4):
        copies = [certified_late] * 3
        copies.insert(place, bad)
        report = audit_histories(*copies)
        fork, broken = expect(
            report, AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK, FindingCode.RULES_BROKEN
        )
        assert fork.node == broken.node == NAMES[place]
        assert fork.height == broken.height == PART_AT
        assert fork.evidence["signed_both"] == "ministry, north-group"
        assert {"certificate", "other_certificate"} <= set(fork.evidence)
        assert report.outcome.audit is not None
        assert report.outcome.audit.height == history.tip, "the audit goes on with the good branch"
        checked = [account.checked_to for account in report.outcome.accounts]
        checked.pop(place)
        assert checked == [history.tip] * 3
        told.add((fork.expected, fork.found, broken.what, broken.expected, broken.found))
    assert len(told) == 1, "the findings are the same in every order"


def test_two_certified_branches_that_both_break_the_rules_are_a_fork_and_end_the_audit() -> None:
    history = make_history()
    first = invalid_branch(PART_AT)
    block = first.block(PART_AT)
    other = msgspec.structs.replace(
        block, header=msgspec.structs.replace(block.header, state_root=Digest(bytes(32)))
    )
    second = prove_blocks(
        history.genesis, [*(data for data, _proof in history.rows[:PART_AT]), encode(other)]
    )
    for order in ((first, second), (second, first)):
        report = audit_histories(*order)
        fork, *broken = expect(
            report,
            AuditVerdict.FORK,
            ExitCode.FORK,
            FindingCode.FORK,
            FindingCode.RULES_BROKEN,
            FindingCode.RULES_BROKEN,
        )
        assert fork.height == PART_AT
        assert fork.evidence["signed_both"] == "ministry, north-group"
        assert [finding.node for finding in broken] == ["node-a", "node-b"]
        assert report.outcome.audit is not None
        assert report.outcome.audit.height == PART_AT - 1


def test_a_fork_is_told_when_the_branch_that_was_followed_breaks_the_rules_above_it() -> None:
    """Both branches apply where they part; one breaks the rules above, the other one ends there."""
    good = make_branch(PART_AT, 1, (1, 2, 3))
    bad = invalid_branch(PART_AT + 1)
    for order in ((good, bad), (bad, good)):
        report = audit_histories(*order)
        assert report.verdict is AuditVerdict.FORK
        assert report.findings[0].height == PART_AT


def test_a_branch_without_content_does_not_hide_a_fork() -> None:
    history = make_history()
    branch = make_branch(PART_AT, 1, (1, 2, 3))
    block = branch.block(PART_AT)
    emptied = branch.with_block(
        PART_AT, encode(msgspec.structs.replace(block, transactions=block.transactions * 2))
    )
    for order in ((emptied, history, history), (history, history, emptied)):
        report = audit_histories(*order)
        expect(
            report, AuditVerdict.FORK, ExitCode.FORK, FindingCode.FORK, FindingCode.TRANSACTION_ROOT
        )
        assert report.outcome.audit is not None
        assert report.outcome.audit.height == history.tip


def test_a_branch_that_is_certified_above_the_end_of_the_other_one_is_a_fork() -> None:
    world = make_world()
    grow(world, PART_AT - 1 - world.height)
    grow(world, 3, grams=99_000)
    branch = prove_blocks(
        world.genesis, blocks_of(world), is_final=lambda at: at < PART_AT or at == PART_AT + 2
    )
    short = make_history().cut_to(PART_AT)
    for order in ((short, branch), (branch, short)):
        fork = audit_histories(*order).findings[0]
        assert (fork.code, fork.height) == (FindingCode.FORK, PART_AT)


def test_with_fail_fast_a_broken_rule_still_tells_of_the_fork_at_hand() -> None:
    report = audit_histories(invalid_branch(PART_AT), make_history(), fail_fast=True)
    assert report.verdict is AuditVerdict.FORK
