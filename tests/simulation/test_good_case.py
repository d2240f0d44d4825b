"""What a healthy network does: how many message delays, how many messages, and when it is silent."""

from __future__ import annotations

import pytest

from consensus.config import ConsensusConfig
from tests.simulation.bench import Bench
from tests.simulation.checkers.progress import assert_silent

DELAY_MS = 100
LOCAL_MS = 12
"""Building, executing and storing together, in the simulation."""


@pytest.mark.parametrize("count", [4, 7])
def test_one_transaction_on_an_idle_network_is_final_after_three_message_delays(count: int) -> None:
    bench = Bench(count, delay_ms=DELAY_MS)
    bench.start()
    for number in range(count):
        bench.submit(b"tx %d" % number)
        waited = bench.time_until_stored(b"tx %d" % number)
        assert 3 * DELAY_MS <= waited <= 3 * DELAY_MS + LOCAL_MS
        bench.wait(2_000)


def test_a_block_follows_the_one_before_after_two_message_delays() -> None:
    two_each = ConsensusConfig(budget_units_start=200, budget_units_min=200, budget_units_max=200)
    bench = Bench(delay_ms=DELAY_MS, config=two_each)
    bench.start()
    for number in range(20):
        bench.submit(b"tx %d" % number)
    waited = bench.time_until_stored(b"tx 19")
    blocks = len(bench.slots[0].disk.chain)
    assert blocks == 10
    assert waited <= (2 * blocks + 1) * DELAY_MS + blocks * LOCAL_MS


def test_a_block_costs_one_proposal_and_two_votes_to_everybody_and_no_certificates() -> None:
    bench = Bench()
    bench.start(settle_ms=15_000)
    before = bench.sent()
    bench.submit(b"tx")
    bench.time_until_stored(b"tx")
    bench.wait(900)
    after = bench.sent()
    spent = {kind: after[kind] - before.get(kind, 0) for kind in after if kind != "Status"}
    assert spent == {"Proposal": 3, "Vote": 24}


def test_an_idle_network_is_silent_and_the_last_transaction_is_final() -> None:
    bench = Bench()
    bench.start()
    bench.submit(b"tx")
    bench.time_until_stored(b"tx")
    assert_silent(bench.world, settle_ms=5_000, window_ms=120_000)
    assert {len(slot.disk.chain) for slot in bench.slots} == {1}


def test_a_heartbeat_makes_one_empty_block_in_each_interval() -> None:
    bench = Bench(config=ConsensusConfig(heartbeat_interval_ms=5_000))
    bench.start(settle_ms=51_000)
    assert {len(slot.disk.chain) for slot in bench.slots} == {10}
    assert all(not stored.block.transactions for stored in bench.slots[0].disk.chain)


def test_with_one_validator_down_a_transaction_takes_at_most_one_lead_time_out_longer() -> None:
    bench = Bench()
    bench.start()
    bench.world.crash(bench.slots[bench.leader_of_current_view()])
    bench.submit(b"tx")
    assert bench.time_until_stored(b"tx") <= 800 + 5 * 10 + 2 * LOCAL_MS


def test_a_leader_down_for_long_is_not_waited_for() -> None:
    bench = Bench()
    bench.start()
    down = bench.leader_of_current_view()
    bench.world.crash(bench.slots[down])
    bench.wait(40_000)
    bench.submit(b"tx")
    assert bench.time_until_stored(b"tx") <= 5 * 10 + 2 * LOCAL_MS


def test_a_transaction_known_to_one_follower_only_gets_into_a_block_all_the_same() -> None:
    bench = Bench()
    bench.start()
    follower = (bench.leader_of_current_view() + 2) % 4
    bench.submit(b"tx", [follower])
    bench.time_until_stored(b"tx")


@pytest.mark.slow
def test_a_load_keeps_the_journal_and_the_memory_small() -> None:
    bench = Bench()
    bench.start()
    for number in range(300):
        bench.submit(b"tx %d" % number)
        bench.wait(20)
    bench.time_until_stored(b"tx 299")
    bench.wait(2_000)
    for slot in bench.slots:
        state = bench.node(slot.index).engine._state
        assert len(slot.disk.journal) <= 450
        assert len(state.certificates.all()) <= 1
        assert state.blocks.all() == ()
        assert len(state.own.votes_between(state.own.floor, state.view)) == 0
