from __future__ import annotations

import msgspec
import pytest

from consensus.config import UNFINALIZED_DEPTH_MAX, ConsensusConfig
from consensus.effects import Build, Drop, Persist, Timer
from consensus.journal import RecordType
from consensus.messages import Proposal
from consensus.round.leading import BuiltBlockError
from ledger.wire.scalars import TimeMs
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig


def test_a_leader_builds_as_soon_as_there_is_work_without_any_timer() -> None:
    rig = Rig.leading()
    rig.work()
    request = rig.all(Build)[0]
    assert (request.view, request.parent_id) == (1, rig.chain.origin.block_id)
    assert request.time_ms == rig.wall_ms
    assert not request.may_be_empty
    assert not request.must_be_empty


def test_a_built_block_is_durable_then_proposed_and_voted_for_in_one_answer() -> None:
    rig = Rig.leading()
    rig.work()
    block = rig.built()
    proposal = rig.said(Proposal)[0]
    assert proposal.block == block
    assert [vote.point for vote in rig.votes(NOTARIZE)] == [proposal.point]
    persist = rig.last[0]
    assert isinstance(persist, Persist)
    assert persist.sync
    assert [kind for kind, _body in persist.records] == [
        RecordType.OWN_PROPOSE,
        RecordType.OWN_VOTE,
    ]


def test_the_next_leader_builds_as_soon_as_the_view_before_is_notarized() -> None:
    rig = Rig.leading(2)
    rig.work()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_votes(NOTARIZE, 1, rig.chain.point(block), rig.others)
    request = rig.all(Build)[0]
    assert (request.view, request.parent_id) == (2, block.header.block_id)


def test_a_proposal_carries_the_parents_certificate_and_every_skipped_views() -> None:
    rig = Rig.leading(4)
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    notarization = rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block))
    skipped = [rig.chain.certificate(NULLIFY, view) for view in (2, 3)]
    for certificate in (notarization, *skipped):
        rig.hear_certificate(certificate)
    rig.work()
    rig.built()
    proposal = rig.said(Proposal)[0]
    assert proposal.point.parent_view == 1
    assert proposal.justification == (notarization, *skipped)


def test_a_leader_with_a_hole_below_its_view_does_not_guess() -> None:
    rig = Rig.leading(3)
    rig.work()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    assert rig.state.view == 3
    assert rig.all(Build) == []
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    assert len(rig.all(Build)) == 1


def test_a_leader_that_lacks_the_parents_block_does_not_build() -> None:
    rig = Rig.leading(2)
    rig.work()
    block = rig.chain.block(1)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    assert rig.all(Build) == []


def test_nothing_to_put_in_is_tried_again_with_the_next_transaction() -> None:
    rig = Rig.leading()
    rig.work()
    rig.note(rig.engine.on_built(rig.all(Build)[0], None, rig.now))
    rig.fire(Timer.BURY)
    assert len(rig.all(Build)) == 1
    rig.work()
    assert len(rig.all(Build)) == 2


def test_an_empty_block_buries_a_tip_that_stays_notarized_after_a_delay() -> None:
    rig = Rig.leading(2)
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    assert rig.all(Build) == []
    rig.fire(Timer.BURY)
    assert rig.all(Build)[0].may_be_empty
    rig.built(())
    assert len(rig.said(Proposal)) == 1


def test_a_final_tip_is_not_buried() -> None:
    rig = Rig.leading(2)
    rig.finalize(rig.chain.block(1))
    rig.fire(Timer.BURY)
    assert rig.all(Build) == []


def test_a_heartbeat_brings_one_empty_block() -> None:
    rig = Rig.leading(config=ConsensusConfig(heartbeat_interval_ms=1_000))
    rig.fire(Timer.HEARTBEAT)
    assert rig.all(Build)[0].may_be_empty


