from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.messages import Vote
from consensus.own import OwnStatements
from ledger.wire.block import Point
from ledger.wire.certificate import CertificateKind
from ledger.wire.scalars import ValidatorIndex, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain

CHAIN = Chain()
POINTS: dict[tuple[int, int], Point] = {
    (view, which): CHAIN.point(CHAIN.block(view, transactions=(b"%d" % which,)))
    for view in (1, 2)
    for which in (0, 1)
}
WISHES = st.lists(
    st.tuples(st.sampled_from(list(CertificateKind)), st.integers(1, 2), st.integers(0, 1)),
    max_size=12,
)


def vote_of(kind: CertificateKind, view: int, which: int) -> Vote:
    return CHAIN.vote(kind, view, None if kind is NULLIFY else POINTS[view, which], 0)


@given(WISHES)
def test_whatever_is_asked_for_no_two_allowed_votes_contradict_each_other(
    wishes: list[tuple[CertificateKind, int, int]],
) -> None:
    own = OwnStatements(View(0), {}, {})
    given_votes: list[Vote] = []
    for kind, view, which in wishes:
        vote = vote_of(kind, view, which)
        if own.may_vote(kind, View(view), vote.point):
            own.add_vote(vote)
            given_votes.append(vote)
    for one in given_votes:
        for two in given_votes:
            if one.view != two.view or one is two:
                continue
            assert one.kind is not two.kind
            if one.kind is FINALIZE:
                assert two.kind is NOTARIZE
                assert one.point == two.point


def test_notarize_then_nullify_is_allowed_and_nullify_then_anything_is_not() -> None:
    own = OwnStatements(View(0), {}, {})
    own.add_vote(vote_of(NOTARIZE, 1, 0))
    assert own.may_vote(NULLIFY, View(1), None)
    own.add_vote(vote_of(NULLIFY, 1, 0))
    for kind in CertificateKind:
        assert not own.may_vote(kind, View(1), POINTS[1, 0])
    own.add_vote(vote_of(NULLIFY, 2, 0))
    assert not own.may_vote(NOTARIZE, View(2), POINTS[2, 0])
    assert not own.may_propose(View(2))


def test_a_forbidden_vote_or_proposal_is_a_fault_of_the_caller() -> None:
    own = OwnStatements(View(0), {}, {})
    own.add_vote(vote_of(NULLIFY, 1, 0))
    with pytest.raises(AssertionError):
        own.add_vote(vote_of(FINALIZE, 1, 0))
    proposal = CHAIN.proposal(CHAIN.block(1))
    with pytest.raises(AssertionError):
        own.add_proposal(proposal)


def test_one_proposal_is_allowed_per_view_and_none_after_a_vote() -> None:
    own = OwnStatements(View(0), {}, {})
    assert own.may_propose(View(1))
    own.add_proposal(CHAIN.proposal(CHAIN.block(1)))
    assert not own.may_propose(View(1))
    own.add_vote(vote_of(NOTARIZE, 2, 0))
    assert not own.may_propose(View(2))


def test_nothing_is_allowed_at_or_below_the_floor_and_the_floor_never_falls() -> None:
    own = OwnStatements(View(1), {}, {})
    assert not own.may_vote(NOTARIZE, View(1), POINTS[1, 0])
    own.add_vote(vote_of(NOTARIZE, 2, 0))
    own.raise_floor(View(2))
    own.raise_floor(View(1))
    assert own.floor == 2
    assert own.vote(NOTARIZE, View(2)) is None
    assert not own.may_vote(NULLIFY, View(2), None)
    assert own.highest_view() == 2


def test_only_what_is_above_the_floor_and_not_on_record_is_foreign() -> None:
    own = OwnStatements(View(1), {}, {})
    own.add_vote(vote_of(NOTARIZE, 2, 0))
    assert not own.is_foreign_vote(vote_of(NOTARIZE, 2, 0))
    assert own.is_foreign_vote(vote_of(NOTARIZE, 2, 1))
    assert own.is_foreign_vote(vote_of(NULLIFY, 2, 0))
    assert not own.is_foreign_vote(vote_of(NOTARIZE, 1, 0))
    me = ValidatorIndex(0)
    mine = CHAIN.certificate(NOTARIZE, 2, POINTS[2, 0], (0, 1, 2))
    assert not own.is_foreign_certificate(mine, me)
    assert own.is_foreign_certificate(CHAIN.certificate(NULLIFY, 2, None, (0, 1, 2)), me)
    assert not own.is_foreign_certificate(CHAIN.certificate(NULLIFY, 2, None, (1, 2, 3)), me)
    assert not own.is_foreign_certificate(CHAIN.certificate(NULLIFY, 1, None, (0, 1, 2)), me)


def test_votes_are_listed_by_view_and_kind() -> None:
    own = OwnStatements(View(0), {}, {})
    votes = [vote_of(NULLIFY, 2, 0), vote_of(FINALIZE, 1, 0), vote_of(NOTARIZE, 1, 0)]
    own.add_vote(votes[2])
    own.add_vote(votes[0])
    own.add_vote(votes[1])
    assert own.votes_between(View(1), View(2)) == (votes[2], votes[1], votes[0])
    assert own.votes_between(View(2), View(9)) == (votes[0],)
    assert own.highest_view() == 2
