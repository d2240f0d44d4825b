"""``Ballot``: how many agree, who they are, and from when on it holds."""

from __future__ import annotations

import itertools

import pytest

from ledger import civil
from ledger.errors import InvalidBlockError
from ledger.records.ballot import Ballot
from ledger.records.proposal_content import SwitchRules
from ledger.records.succeed import Succeed
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.rows import GENESIS_REFERENCE
from ledger.state.tables import KEYS, MEMBERS, PARAMETERS, SCHEDULE, VALIDATORS
from ledger.vocabulary import BallotChoice, Role
from ledger.wire.scalars import Height, MemberId
from tests.support.founding import CUSTOMS, FOUNDERS, MINISTRY, NORTH, SOUTH
from tests.support.governing import (
    Governed,
    admit_operator,
    changing,
    proposing,
    reference_of,
    replacing,
    setting,
    validators,
)
from tests.support.keys import key_of
from tests.support.refusals import assert_refused
from tests.support.trading import alerts_of
from tests.support.world import World, ore_product

NAME = "transit_tolerance_basis_points"


@pytest.mark.parametrize("order", list(itertools.permutations(FOUNDERS, 3)))
def test_any_three_of_four_with_an_authority_decide_and_two_do_not(
    order: tuple[MemberId, ...],
) -> None:
    governed = Governed()
    proposal = governed.propose(order[0], setting(NAME, 30))
    governed.vote(proposal, order[1])
    assert governed.proposal(proposal).decided_height == 0
    governed.vote(proposal, order[2])
    assert governed.proposal(proposal).decided_height == governed.world.height
    assert governed.parameters().transit_tolerance_basis_points == 30


def test_who_does_not_agree_does_not_count() -> None:
    governed = Governed()
    proposal = governed.propose(MINISTRY, setting(NAME, 30))
    governed.vote(proposal, CUSTOMS, agrees=False)
    governed.vote(proposal, NORTH)
    assert governed.proposal(proposal).decided_height == 0
    governed.vote(proposal, SOUTH)
    assert governed.proposal(proposal).no == (CUSTOMS,)
    assert governed.proposal(proposal).decided_height


