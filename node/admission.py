"""Admission: what is let into the pool, from clients and from peers.

**From a client.** A transaction is tried by the same rules that a block must pass, on the committed tip plus
its author's own pending transactions. A refusal here is final: nothing has left the node, so the author
may correct and send again at once. What is admitted may still wait, when somebody else's transaction comes
first; see ``node.mempool``.

For each author with pending transactions one execution is kept, in which they have been applied.
It grows stale when the tip moves or a peer brings more of the same author. A stale execution may
admit, since what is admitted may wait, but it must never refuse: before a refusal is given, the
execution is made anew. That costs as much as all that the author has pending, so each author may
cause it only for a small share of the time (``REBUILD_SHARE``); beyond that the answer is "busy",
which decides nothing.

**From a peer.** The node that sent it has tried it already, and the leader of a view will try it again. Here
only the sender is checked (``check_sender``): that the keys stand on the ledger, and one of them is the
author's own. Without that, a faulty node could fill an honest author's share of the pool with signatures
by keys that it has just made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.parsed import ParsedTransaction
from ledger.refusal import RefusalCode, Refused
from ledger.state.view import CommittedState, StateReader, StateView
from ledger.transaction_checks import check_author, check_signers
from ledger.transition import BlockExecution
from ledger.wire.scalars import VALIDITY_MS_MAX, Height, MemberId, TimeMs
from node.mempool import BusyError

REBUILD_SHARE: Final = 20
"""An author's execution is made anew at most for one part in this many of the time."""
UNITS_PER_MS: Final = 100
"""Work units that applying takes a millisecond for, about."""
SPARE_APPLIED: Final = 256
CLOCK_TOLERANCE_MS: Final = 60_000
"""How far apart two nodes' clocks may be before one finds the other's transactions too long valid."""


class AuthorBusyError(BusyError):
    """So much of this author waits that another transaction cannot be tried after it just now."""

    def __init__(self, author: MemberId, *, pending: int, retry_ms: int) -> None:
        self.author = author
        self.pending = pending
        super().__init__(
            f"{pending} transactions of {author} are waiting, and the ledger has moved on since "
            "they were tried: another one cannot be tried after them just now",
            retry_ms=retry_ms,
        )


@dataclass(slots=True)
class _Trial:
    execution: BlockExecution
    tip: Height
    applied: int = 0
    units: int = 0
    stale: bool = False
    """A peer brought a transaction of the author that is not in the execution."""


@dataclass(frozen=True, slots=True)
class PendingOf:
    """What the pool says about one author."""

    transactions: Callable[[MemberId], Iterator[ParsedTransaction]]
    count: Callable[[MemberId], int]


