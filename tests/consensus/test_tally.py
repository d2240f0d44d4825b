from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.electorate import Electorate
from consensus.evidence import EvidenceKind, verify_evidence
from consensus.messages import Vote
from consensus.tally import Tally
from ledger.wire.certificate import CertificateKind, certificate_signers, verify_certificate
from ledger.wire.scalars import SignatureBytes, ValidatorIndex, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH

CHAIN = Chain(7)
POINTS = [CHAIN.point(CHAIN.block(1, transactions=(text,))) for text in (b"x", b"y")]
ELECTORATE: Electorate = CHAIN.electorate
ONE = View(1)


def statement(kind: CertificateKind, which: int, voter: int, *, good: bool = True) -> Vote:
    point = None if kind is NULLIFY else POINTS[which]
    vote = CHAIN.vote(kind, 1, point, voter)
    return vote if good else msgspec.structs.replace(vote, signature=SignatureBytes(bytes(64)))


ALL = [
    statement(kind, which, voter)
    for voter in range(7)
    for kind, which in ((NOTARIZE, 0), (NOTARIZE, 1), (NULLIFY, 0), (FINALIZE, 0), (FINALIZE, 1))
]
BAD = [msgspec.structs.replace(vote, signature=SignatureBytes(bytes(64))) for vote in ALL]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(ALL + BAD), max_size=40))
def test_whatever_comes_a_certificate_is_made_exactly_when_a_quorum_signed_first(
    votes: list[Vote],
) -> None:
    tally = Tally(ELECTORATE)
    first: dict[tuple[CertificateKind, int], Vote] = {}
    for vote in votes:
        tally.add(vote)
        if vote in ALL:
            first.setdefault((vote.kind, vote.voter), vote)
    for kind in CertificateKind:
        certificate, _forged = tally.certify(ONE, kind)
        kept = [tally.vote_of(ONE, kind, ValidatorIndex(voter)) for voter in range(7)]
        good = [vote for vote in kept if vote in ALL]
        counts = [sum(vote.point == point for vote in good) for point in (*POINTS, None)]
        assert (certificate is not None) == (max(counts) >= 5)
        if certificate is not None:
            verify_certificate(
                certificate, chain_id=CHAIN_ID, epoch=EPOCH, validators=CHAIN.validators
            )
            assert len(certificate_signers(certificate)) >= 5


@settings(max_examples=60)
@given(st.lists(st.sampled_from(ALL + BAD), max_size=40))
def test_all_evidence_holds_and_nobody_is_accused_of_legal_votes(votes: list[Vote]) -> None:
    tally = Tally(ELECTORATE)
    said: dict[int, set[tuple[CertificateKind, bytes]]] = {}
    accused: set[int] = set()
    for vote in votes:
        if vote in ALL:
            block_id = vote.point.block_id if vote.point else b""
            said.setdefault(vote.voter, set()).add((vote.kind, block_id))
        for evidence in tally.add(vote).evidence:
            verify_evidence(evidence, chain_id=CHAIN_ID, epoch=EPOCH, validators=CHAIN.validators)
            accused.add(evidence.voter)
    for voter in accused:
        kinds = said[voter]
        twice = len(kinds) > len({kind for kind, _ in kinds})
        finalize = {b for kind, b in kinds if kind is FINALIZE}
        others = {(kind, b) for kind, b in kinds if kind is not FINALIZE}
        crossed = any(f != b for f in finalize for _kind, b in others)
        assert twice or crossed


def test_each_pair_of_contradicting_votes_is_evidence_in_either_order() -> None:
    pairs = [
        (NOTARIZE, 0, NOTARIZE, 1, EvidenceKind.TWO_NOTARIZE),
        (FINALIZE, 0, FINALIZE, 1, EvidenceKind.TWO_FINALIZE),
        (NULLIFY, 0, FINALIZE, 0, EvidenceKind.NULLIFY_AND_FINALIZE),
        (NOTARIZE, 0, FINALIZE, 1, EvidenceKind.NOTARIZE_AND_FINALIZE),
    ]
    for kind_a, which_a, kind_b, which_b, expected in pairs:
        one, two = statement(kind_a, which_a, 3), statement(kind_b, which_b, 3)
        found = []
        for votes in ((one, two), (two, one)):
            tally = Tally(ELECTORATE)
            tally.add(votes[0])
            found.append(tally.add(votes[1]).evidence)
        assert [e.kind for e in found[0]] == [expected]
        assert found[0] == found[1], "the same evidence, whatever came first"


def test_legal_votes_of_one_validator_are_no_evidence() -> None:
    tally = Tally(ELECTORATE)
    for vote in (statement(NOTARIZE, 0, 3), statement(NULLIFY, 0, 3)):
        assert tally.add(vote).evidence == []
    tally = Tally(ELECTORATE)
    for vote in (statement(NOTARIZE, 0, 3), statement(FINALIZE, 0, 3)):
        assert tally.add(vote).evidence == []


def test_a_bad_signature_is_never_evidence_and_gives_way_to_a_good_vote() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NOTARIZE, 0, 3, good=False))
    added = tally.add(statement(NOTARIZE, 1, 3))
    assert (added.evidence, added.forged, added.kept) == ([], [3], True)
    added = tally.add(statement(NOTARIZE, 0, 3, good=False))
    assert (added.evidence, added.forged, added.kept) == ([], [3], False)
    assert tally.vote_of(ONE, NOTARIZE, ValidatorIndex(3)) == statement(NOTARIZE, 1, 3)


def test_only_as_many_nullify_votes_as_needed_are_verified_and_none_if_too_few() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NULLIFY, 0, 0, good=False))
    assert tally.nullifiers(ONE, 3) == ([], [])
    for voter in (1, 2, 3, 4):
        tally.add(statement(NULLIFY, 0, voter))
    assert tally.nullifiers(ONE, 3) == ([1, 2, 3], [0])


def test_a_certificates_signatures_count_as_votes_and_show_contradictions() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NOTARIZE, 1, 2))
    evidence = tally.absorb(CHAIN.certificate(NOTARIZE, 1, POINTS[0]))
    assert [(e.kind, e.voter) for e in evidence] == [(EvidenceKind.TWO_NOTARIZE, 2)]
    assert tally.vote_of(ONE, NOTARIZE, ValidatorIndex(0)) == statement(NOTARIZE, 0, 0)


def test_a_view_is_disputed_when_votes_are_for_two_outcomes() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NOTARIZE, 0, 0))
    tally.add(statement(FINALIZE, 0, 0))
    assert not tally.is_disputed(ONE)
    tally.add(statement(NOTARIZE, 1, 1))
    assert tally.is_disputed(ONE)
    tally = Tally(ELECTORATE)
    tally.add(statement(NOTARIZE, 0, 0))
    tally.add(statement(NULLIFY, 0, 1))
    assert tally.is_disputed(ONE)


def test_pruned_views_are_forgotten() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NOTARIZE, 0, 0))
    assert tally.seen(ONE)
    tally.prune(View(0))
    assert tally.seen(ONE)
    tally.prune(ONE)
    assert not tally.seen(ONE)


def test_verifying_evicts_a_bad_vote() -> None:
    tally = Tally(ELECTORATE)
    tally.add(statement(NULLIFY, 0, 0, good=False))
    assert not tally.verify(ONE, NULLIFY, ValidatorIndex(0))
    assert not tally.seen(ONE)
    tally.add(statement(NULLIFY, 0, 0))
    assert tally.verify(ONE, NULLIFY, ValidatorIndex(0))
