"""Who waits for a pending transaction: futures that are resolved when its end is known."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TypeAlias

from ledger.wire.scalars import TxId
from node.effects import Expired, Finalized

Outcome: TypeAlias = Finalized | Expired | None
"""What became of a pending transaction; None when the node ends before that is known."""


class Waiters:
    """Futures by transaction; how many there may be is for the callers to bound."""

    def __init__(self) -> None:
        self._of: dict[TxId, list[asyncio.Future[Outcome]]] = {}
        self._ended = False

    def __len__(self) -> int:
        """Return for how many transactions somebody waits."""
        return len(self._of)

    def wait_for(self, tx_id: TxId) -> asyncio.Future[Outcome]:
        """Return a future of what becomes of a transaction. Cancel it when it is not needed."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if self._ended:
            future.set_result(None)
            return future
        self._of.setdefault(tx_id, []).append(future)
        future.add_done_callback(partial(self._forget, tx_id))
        return future

    def resolve(self, tx_id: TxId, outcome: Outcome) -> None:
        """Tell everybody who waits for a transaction what became of it."""
        for future in self._of.pop(tx_id, ()):
            if not future.done():
                future.set_result(outcome)

    def let_go(self) -> None:
        """Tell everybody who waits, now or later, that there is no more to be heard here."""
        self._ended = True
        for tx_id in list(self._of):
            self.resolve(tx_id, None)

    def _forget(self, tx_id: TxId, future: asyncio.Future[Outcome]) -> None:
        futures = self._of.get(tx_id)
        if futures is not None and future in futures:
            futures.remove(future)
            if not futures:
                del self._of[tx_id]
