"""Nodes are stopped at the end of each test, and nothing of them may be left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from node.net.limits import NetworkLimits
from tests.node.net.nodes import QUICK, TestedNode

Starter = Callable[..., Awaitable[TestedNode]]


@pytest.fixture
async def start_node() -> AsyncIterator[Starter]:
    """Starts nodes by name; checks at the end that no task outlives them."""
    before = asyncio.all_tasks()
    nodes: list[TestedNode] = []

    async def start(name: str, limits: NetworkLimits = QUICK) -> TestedNode:
        node = TestedNode(name, limits)
        nodes.append(node)
        await node.start()
        return node

    yield start
    for node in nodes:
        await node.network.stop()
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


@pytest.fixture
async def pair(start_node: Starter) -> tuple[TestedNode, TestedNode]:
    """Two nodes that know and dial each other."""
    north, south = await start_node("north"), await start_node("south")
    north.allow(south)
    south.allow(north)
    await north.dial(south)
    await south.dial(north)
    await north.until_connected("south")
    await south.until_connected("north")
    return north, south
