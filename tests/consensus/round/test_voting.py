from __future__ import annotations

import msgspec
import pytest

from consensus.config import BLOCK_AHEAD_MAX_MS, BLOCK_BEHIND_MAX_MS, PROPOSALS_AHEAD_MAX
from consensus.effects import Accuse, Execute, Suspect, Timer
from consensus.evidence import EvidenceKind, verify_evidence
from consensus.messages import Certificates, CertificatesRequest, Proposal
from ledger.wire.block import FLAG_SEAL, Block
from ledger.wire.scalars import Digest, Epoch, Height, SignatureBytes, TimeMs, ValidatorIndex, View
from ledger.wire.signing import SigningDomain
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig


def test_a_valid_proposal_is_executed_and_then_voted_for() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    assert [execute.block for execute in rig.all(Execute)] == [block]
    assert rig.votes(NOTARIZE) == []
    rig.executed()
    assert [vote.point for vote in rig.votes(NOTARIZE)] == [rig.chain.point(block)]


def test_an_invalid_block_is_answered_by_nullifying_its_view() -> None:
    rig = Rig.following()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    rig.executed(valid=False)
    assert rig.votes(NOTARIZE) == []
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]


def test_only_the_first_proposal_of_a_view_gets_a_vote_and_the_second_is_evidence() -> None:
    rig = Rig.following()
    one, two = rig.chain.block(1, transactions=(b"1",)), rig.chain.block(1, transactions=(b"2",))
    leader = rig.chain.leader(1)
    rig.hear(leader, rig.chain.proposal(one))
    rig.hear(leader, rig.chain.proposal(two))
    rig.executed()
    assert [vote.point for vote in rig.votes(NOTARIZE)] == [rig.chain.point(one)]
    evidence = rig.all(Accuse)[0].evidence
    assert (evidence.kind, evidence.voter) == (EvidenceKind.TWO_PROPOSE, leader)
    verify_evidence(
        evidence,
        chain_id=rig.chain.electorate.chain_id,
        epoch=Epoch(0),
        validators=rig.chain.validators,
    )


def test_a_proposal_that_another_than_the_leader_signed_is_dropped() -> None:
    rig = Rig.following()
    proposal = rig.chain.proposal(rig.chain.block(1))
    forged = msgspec.structs.replace(proposal, signature=SignatureBytes(bytes(64)))
    rig.hear(rig.chain.leader(2), forged)
    assert rig.all(Execute) == []
    assert "did not sign" in rig.all(Suspect)[0].reason
    rig.hear(rig.chain.leader(1), proposal)
    assert rig.all(Execute) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"chain_id": bytes(32)},
        {"epoch": Epoch(1)},
        {"validators_digest": Digest(bytes(32))},
        {"view": 2},
        {"proposer": ValidatorIndex(63)},
    ],
)
def test_a_header_that_does_not_fit_its_view_makes_the_voter_nullify(
    changes: dict[str, object],
) -> None:
    rig = Rig.following()
    good = rig.chain.block(1)
    block = Block(
        header=msgspec.structs.replace(good.header, **changes), transactions=good.transactions
    )
    point = msgspec.structs.replace(rig.chain.point(good), block_id=block.header.block_id)
    body = rig.chain.electorate.statement_body(point.view, point)
    key = rig.chain.keys[rig.chain.leader(1)]
    signature = key(SigningDomain.PROPOSE, body)
    proposal = Proposal(point=point, block=block, signature=signature, justification=())
    rig.hear(rig.chain.leader(1), proposal)
    assert rig.all(Execute) == []
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]


@pytest.mark.parametrize("wrong", ["height", "time", "parent_view", "parent"])
def test_a_header_that_does_not_continue_its_parent_makes_the_voter_nullify(wrong: str) -> None:
    rig = Rig.following()
    good = rig.chain.block(1)
    header, parent_view = good.header, 0
    match wrong:
        case "height":
            header = msgspec.structs.replace(header, height=Height(2))
        case "time":
            header = msgspec.structs.replace(header, time_ms=rig.chain.genesis.time_ms)
        case "parent":
            header = msgspec.structs.replace(header, parent=good.header.block_id)
        case _:
            parent_view = 1
    block = Block(header=header, transactions=good.transactions)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block, parent_view))
    assert rig.all(Execute) == []
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]


