"""One whole node in this process: home on disk, LevelDB, journal, TLS port, API and health.

    home = make_home(tmp_path)                      a validator that is alone, with the trading world
    async with running(home) as node:
        async with node.http.get("/v1/status") as answer: ...

Its clock stands where the world stands and goes on from there. ``node.events`` is what it logged.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import tomlkit

from client.keystore import write_key_file
from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction
from ledger.vocabulary import Role
from ledger.wire.codec import decode
from ledger.wire.receipt import Receipt, verify_receipt
from node.clock import SteppedClock
from node.config import load_configuration
from node.driver import Driver
from node.home import Home, create_ledger, read_genesis
from node.service import NodeKeys, NodeService
from node.storage.leveldb import LevelStore
from tests.support.founding import MINISTRY, sole_genesis
from tests.support.keys import key_of, seed_of
from tests.support.trading import trading_world
from tests.support.world import World

START_SECONDS = 30
LOOPBACK = "127.0.0.1"
CLOCK = "clock"


@dataclass(slots=True)
class NodeHome:
    """The home of a node and the world that its store holds."""

    home: Home
    world: World
    name: str

    @property
    def genesis(self) -> Genesis:
        return self.world.genesis

    @property
    def keys(self) -> NodeKeys:
        votes = self.home.consensus_key.exists()
        return NodeKeys(
            node=seed_of(self.name, Role.NODE),
            consensus=seed_of(self.name, Role.CONSENSUS) if votes else None,
        )

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Write the configuration: free ports on loopback, and whatever is given."""
        document: dict[str, dict[str, Any]] = {
            "node": {"name": self.name, "clock_offset_file": CLOCK},
            "api": {"host": LOOPBACK, "port": 0},
            "health": {"host": LOOPBACK, "port": 0},
            "peers": {"host": LOOPBACK, "port": 0},
        }
        for section, values in sections.items():
            document.setdefault(section, {}).update(values)
        self.home.configuration.write_text(tomlkit.dumps(document), encoding="utf-8")

    def set_clock(self, wall_ms: int) -> None:
        """Let it be ``wall_ms`` for the node."""
        SteppedClock(self.home.path / CLOCK).set_wall_ms(wall_ms)


def make_home(path: Path, *, name: str = MINISTRY, world: World | None = None) -> NodeHome:
    """Make the home of a validator; its store holds a world, the trading world by default."""
    world = trading_world(World(sole_genesis())) if world is None else world
    home = Home(path)
    home.node_key.parent.mkdir(parents=True, mode=0o700)
    home.genesis.write_bytes(world.genesis.data)
    write_key_file(home.node_key, seed_of(name, Role.NODE), None)
    write_key_file(home.consensus_key, seed_of(name, Role.CONSENSUS), None)
    create_ledger(home, world.genesis, key_of(name, Role.CONSENSUS))
    store = LevelStore(home.store, create=False)
    store.write(dict(world.store.scan(b"")), sync=False)
    store.close()
    made = NodeHome(home, world, name)
    SteppedClock.create(path / CLOCK)
    made.set_clock(world.time_ms + 1_000)
    made.configure()
    return made


@dataclass(slots=True)
class RunningNode:
    """A node that runs in this process."""

    place: NodeHome
    service: NodeService
    http: aiohttp.ClientSession
    """Speaks with the API."""
    health: aiohttp.ClientSession
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.place.world

    @property
    def driver(self) -> Driver:
        assert self.service.driver is not None
        return self.service.driver

    def events_named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    async def post(
        self, body: ParsedTransaction | bytes, *, wait: int | None = 10, **headers: str
    ) -> aiohttp.ClientResponse:
        """Post a transaction, and read the answer whole."""
        data = body.signed_bytes if isinstance(body, ParsedTransaction) else body
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        body_stream = io.BytesIO(data)
        response = await self.http.post("/v1/transactions", data=body_stream, headers=headers)
        await response.read()
        return response

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        """Get something, and read the answer whole."""
        response = await self.http.get(path, headers=headers)
        await response.read()
        return response

    async def apply(self, body: ParsedTransaction) -> Receipt:
        """Post a transaction that must become final, and return its verified receipt."""
        response = await self.post(body)
        assert response.status == 200, await response.text()
        receipt = decode(Receipt, await response.read())
        proven = verify_receipt(
            receipt,
            chain_id=self.place.genesis.chain_id,
            validators=self.place.genesis.validators,
        )
        assert proven.tx_id == body.tx_id
        return receipt


async def until(condition: Callable[[], bool]) -> None:
    """Give other tasks their turns until a condition holds."""
    async with asyncio.timeout(START_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0)


@asynccontextmanager
async def running(place: NodeHome) -> AsyncIterator[RunningNode]:
    """Run a node; it is stopped at the end, and its own failure is raised."""
    events: list[dict[str, Any]] = []

    def log(event: str, /, **figures: object) -> None:
        events.append({"event": event, **figures})

    configuration = load_configuration(place.home.configuration)
    service = NodeService(place.home, configuration, read_genesis(place.home), place.keys, log)
    started = asyncio.Event()
    task = asyncio.create_task(service.run(started))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([task, waiting], timeout=START_SECONDS, return_when="FIRST_COMPLETED")
    waiting.cancel()
    if task.done():
        await task
    assert started.is_set(), "the node does not start"
    async with (
        aiohttp.ClientSession(service.api_address) as http,
        aiohttp.ClientSession(service.health_address) as health,
    ):
        try:
            yield RunningNode(place, service, http, health, events)
        finally:
            service.stop()
            await http.close()
            await health.close()
            await task
