"""Liveness, readiness and metrics."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consensus.effects import Halt, HaltScope
from consensus.status import PeerStatus
from ledger.wire.scalars import Height, View
from node.api.readiness import BEHIND_MAX, is_caught_up
from node.driver import Driver
from node.metrics import METRIC_NAMES
from tests.support.running_node import RunningNode
from tests.support.trading import MINE, output

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"


async def test_a_node_that_is_alone_is_alive_and_ready(node: RunningNode) -> None:
    for path in ("/livez", "/readyz"):
        async with node.health.get(path) as response:
            assert (response.status, await response.text()) == (200, "ok\n")
    async with node.health.get("/readyz?verbose") as response:
        found = await response.json()
    assert found == {
        "ready": True,
        "checks": {"not_halted": True, "quorum_reachable": True, "caught_up": True},
    }


async def test_a_halted_node_is_alive_and_not_ready_and_takes_nothing(node: RunningNode) -> None:
    node.driver.halted = Halt(HaltScope.ENGINE, "two histories are certified")
    try:
        async with node.health.get("/livez") as response:
            assert response.status == 200
        async with node.health.get("/readyz") as response:
            assert (response.status, await response.text()) == (503, "not ready\n")
        answer = await node.post(node.world.transaction(MINE, output()))
        problem = await answer.json(content_type=None)
        assert (answer.status, problem["code"]) == (503, "not_ready")
        assert "two histories are certified" in problem["detail"]
        assert answer.headers["Retry-After"]
        status = await (await node.get("/v1/status")).json()
        assert status["halted"] == "two histories are certified"
    finally:
        node.driver.halted = None


async def test_every_metric_is_scraped_and_stands_on_the_page(node: RunningNode) -> None:
    await node.apply(node.world.transaction(MINE, output()))
    async with node.health.get("/metrics") as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    described = set(re.findall(r"^# HELP (\w+)", text, re.M))
    assert described == set(METRIC_NAMES)
    written = set(re.findall(r"^\| `(monazite_\w+)", PAGE.read_text(encoding="utf-8"), re.M))
    assert written == set(METRIC_NAMES)
    values = dict(re.findall(r"^(\w+)(?:{[^}]*})? (\S+)$", text, re.M))
    assert float(values["monazite_height"]) == node.driver.replica.chain.tip.height
    assert float(values["monazite_transactions_total"]) >= 1
    assert float(values["monazite_signing"]) == 1


# ---- caught up: what peers claim


def driver_hearing(
    *heights: int | None, tip: int = 100, own: int | None = 0, strangers: tuple[int, ...] = ()
) -> Driver:
    """Return what a driver of four validators looks like when its peers claim these heights."""
    names = ("a", "b", "c", "d")
    peers = [
        PeerStatus(name, None if height is None else 1, View(1), Height(height or 0), 0)
        for name, height in zip(names[1:], heights, strict=True)
    ]
    peers += [
        PeerStatus(f"x#{number}", 1, View(1), Height(height), 0)
        for number, height in enumerate(strangers)
    ]
    validators = SimpleNamespace(
        validators=[SimpleNamespace(name=name) for name in names], quorum=3, fault_limit=1
    )
    replica = SimpleNamespace(
        status=SimpleNamespace(own=own, peers=peers),
        validators=validators,
        chain=SimpleNamespace(tip=SimpleNamespace(height=tip)),
    )
    return cast("Driver", cast("Any", SimpleNamespace(replica=replica)))


@pytest.mark.parametrize(
    ("driver", "caught_up"),
    [
        (driver_hearing(None, None, None), False),
        (driver_hearing(100, None, None), False),
        (driver_hearing(100, 100, None), True),
        (driver_hearing(100, 100, 100), True),
        # One that lies, or is ahead alone, does not make this node unready.
        (driver_hearing(2**62, 100, 100), True),
        (driver_hearing(2**62, 2**62, 100), False),
        (driver_hearing(100 + BEHIND_MAX, 100 + BEHIND_MAX, 0), True),
        (driver_hearing(101 + BEHIND_MAX, 101 + BEHIND_MAX, 0), False),
        # Nodes that do not vote say what they like.
        (driver_hearing(100, 100, 100, strangers=(2**62, 2**62, 2**62)), True),
        (driver_hearing(100, None, None, strangers=(100, 100)), False),
        # An observer counts nobody but validators.
        (driver_hearing(100, 100, None, own=None), False),
        (driver_hearing(100, 100, 100, own=None), True),
    ],
)
async def test_a_node_knows_that_it_is_behind_only_from_more_than_one_faulty_voter(
    driver: Driver,
    caught_up: bool,  # noqa: FBT001 - the verdict
) -> None:
    assert is_caught_up(driver) is caught_up
