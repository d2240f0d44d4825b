"""Checking transaction signatures without stopping the event loop.

A check costs about 60 microseconds. Handing one to a thread costs more than the check, so a few are done
at once where they stand; from ``THREAD_BATCH_MIN`` on they go to worker threads in pieces (libsodium runs
without the interpreter's lock). Checks that are asked for in the same turn of the loop are one batch, and a
large request is spread over all threads. Each transaction remembers that it was checked, so none is checked
twice. How much may wait is for the callers to bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from ledger.parsed import ParsedTransaction

THREAD_BATCH_MIN: Final = 16
THREADS: Final = 2
PIECE_MAX: Final = 128
"""Most transactions that one thread checks before others get their turn."""

Done: TypeAlias = Callable[[Sequence[ParsedTransaction]], None]
"""Called in the event loop with those whose signatures are valid, in their order."""


class SignatureChecker:
    """Checks batches of signatures."""

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        """Begin.

        Args:
            fail: Called in the event loop with an error that is nobody's signature's fault.
        """
        self._fail = fail
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="signatures")
        self._queue: list[_Request] = []
        self._scheduled = False
        self._closed = False

    def check(self, transactions: Sequence[ParsedTransaction], done: Done) -> None:
        """Check ``transactions`` and call ``done`` later, unless the checker is closed before."""
        if self._closed:
            return
        self._queue.append(_Request(transactions, done))
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
        """Stop the threads; checks under way are finished, but nobody is told."""
        self._closed = True
        self._queue.clear()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _flush(self) -> None:
        self._scheduled = False
        queue, self._queue = self._queue, []
        if sum(len(request.transactions) for request in queue) < THREAD_BATCH_MIN:
            for request in queue:
                request.done([parsed for parsed in request.transactions if _is_valid(parsed)])
            return
        loop = asyncio.get_running_loop()
        for piece in _pieces(queue):
            self._executor.submit(self._check_piece, loop, piece)

    def _check_piece(self, loop: asyncio.AbstractEventLoop, piece: list[_Part]) -> None:
        """Check one piece, in a worker thread."""
        try:
            for request, start, stop in piece:
                for parsed in request.transactions[start:stop]:
                    _is_valid(parsed)
        except BaseException as error:  # noqa: BLE001 - the outermost boundary of a thread
            self._tell(loop, self._fail, error)
            return
        self._tell(loop, self._deliver, piece)

    def _tell(
        self, loop: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: object
    ) -> None:
        if not self._closed and not loop.is_closed():
            loop.call_soon_threadsafe(what, *arguments)

    def _deliver(self, piece: list[_Part]) -> None:
        if self._closed:
            return
        for request, start, stop in piece:
            request.missing -= stop - start
            if not request.missing:
                request.done(
                    [parsed for parsed in request.transactions if parsed.signatures_verified]
                )


class _Request:
    """One call of ``check``."""

    __slots__ = ("done", "missing", "transactions")

    def __init__(self, transactions: Sequence[ParsedTransaction], done: Done) -> None:
        self.transactions = transactions
        self.done = done
        self.missing = len(transactions)
        """How many have not been checked yet."""


_Part: TypeAlias = tuple[_Request, int, int]
"""A request, and the range of its transactions that is meant."""


def _pieces(queue: Sequence[_Request]) -> list[list[_Part]]:
    """Return the requests cut and joined into pieces of about equal size, for all threads."""
    total = sum(request.missing for request in queue)
    size = min(PIECE_MAX, -(-total // THREADS))
    pieces: list[list[_Part]] = []
    room = 0
    for request in queue:
        start = 0
        while start < len(request.transactions):
            if not room:
                pieces.append([])
                room = size
            stop = min(len(request.transactions), start + room)
            pieces[-1].append((request, start, stop))
            room -= stop - start
            start = stop
    return pieces


def _is_valid(parsed: ParsedTransaction) -> bool:
    return parsed.are_signatures_valid()