def test_one_ballot_each_and_none_after_the_decision() -> None:
    governed = Governed()
    proposal = governed.propose(MINISTRY, setting(NAME, 30))
    for agrees in (True, False):
        refusal = governed.world.refusal(
            MINISTRY,
            Ballot(proposal=proposal, choice=BallotChoice.YES if agrees else BallotChoice.NO),
        )
        assert_refused(refusal, RefusalCode.BALLOT_EXISTS, field="proposal")
    governed.vote(proposal, NORTH, SOUTH)
    refusal = governed.world.refusal(CUSTOMS, Ballot(proposal=proposal, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.PROPOSAL_CLOSED, field="proposal")


def test_a_ballot_counts_until_the_last_millisecond_of_thirty_days() -> None:
    governed = Governed()
    proposal = governed.propose(MINISTRY, setting(NAME, 30))
    governed.vote(proposal, NORTH)
    end_ms = governed.proposal(proposal).expires_ms
    assert end_ms == governed.world.time_ms - 1 + 30 * civil.DAY_MS
    governed.world.move_to(end_ms)
    refusal = governed.world.refusal(SOUTH, Ballot(proposal=proposal, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.PROPOSAL_CLOSED, field="proposal", expires_ms=end_ms)
    governed.world.move_to(end_ms - 1)
    governed.vote(proposal, SOUTH)
    assert governed.proposal(proposal).decided_height


def test_only_operators_vote_and_only_on_a_proposal() -> None:
    world = World()
    world.admit("trader")
    proposal = reference_of(world.apply(NORTH, proposing(setting(NAME, 30))))
    refusal = world.refusal("trader", Ballot(proposal=proposal, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.NOT_AN_OPERATOR, field="author")
    refusal = world.refusal(NORTH, Ballot(proposal=GENESIS_REFERENCE, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.PROPOSAL_UNKNOWN, field="proposal")
    ballot = Ballot(proposal=proposal, choice=BallotChoice.YES)
    refusal = world.refusal(SOUTH, ballot, signers=((SOUTH, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_a_suspension_and_a_succession_take_nobodys_ballot() -> None:
    governed = Governed()
    heir = governed.world.admit("heir")
    governed = Governed(governed.world)
    governed.apply(MINISTRY, SuspendMember(member=NORTH, reason="test", case="C-1"))
    record = Succeed(predecessor=SOUTH, successor=heir, facility="", reason="merger")
    signers = ((MINISTRY, Role.OPERATOR), (heir, Role.ADMIN))
    governed.apply(MINISTRY, record, signers=signers)
    governed.decide(setting(NAME, 30))


def test_a_parameter_holds_from_its_height_on_and_in_no_block_before() -> None:
    governed = Governed()
    proposal = governed.propose(MINISTRY, setting(NAME, 30, from_height=6))
    governed.vote(proposal, NORTH, SOUTH)
    assert governed.world.height == 3
    found = []
    for number in range(4):
        found.append(
            (governed.world.height + 1, governed.parameters().transit_tolerance_basis_points)
        )
        governed.apply(MINISTRY, ore_product(f"ORE-{number}"))
    assert found == [(4, 20), (5, 20), (6, 30), (7, 30)]
    assert governed.world.expect(PARAMETERS).transit_tolerance_basis_points == 20


def test_a_height_that_is_past_means_the_next_block() -> None:
    governed = Governed()
    governed.decide(setting(NAME, 30, from_height=1))
    entries = governed.world.expect(SCHEDULE).entries
    assert [entry.height for entry in entries] == [governed.world.height + 1]


def test_of_two_decisions_for_one_height_the_later_holds_and_the_first_is_folded_in() -> None:
    governed = Governed()
    governed.decide(setting(NAME, 30, from_height=20))
    governed.decide(setting(NAME, 40, from_height=20))
    governed.decide(setting("filing_deadline_day", 15))
    while governed.world.height < 19:
        assert governed.parameters().transit_tolerance_basis_points == 20
        governed.commit()
    assert governed.parameters().transit_tolerance_basis_points == 40
    governed.commit()
    governed.decide(setting("filing_deadline_day", 12, from_height=100))
    row = governed.world.expect(PARAMETERS)
    assert (row.transit_tolerance_basis_points, row.filing_deadline_day) == (40, 15)
    assert [entry.height for entry in governed.world.expect(SCHEDULE).entries] == [100]


def test_rules_that_this_software_does_not_know_stop_it_at_their_height() -> None:
    governed = Governed()
    governed.decide(SwitchRules(version=2, from_height=Height(5)))
    governed.commit()
    assert governed.world.height == 4
    with pytest.raises(InvalidBlockError, match="rules version of this software"):
        governed.world.build()


def test_validators_that_were_decided_do_not_vote_yet_and_an_alert_says_so() -> None:
    governed = Governed()
    east = admit_operator(governed.world, "east")
    governed = Governed(governed.world)
    before = governed.world.expect(VALIDATORS), governed.world.state.header.next_validators_digest
    governed.decide(changing(*validators(CUSTOMS, MINISTRY, NORTH, east), from_height=50))
    alert = alerts_of(governed.world)[-1]
    assert (alert.code, dict(alert.figures)) == (
        "validators-decided", {"from_height": 50, "validators": 4},
    )  # fmt: skip
    assert "The present ones go on voting" in alert.sentence
    after = governed.world.expect(VALIDATORS), governed.world.state.header.next_validators_digest
    assert after == before


def test_a_content_that_no_longer_applies_refuses_the_ballot_that_would_carry_it_out() -> None:
    governed = Governed()
    first = governed.propose(MINISTRY, replacing(SOUTH))
    second = governed.propose(MINISTRY, replacing(SOUTH))
    for proposal in (first, second):
        governed.vote(proposal, NORTH)
    governed.vote(first, CUSTOMS)
    refusal = governed.world.refusal(CUSTOMS, Ballot(proposal=second, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="content.new.key")


def test_a_lost_admin_key_is_replaced_by_a_quorum_with_the_ministry() -> None:
    governed = Governed()
    proposal = governed.propose(CUSTOMS, replacing(SOUTH))
    governed.vote(proposal, NORTH, SOUTH)
    assert not governed.proposal(proposal).decided_height
    governed.vote(proposal, MINISTRY)
    new = replacing(SOUTH).new.key
    assert governed.world.expect(MEMBERS, SOUTH).admin_keys == (new,)
    old = governed.world.expect(KEYS, key_of(SOUTH, Role.ADMIN))
    assert old.revoked_ms == governed.world.time_ms
    assert governed.world.expect(KEYS, new).revoked_ms == 0


def test_the_ministrys_own_key_is_replaced_without_it() -> None:
    governed = Governed()
    proposal = governed.propose(CUSTOMS, replacing(MINISTRY))
    governed.vote(proposal, NORTH, SOUTH)
    assert governed.world.expect(MEMBERS, MINISTRY).admin_keys == (replacing(MINISTRY).new.key,)