class Admission:
    """Tries transactions on top of what their author already has pending."""

    def __init__(self, committed: CommittedState, pending: PendingOf) -> None:
        self._committed = committed
        self._pending = pending
        self._trials: dict[MemberId, _Trial] = {}
        self._next_rebuild_ms: dict[MemberId, TimeMs] = {}

    def __len__(self) -> int:
        """Return for how many authors an execution is kept."""
        return len(self._trials)

    def check(self, parsed: ParsedTransaction, now_ms: TimeMs) -> None:
        """Try a transaction; keep its effect if it applies.

        Raises:
            Refused: It does not apply on the tip after the author's pending transactions.
            AuthorBusyError: That cannot be told now without too much work; try again later.
        """
        author = parsed.author
        trial = self._trials.get(author)
        if trial is None or not self._is_overgrown(trial, author):
            if trial is not None and self._admits(trial, parsed, now_ms):
                return
            self._spend_rebuild(author, now_ms)
        trial = self._begin(author, now_ms)
        trial.execution.apply(parsed)
        trial.applied += 1
        trial.units += parsed.work_units
        self._trials[author] = trial

    def note_others(self, author: MemberId) -> None:
        """Note that the pool has a transaction of ``author`` that was not tried here."""
        trial = self._trials.get(author)
        if trial is not None:
            trial.stale = True

    def forget(self, author: MemberId) -> None:
        """Drop an author's execution: the next trial begins anew."""
        self._trials.pop(author, None)

    def forget_idle(self, authors: Iterable[MemberId]) -> None:
        """Drop the execution of those of ``authors`` that have nothing pending any more."""
        for author in authors:
            if not self._pending.count(author):
                self._trials.pop(author, None)
                self._next_rebuild_ms.pop(author, None)

    def _admits(self, trial: _Trial, parsed: ParsedTransaction, now_ms: TimeMs) -> bool:
        """Try a kept execution; False if it is stale and its refusal means nothing."""
        is_fresh = trial.tip == self._committed.header.height and not trial.stale
        trial.execution.time_ms = self._block_time(now_ms)
        try:
            trial.execution.apply(parsed)
        except Refused:
            if is_fresh:
                raise
            return False
        except (ArithmeticError, LookupError, ValueError):
            # Its rows come from two states of the ledger, which no rule has to expect.
            if is_fresh:
                raise
            return False
        trial.applied += 1
        trial.units += parsed.work_units
        return True

    def _is_overgrown(self, trial: _Trial, author: MemberId) -> bool:
        """Tell whether most of what an execution holds is final by now.

        It must not grow for as long as a load lasts. Making it anew costs less than what was
        admitted since the last time, so that is never put off.
        """
        return trial.applied > 2 * self._pending.count(author) + SPARE_APPLIED

    def _begin(self, author: MemberId, now_ms: TimeMs) -> _Trial:
        """Apply what the author has pending to the tip, and keep that for the next time."""
        tip = self._committed.header
        execution = BlockExecution(
            self._committed, Height(tip.height + 1), self._block_time(now_ms)
        )
        trial = _Trial(execution, tip.height)
        if not self._pending.count(author):
            # An author may be anybody's invention: nothing is kept before something is admitted.
            self._trials.pop(author, None)
            return trial
        for pending in self._pending.transactions(author):
            trial.units += pending.work_units
            try:
                execution.apply(pending)
            except Refused:
                # It waits for somebody else's transaction, or is final already.
                continue
            trial.applied += 1
        cost_ms = REBUILD_SHARE * trial.units // UNITS_PER_MS
        self._next_rebuild_ms[author] = TimeMs(now_ms + cost_ms)
        self._trials[author] = trial
        return trial

    def _spend_rebuild(self, author: MemberId, now_ms: TimeMs) -> None:
        """Refuse to make an execution anew so soon after the last time.

        Raises:
            AuthorBusyError: Try again later.
        """
        next_ms = self._next_rebuild_ms.get(author, now_ms)
        # A wall clock may jump back; then the mark is far ahead and means nothing.
        if now_ms < next_ms <= now_ms + CLOCK_TOLERANCE_MS:
            pending = self._pending.count(author)
            raise AuthorBusyError(author, pending=pending, retry_ms=next_ms - now_ms)

    def _block_time(self, now_ms: TimeMs) -> TimeMs:
        return TimeMs(max(now_ms, self._committed.header.time_ms + 1))


def is_ever_valid(parsed: ParsedTransaction, tip_time_ms: TimeMs, now_ms: TimeMs) -> bool:
    """Tell whether a block above the tip could include it by its validity, now or very soon.

    The tip may be hours old on an idle network, and the sender's clock may be ahead of this one.
    """
    latest_ms = max(tip_time_ms, now_ms) + VALIDITY_MS_MAX + CLOCK_TOLERANCE_MS
    return tip_time_ms < parsed.valid_until_ms <= latest_ms


def check_sender(parsed: ParsedTransaction, state: StateReader, time_ms: TimeMs) -> None:
    """Check who signed a peer's transaction, as far as that needs no rule of a record.

    Raises:
        Refused: A key does not stand on the ledger or may not sign now, or no key is the author's, or
            the author may not write.
    """
    view = StateView(state)
    signers = check_signers(parsed, view, time_ms)
    check_author(parsed, view)
    if all(owner != parsed.author for owner, _role in signers):
        raise Refused(
            RefusalCode.SIGNATURE_MISSING,
            f"none of the signatures is by a key of the author {parsed.author}.",
            field="signatures",
            member=parsed.author,
        )
