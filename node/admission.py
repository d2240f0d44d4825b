"""Admission: the same rules that a block must pass, before anything is forwarded.

A transaction from a client is tried on the committed tip plus its author's own pending transactions. A
refusal here is final: nothing has left the node, so the author may correct and send again at once. What
is admitted may still wait, when somebody else's transaction comes first; see ``node.mempool``.

For each author with pending transactions one execution is kept, in which they have been applied. It was
begun on an earlier tip and may have become stale, which must never lead to a wrong refusal: before a
refusal is given, the execution is made anew on the present tip. That happens at most once per author and
tip, so that refused transactions cannot be used to make a node busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.parsed import ParsedTransaction
from ledger.refusal import Refused
from ledger.state.view import CommittedState
from ledger.transition import BlockExecution
from ledger.wire.scalars import Height, MemberId, TimeMs


@dataclass(slots=True)
class _Trial:
    execution: BlockExecution
    tip: Height


class Admission:
    """Tries transactions on top of what their author already has pending."""

    def __init__(
        self,
        committed: CommittedState,
        pending_of: Callable[[MemberId], Iterable[ParsedTransaction]],
    ) -> None:
        self._committed = committed
        self._pending_of = pending_of
        self._trials: dict[MemberId, _Trial] = {}

    def check(self, parsed: ParsedTransaction, now_ms: TimeMs) -> None:
        """Try a transaction; keep its effect if it applies.

        Raises:
            Refused: It does not apply on the tip after the author's pending transactions.
        """
        author = parsed.author
        trial = self._trials.get(author)
        if trial is not None:
            trial.execution.time_ms = self._block_time(now_ms)
            try:
                trial.execution.apply(parsed)
            except Refused:
                if trial.tip == self._committed.header.height:
                    raise
            else:
                return
        trial = self._begin(author, now_ms)
        trial.execution.apply(parsed)
        self._trials[author] = trial

    def forget(self, author: MemberId) -> None:
        """Drop an author's execution: the next trial begins anew."""
        self._trials.pop(author, None)

    def forget_idle(self, authors: Iterable[MemberId]) -> None:
        """Drop the execution of authors that have nothing pending any more."""
        for author in authors:
            if next(iter(self._pending_of(author)), None) is None:
                self._trials.pop(author, None)

    def _begin(self, author: MemberId, now_ms: TimeMs) -> _Trial:
        tip = self._committed.header
        execution = BlockExecution(
            self._committed, Height(tip.height + 1), self._block_time(now_ms)
        )
        trial = _Trial(execution, tip.height)
        self._trials[author] = trial
        for pending in self._pending_of(author):
            try:
                execution.apply(pending)
            except Refused:
                # It waits for somebody else's transaction, or is final already.
                continue
        return trial

    def _block_time(self, now_ms: TimeMs) -> TimeMs:
        return TimeMs(max(now_ms, self._committed.header.time_ms + 1))
