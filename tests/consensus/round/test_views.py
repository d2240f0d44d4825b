from __future__ import annotations

import msgspec
import pytest

from consensus.config import ConsensusConfig
from consensus.effects import Suspect, Timer
from consensus.messages import Certificates, Status
from ledger.wire.scalars import SignatureBytes
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig

VIEW_TIMERS = {"lead", "advance", "retry"}


def test_without_work_no_timer_of_the_view_is_armed() -> None:
    rig = Rig.following()
    assert VIEW_TIMERS.isdisjoint(rig.armed())


def test_work_arms_both_time_outs_and_its_end_disarms_them() -> None:
    rig = Rig.following()
    rig.work()
    assert rig.armed()["lead"] == 800
    assert rig.armed()["advance"] == 1_600
    rig.wait(300)
    rig.work()
    assert rig.armed()["lead"] == 500, "more work does not begin the wait anew"
    rig.work(pending=False)
    assert VIEW_TIMERS.isdisjoint(rig.armed())


def test_a_vote_of_somebody_or_a_proposal_counts_as_work() -> None:
    rig = Rig.following()
    rig.hear_votes(NULLIFY, 1, None, rig.others[:1])
    assert "advance" in rig.armed() or rig.votes(NULLIFY)
    rig = Rig.following()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    assert "advance" in rig.armed()
    assert "lead" not in rig.armed()


def test_without_a_proposal_the_view_is_nullified() -> None:
    rig = Rig.following()
    rig.work()
    rig.fire(Timer.LEAD)
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]
    assert "retry" in rig.armed()
    assert {"lead", "advance"}.isdisjoint(rig.armed())


def test_with_a_proposal_but_no_certificate_the_view_is_nullified_later() -> None:
    rig = Rig.following()
    rig.work()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    rig.executed()
    assert "lead" not in rig.armed()
    rig.fire(Timer.ADVANCE)
    assert len(rig.votes(NOTARIZE)) == 1
    assert len(rig.votes(NULLIFY)) == 1, "notarize, then nullify, is legal"


def test_the_leaders_own_nullify_vote_is_joined_at_once() -> None:
    rig = Rig.following()
    leader = rig.chain.leader(1)
    rig.hear(leader, rig.chain.vote(NULLIFY, 1, None, leader))
    assert [vote.view for vote in rig.votes(NULLIFY)] == [1]


def test_a_leaders_nullify_vote_with_a_bad_signature_is_not_joined() -> None:
    rig = Rig.following()
    leader = rig.chain.leader(1)
    vote = rig.chain.vote(NULLIFY, 1, None, leader)
    rig.hear(leader, msgspec.structs.replace(vote, signature=SignatureBytes(bytes(64))))
    assert rig.votes(NULLIFY) == []
    assert rig.all(Suspect)[0].peer == rig.chain.name(leader)
    rig.hear(leader, rig.chain.vote(NULLIFY, 1, None, leader))
    assert len(rig.votes(NULLIFY)) == 1, "the good one counts although a bad one came first"


def test_more_than_f_nullify_votes_are_joined_and_fewer_are_not() -> None:
    rig = Rig.following()
    ordinary = [voter for voter in rig.others if voter != rig.chain.leader(1)]
    rig.hear_votes(NULLIFY, 1, None, ordinary[:1])
    assert rig.votes(NULLIFY) == []
    rig.hear_votes(NULLIFY, 1, None, ordinary[1:])
    assert len(rig.votes(NULLIFY)) == 1


def test_forged_nullify_votes_do_not_make_a_node_join() -> None:
    rig = Rig.following()
    ordinary = [voter for voter in rig.others if voter != rig.chain.leader(1)]
    for voter in ordinary:
        vote = rig.chain.vote(NULLIFY, 1, None, voter)
        rig.hear(voter, msgspec.structs.replace(vote, signature=SignatureBytes(bytes(64))))
    assert rig.votes(NULLIFY) == []
    assert len(rig.all(Suspect)) == 2


def test_a_notarization_moves_a_node_on_that_had_nullified_the_view() -> None:
    rig = Rig.following()
    rig.work()
    rig.fire(Timer.LEAD)
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    assert rig.state.view == 2, "A3"
    assert rig.votes(FINALIZE) == [], "but it may not help to finalize it"
    assert "retry" not in rig.armed()


def test_the_nullify_vote_is_repeated_with_the_certificate_that_led_into_the_view() -> None:
    rig = Rig.following()
    entry = rig.chain.certificate(NULLIFY, 1)
    rig.hear_certificate(entry)
    rig.work()
    rig.fire(Timer.LEAD)
    rig.forget()
    rig.fire(Timer.RETRY)
    assert [vote.view for vote in rig.votes(NULLIFY)] == [2]
    assert Certificates((entry,)) in rig.said(Certificates)
    assert len(rig.said(Status)) == 1
    assert "retry" in rig.armed()


