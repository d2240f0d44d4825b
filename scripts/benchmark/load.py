"""The load client: keep-alive connections to the four nodes, and a clock beside each request.

*Closed loop*: N clients, each of which sends its next transaction when the one before is final. *Open
loop*: transactions are sent at given moments whatever becomes of the earlier ones, and latency counts from
the moment at which one *should* have been sent, so that a stall of network or client is not hidden.

A transaction is finished when the node's answer is its receipt. Receipts are kept and verified when the clock
has stopped, every one of them; with ``verify_at_once`` that is part of the latency.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from ledger.genesis import Genesis
from ledger.wire.codec import decode
from ledger.wire.receipt import Receipt, verify_receipt
from ledger.wire.scalars import TxId
from scripts.benchmark.founding import Prepared
from scripts.benchmark.processes import BenchNodes, Usage
from scripts.benchmark.transactions import Stock

WAIT_SECONDS: Final = 30
_HEADERS: Final = {"Content-Type": "application/msgpack", "Prefer": f"wait={WAIT_SECONDS}"}
_BUSY_PAUSE_SECONDS: Final = 0.05


class LoadError(Exception):
    """A node did not answer with what was asked for."""


@dataclass(slots=True)
class Observed:
    """What a load has seen. Latencies are in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    records: int = 0
    receipts: list[tuple[TxId, bytes]] = field(default_factory=list)
    other_answers: Counter[int] = field(default_factory=Counter)
    before: Usage | None = None
    """What the nodes had used when the time that counts began, and (below) when it ended."""
    after: Usage | None = None
    blocks: int = 0
    """Blocks that became final in that time, as the first node saw it."""
    views: int = 0
    """Views that passed meanwhile; those beyond the blocks were given up."""
    client_cpu_seconds: float = 0.0
    latest_start_seconds: float = 0.0
    """Open loop: the most by which the client itself was late."""

    @property
    def transactions(self) -> int:
        """How many transactions became final within the time that counts."""
        return len(self.latencies)


