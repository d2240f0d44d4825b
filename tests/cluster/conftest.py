"""A demo network of four real processes, loaded with two months, shared by the tests of one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client.session import Client
from ledger.records.grant_quota import GrantQuota
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import Digest, Grams, MemberId
from node.demo.loading import Loader
from node.demo.network import DemoNetwork, running_network

MONTHS = 2
COMMAND_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Cluster:
    """A running network and the commands that a person would give."""

    network: DemoNetwork
    environment: dict[str, str]
    years: int = 0

    @property
    def urls(self) -> list[str]:
        supervisor = self.network.supervisor
        return [supervisor.api(node) for node in supervisor.names]

    def command(self, *arguments: str) -> Ended:
        """Run ``monazite`` as a person would, in a process of its own."""
        ended = subprocess.run(
            [sys.executable, "-m", "client", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def verify(self) -> tuple[int, dict[str, Any]]:
        """Verify all four nodes against each other and the pinned genesis."""
        ended = self.command("verify", "--json", *self.urls)
        return ended.code, json.loads(ended.out)

    def ministry(self, *nodes: str) -> Client:
        """Return a client of the ministry that knows only these nodes; all of them by default."""
        network = self.network
        return Client(
            [network.supervisor.api(node) for node in nodes or network.supervisor.names],
            genesis=network.genesis.data,
            member="ministry",
            keys={Role.OPERATOR: network.directory.key("ministry", Role.OPERATOR)},
            outbox=network.directory.path / "test-outbox",
        )

    def new_plan(self) -> SetPlan:
        """Return a record that the ministry may write once: the plan of a year to come."""
        self.years += 1
        return SetPlan(
            year=2100 + self.years,
            bucket=Bucket.ROCK_MINING,
            total=Grams(1_000),
            document=Digest(bytes(32)),
        )


def grant(year: int, grantee: str) -> GrantQuota:
    """Return a small grant."""
    return GrantQuota(
        year=year,
        bucket=Bucket.ROCK_MINING,
        batch=1,
        grantee=MemberId(grantee),
        grams=Grams(1),
        document=Digest(bytes(32)),
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    configuration = tmp_path_factory.mktemp("configuration")
    directory: Path = tmp_path_factory.mktemp("network") / "demo"
    environment = {**os.environ, "MONAZITE_CONFIG_DIR": str(configuration), "NO_COLOR": "1"}
    previous = os.environ.get("MONAZITE_CONFIG_DIR")
    os.environ["MONAZITE_CONFIG_DIR"] = str(configuration)
    try:
        async with running_network(directory, seed=1, months=MONTHS) as network:
            await Loader(network, lambda _done, _what: None).load()
            yield Cluster(network, environment)
    finally:
        if previous is None:
            del os.environ["MONAZITE_CONFIG_DIR"]
        else:
            os.environ["MONAZITE_CONFIG_DIR"] = previous