def test_retries_differ_between_nodes_and_times_by_at_most_a_fifth() -> None:
    waits = set()
    for own in range(4):
        rig = Rig(own)
        rig.work()
        if "lead" not in rig.armed():
            continue
        rig.fire(Timer.LEAD)
        for _ in range(3):
            waits.add(rig.armed()["retry"])
            rig.fire(Timer.RETRY)
    assert len(waits) > 6
    assert 1_280 <= min(waits) <= max(waits) <= 1_920


def test_time_outs_grow_while_nothing_is_final_and_fall_back_only_then() -> None:
    rig = Rig.following(5)
    rig.work()
    leads = []
    for view in range(1, 5):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
        leads.append(rig.armed()["lead"])
    assert leads == [800, 800, 1_200, 1_800]
    block = rig.chain.block(5)
    point = rig.chain.point(block)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 5, point))
    assert rig.armed()["lead"] == 2_700, "a notarization does not reset them (A8)"
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 5, point))
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 6))
    assert rig.armed()["lead"] == 800


def test_an_inactive_leader_is_not_waited_for_if_a_quorum_is_active() -> None:
    config = ConsensusConfig()
    rig = Rig.following(config=config)
    leader = rig.chain.leader(1)
    rig.wait(config.inactive_after_ms)
    for voter in rig.others:
        if voter != leader:
            rig.hear(voter, rig.chain.status(voter, 1))
    rig.work()
    assert rig.armed()["lead"] == 0


def test_nobody_is_taken_for_inactive_without_an_active_quorum() -> None:
    config = ConsensusConfig()
    rig = Rig.following(config=config)
    rig.wait(config.inactive_after_ms)
    rig.hear(rig.others[0], rig.chain.status(rig.others[0], 1))
    rig.work()
    assert rig.armed()["lead"] == 800


def test_an_observer_never_votes_and_arms_no_time_out() -> None:
    rig = Rig(None)
    rig.work()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(rig.chain.block(1)))
    assert VIEW_TIMERS.isdisjoint(rig.armed())
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_votes(NOTARIZE, 1, point, range(3))
    assert rig.state.view == 2
    assert rig.votes(NOTARIZE) + rig.votes(NULLIFY) + rig.votes(FINALIZE) == []
    assert all(status.signature is None for status in rig.said(Status))


def test_a_tip_that_stays_notarized_becomes_work_after_the_bury_delay() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    assert VIEW_TIMERS.isdisjoint(rig.armed())
    rig.forget()
    rig.fire(Timer.BURY)
    assert "advance" in rig.armed()
    assert len(rig.said(Status)) == 1, "so that whoever has the finalization sends it"


def test_a_final_tip_is_no_work_after_the_bury_delay() -> None:
    rig = Rig.following()
    rig.finalize(rig.chain.block(1))
    rig.forget()
    rig.fire(Timer.BURY)
    assert VIEW_TIMERS.isdisjoint(rig.armed())
    assert rig.said(Status) == []


def test_a_timer_that_was_moved_does_nothing_when_the_old_one_fires() -> None:
    rig = Rig.following()
    rig.work()
    rig.wait(799)
    rig.note(rig.engine.on_timer(Timer.LEAD, rig.now))
    assert rig.votes(NULLIFY) == []
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.wait(1)
    rig.note(rig.engine.on_timer(Timer.LEAD, rig.now))
    assert rig.votes(NULLIFY) == []


@pytest.mark.parametrize("heartbeat_ms", [0, 60_000])
def test_a_heartbeat_makes_work_only_if_it_is_on(heartbeat_ms: int) -> None:
    rig = Rig.following(config=ConsensusConfig(heartbeat_interval_ms=heartbeat_ms))
    assert ("heartbeat" in rig.armed()) == bool(heartbeat_ms)
    if heartbeat_ms:
        rig.fire(Timer.HEARTBEAT)
        assert "advance" in rig.armed()
        rig.finalize(rig.chain.block(1))
        assert rig.armed()["heartbeat"] == heartbeat_ms
        assert VIEW_TIMERS.isdisjoint(rig.armed())


def test_undecided_blocks_of_long_past_views_are_let_go() -> None:
    rig = Rig.following()
    block = rig.chain.block(2)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(block))
    assert rig.state.blocks.get(block.header.block_id) is not None
    for view in range(1, 70):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    assert rig.state.blocks.get(block.header.block_id) is None
    assert rig.state.proposals == {}