class LoadClient:
    """Sends transactions to the nodes of one network."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        urls: Sequence[str],
        genesis: Genesis,
        nodes: BenchNodes,
    ) -> None:
        self._session = session
        self._nodes = nodes
        self._urls = [f"{url}/v1/transactions" for url in urls]
        self._status_url = f"{urls[0]}/v1/status"
        self._genesis = genesis
        self.final_count = 0
        """Receipts received so far, whether they counted or not."""

    async def post(self, prepared: Prepared, node: int) -> tuple[int, bytes]:
        """Send one transaction to a node; return status and body of the answer."""
        url = self._urls[node % len(self._urls)]
        async with self._session.post(url, data=prepared.body, headers=_HEADERS) as response:
            body = await response.read()
            self.final_count += response.status == 200
            return response.status, body

    async def settle(self, wave: Sequence[Prepared]) -> None:
        """Send transactions at once and wait until all are final.

        Raises:
            LoadError: One was refused.
        """
        answers = await asyncio.gather(*(self.post(one, n) for n, one in enumerate(wave)))
        for status, body in answers:
            if status != 200:
                raise LoadError(f"{status}: {body.decode(errors='replace')}")

    def verify(self, receipts: Sequence[tuple[TxId, bytes]]) -> int:
        """Verify receipts against the genesis and return how many there were.

        Raises:
            LoadError: A receipt is for another transaction.
            WireError: A receipt does not prove what it says.
        """
        for tx_id, data in receipts:
            place = verify_receipt(
                decode(Receipt, data),
                chain_id=self._genesis.chain_id,
                validators=self._genesis.validators,
            )
            if place.tx_id != tx_id:
                raise LoadError(f"a receipt of {place.tx_id.hex()} came for {tx_id.hex()}")
        return len(receipts)

    async def closed_loop(
        self,
        stocks: Sequence[Stock],
        seconds: float,
        *,
        warm_up: float,
        verify_at_once: bool = False,
    ) -> Observed:
        """Let one client per stock send for ``warm_up`` seconds, then count for ``seconds``."""
        seen = Observed()
        begin = time.perf_counter() + warm_up
        end = begin + seconds
        with _quiet_memory():
            clients = [
                asyncio.ensure_future(self._client(number, stock, begin, end, verify_at_once, seen))
                for number, stock in enumerate(stocks)
            ]
            await asyncio.sleep(max(0.0, begin - time.perf_counter()))
            await self._begin_counting(seen)
            await asyncio.sleep(max(0.0, end - time.perf_counter()))
            await self._end_counting(seen, end - begin)
            await asyncio.gather(*clients)
        return seen

    async def _begin_counting(self, seen: Observed) -> None:
        height, view = await self._progress()
        seen.blocks, seen.views = -height, -view
        seen.before = self._nodes.usage()
        self._nodes.begin_profile()
        seen.client_cpu_seconds = -time.process_time()

    async def _end_counting(self, seen: Observed, seconds: float) -> None:
        seen.client_cpu_seconds += time.process_time()
        self._nodes.end_profile()
        seen.after = self._nodes.usage()
        seen.seconds = seconds
        height, view = await self._progress()
        seen.blocks += height
        seen.views += view

    async def _progress(self) -> tuple[int, int]:
        async with self._session.get(self._status_url) as response:
            status = await response.json()
        return status["height"], status["view"]

    async def _client(
        self,
        number: int,
        stock: Stock,
        begin: float,
        end: float,
        verify_at_once: bool,  # noqa: FBT001 - private
        seen: Observed,
    ) -> None:
        while time.perf_counter() < end:
            prepared = stock.take()
            started = time.perf_counter()
            status, body = await self.post(prepared, number)
            if verify_at_once and status == 200:
                self.verify([(prepared.tx_id, body)])
            finished = time.perf_counter()
            if status != 200:
                seen.other_answers[status] += 1
                if status not in (202, 429):
                    raise LoadError(f"{status}: {body.decode(errors='replace')}")
                await asyncio.sleep(_BUSY_PAUSE_SECONDS)
            elif begin <= finished <= end:
                seen.latencies.append(finished - started)
                seen.records += prepared.records
                if not verify_at_once:
                    seen.receipts.append((prepared.tx_id, body))

    async def open_loop(self, stocks: Sequence[Stock], rate: float, seconds: float) -> Observed:
        """Send ``rate`` transactions a second at random moments for ``seconds``."""
        seen = Observed()
        moments = list(arrivals(rate, seconds * 1.2))
        with _quiet_memory():
            zero = time.perf_counter()
            counts_from = zero + seconds / 5
            sending = []
            for number, moment in enumerate(moments):
                due = zero + moment
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if due >= counts_from and seen.before is None:
                    await self._begin_counting(seen)
                late = time.perf_counter() - due
                seen.latest_start_seconds = max(seen.latest_start_seconds, late)
                prepared = stocks[number % len(stocks)].take()
                sending.append(
                    asyncio.ensure_future(self._arrival(number, prepared, due, counts_from, seen))
                )
            await self._end_counting(seen, time.perf_counter() - counts_from)
            await asyncio.gather(*sending)
        return seen

    async def _arrival(
        self, number: int, prepared: Prepared, due: float, counts_from: float, seen: Observed
    ) -> None:
        status, body = await self.post(prepared, number)
        if status != 200:
            seen.other_answers[status] += 1
        elif due >= counts_from:
            seen.latencies.append(time.perf_counter() - due)
            seen.records += prepared.records
            seen.receipts.append((prepared.tx_id, body))


def arrivals(rate: float, seconds: float) -> Iterator[float]:
    """Yield moments at exponential distances, the same in every run."""
    source = random.Random(1)  # noqa: S311 - arrivals, not secrets
    moment = source.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += source.expovariate(rate)


@contextmanager
def _quiet_memory() -> Iterator[None]:
    """Keep the garbage collector from walking the signed transactions while the clock runs."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