def test_on_too_many_unfinalized_blocks_only_empty_ones_are_built_after_the_bury_delay() -> None:
    view = UNFINALIZED_DEPTH_MAX + 1
    rig = Rig.leading(view)
    rig.work()
    parent, parent_view = rig.chain.genesis, 0
    for number in range(1, view):
        block = rig.chain.block(number, parent, time_ms=parent.time_ms + 10)
        point = rig.chain.point(block, parent_view)
        if rig.chain.leader(number) == rig.own:
            rig.state.blocks.add(block, point.block_id)
            rig.hear_certificate(rig.chain.certificate(NOTARIZE, number, point))
            rig.executed()
        else:
            rig.hear(rig.chain.leader(number), rig.chain.proposal(block, parent_view))
            rig.executed()
            rig.hear_certificate(rig.chain.certificate(NOTARIZE, number, point))
        parent, parent_view = block.header, number
    assert [vote.view for vote in rig.votes(NOTARIZE)][-1] == view - 1, "depth withholds no vote"
    assert all(request.view != view for request in rig.all(Build))
    rig.fire(Timer.BURY)
    request = rig.all(Build)[-1]
    assert (request.view, request.must_be_empty, request.may_be_empty) == (view, True, True)


def test_the_time_of_a_block_is_later_than_its_parents_even_if_the_clock_is_not() -> None:
    rig = Rig.leading(2)
    rig.work()
    ahead = rig.wall_ms + 1_500
    rig.finalize(rig.chain.block(1, time_ms=ahead))
    assert rig.all(Build)[-1].time_ms == ahead + 1


def test_a_block_that_comes_after_the_view_has_passed_is_dropped() -> None:
    rig = Rig.leading()
    rig.work()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    block = rig.built()
    assert rig.said(Proposal) == []
    assert rig.all(Drop) == [Drop((block.header.block_id,))]


def test_a_block_that_comes_after_the_own_nullify_vote_is_dropped() -> None:
    rig = Rig.leading()
    rig.work()
    rig.fire(Timer.LEAD)
    block = rig.built()
    assert rig.said(Proposal) == []
    assert rig.all(Drop) == [Drop((block.header.block_id,))]


@pytest.mark.parametrize("field", ["view", "height", "parent", "time_ms", "proposer", "chain_id"])
def test_another_block_than_was_asked_for_is_the_owners_fault(field: str) -> None:
    rig = Rig.leading()
    rig.work()
    request = rig.all(Build)[0]
    block = rig.chain.block(1, time_ms=request.time_ms)
    value = bytes(32) if field in ("parent", "chain_id") else 63
    header = msgspec.structs.replace(block.header, **{field: value})
    wrong = type(block)(header=header, transactions=block.transactions)
    with pytest.raises(BuiltBlockError, match=field):
        rig.engine.on_built(request, wrong, rig.now)


def test_an_empty_block_that_nobody_asked_for_is_the_owners_fault() -> None:
    rig = Rig.leading()
    rig.work()
    with pytest.raises(BuiltBlockError, match="empty"):
        rig.built(())


def test_the_budget_starts_small_grows_by_a_tenth_and_halves_within_bounds() -> None:
    config = ConsensusConfig(budget_units_start=1_000, budget_units_min=300, budget_units_max=1_150)
    rig = Rig.leading(config=config)
    rig.work()
    assert rig.all(Build)[-1].budget_units == 1_000
    block = rig.built()
    point = rig.chain.point(block)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, point))
    rig.committed(1)
    assert rig.engine.status().budget_units == 1_100
    for view in (2, 3, 4):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    rig.built()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 5))
    assert rig.engine.status().budget_units == 550
    for view in (6, 7, 8):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    rig.built()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 9))
    assert rig.engine.status().budget_units == 300


def test_a_restarted_leader_sends_the_same_bytes_and_builds_nothing_else() -> None:
    rig = Rig.leading()
    rig.work()
    rig.built()
    proposal = rig.said(Proposal)[0]
    again = rig.restarted()
    again.wait(60_000)
    again.work()
    assert again.said(Proposal) == [proposal]
    assert again.all(Build) == []


def test_a_leader_that_crashed_between_proposal_and_vote_executes_and_votes_after_restart() -> None:
    rig = Rig.leading()
    rig.work()
    rig.built()
    proposal = rig.said(Proposal)[0]
    again = Rig(rig.own, journal=[r for r in rig.records() if r[0] == RecordType.OWN_PROPOSE])
    again.work()
    assert again.votes(NOTARIZE) == []
    assert again.all(Build) == []
    again.executed()
    assert [vote.point for vote in again.votes(NOTARIZE)] == [proposal.point]


def test_the_time_of_a_request_is_the_wall_clocks() -> None:
    rig = Rig.leading()
    rig.wait(12_345)
    rig.work()
    assert rig.all(Build)[0].time_ms == TimeMs(rig.wall_ms)
