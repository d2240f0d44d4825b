"""Loading two years into a demo network through the SDK, as the ministry and the enterprises would.

The ministry admits the enterprises, whose facilities it countersigns, and sets plans and grants on
their days. Every enterprise has a client of its own with its own keys and imports its own CSV
files, wave by wave; within a wave all enterprises write at once, at different nodes. Before each
month the network's clock is stepped to that month's end, so block times, claimed dates and quota
years are what they would have been.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from client.errors import ClientError
from client.importing.loading import import_file
from client.keystore import SigningKey, load_signing_key
from client.passphrase import from_environment_or_terminal
from client.session import Client
from client.trust import TrustRoot, trust_root_of
from ledger import civil
from ledger.records.record import Record
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate, Month
from node.demo.files import sheet_path
from node.demo.founding import MEMBER_ROLES, DemoDirectory, make_keys
from node.demo.master import (
    CIVIL_OFFSET_MINUTES,
    MINISTRY,
    admission,
    facility_registration,
    grant_record,
    month_number,
    plan_record,
)
from node.demo.network import DemoNetwork
from node.demo.records import Grant, Plan, Sheet

HOUR_MS: Final = 3_600_000
ADMISSIONS_PER_TRANSACTION: Final = 20
FILES_AT_ONCE: Final = 64
LEVEL_SECONDS: Final = 60.0
LEVEL_PAUSE_SECONDS: Final = 0.01

Progress = Callable[[int, str], None]
"""Called with the number of records done so far and what is being done."""


@dataclass(slots=True)
class Loaded:
    """What was loaded."""

    records_count: int = 0
    transactions_count: int = 0
    transaction: str = ""
    """The last transaction with a receipt."""
    height: int = 0
    """The highest block that holds any of it."""


@dataclass(slots=True)
class Loader:
    """Loads one history into one network."""

    network: DemoNetwork
    progress: Progress
    loaded: Loaded = field(default_factory=Loaded)
    clients: dict[str, Client] = field(default_factory=dict)

    async def load(self) -> Loaded:
        """Load everything and bring the clock back to the present."""
        trust = trust_root_of(self.network.genesis.data)
        async with AsyncExitStack() as stack:
            await self._open(stack, trust, MINISTRY)
            await self._admit()
            for member in self.network.history.members:
                if member.id != MINISTRY:
                    await self._open(stack, trust, member.id)
            await self._level()
            await self._register_facilities()
            sheets: dict[int, dict[int, list[Sheet]]] = defaultdict(lambda: defaultdict(list))
            for sheet in self.network.history.sheets:
                sheets[sheet.month][sheet.wave].append(sheet)
            decisions = self._decisions()
            for month in sorted(sheets):
                await self._decide(decisions.pop(month, []))
                await self._level()
                self._step_to_end_of(Month(month))
                for wave in sorted(sheets[month]):
                    await self._import_wave(month, sheets[month][wave])
                    await self._level()
        self.network.clock.reset()
        return self.loaded

    async def _open(self, stack: AsyncExitStack, trust: TrustRoot, member: str) -> None:
        directory = self.network.directory
        supervisor = self.network.supervisor
        # Everybody begins at another node, so that all of them take part.
        first = len(self.clients) % len(supervisor.names)
        names = supervisor.names[first:] + supervisor.names[:first]
        client = Client(
            [supervisor.api(name) for name in names],
            genesis=trust,
            member=member,
            keys={role: _key(directory, member, role) for role in MEMBER_ROLES},
            outbox=directory.path / "clients" / member / "outbox",
            clock=lambda: self.network.clock.now().wall_ms,
        )
        self.clients[member] = await stack.enter_async_context(client)

    async def _submit(
        self, member: str, records: Sequence[Record], countersigners: Sequence[SigningKey] = ()
    ) -> None:
        receipt = await self.clients[member].submit(*records, countersigners=countersigners)
        self.loaded.records_count += len(records)
        self.loaded.transactions_count += 1
        self.loaded.transaction = receipt.tx_id.hex()
        self.loaded.height = max(self.loaded.height, receipt.height)

    async def _level(self) -> None:
        """Wait until every node has what was loaded so far.

        What is final on one node may reach another a moment later, and that one would refuse, as
        it must, what builds on it.
        """
        async with asyncio.timeout(LEVEL_SECONDS):
            for address in map(self.network.supervisor.api, self.network.supervisor.names):
                async with Client([address], genesis=self.network.genesis.data) as node:
                    # Another process's height has no event to wait for.
                    while (await node.status()).height < self.loaded.height:  # noqa: ASYNC110
                        await asyncio.sleep(LEVEL_PAUSE_SECONDS)

    async def _admit(self) -> None:
        self.progress(self.loaded.records_count, "admitting enterprises")
        founders = set(self.network.history.validators)
        now_ms = self.network.clock.now().wall_ms
        admissions = [
            admission(member, make_keys(self.network.directory, member.id, MEMBER_ROLES, now_ms))
            for member in self.network.history.members
            if member.id not in founders
        ]
        for start in range(0, len(admissions), ADMISSIONS_PER_TRANSACTION):
            await self._submit(MINISTRY, admissions[start : start + ADMISSIONS_PER_TRANSACTION])

    async def _register_facilities(self) -> None:
        by_owner: dict[str, list[Record]] = defaultdict(list)
        for facility in self.network.history.facilities:
            by_owner[facility.owner].append(facility_registration(facility))
        ministry = _key(self.network.directory, MINISTRY, Role.OPERATOR)
        await _all(self._submit(owner, records, [ministry]) for owner, records in by_owner.items())

    async def height(self) -> int:
        """Return the height of the tip, as the first node says."""
        async with self._reader() as client:
            return (await client.status()).height

    async def lot_id(self, name: str) -> str:
        """Return the id of the lot ``creator/code``."""
        creator, _slash, code = name.partition("/")
        async with self._reader() as client:
            return (await client.lot_by_code(creator, code)).id

    def _reader(self) -> Client:
        supervisor = self.network.supervisor
        return Client(
            [supervisor.api(name) for name in supervisor.names], genesis=self.network.genesis.data
        )

    def _decisions(self) -> dict[int, list[tuple[date, Record]]]:
        """Return the ministry's plans and grants by month, in the order of their days."""
        history = self.network.history
        dated: list[tuple[date, int, Record]] = []
        plans: Sequence[Plan] = history.plans
        grants: Sequence[Grant] = history.grants
        dated += [(plan.day, 0, plan_record(plan)) for plan in plans]
        dated += [(grant.day, 1, grant_record(grant)) for grant in grants]
        by_month: dict[int, list[tuple[date, Record]]] = defaultdict(list)
        for day, _kind, record in sorted(dated, key=lambda entry: entry[:2]):
            by_month[month_number(day)].append((day, record))
        return by_month

    async def _decide(self, decisions: Sequence[tuple[date, Record]]) -> None:
        """Write plans and grants, each on its day."""
        by_day: dict[date, list[Record]] = defaultdict(list)
        for day, record in decisions:
            by_day[day].append(record)
        for day, records in by_day.items():
            self.progress(self.loaded.records_count, f"plans and grants of {day.isoformat()}")
            number = CivilDate(day.year * 10_000 + day.month * 100 + day.day)
            self._step_to(civil.start_of(number, CIVIL_OFFSET_MINUTES) + 9 * HOUR_MS)
            await self._submit(MINISTRY, records)

    def _step_to_end_of(self, month: Month) -> None:
        following = civil.start_of_month(civil.next_month(month), CIVIL_OFFSET_MINUTES)
        self._step_to(following - HOUR_MS)

    def _step_to(self, wall_ms: int) -> None:
        """Move the network's clock forward; it never goes back before the end of loading."""
        if wall_ms > self.network.clock.now().wall_ms:
            self.network.clock.set_wall_ms(wall_ms)

    async def _import_wave(self, month: int, sheets: Sequence[Sheet]) -> None:
        text = f"{month // 100}-{month % 100:02}"
        limit = asyncio.Semaphore(FILES_AT_ONCE)

        async def load_one(sheet: Sheet) -> None:
            async with limit:
                await self._import_sheet(sheet)
                self.progress(self.loaded.records_count, f"flows of {text}")

        await _all(load_one(sheet) for sheet in sheets)

    async def _import_sheet(self, sheet: Sheet) -> None:
        path: Path = self.network.directory.path / "files" / sheet_path(sheet)
        directory = self.network.directory.path / "clients" / sheet.member / "imports"
        result = await import_file(self.clients[sheet.member], path, directory)
        self.loaded.records_count += result.records_count
        self.loaded.transactions_count += result.transactions_count
        self.loaded.height = max(self.loaded.height, result.height)


async def _all(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do everything at once; the first error ends the rest and is raised as it is.

    Raises:
        ClientError: What the SDK raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except* ClientError as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def _key(directory: DemoDirectory, member: str, role: Role) -> SigningKey:
    return load_signing_key(directory.key(member, role), from_environment_or_terminal)
