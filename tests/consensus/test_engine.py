from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.effects import Build, Effect, Halt, Suspect, Timer
from consensus.messages import Message, Status
from ledger.wire.scalars import BlockId, Height
from tests.consensus.rig import NOTARIZE, NULLIFY, Rig
from tests.consensus.round.test_signing import assert_durable_before_sent
from tests.consensus.strategies import messages


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["validator-01", "validator-03", "x"]), messages)))
def test_no_message_that_decodes_makes_an_engine_fail_or_lie(
    received: list[tuple[str, Message]],
) -> None:
    rig = Rig(0)
    for peer, message in received:
        rig.hear(peer, message)
    assert rig.halts() == []
    assert rig.state.view == 1
    assert rig.engine.status().final_height == 0


EVENTS = ("timer", "work", "idle", "vote", "certificate", "proposal", "executed", "built", "status")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=40), st.randoms(use_true_random=False))
def test_in_any_order_of_events_statements_are_durable_before_they_are_sent(
    events: list[str], rng: random.Random
) -> None:
    rig = Rig(rng.randrange(4))
    for event in events:
        happen(rig, event, rng)
    assert_durable_before_sent(rig, rig.effects)
    assert [h for h in rig.all(Halt) if "journal" not in h.reason] == []
    assert all(s.peer != rig.chain.name(0) or rig.own != 0 for s in rig.all(Suspect))


def happen(rig: Rig, event: str, rng: random.Random) -> None:
    view = max(1, rig.state.view - rng.randrange(2))
    block = rig.chain.block(view)
    point = rig.chain.point(block)
    voter = rng.choice(rig.others)
    kind = rng.choice((NOTARIZE, NULLIFY))
    match event:
        case "timer":
            armed = [timer for timer in Timer if timer.value in rig.armed()]
            rig.fire(rng.choice(armed))
        case "work" | "idle":
            rig.work(pending=event == "work")
        case "vote":
            rig.hear(voter, rig.chain.vote(kind, view, None if kind is NULLIFY else point, voter))
        case "certificate":
            rig.hear_certificate(rig.chain.certificate(NULLIFY, view), voter)
        case "proposal" if rig.chain.leader(view) != rig.own:
            rig.hear(voter, rig.chain.proposal(block))
        case "executed":
            known = [k for k in rig.state.blocks.all() if k.verdict.value == "pending"]
            for waiting in known[:1]:
                rig.note(
                    rig.engine.on_executed(waiting.block_id, valid=True, reason="", now=rig.now)
                )
        case "built" if rig.state.leading.building is not None:
            rig.built()
        case "status":
            rig.hear(voter, rig.chain.status(voter, view))
        case _:
            pass


def test_the_same_events_give_the_same_effects() -> None:
    def run() -> list[Effect]:
        rig = Rig(2)
        rng = random.Random(5)  # noqa: S311 - a fixed course of events
        for _ in range(60):
            happen(rig, rng.choice(EVENTS), rng)
        return rig.effects

    assert run() == run()


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    rig = Rig.following()
    before = rig.engine.status()
    rig.note(rig.engine.on_executed(BlockId(bytes(32)), valid=True, reason="", now=rig.now))
    rig.note(rig.engine.on_committed(Height(9), rig.now))
    rig.note(rig.engine.on_timer(Timer.CLOCK, rig.now))
    assert rig.engine.status() == before


def test_a_validator_alone_decides_by_itself() -> None:
    rig = Rig(0, count=1)
    rig.work()
    for height in (1, 2, 3):
        rig.built()
        assert rig.engine.status().final_height == height
        rig.committed(height)
    assert rig.all(Build)[-1].height == 4


def test_an_expired_transaction_brings_one_empty_block_and_no_more() -> None:
    rig = Rig.leading()
    rig.note(rig.engine.on_work(pending=True, now=rig.now, empty_wanted=True))
    assert rig.all(Build)[0].may_be_empty
    block = rig.built(())
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    assert not rig.state.empty_block_wanted(), "the block under way may be the answer"


def test_a_stranger_is_greeted_and_the_own_name_is_not() -> None:
    rig = Rig(0)
    rig.forget()
    rig.note(rig.engine.on_connected("observer", rig.now))
    rig.note(rig.engine.on_connected(rig.chain.name(0), rig.now))
    assert len(rig.said(Status)) == 1
