"""What wants a block: told to the engine when it changes, and only then."""

from __future__ import annotations

import pytest

from consensus.effects import Commit
from ledger.parsed import ParsedTransaction
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Digest, Grams
from node.work import PROBE_UNITS_MAX
from tests.support.founding import MINISTRY, sole_genesis
from tests.support.node_network import NodeNetwork, NodeReplica


def plan(network: NodeNetwork, *years: int, valid_until_ms: int | None = None) -> ParsedTransaction:
    records = [
        SetPlan(year=year, bucket=Bucket.ROCK_MINING, total=Grams(9), document=Digest(bytes(32)))
        for year in years
    ]
    return network.world.transaction(MINISTRY, *records, valid_until_ms=valid_until_ms)


@pytest.fixture
def alone() -> tuple[NodeNetwork, NodeReplica]:
    network = NodeNetwork(genesis=sole_genesis(), names=(MINISTRY,))
    return network, network[MINISTRY]


def works(node: NodeReplica) -> bool:
    assert node.replica._work.is_known == node.replica._engine._state.work.pending
    return node.replica._work.is_known


def test_a_pending_transaction_is_work_until_it_is_on_its_way(
    alone: tuple[NodeNetwork, NodeReplica],
) -> None:
    network, node = alone
    assert not works(node)
    node.hold = lambda request: isinstance(request, Commit)
    network.submit(MINISTRY, plan(network, 2030))
    assert works(node)
    network.settle()
    assert node.held
    assert not works(node)
    node.hold = lambda _request: False
    node.release()
    network.settle()
    assert not works(node)
    assert node.height == network.world.height + 1


def test_what_comes_while_a_block_is_on_its_way_is_work_of_its_own(
    alone: tuple[NodeNetwork, NodeReplica],
) -> None:
    network, node = alone
    node.hold = lambda request: isinstance(request, Commit)
    network.submit(MINISTRY, plan(network, 2030))
    network.settle()
    later = plan(network, 2031)
    network.submit(MINISTRY, later)
    assert works(node)
    node.hold = lambda _request: False
    node.release()
    network.finish(later)
    assert not works(node)


def test_an_expired_transaction_is_work_only_until_a_block_past_it_is_on_its_way(
    alone: tuple[NodeNetwork, NodeReplica],
) -> None:
    network, node = alone
    parsed = plan(network, 2030, valid_until_ms=network.wall_ms + 500)
    node.take_in("a peer", parsed)
    node.replica.mempool.note_left_out(
        parsed.tx_id,
        network.world.refusal(MINISTRY, *plan(network, 2030, 2030).records),
        node.height,
    )
    network._queue.clear()
    node.hold = lambda request: isinstance(request, Commit)
    network.wall_ms += 10_000
    network.pass_time(3_000)
    assert [type(request) for request in node.held] == [Commit]
    assert not works(node)
    network.pass_time(10_000)
    assert len(node.held) == 1
    node.hold = lambda _request: False
    node.release()
    network.settle()
    assert parsed.tx_id in node.expired
    assert node.height == network.world.height + 1


def test_a_probe_is_bounded_by_the_work_it_does(alone: tuple[NodeNetwork, NodeReplica]) -> None:
    network, node = alone
    unit = plan(network, 2030).work_units
    taken = plan(network, 2030)
    network.submit(MINISTRY, taken)
    network.finish(taken)
    pool = node.replica.mempool
    for _ in range(3 * PROBE_UNITS_MAX // unit):
        pool.add(plan(network, 2030), submitted_here=False)
    assert node.replica._work.anything_applies(network.now())
    tried = sum(entry.attempts for entry in pool._by_id.values())
    assert PROBE_UNITS_MAX // unit <= tried <= PROBE_UNITS_MAX // unit + 2
