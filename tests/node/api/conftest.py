"""One running node for each file of tests: they use lots, codes and years of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.running_node import RunningNode, make_home, running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """Return a validator that is alone, on free ports."""
    place = make_home(tmp_path_factory.mktemp("node") / "home")
    async with running(place) as running_node:
        yield running_node