def test_no_block_may_stand_on_one_that_ended_the_epoch() -> None:
    rig = Rig.following(1)
    plain = rig.chain.block(1)
    sealed = Block(
        header=msgspec.structs.replace(plain.header, flags=FLAG_SEAL),
        transactions=plain.transactions,
    )
    point = rig.chain.point(sealed)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(sealed))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    child = rig.chain.block(2, sealed.header)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(child, 1))
    assert [vote.view for vote in rig.votes(NULLIFY)] == [2]


def test_a_payload_that_is_not_the_headers_condemns_the_sender_and_not_the_block() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    proposal = rig.chain.proposal(block)
    other = Block(header=block.header, transactions=(b"other",))
    rig.hear(rig.chain.leader(2), msgspec.structs.replace(proposal, block=other))
    assert rig.all(Execute) == []
    assert rig.votes(NULLIFY) == []
    assert rig.all(Suspect)[0].peer == rig.chain.name(rig.chain.leader(2))
    rig.hear(rig.chain.leader(1), proposal)
    rig.executed()
    assert len(rig.votes(NOTARIZE)) == 1


def test_a_block_without_proof_that_the_views_between_are_nullified_gets_no_vote() -> None:
    rig = Rig.following(2)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(rig.chain.block(1))))
    skipping = rig.chain.block(2)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(skipping))
    assert rig.state.view == 2
    assert rig.all(Execute) == []
    assert rig.votes(NOTARIZE) == []
    asked = rig.sent_to(rig.chain.leader(2), CertificatesRequest)
    assert [(a.from_view, a.to_view) for a in asked] == [(1, 1)], "the proposer is asked (A5)"
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.executed()
    assert [vote.view for vote in rig.votes(NOTARIZE)] == [2]


def test_the_justification_in_the_proposal_is_enough_to_vote() -> None:
    rig = Rig.following(3)
    first = rig.chain.block(1)
    point = rig.chain.point(first)
    justification = (rig.chain.certificate(NOTARIZE, 1, point), rig.chain.certificate(NULLIFY, 2))
    rig.hear(rig.chain.leader(1), rig.chain.proposal(first))
    rig.executed()
    block = rig.chain.block(3, first.header)
    rig.hear(rig.chain.leader(3), rig.chain.proposal(block, 1, justification))
    rig.executed()
    assert [vote.view for vote in rig.votes(NOTARIZE)] == [1, 3]


def test_a_parent_whose_notarization_is_missing_is_waited_for_and_asked_of_the_leader() -> None:
    """Both ways a view can end may be certified; a voter may have seen the other one."""
    rig = Rig.following()
    parent = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(parent))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    block = rig.chain.block(2, parent.header)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(block, 1))
    assert rig.votes(NULLIFY) == [], "a lack of proof is no verdict"
    asked = rig.sent_to(rig.chain.leader(2), CertificatesRequest)
    assert [(a.from_view, a.to_view) for a in asked] == [(1, 1)]
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(parent)))
    rig.executed()
    rig.executed()
    assert [vote.view for vote in rig.votes(NOTARIZE)] == [1, 2]


def test_a_bad_justification_drops_the_proposal() -> None:
    rig = Rig.following(2)
    lie = rig.chain.certificate(NULLIFY, 1, voters=(0, 1))
    rig.hear(rig.chain.leader(2), rig.chain.proposal(rig.chain.block(2), 0, (lie,)))
    assert rig.state.view == 1
    assert rig.state.proposals == {}
    assert "2 signers" in rig.all(Suspect)[0].reason


def test_a_parent_that_is_not_the_one_decided_is_never_voted_for() -> None:
    rig = Rig.following(2)
    one, two = rig.chain.block(1, transactions=(b"1",)), rig.chain.block(1, transactions=(b"2",))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(one)))
    rig.hear(rig.chain.leader(2), rig.chain.proposal(rig.chain.block(2, two.header), 1))
    assert [vote.view for vote in rig.votes(NULLIFY)] == [2]


def test_a_block_below_the_final_one_is_never_voted_for() -> None:
    rig = Rig.following(3)
    final = rig.finalize(rig.chain.block(1))
    assert final.height == 1
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    rig.hear(rig.chain.leader(3), rig.chain.proposal(rig.chain.block(3)))
    assert [vote.view for vote in rig.votes(NULLIFY)] == [3]


