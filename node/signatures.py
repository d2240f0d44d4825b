"""Checking transaction signatures without stopping the event loop.

A check costs about 60 microseconds. Handing one to a thread costs more than the check, so a few are done
at once where they stand; from ``THREAD_BATCH_MIN`` on they go to worker threads in batches (libsodium runs
without the interpreter's lock). Checks that are asked for in the same turn of the loop are one batch.
Each transaction remembers that it was checked, so none is checked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from ledger.parsed import ParsedTransaction

THREAD_BATCH_MIN: Final = 16
THREADS: Final = 2

Done: TypeAlias = Callable[[Sequence[ParsedTransaction]], None]
"""Called in the event loop with those whose signatures are valid."""


class SignatureChecker:
    """Checks batches of signatures."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="signatures")
        self._queue: list[tuple[Sequence[ParsedTransaction], Done]] = []
        self._scheduled = False

    def check(self, transactions: Sequence[ParsedTransaction], done: Done) -> None:
        """Check ``transactions`` and call ``done`` with the valid ones, in order."""
        self._queue.append((transactions, done))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def is_valid(self, parsed: ParsedTransaction) -> bool:
        """Tell whether all signatures of one transaction are valid."""
        if parsed.signatures_verified:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def resolve(valid: Sequence[ParsedTransaction]) -> None:
            if not future.done():
                future.set_result(bool(valid))

        self.check((parsed,), resolve)
        return await future

    def close(self) -> None:
        """Stop the threads; checks under way are finished."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _flush(self) -> None:
        self._scheduled = False
        queue, self._queue = self._queue, []
        if sum(len(transactions) for transactions, _done in queue) < THREAD_BATCH_MIN:
            for transactions, done in queue:
                done(_valid(transactions))
            return
        loop = asyncio.get_running_loop()
        for number in range(THREADS):
            share = queue[number::THREADS]
            if share:
                self._executor.submit(_check_share, loop, share)


def _check_share(
    loop: asyncio.AbstractEventLoop, share: Sequence[tuple[Sequence[ParsedTransaction], Done]]
) -> None:
    results = [(done, _valid(transactions)) for transactions, done in share]

    def deliver() -> None:
        for done, valid in results:
            done(valid)

    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver)


def _valid(transactions: Sequence[ParsedTransaction]) -> list[ParsedTransaction]:
    return [parsed for parsed in transactions if parsed.are_signatures_valid()]
