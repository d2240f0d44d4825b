"""Directed scenarios of whole nodes: one fault each, with what must come of it."""

from __future__ import annotations

import pytest

from consensus.config import ConsensusConfig
from ledger.refusal import Refused
from node.mempool import BusyError, MempoolFullError, MempoolLimits
from tests.simulation.replica_bench import CrashAt, ReplicaBench
from tests.simulation.replica_founding import LAST_GRAMS, ionic_output, rock_output
from tests.support.trading import BUYER, MINE, OTHER_MINE, TRADER

RETRY_MS = 1_500
BOUNDARIES_MIN = 20
"""A run with fewer did not show a whole commit."""


def one_commit(role: int, number: int | None, *, torn: bool = False) -> CrashAt:
    """Sell one lot, while one node crashes at one boundary; return what was passed.

    Args:
        role: Which node crashes, counted from the leader; the node after the leader takes the sale.
        number: The boundary, counted from the submission; None to crash nowhere.
        torn: At a ``Persist``: its records were written and not synced.
    """
    bench = ReplicaBench()
    bench.world.crashes.down_max_ms = 300
    leader = bench.leader()
    crash = CrashAt(bench.slots[(leader + role) % 4].name, number, torn=torn)
    bench.world.directed_crash = crash
    sale = bench.sale(bench.lots[0], BUYER)
    bench.admit((leader + 1) % 4, sale)
    bench.network.wait(RETRY_MS)
    if not bench.is_final(sale):  # the client asks everybody again
        for slot in bench.slots:
            bench.world.ask(slot, sale.signed_bytes)
    bench.network.until(lambda: bench.is_final(sale), limit_ms=30_000)
    bench.network.until(bench.network.is_level)
    bench.assert_history()
    assert number is None or crash.has_struck
    return crash


@pytest.mark.parametrize("role", [0, 1, 2])
def test_a_crash_at_any_boundary_of_one_commit_costs_nothing(role: int) -> None:
    boundaries = one_commit(role, None).boundaries
    assert len(boundaries) >= BOUNDARIES_MIN
    assert {"Persist", "Broadcast", "Commit", "Finalized", ""} <= set(boundaries)
    for number, effect in enumerate(boundaries):
        one_commit(role, number)
        if effect == "Persist":
            one_commit(role, number, torn=True)


@pytest.mark.parametrize("swap", [False, True])
def test_two_leaders_that_each_hold_half_of_a_double_sale_sell_once(swap: bool) -> None:  # noqa: FBT001
    bench = ReplicaBench()
    leader = bench.leader()
    halves = [leader, (leader + 1) % 4]
    bench.lose_transactions(*halves)
    sales = [bench.sale(bench.lots[0], buyer, valid_ms=20_000) for buyer in (BUYER, TRADER)]
    if swap:
        halves.reverse()
    for index, sale in zip(halves, sales, strict=True):
        bench.admit(index, sale)
    bench.network.until(lambda: any(bench.is_final(sale) for sale in sales))
    bench.network.wait(25_000)
    assert len(bench.promises.expired) == 1
    winner = next(sale for sale in sales if bench.is_final(sale))
    loser = next(sale for sale in sales if sale is not winner)
    assert loser.tx_id in bench.promises.expired
    bench.assert_all_is_well(rivals=sales)


def test_a_double_sale_at_two_nodes_while_everything_arrives_sells_once() -> None:
    bench = ReplicaBench()
    sales = [bench.sale(bench.lots[0], buyer, valid_ms=20_000) for buyer in (BUYER, TRADER)]
    for index, sale in enumerate(sales):
        bench.admit((bench.leader() + 1 + index) % 4, sale)
    bench.network.until(lambda: any(bench.is_final(sale) for sale in sales))
    bench.network.wait(25_000)
    bench.assert_all_is_well(rivals=sales)
    assert len(bench.promises.expired) == 1


