"""A majority without an authority: the enterprises run most validators and want to be among themselves."""

from __future__ import annotations

import msgspec

from ledger.genesis import encode_genesis, open_genesis
from ledger.records.admit_member import AdmitMember
from ledger.records.ballot import Ballot
from ledger.refusal import RefusalCode
from ledger.state.rows import ValidatorRow
from ledger.vocabulary import BallotChoice, Role
from ledger.wire.scalars import MemberId
from tests.support.founding import (
    CUSTOMS,
    MINISTRY,
    NETWORK,
    NORTH,
    SOUTH,
    genesis_document,
    validator,
)
from tests.support.governing import Governed, changing, replacing, setting
from tests.support.keys import key_of, new_key
from tests.support.refusals import assert_refused
from tests.support.world import World


def more(member: MemberId, number: int) -> ValidatorRow:
    """Return another validator of a member, with keys of its own."""
    return ValidatorRow(
        name=MemberId(f"{member}-{number}"),
        member=member,
        consensus_key=key_of(member, Role.CONSENSUS, number),
        node_key=key_of(member, Role.NODE, number),
    )


def world_with(*rows: ValidatorRow) -> Governed:
    document = genesis_document()
    members = tuple(_with_more_keys(member) for member in document.members)
    ordered = tuple(sorted(rows, key=lambda row: row.name))
    changed = msgspec.structs.replace(document, members=members, validators=ordered)
    return Governed(World(open_genesis(encode_genesis(changed))))


def _with_more_keys(member: AdmitMember) -> AdmitMember:
    keys = (
        new_key(NETWORK, member.id, role, number)
        for role in (Role.CONSENSUS, Role.NODE)
        for number in (1, 2)
    )
    return msgspec.structs.replace(member, keys=(*member.keys, *keys))


def test_five_of_seven_that_enterprises_run_decide_nothing_and_with_customs_they_do() -> None:
    rows = [validator(member) for member in (CUSTOMS, MINISTRY, NORTH, SOUTH)]
    enterprises = (more(NORTH, 1), more(SOUTH, 1), more(NORTH, 2))
    governed = world_with(*rows, *enterprises)
    without_ministry = [row for row in (*rows, *enterprises) if row.member != MINISTRY]
    ordered = sorted(without_ministry, key=lambda row: row.name)
    proposal = governed.propose(NORTH, changing(*ordered))
    governed.vote(proposal, SOUTH)
    # Five validators of seven agree, which is a quorum; no authority is among them.
    assert governed.proposal(proposal).decided_height == 0
    governed.vote(proposal, CUSTOMS)
    assert governed.proposal(proposal).decided_height


def test_a_ministry_that_runs_three_of_four_validators_still_does_not_decide_alone() -> None:
    rows = (validator(MINISTRY), more(MINISTRY, 1), more(MINISTRY, 2), validator(NORTH))
    governed = world_with(*rows)
    proposal = governed.propose(MINISTRY, setting("transit_tolerance_basis_points", 10_000))
    assert governed.proposal(proposal).decided_height == 0
    governed.vote(proposal, NORTH)
    assert governed.proposal(proposal).decided_height


def test_enterprises_do_not_take_the_ministrys_keys() -> None:
    governed = Governed()
    proposal = governed.propose(NORTH, replacing(MINISTRY))
    governed.vote(proposal, SOUTH)
    assert governed.proposal(proposal).decided_height == 0
    refusal = governed.world.refusal(NORTH, Ballot(proposal=proposal, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.BALLOT_EXISTS, field="proposal")
