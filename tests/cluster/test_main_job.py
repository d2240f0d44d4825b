"""The four sentences of the main job, with four real processes and the commands that people use.

The tests of this file share one network and run in their order: each leaves all nodes running.
"""

from __future__ import annotations

import asyncio

import pytest

from client.errors import ClientError
from node.demo.tampering import tamper
from tests.cluster.conftest import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("cluster"),
]

HEIGHT_SECONDS = 60.0


async def heights(cluster: Cluster) -> dict[str, int]:
    """Return the height of every node."""
    found = {}
    for node in cluster.network.supervisor.names:
        async with cluster.ministry(node) as client:
            found[node] = (await client.status()).height
    return found


async def until_level(cluster: Cluster) -> int:
    """Wait until all nodes are at the height of the highest, and return it."""
    async with asyncio.timeout(HEIGHT_SECONDS):
        while len(set((found := await heights(cluster)).values())) > 1:
            continue
    return max(found.values())


async def test_four_nodes_tell_one_verified_history(cluster: Cluster) -> None:
    await until_level(cluster)
    code, report = await asyncio.to_thread(cluster.verify)
    assert (code, report["verdict"]) == (0, "VERIFIED"), report
    assert report["findings"] == []
    assert report["range"]["from"] == 0
    assert report["range"]["to"] > 10


@pytest.mark.parametrize("stopped", ["customs", "ministry", "north-group", "south-group"])
async def test_any_one_node_may_stop_and_catches_up_by_itself(
    cluster: Cluster, stopped: str
) -> None:
    supervisor = cluster.network.supervisor
    await supervisor.stop(stopped)
    others = [node for node in supervisor.names if node != stopped]
    async with cluster.ministry(*others) as client:
        receipts = [await client.submit(cluster.new_plan()) for _ in range(3)]
    await supervisor.start(stopped)
    height = await until_level(cluster)
    assert height >= receipts[-1].height
    async with cluster.ministry(stopped) as client:
        for receipt in receipts:
            again = await client.receipt(receipt.tx_id)
            assert again.height == receipt.height


async def test_a_second_stopped_node_stops_progress_and_nothing_is_lost(cluster: Cluster) -> None:
    supervisor = cluster.network.supervisor
    await supervisor.stop("customs")
    await supervisor.stop("south-group")
    async with cluster.ministry("ministry", "north-group") as client:
        before = (await client.status()).height
        writing = asyncio.create_task(client.submit(cluster.new_plan()))
        # Two of four are no quorum: several time-outs of the protocol pass without a block.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(writing), 6)
        assert (await client.status()).height == before
        await supervisor.start("customs")
        receipt = await asyncio.wait_for(writing, 60)
    assert receipt.height > before
    await supervisor.start("south-group")
    await until_level(cluster)
    async with cluster.ministry("south-group") as client:
        assert (await client.receipt(receipt.tx_id)).height == receipt.height


async def test_one_edited_byte_is_found_with_node_block_and_record(cluster: Cluster) -> None:
    supervisor = cluster.network.supervisor
    await supervisor.stop("south-group")
    done = tamper(cluster.network.directory.home("south-group"))
    await supervisor.start("south-group")
    await until_level(cluster)
    code, report = await asyncio.to_thread(cluster.verify)
    assert (code, report["verdict"]) == (3, "TAMPERED"), report
    finding = report["findings"][0]
    assert finding["height"] == done.height
    text = str(finding)
    assert supervisor.api("south-group") in text or "south-group" in text
    assert done.transaction in text
    ended = await asyncio.to_thread(cluster.command, "verify", *cluster.urls)
    assert ended.code == 3
    assert ended.out.strip().splitlines()[-1].startswith("TAMPERED")
    assert "south-group" in ended.out
    assert f"{done.before_g:,}" in ended.out or str(done.before_g) in ended.out


async def test_the_history_goes_on_beside_a_tampered_copy(cluster: Cluster) -> None:
    async with cluster.ministry() as client:
        receipt = await client.submit(cluster.new_plan())
    assert receipt.height == await until_level(cluster)


async def test_a_rebuilt_copy_is_whole_again_and_its_node_votes(cluster: Cluster) -> None:
    supervisor = cluster.network.supervisor
    home = cluster.network.directory.home("south-group")
    refused = await asyncio.to_thread(cluster.command, "node", "rebuild", str(home.path))
    assert refused.code == 11
    await supervisor.stop("south-group")
    ended = await asyncio.to_thread(cluster.command, "node", "rebuild", str(home.path))
    assert ended.code == 0, ended.err
    assert "store.damaged-1" in ended.out
    await supervisor.start("south-group")
    await until_level(cluster)
    code, report = await asyncio.to_thread(cluster.verify)
    assert (code, report["verdict"]) == (0, "VERIFIED"), report
    # Three of four are a quorum: without the fourth its vote is needed.
    await supervisor.stop("customs")
    async with cluster.ministry("south-group") as client:
        await client.submit(cluster.new_plan())
    await supervisor.start("customs")
    await until_level(cluster)


async def test_a_refusal_is_final_and_names_its_figures(cluster: Cluster) -> None:
    plan = cluster.new_plan()
    async with cluster.ministry() as client:
        await client.submit(plan)
        with pytest.raises(ClientError, match="plan") as caught:
            await client.submit(plan)
    assert "plan_exists" in repr(caught.value.__dict__)
