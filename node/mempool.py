"""Transactions that wait for a block: bounded, and shared fairly among authors.

Each author has a queue of its own; a leader takes from them in turn, so that one author's flood
delays others by at most one transaction each. There is a bound on the bytes of all queues, on the
bytes of each author, and on each author's number of transactions. What does not fit is answered with
"busy", and nothing that was taken in is ever pushed out by something newer.

A transaction that a leader left out, because it does not apply now, is not tried again at every block:
the wait doubles with each attempt, up to ``RETRY_BLOCKS_MAX`` blocks. It leaves the pool when it is
final or when a committed block's time has passed its validity; only then is it refused for good.

Pure: no clock, no I/O. The caller says what the time and the height are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ledger.parsed import ParsedTransaction
from ledger.refusal import Refused
from ledger.wire.scalars import Height, MemberId, TimeMs, TxId

RETRY_BLOCKS_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolLimits:
    """How much may wait."""

    bytes_max: int = 64 * 1024 * 1024
    author_bytes_max: int = 4 * 1024 * 1024
    author_transactions_max: int = 4_096


class MempoolFullError(Exception):
    """There is no room now; try again later."""

    def __init__(self, what: str, *, found: int, limit: int) -> None:
        self.what = what
        self.found = found
        self.limit = limit
        super().__init__(f"{what}: {found} of at most {limit} are waiting already")


@dataclass(slots=True)
class PendingTransaction:
    """A transaction in the pool, and why it still waits."""

    parsed: ParsedTransaction
    submitted_here: bool
    """It came from a client of this node, which therefore offers it to its peers again."""
    refusal: Refused | None = None
    """The rule that kept it out of the last block that it was tried for."""
    attempts: int = 0
    retry_height: Height = field(default=Height(0))
    """No block below this height tries it."""


class Mempool:
    """The pending transactions of one node."""

    def __init__(self, limits: MempoolLimits) -> None:
        self._limits = limits
        self._queues: OrderedDict[MemberId, OrderedDict[TxId, PendingTransaction]] = OrderedDict()
        self._author_bytes: dict[MemberId, int] = {}
        self._by_id: dict[TxId, PendingTransaction] = {}
        self._by_bytes: dict[bytes, ParsedTransaction] = {}
        self.bytes_count = 0

    def __len__(self) -> int:
        """Return the number of pending transactions."""
        return len(self._by_id)

    def get(self, tx_id: TxId) -> PendingTransaction | None:
        """Return a pending transaction, or None."""
        return self._by_id.get(tx_id)

    def parsed_from(self, signed_bytes: bytes) -> ParsedTransaction | None:
        """Return the parsed form of bytes that are in the pool, so that they are not read twice."""
        return self._by_bytes.get(signed_bytes)

    def of_author(self, author: MemberId) -> Iterator[ParsedTransaction]:
        """Yield an author's pending transactions, oldest first."""
        for pending in self._queues.get(author, OrderedDict()).values():
            yield pending.parsed

    def add(self, parsed: ParsedTransaction, *, submitted_here: bool) -> bool:
        """Take in a transaction whose signatures are verified.

        Returns:
            False when it is in the pool already.

        Raises:
            MempoolFullError: A limit is reached; nothing has changed.
        """
        known = self._by_id.get(parsed.tx_id)
        if known is not None:
            known.submitted_here = known.submitted_here or submitted_here
            return False
        size = len(parsed.signed_bytes)
        author_bytes = self._author_bytes.get(parsed.author, 0)
        queue = self._queues.get(parsed.author)
        count = 0 if queue is None else len(queue)
        limits = self._limits
        if self.bytes_count + size > limits.bytes_max:
            raise MempoolFullError("bytes", found=self.bytes_count, limit=limits.bytes_max)
        if author_bytes + size > limits.author_bytes_max:
            raise MempoolFullError(
                f"bytes of {parsed.author}", found=author_bytes, limit=limits.author_bytes_max
            )
        if count >= limits.author_transactions_max:
            raise MempoolFullError(
                f"transactions of {parsed.author}",
                found=count,
                limit=limits.author_transactions_max,
            )
        pending = PendingTransaction(parsed, submitted_here)
        self._queues.setdefault(parsed.author, OrderedDict())[parsed.tx_id] = pending
        self._author_bytes[parsed.author] = author_bytes + size
        self._by_id[parsed.tx_id] = pending
        self._by_bytes[parsed.signed_bytes] = parsed
        self.bytes_count += size
        return True

    def remove(self, tx_id: TxId) -> PendingTransaction | None:
        """Take out a transaction that is final or refused, and return it if it was there."""
        pending = self._by_id.pop(tx_id, None)
        if pending is None:
            return None
        parsed = pending.parsed
        size = len(parsed.signed_bytes)
        queue = self._queues[parsed.author]
        del queue[tx_id]
        self._by_bytes.pop(parsed.signed_bytes, None)
        self._author_bytes[parsed.author] -= size
        self.bytes_count -= size
        if not queue:
            del self._queues[parsed.author]
            del self._author_bytes[parsed.author]
        return pending

    def candidates(self, height: Height, excluded: frozenset[TxId]) -> Iterator[ParsedTransaction]:
        """Yield what a block at ``height`` may try, one transaction of each author in turn.

        Args:
            height: Height of the block to be built.
            excluded: Transactions of unfinalized ancestors.
        """
        queues = [iter(tuple(queue.values())) for queue in self._queues.values()]
        # Whoever came first this time is last next time, so no author is favoured for ever.
        if self._queues:
            self._queues.move_to_end(next(iter(self._queues)))
        while queues:
            remaining = []
            for queue in queues:
                for pending in queue:
                    if pending.retry_height <= height and pending.parsed.tx_id not in excluded:
                        yield pending.parsed
                        remaining.append(queue)
                        break
            queues = remaining

    def note_left_out(self, tx_id: TxId, refusal: Refused, height: Height) -> None:
        """Remember why a transaction did not go into the block at ``height``."""
        pending = self._by_id.get(tx_id)
        if pending is not None:
            pending.refusal = refusal
            pending.retry_height = Height(
                height + min(1 << min(pending.attempts, 16), RETRY_BLOCKS_MAX)
            )
            pending.attempts += 1

    def has_candidate(self, height: Height, excluded: frozenset[TxId]) -> bool:
        """Tell whether a block at ``height`` has anything to try."""
        return any(
            pending.retry_height <= height and tx_id not in excluded
            for tx_id, pending in self._by_id.items()
        )

    def expired(self, time_ms: TimeMs) -> list[PendingTransaction]:
        """Return what may no longer be included in a block later than ``time_ms``."""
        return [
            pending for pending in self._by_id.values() if pending.parsed.valid_until_ms <= time_ms
        ]

    def submitted_here(self) -> Iterator[ParsedTransaction]:
        """Yield what clients of this node wait for, oldest first within each author."""
        for pending in self._by_id.values():
            if pending.submitted_here:
                yield pending.parsed
