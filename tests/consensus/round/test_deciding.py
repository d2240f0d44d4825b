from __future__ import annotations

import msgspec
import pytest

from consensus.effects import Accuse, Halt, HaltScope, Persist, Send, Suspect, Timer
from consensus.electorate import Electorate
from consensus.evidence import EvidenceKind
from consensus.journal import RecordType
from consensus.messages import Certificates, Vote
from ledger.wire.certificate import verify_certificate
from ledger.wire.codec import decode
from ledger.wire.scalars import Epoch, SignatureBytes
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH


def test_a_quorum_of_notarize_votes_moves_on_and_brings_a_finalize_vote() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_votes(NOTARIZE, 1, point, rig.others[:1])
    assert rig.state.view == 1
    rig.hear_votes(NOTARIZE, 1, point, rig.others[1:2])
    assert rig.state.view == 2, "two votes and the own one are a quorum of four"
    assert [vote.point for vote in rig.votes(FINALIZE)] == [point]


@pytest.mark.parametrize(("count", "quorum"), [(1, 1), (2, 2), (4, 3), (5, 4), (6, 5), (7, 5)])
def test_the_quorum_is_n_minus_f(count: int, quorum: int) -> None:
    rig = Rig(None, count=count)
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NOTARIZE, 1, point, range(quorum - 1))
    assert rig.state.view == 1
    rig.hear_votes(NOTARIZE, 1, point, [quorum - 1])
    assert rig.state.view == 2


def test_the_notarization_and_the_finalize_vote_are_durable_together_before_the_vote_leaves() -> (
    None
):
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NOTARIZE, 1, point, rig.others)
    persist = rig.last[0]
    assert isinstance(persist, Persist)
    assert persist.sync
    assert [kind for kind, _body in persist.records] == [
        RecordType.CERTIFICATE,
        RecordType.OWN_VOTE,
    ]


def test_no_more_signatures_are_verified_than_a_quorum_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(None, count=7)
    calls = []
    check = Electorate.is_vote_signed

    def counted(electorate: Electorate, vote: Vote) -> bool:
        calls.append(vote)
        return check(electorate, vote)

    monkeypatch.setattr(Electorate, "is_vote_signed", counted)
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NOTARIZE, 1, point, range(4))
    assert calls == []
    rig.hear_votes(NOTARIZE, 1, point, range(4, 7))
    assert len(calls) == 5


def test_a_vote_with_a_bad_signature_is_evicted_and_counts_against_its_peer() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    bad, *good = rig.others
    forged = msgspec.structs.replace(
        rig.chain.vote(NOTARIZE, 1, point, bad), signature=SignatureBytes(bytes(64))
    )
    rig.hear(bad, forged)
    rig.hear_votes(NOTARIZE, 1, point, good)
    assert rig.state.view == 1
    assert [s.peer for s in rig.all(Suspect)] == [rig.chain.name(bad)]
    rig.hear_votes(NOTARIZE, 1, point, [bad])
    assert rig.state.view == 2


def test_a_certificate_made_of_votes_verifies() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NOTARIZE, 1, point, rig.others)
    (made,) = rig.state.certificates.notarizations()
    verify_certificate(made, chain_id=CHAIN_ID, epoch=EPOCH, validators=rig.chain.validators)


def test_a_certificate_for_a_statement_already_held_is_dropped_unverified() -> None:
    rig = Rig.following()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rubbish = msgspec.structs.replace(
        rig.chain.certificate(NULLIFY, 1), signatures=(SignatureBytes(bytes(64)),) * 3
    )
    rig.hear_certificate(rubbish)
    assert rig.all(Suspect) == []


def test_a_certificate_that_does_not_verify_changes_nothing_and_the_rest_is_not_read() -> None:
    rig = Rig.following()
    bad = rig.chain.certificate(NULLIFY, 1, voters=rig.others[:2])
    rig.hear(rig.others[0], Certificates((bad, rig.chain.certificate(NULLIFY, 2))))
    assert rig.state.view == 1
    assert len(rig.all(Suspect)) == 1


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_forged_signature_spoils_a_certificate(place: int) -> None:
    rig = Rig.following()
    good = rig.chain.certificate(NULLIFY, 1)
    signatures = list(good.signatures)
    signatures[place] = rig.chain.certificate(NULLIFY, 2).signatures[place]
    rig.hear_certificate(msgspec.structs.replace(good, signatures=tuple(signatures)))
    assert rig.state.view == 1
    assert "does not verify" in rig.all(Suspect)[0].reason


