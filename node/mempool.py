"""Transactions that wait for a block: bounded, and shared fairly among authors.

Each author has a queue of its own; a leader takes from them in turn, so that one author's flood
delays others by at most one transaction each. There is a bound on the bytes of all queues, on the
bytes of each author, and on each author's number of transactions. What does not fit is answered
with "busy", and nothing that was taken in is ever pushed out by something newer.

A transaction that a leader left out, because it does not apply now, is not tried again at every
block: the wait doubles with each attempt, up to ``RETRY_BLOCKS_MAX`` blocks. It leaves the pool
when it is final or when a committed block's time has passed its validity; only then is it refused
for good.

A ``tx_id`` names a wish whatever its signatures, so a peer can offer another author's wish with
signatures that will never do. One form of a wish is kept. The form that a client of this node has
submitted, and that admission has tried, is never given up for another; a form that came from a
peer is, once a leader has found fault with its signatures.

Pure: no clock, no I/O. The caller says what the time and the height are.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from ledger.parsed import ParsedTransaction
from ledger.refusal import RefusalCode, Refused
from ledger.wire.scalars import Height, MemberId, TimeMs, TxId

RETRY_BLOCKS_MAX: Final = 64
NEVER: Final = TimeMs(-1)

SIGNATURE_FAULTS: Final = frozenset(
    {
        RefusalCode.UNKNOWN_KEY,
        RefusalCode.KEY_NOT_VALID,
        RefusalCode.KEY_REVOKED,
        RefusalCode.SIGNATURE_MISSING,
        RefusalCode.SIGNATURE_NOT_NEEDED,
        RefusalCode.BAD_SIGNATURE,
    }
)
"""Refusals that speak about who signed a wish, and not about the wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolLimits:
    """How much may wait."""

    bytes_max: int = 64 * 1024 * 1024
    author_bytes_max: int = 4 * 1024 * 1024
    author_transactions_max: int = 4_096


class BusyError(Exception):
    """Nothing was decided; try again after ``retry_ms``."""

    def __init__(self, sentence: str, *, retry_ms: int = 1_000) -> None:
        self.retry_ms = retry_ms
        super().__init__(sentence)


class MempoolFullError(BusyError):
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
    offered_ms: int = 0
    """Steady clock when it was last offered to the peers."""
    refusal: Refused | None = None
    """The rule that kept it out of the last block that it was tried for."""
    attempts: int = 0
    retry_height: Height = field(default=Height(0))
    """No block below this height tries it."""

    def final_refusal(self, time_ms: TimeMs) -> Refused:
        """Return the refusal for good, now that a block of ``time_ms`` was past the validity."""
        until_ms, rule = self.parsed.valid_until_ms, self.refusal
        end = (
            f"it was valid until {until_ms} ms and no block took it before {time_ms} ms; "
            "it is safe to correct and send again."
        )
        if rule is None or rule.code is RefusalCode.EXPIRED:
            return Refused(
                RefusalCode.EXPIRED,
                end,
                field="valid_until_ms",
                valid_until_ms=until_ms,
                time_ms=time_ms,
            )
        return Refused(
            rule.code,
            f"{rule.sentence} That is final: {end}",
            field=rule.field,
            record_index=rule.record_index,
            **rule.figures,
        )