def test_a_node_that_was_down_for_a_while_catches_up_by_itself_and_then_takes_part() -> None:
    bench = ReplicaBench()
    away = bench.slots[3]
    bench.world.crash(away)
    takers = [0, 1, 2]
    for number in range(100):
        output = bench.signed(MINE, rock_output(f"A-{number}", 1), valid_ms=600_000)
        bench.admit(takers[number % 3], output)
        bench.network.until(lambda output=output: bench.has(0, output))  # type: ignore[misc]
    assert len(bench.slots[0].disk.chain) - len(away.disk.chain) >= 90
    bench.world.start(away)
    took_ms = bench.network.until(lambda: len(away.disk.chain) == len(bench.slots[0].disk.chain))
    assert took_ms <= 20_000
    bench.network.wait(3_000)
    sale = bench.sale(bench.lots[0], BUYER)
    bench.admit(away.index, sale)
    votes = away.sent.get("Vote", 0)
    bench.network.until(lambda: bench.is_final(sale))
    assert away.sent["Vote"] > votes
    bench.assert_all_is_well()


def test_an_expired_transaction_on_an_idle_network_is_refused_for_good() -> None:
    """A loser waits; nobody wishes for anything else; its end comes all the same, at every node."""
    bench = ReplicaBench()
    first, second = (bench.sale(bench.lots[0], b, valid_ms=15_000) for b in (BUYER, TRADER))
    leader = bench.leader()
    bench.lose_transactions(0, 1, 2, 3)
    bench.admit(leader, first)
    bench.admit((leader + 2) % 4, second)
    bench.network.until(lambda: bench.is_final(first))
    height = len(bench.slots[0].disk.chain)
    bench.network.wait(14_000)
    assert second.tx_id not in bench.promises.expired
    assert len(bench.slots[0].disk.chain) == height, "a doomed transaction made blocks"
    took_ms = bench.network.until(lambda: second.tx_id in bench.promises.expired)
    assert took_ms <= 10_000
    bench.assert_all_is_well(rivals=(first, second))
    assert bench.promises.expired == {second.tx_id: bench.slots[(leader + 2) % 4].name}
    state = bench.node((leader + 2) % 4).replica.state_of(second.tx_id)
    assert isinstance(state, Refused)


def test_an_author_that_fills_its_share_of_every_pool_does_not_starve_another() -> None:
    limits = MempoolLimits(author_transactions_max=40)
    small = ConsensusConfig(budget_units_start=40, budget_units_min=40, budget_units_max=40)
    bench = ReplicaBench(limits=limits, config=small)
    alone = bench.slots[(bench.leader() + 1) % 4]
    others = {slot.name for slot in bench.slots} - {alone.name}
    # Without a quorum nothing becomes final while the pool fills.
    names = sorted(others)
    bench.world.network.conditions.blocked = {(a, b) for a in names for b in names}
    refused: list[BusyError] = []
    for number in range(60):
        output = bench.signed(MINE, rock_output(f"B-{number}", 1), valid_ms=600_000)
        answer = bench.world.ask(alone, output.signed_bytes)
        if isinstance(answer, BusyError):
            refused.append(answer)
    assert len(refused) == 20
    assert isinstance(refused[0], MempoolFullError)
    assert len(bench.node(alone.index).replica.mempool) == 40
    other = bench.signed(OTHER_MINE, ionic_output("B-ION", LAST_GRAMS), valid_ms=600_000)
    bench.admit(alone.index, other)
    bench.world.network.conditions.blocked = set()
    bench.network.connect_all()
    bench.network.until(lambda: bench.is_final(other), limit_ms=20_000)
    bench.assert_all_is_well()
    place = [other.signed_bytes in block.block.transactions for block in bench.slots[0].disk.chain]
    first_new = bench.network.founded.height
    assert place.index(True) == first_new, "the other author waits for the flood"
    assert sum(place) == 1
    assert len(place) - first_new >= 10, "one block held the whole flood"