def test_a_voter_waits_while_a_block_is_ahead_of_its_clock_and_then_votes() -> None:
    rig = Rig.following()
    time_ms = rig.wall_ms + BLOCK_AHEAD_MAX_MS + 700
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1, time_ms=time_ms)))
    assert rig.all(Execute) == []
    assert rig.armed()["clock"] == 700
    rig.fire(Timer.CLOCK)
    rig.executed()
    assert len(rig.votes(NOTARIZE)) == 1


def test_a_block_exactly_at_the_bounds_of_the_clock_is_voted_for() -> None:
    for difference in (BLOCK_AHEAD_MAX_MS, -BLOCK_BEHIND_MAX_MS):
        rig = Rig.following()
        rig.wait(60_000)
        block = rig.chain.block(1, time_ms=rig.wall_ms + difference)
        rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
        rig.executed()
        assert len(rig.votes(NOTARIZE)) == 1


def test_a_new_proposal_that_is_dated_back_gets_no_vote_and_is_not_called_invalid() -> None:
    rig = Rig.following()
    rig.wait(60_000)
    block = rig.chain.block(1, time_ms=rig.wall_ms - BLOCK_BEHIND_MAX_MS - 1)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    assert rig.votes(NOTARIZE) == []
    assert rig.votes(NULLIFY) == []
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point, rig.others))
    assert [vote.point for vote in rig.votes(FINALIZE)] == [point], "a certified block is exempt"


def test_what_counts_is_how_old_a_proposal_was_when_it_first_came() -> None:
    rig = Rig.following(2)
    block = rig.chain.block(2, time_ms=rig.wall_ms)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(block))
    rig.wait(BLOCK_BEHIND_MAX_MS + 60_000)
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.executed()
    assert [vote.view for vote in rig.votes(NOTARIZE)] == [2]


def test_a_proposal_far_ahead_is_not_kept_but_its_certificates_are() -> None:
    rig = Rig.following()
    far = 2 + PROPOSALS_AHEAD_MAX
    block = rig.chain.block(far)
    rig.hear(rig.chain.leader(far), rig.chain.proposal(block))
    assert rig.state.proposals == {}
    proofs = (rig.chain.certificate(NULLIFY, 1),)
    rig.hear(rig.chain.leader(far), rig.chain.proposal(block, 0, proofs))
    assert rig.state.view == 2
    assert list(rig.state.proposals) == [far]


def test_a_vote_that_is_not_its_senders_own_is_not_counted() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    for voter in rig.others:
        rig.hear(rig.others[0], rig.chain.vote(NOTARIZE, 1, point, voter))
    assert rig.state.view == 1
    assert len(rig.all(Suspect)) == 2


def test_a_vote_of_an_observer_or_of_another_epoch_is_not_counted() -> None:
    rig = Rig.following()
    vote = rig.chain.vote(NULLIFY, 1, None, rig.others[0])
    rig.hear("observer", vote)
    rig.hear(rig.others[0], msgspec.structs.replace(vote, epoch=Epoch(1)))
    assert not rig.state.tally.seen(rig.state.view)


def test_votes_of_views_too_far_ahead_are_not_kept() -> None:
    rig = Rig.following()
    rig.hear(rig.others[0], rig.chain.vote(NULLIFY, 258, None, rig.others[0]))
    rig.hear(rig.others[0], rig.chain.vote(NULLIFY, 257, None, rig.others[0]))
    held = [view for view in range(1, 300) if rig.state.tally.seen(View(view))]
    assert held == [257]


def test_a_nullify_vote_for_a_view_that_ended_is_answered_with_what_ended_it() -> None:
    rig = Rig.following()
    ended = rig.chain.certificate(NOTARIZE, 1, rig.chain.point(rig.chain.block(1)))
    rig.hear_certificate(ended, rig.others[1])
    late = rig.others[0]
    rig.hear(late, rig.chain.vote(NULLIFY, 1, None, late))
    sent = [m.certificates for m in rig.sent_to(late, Certificates)]
    assert (ended,) in sent


def test_a_proposal_whose_time_is_the_parents_is_refused() -> None:
    rig = Rig.following()
    block = rig.chain.block(1, time_ms=rig.chain.genesis.time_ms)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]


def test_time_of_receipt_is_kept_in_milliseconds_of_the_wall_clock() -> None:
    rig = Rig.following()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    assert rig.state.proposals[rig.state.view].received_wall_ms == TimeMs(rig.wall_ms)