class Mempool:
    """The pending transactions of one node."""

    def __init__(self, limits: MempoolLimits) -> None:
        self._limits = limits
        self._queues: OrderedDict[MemberId, OrderedDict[TxId, PendingTransaction]] = OrderedDict()
        self._author_bytes: dict[MemberId, int] = {}
        self._by_id: dict[TxId, PendingTransaction] = {}
        self._by_bytes: dict[bytes, ParsedTransaction] = {}
        self._left_out: set[TxId] = set()
        """What was tried and left out at least once: only these can have a height to wait for."""
        self._offered: OrderedDict[TxId, None] = OrderedDict()
        """What clients of this node wait for; those offered longest ago come first."""
        self._validity: list[tuple[TimeMs, TxId]] = []
        """A heap by end of validity; entries of what has left the pool are dropped on the way."""
        self.bytes_count = 0
        self.generation = 0
        """Grows whenever ``has_candidate`` might give another answer."""

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

    def count_of(self, author: MemberId) -> int:
        """Return how many transactions of an author are pending."""
        return len(self._queues.get(author, ()))

    def add(self, parsed: ParsedTransaction, *, submitted_here: bool, offered_ms: int = 0) -> bool:
        """Take in a transaction whose signatures are verified.

        Args:
            parsed: The transaction.
            submitted_here: A client of this node waits for it, and admission has tried it.
            offered_ms: Steady clock when it was offered to the peers, if it was.

        Returns:
            False when it is in the pool already, in this form or in one that is kept instead.

        Raises:
            MempoolFullError: A limit is reached; nothing has changed.
        """
        known = self._by_id.get(parsed.tx_id)
        if known is not None:
            if known.parsed.signed_bytes == parsed.signed_bytes:
                if submitted_here and not known.submitted_here:
                    known.submitted_here, known.offered_ms = True, offered_ms
                    self._offered[parsed.tx_id] = None
                return False
            if not self._gives_way(known, submitted_here=submitted_here):
                return False
        self._check_room(parsed, known)
        if known is not None:
            self.remove(parsed.tx_id)
        pending = PendingTransaction(parsed, submitted_here, offered_ms)
        size = len(parsed.signed_bytes)
        self._queues.setdefault(parsed.author, OrderedDict())[parsed.tx_id] = pending
        self._author_bytes[parsed.author] = self._author_bytes.get(parsed.author, 0) + size
        self._by_id[parsed.tx_id] = pending
        self._by_bytes[parsed.signed_bytes] = parsed
        if submitted_here:
            self._offered[parsed.tx_id] = None
        self._note_validity(parsed)
        self.bytes_count += size
        self.generation += 1
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
        self._left_out.discard(tx_id)
        self._offered.pop(tx_id, None)
        self._author_bytes[parsed.author] -= size
        self.bytes_count -= size
        self.generation += 1
        if not queue:
            del self._queues[parsed.author]
            del self._author_bytes[parsed.author]
        return pending

    def candidates(
        self, height: Height, excluded: AbstractSet[TxId]
    ) -> Iterator[ParsedTransaction]:
        """Yield what a block at ``height`` may try, one transaction of each author in turn.

        Nothing may be added or removed before the iterator was left.

        Args:
            height: Height of the block to be built.
            excluded: Transactions of unfinalized ancestors.
        """
        queues = [iter(queue.values()) for queue in self._queues.values()]
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
            if pending.refusal is None or refusal.code is not RefusalCode.EXPIRED:
                # That it came too late is no reason why it was not taken in time.
                pending.refusal = refusal
            pending.retry_height = Height(
                height + min(1 << min(pending.attempts, 16), RETRY_BLOCKS_MAX)
            )
            pending.attempts += 1
            self._left_out.add(tx_id)
            self.generation += 1

    def has_candidate(self, height: Height, excluded: AbstractSet[TxId]) -> bool:
        """Tell whether a block at ``height`` has anything to try."""
        if len(self._by_id) > len(self._left_out) + len(excluded):
            return True
        return any(
            pending.retry_height <= height and tx_id not in excluded
            for tx_id, pending in reversed(self._by_id.items())
        )

    def has_expired(self, time_ms: TimeMs, *, after_ms: TimeMs = NEVER) -> bool:
        """Tell whether anything may no longer be included in a block later than ``time_ms``.

        With ``after_ms`` only what could still be included in one just after that time.
        """
        self._drop_departed()
        heap = self._validity
        branches = [0] if heap else []
        while branches:
            place = branches.pop()
            valid_until_ms, tx_id = heap[place]
            if valid_until_ms > time_ms:
                continue
            if valid_until_ms > after_ms and tx_id in self._by_id:
                return True
            branches.extend(child for child in (2 * place + 1, 2 * place + 2) if child < len(heap))
        return False

    def take_expired(self, time_ms: TimeMs) -> list[PendingTransaction]:
        """Take out what may no longer be included in a block later than ``time_ms``."""
        taken = []
        while self._validity and self._validity[0][0] <= time_ms:
            _valid_until_ms, tx_id = heapq.heappop(self._validity)
            pending = self.remove(tx_id)
            if pending is not None:
                taken.append(pending)
        return taken

    def take_due_offers(
        self, before_ms: int, now_ms: int, *, count_max: int, bytes_max: int
    ) -> list[bytes]:
        """Return signed bytes that clients of this node wait for, to be offered to the peers again.

        Args:
            before_ms: Only what was last offered at or before this moment of the steady clock,
                which is earlier than ``now_ms``.
            now_ms: The steady clock; what is returned counts as offered now.
            count_max: Most transactions to return.
            bytes_max: Most bytes to return; one transaction is always returned.
        """
        offers: list[bytes] = []
        size = 0
        while self._offered and len(offers) < count_max:
            tx_id = next(iter(self._offered))
            pending = self._by_id[tx_id]
            signed_bytes = pending.parsed.signed_bytes
            size += len(signed_bytes)
            if pending.offered_ms > before_ms or (offers and size > bytes_max):
                break
            pending.offered_ms = now_ms
            self._offered.move_to_end(tx_id)
            offers.append(signed_bytes)
        return offers

    def offers(self, *, count_max: int, bytes_max: int) -> list[bytes]:
        """Return signed bytes that clients of this node wait for, those offered longest ago first."""
        offers: list[bytes] = []
        size = 0
        for tx_id in self._offered:
            signed_bytes = self._by_id[tx_id].parsed.signed_bytes
            size += len(signed_bytes)
            if len(offers) == count_max or (offers and size > bytes_max):
                break
            offers.append(signed_bytes)
        return offers

    def _gives_way(self, known: PendingTransaction, *, submitted_here: bool) -> bool:
        """Tell whether a kept form makes room for another form of the same wish."""
        if known.submitted_here:
            return False
        faulty = known.refusal is not None and known.refusal.code in SIGNATURE_FAULTS
        return submitted_here or faulty

    def _check_room(self, parsed: ParsedTransaction, leaving: PendingTransaction | None) -> None:
        freed = 0 if leaving is None else len(leaving.parsed.signed_bytes)
        size = len(parsed.signed_bytes) - freed
        author_bytes = self._author_bytes.get(parsed.author, 0)
        count = self.count_of(parsed.author) - (leaving is not None)
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

    def _note_validity(self, parsed: ParsedTransaction) -> None:
        heapq.heappush(self._validity, (parsed.valid_until_ms, parsed.tx_id))
        if len(self._validity) > 2 * len(self._by_id) + 1_024:
            self._validity = [
                (pending.parsed.valid_until_ms, tx_id) for tx_id, pending in self._by_id.items()
            ]
            heapq.heapify(self._validity)

    def _drop_departed(self) -> None:
        while self._validity and self._validity[0][1] not in self._by_id:
            heapq.heappop(self._validity)