def test_a_certificate_of_another_epoch_is_ignored() -> None:
    rig = Rig.following()
    one = rig.chain.certificate(NULLIFY, 1)
    rig.hear_certificate(msgspec.structs.replace(one, epoch=Epoch(1)))
    assert rig.state.view == 1


def test_a_nullified_view_is_never_finalized_by_this_node_on_any_path() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.fire(Timer.ADVANCE)
    assert len(rig.votes(NULLIFY)) == 1
    notarization = rig.chain.certificate(NOTARIZE, 1, point, rig.others)
    rig.hear_certificate(notarization)
    rig.hear_votes(NOTARIZE, 1, point, rig.others)
    rig.hear(rig.others[0], rig.chain.status(rig.others[0], 2))
    again = rig.restarted()
    again.hear_certificate(notarization)
    again.hear_votes(NOTARIZE, 1, point, again.others)
    assert rig.votes(FINALIZE) + again.votes(FINALIZE) == [], "A6"


def test_a_block_other_than_the_one_voted_for_is_not_finalized() -> None:
    rig = Rig.following()
    one, two = rig.chain.block(1, transactions=(b"1",)), rig.chain.block(1, transactions=(b"2",))
    rig.hear(rig.chain.leader(1), rig.chain.proposal(one))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(two)))
    assert rig.state.view == 2
    assert rig.votes(FINALIZE) == [], "rule 3"


def test_a_block_found_invalid_here_gets_no_finalize_vote() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed(valid=False)
    rig = rig.restarted()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    assert rig.votes(FINALIZE) == []


def test_an_earlier_view_may_still_be_finalized_late() -> None:
    rig = Rig.following()
    rig.hear_votes(NULLIFY, 2, None, [])
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    assert rig.state.view == 3
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    assert [vote.point for vote in rig.votes(FINALIZE)] == [point]


def test_a_finalization_without_its_notarization_decides_all_the_same() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, point))
    assert rig.state.certificates.final == point
    assert rig.state.view == 2


def test_finalize_votes_alone_make_a_block_final() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(FINALIZE, 1, point, rig.others)
    assert rig.state.certificates.final == point


@pytest.mark.parametrize("order", [(NULLIFY, FINALIZE), (FINALIZE, NULLIFY)])
def test_a_view_that_is_nullified_and_final_stops_the_engine(order: tuple[object, ...]) -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    for kind in order:
        about = point if kind is FINALIZE else None
        rig.hear_certificate(rig.chain.certificate(kind, 1, about))  # type: ignore[arg-type]
    assert [halt.scope for halt in rig.halts()] == [HaltScope.ENGINE]
    accused = {(a.evidence.kind, a.evidence.voter) for a in rig.all(Accuse)}
    assert accused == {(EvidenceKind.NULLIFY_AND_FINALIZE, voter) for voter in rig.others}
    assert rig.work() == ()
    assert rig.hear(rig.others[0], rig.chain.status(rig.others[0], 5)) == ()
    assert rig.engine.status().halted is not None


@pytest.mark.parametrize("second", [NOTARIZE, FINALIZE])
def test_two_blocks_decided_in_one_view_stop_the_engine(second: object) -> None:
    rig = Rig.following()
    one, two = rig.chain.block(1, transactions=(b"1",)), rig.chain.block(1, transactions=(b"2",))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(one)))
    rig.hear_certificate(rig.chain.certificate(second, 1, rig.chain.point(two)))  # type: ignore[arg-type]
    assert "safety violation" in rig.halts()[0].reason
    kinds = {a.evidence.kind for a in rig.all(Accuse)}
    expected = (
        EvidenceKind.TWO_NOTARIZE if second is NOTARIZE else EvidenceKind.NOTARIZE_AND_FINALIZE
    )
    assert kinds == {expected}


def test_a_vote_of_the_own_key_that_is_not_on_record_stops_signing_for_good() -> None:
    rig = Rig.following()
    assert rig.own is not None
    rig.hear(rig.others[0], rig.chain.vote(NULLIFY, 1, None, rig.own))
    assert [halt.scope for halt in rig.halts()] == [HaltScope.SIGNING]
    rig.work()
    rig.hear_votes(NULLIFY, 1, None, rig.others)
    assert rig.state.view == 2, "it goes on as an observer"
    assert rig.said(Vote) == []
    again = rig.restarted()
    assert [halt.scope for halt in again.halts()] == [HaltScope.SIGNING]
    assert not again.engine.status().signing


