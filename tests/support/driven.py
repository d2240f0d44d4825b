"""Drivers on a real event loop with everything else in memory, and a record of what happened in order.

``Wire`` joins several drivers: what one sends the others receive in a later turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from consensus.config import ConsensusConfig
from consensus.effects import JournalRecord
from ledger.genesis import Genesis
from ledger.store import MemoryStore
from ledger.vocabulary import Role
from node.clock import SteppedClock
from node.driver import Driver
from node.mempool import MempoolLimits
from node.net.sendqueue import Priority
from node.replica import Replica
from tests.support.keys import key_of, sign_of
from tests.support.trading import trading_world
from tests.support.world import World

Step = tuple[str, Any]
PATIENCE_SECONDS = 30
JOURNAL_BYTES_MAX = 64 * 1024 * 1024


class RecordingStore(MemoryStore):
    """A store that notes each write; ``fail`` makes the next one fail."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__()
        self._steps = steps
        self.fail: Exception | None = None

    def write(self, batch: Mapping[bytes, bytes | None], *, sync: bool = True) -> None:
        if self.fail is not None:
            raise self.fail
        super().write(batch, sync=sync)
        self._steps.append(("store", sync))


class RecordingJournal:
    """A journal that notes what it is asked for; ``fail`` makes the next flush fail."""

    def __init__(self, steps: list[Step]) -> None:
        self.segments: list[list[JournalRecord]] = [[]]
        self.first = 1
        self.fail: Exception | None = None
        self._steps = steps

    @property
    def records(self) -> list[JournalRecord]:
        return [record for segment in self.segments for record in segment]

    def append(self, records: Sequence[JournalRecord]) -> None:
        self.segments[-1].extend(records)
        self._steps.append(("append", tuple(records)))

    def sync(self) -> None:
        if self.fail is not None:
            raise self.fail
        self._steps.append(("sync", None))

    def roll(self) -> int:
        self.sync()
        self.segments.append([])
        return self.first + len(self.segments) - 1

    def drop_before(self, number: int) -> int:
        self.sync()
        dropped = number - self.first
        del self.segments[:dropped]
        self.first = number
        self._steps.append(("drop", dropped))
        return dropped


class Wire:
    """What one driver takes for its transport."""

    def __init__(self, name: str, steps: list[Step]) -> None:
        self.name = name
        self.others: dict[str, Driver] = {}
        self.refused: list[tuple[str, str]] = []
        self.ended = False
        self._steps = steps

    def send(self, peer: str, priority: Priority, message: bytes) -> bool:
        if self.ended:
            raise KeyError(peer)
        self._steps.append(("send", (peer, priority, message)))
        other = self.others.get(peer)
        if other is not None:
            asyncio.get_running_loop().call_soon(other.on_frame, self.name, [message])
        return other is not None

    def connected_peers(self) -> list[str]:
        return sorted(self.others)

    def refuse(self, peer: str, reason: str) -> None:
        self.refused.append((peer, reason))


class DrivenNode:
    """A driver with everything around it."""

    def __init__(
        self,
        world: World,
        name: str,
        clock: SteppedClock,
        *,
        journal_bytes_max: int = JOURNAL_BYTES_MAX,
        journal: Sequence[JournalRecord] = (),
        values: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.world = world
        self.name = name
        self.steps: list[Step] = []
        self.events: list[dict[str, Any]] = []
        self.store = RecordingStore(self.steps)
        self.store.write(dict(world.store.scan(b"") if values is None else values))
        self.steps.clear()
        self.journal = RecordingJournal(self.steps)
        self.journal.segments[-1].extend(journal)
        self.wire = Wire(name, self.steps)
        validators = world.genesis.validators
        self.driver = Driver(
            replica=Replica(
                validators=validators,
                own=validators.index_of_key(key_of(name, Role.CONSENSUS)),
                sign=sign_of(name, Role.CONSENSUS),
                config=ConsensusConfig(),
                limits=MempoolLimits(),
                store=self.store,
                journal=tuple(journal),
            ),
            store=self.store,
            journal=self.journal,
            journal_bytes_max=journal_bytes_max,
            clock=clock,
            log=self._log,
        )

    def _log(self, event: str, /, **figures: object) -> None:
        self.events.append({"event": event, **figures})

    def sent(self) -> list[tuple[str, Priority, bytes]]:
        return [what for kind, what in self.steps if kind == "send"]


@asynccontextmanager
async def driven(
    path: Path,
    *names: str,
    genesis: Genesis | None = None,
    journal_bytes_max: int = JOURNAL_BYTES_MAX,
    journal: Sequence[JournalRecord] = (),
    values: Mapping[bytes, bytes] | None = None,
) -> AsyncIterator[list[DrivenNode]]:
    """Run drivers of these validators, joined with each other; they are stopped at the end."""
    world = trading_world(World(genesis))
    clock = SteppedClock.create(path / "clock")
    clock.set_wall_ms(world.time_ms + 1_000)
    nodes = [
        DrivenNode(
            world, name, clock, journal_bytes_max=journal_bytes_max, journal=journal, values=values
        )
        for name in names
    ]
    for node in nodes:
        node.wire.others = {other.name: other.driver for other in nodes if other is not node}
        node.driver.start(node.wire, [other for other in names if other != node.name])
    for node in nodes:
        for other in node.wire.others:
            node.driver.on_connected(other)
    try:
        yield nodes
    finally:
        for node in nodes:
            node.driver.stop()


async def happens(condition: Callable[[], bool]) -> None:
    """Give other tasks their turns until a condition holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0)
