from __future__ import annotations

from consensus.effects import Commit, Drop, Execute, HaltScope
from consensus.messages import BlockReply
from ledger.wire.certificate import PROOF_CERTIFICATES_MAX, BlockProof
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import Height
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig


def test_nothing_is_committed_before_it_is_final() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    assert rig.all(Commit) == []


def test_a_final_block_is_committed_with_its_proof_and_its_justification() -> None:
    rig = Rig.following()
    block = rig.chain.block(2)
    point = rig.chain.point(block)
    skipped = rig.chain.certificate(NULLIFY, 1)
    notarization = rig.chain.certificate(NOTARIZE, 2, point)
    final = rig.chain.certificate(FINALIZE, 2, point)
    rig.hear_certificate(skipped)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(notarization)
    rig.hear_certificate(final)
    (stored,) = rig.all(Commit)[0].blocks
    assert (stored.block, stored.point, stored.proof) == (block, point, final)
    assert stored.justification == (skipped, notarization)


def test_blocks_below_a_final_one_are_committed_with_it_in_height_order() -> None:
    rig = Rig.following()
    one = rig.chain.block(1)
    two = rig.chain.block(2, one.header)
    points = rig.chain.point(one), rig.chain.point(two, 1)
    for block, point in zip((one, two), points, strict=True):
        rig.hear(rig.chain.leader(point.view), rig.chain.proposal(block, point.parent_view))
        rig.hear_certificate(rig.chain.certificate(NOTARIZE, point.view, point))
        rig.executed()
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 2, points[1]))
    (commit,) = rig.all(Commit)
    assert [stored.point for stored in commit.blocks] == list(points)
    assert commit.blocks[0].proof is None
    assert commit.blocks[1].proof is not None


def test_a_final_block_that_was_not_executed_is_executed_first() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, rig.chain.point(block)))
    rig.hear(rig.others[0], BlockReply(block=block))
    assert rig.all(Commit) == []
    assert len(rig.all(Execute)) == 1
    rig.executed()
    assert len(rig.all(Commit)) == 1


def test_each_block_is_committed_once() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.finalize(block)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, rig.chain.point(block)))
    rig.committed(1)
    assert len(rig.all(Commit)) == 1


def test_a_final_block_that_is_invalid_here_stops_the_engine() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed(valid=False)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, rig.chain.point(block)))
    assert [halt.scope for halt in rig.halts()] == [HaltScope.ENGINE]
    assert "invalid here: because" in rig.halts()[0].reason
    assert rig.all(Commit) == []


def test_a_final_block_beside_the_stored_chain_stops_the_engine() -> None:
    rig = Rig.following()
    rig.finalize(rig.chain.block(1))
    beside = rig.chain.block(2)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 2, rig.chain.point(beside)))
    assert "does not continue the stored chain" in rig.halts()[0].reason


def test_a_final_block_on_another_branch_stops_the_engine_when_its_ancestors_are_known() -> None:
    rig = Rig.following()
    one, other = rig.chain.block(1), rig.chain.block(1, transactions=(b"other",))
    rig.finalize(one)
    child = rig.chain.block(2, other.header)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 2, rig.chain.point(child, 1)))
    rig.hear(rig.others[0], BlockReply(block=child))
    assert "does not continue the stored chain" in rig.halts()[0].reason


def test_branches_that_cannot_become_final_are_dropped_when_the_commit_is_durable() -> None:
    rig = Rig.following()
    lost, kept = rig.chain.block(1), rig.chain.block(2)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(lost))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.hear(rig.chain.leader(2), rig.chain.proposal(kept))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 2, rig.chain.point(kept)))
    assert rig.all(Drop) == []
    rig.committed(1)
    assert rig.all(Drop) == [Drop((lost.header.block_id,))]


def test_decided_blocks_are_executed_ahead_of_any_proposal_on_them() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    rig.hear(rig.others[0], BlockReply(block=block))
    assert [execute.block for execute in rig.all(Execute)] == [block]


def test_a_verdict_about_a_forgotten_block_is_ignored() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.note(rig.engine.on_executed(block.header.block_id, valid=False, reason="late", now=rig.now))
    assert rig.halts() == []


def test_the_journal_floor_rises_when_a_commit_is_durable_and_never_falls() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, point))
    assert rig.engine.journal_floor() == 0
    rig.committed(1)
    assert rig.engine.journal_floor() == 1
    rig.note(rig.engine.on_committed(Height(0), rig.now))
    assert rig.engine.journal_floor() == 1


def test_after_a_long_outage_the_proof_keeps_what_fits_and_can_be_read_again() -> None:
    rig = Rig.following()
    view = PROOF_CERTIFICATES_MAX + 80
    view += rig.chain.leader(view) == rig.state.electorate.own
    for skipped in range(1, view):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, skipped))
    block = rig.chain.block(view)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(view), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, view, point))
    rig.hear_certificate(rig.chain.certificate(FINALIZE, view, point))
    (stored,) = rig.all(Commit)[0].blocks
    assert len(stored.justification) == PROOF_CERTIFICATES_MAX
    assert [held.view for held in stored.justification[-3:]] == [view - 2, view - 1, view]
    proof = BlockProof(
        point=stored.point, finalization=stored.proof, justification=stored.justification
    )
    assert decode(BlockProof, encode(proof)) == proof