def test_the_own_bit_in_a_certificate_is_checked_like_an_own_vote() -> None:
    rig = Rig.following()
    assert rig.own is not None
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1, None, [*rig.others[:2], rig.own]))
    assert [halt.scope for halt in rig.halts()] == [HaltScope.SIGNING]


def test_an_own_proposal_that_is_not_on_record_stops_signing() -> None:
    rig = Rig.leading()
    rig.hear(rig.others[0], rig.chain.proposal(rig.chain.block(1)))
    assert [halt.scope for halt in rig.halts()] == [HaltScope.SIGNING]


def test_own_votes_that_come_back_are_no_cause_for_alarm_before_or_after_a_restart() -> None:
    rig = Rig.following()
    rig.work()
    rig.fire(Timer.LEAD)
    (own_vote,) = rig.votes(NULLIFY)
    rig.hear(rig.others[0], own_vote)
    again = rig.restarted()
    again.hear(again.others[0], own_vote)
    assert rig.halts() + again.halts() == []


def test_a_forged_vote_of_the_own_key_stops_nothing() -> None:
    rig = Rig.following()
    assert rig.own is not None
    vote = rig.chain.vote(NULLIFY, 1, None, rig.own)
    rig.hear(rig.others[0], msgspec.structs.replace(vote, signature=SignatureBytes(bytes(64))))
    assert rig.halts() == []
    assert [s.peer for s in rig.all(Suspect)] == [rig.chain.name(rig.others[0])]


def test_a_replay_of_own_votes_below_the_floor_is_no_cause_for_alarm() -> None:
    rig = Rig.following()
    assert rig.own is not None
    rig.finalize(rig.chain.block(1))
    rig.hear(rig.others[0], rig.chain.vote(NULLIFY, 1, None, rig.own))
    assert rig.halts() == []


def test_evidence_is_recorded_and_reported_once_per_kind_and_validator() -> None:
    rig = Rig.following()
    bad = rig.others[0]
    for view in (1, 2):
        one = rig.chain.point(rig.chain.block(view, transactions=(b"1",)))
        two = rig.chain.point(rig.chain.block(view, transactions=(b"2",)))
        rig.hear(bad, rig.chain.vote(NOTARIZE, view, one, bad))
        rig.hear(bad, rig.chain.vote(NOTARIZE, view, two, bad))
    assert len(rig.all(Accuse)) == 1
    assert rig.engine.status().evidence_count == 1
    assert [kind for kind, _ in rig.records()] == [RecordType.EVIDENCE]
    assert rig.restarted().engine.status().evidence_count == 1


def test_votes_for_two_outcomes_are_no_evidence_if_they_are_legal() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    voter = rig.others[0]
    for vote in (
        rig.chain.vote(NOTARIZE, 1, point, voter),
        rig.chain.vote(NULLIFY, 1, None, voter),
        rig.chain.vote(FINALIZE, 2, rig.chain.point(rig.chain.block(2)), voter),
    ):
        rig.hear(voter, vote)
    assert rig.all(Accuse) == []


def test_a_new_certificate_goes_at_once_to_peers_that_may_see_another_quorum() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NULLIFY, 1, None, [v for v in rig.others if v != rig.chain.leader(1)][:1])
    rig.forget()
    certificate = rig.chain.certificate(NOTARIZE, 1, point)
    rig.hear_certificate(certificate, rig.others[0])
    receivers = {e.peer for e in rig.all(Send) if e.message == Certificates((certificate,))}
    assert receivers == {rig.chain.name(voter) for voter in rig.others[1:]}


def test_in_the_good_case_nobody_passes_certificates_on() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_votes(NOTARIZE, 1, point, rig.others)
    rig.hear_votes(FINALIZE, 1, point, rig.others)
    rig.fire(Timer.PUSH)
    assert rig.said(Certificates) == []


def test_after_the_push_delay_a_silent_peer_gets_what_it_seems_to_lack() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    *speaking, silent = rig.others
    rig.hear_votes(NOTARIZE, 1, point, speaking)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    rig.executed()
    assert rig.state.view == 2 or rig.votes(NOTARIZE)
    rig.fire(Timer.PUSH)
    assert len(rig.sent_to(silent, Certificates)) == 1
    assert [rig.sent_to(voter, Certificates) for voter in speaking] == [[], []]


def test_the_certificate_that_breaks_safety_is_kept_as_proof() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    final = rig.chain.certificate(FINALIZE, 1, point)
    rig.hear_certificate(final)
    kinds = [decode(type(final), body) for kind, body in rig.records() if kind == 3]
    assert final in kinds
    assert isinstance(rig.halts()[0], Halt)
