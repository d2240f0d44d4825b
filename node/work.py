"""What wants a block: the reason for which the engine's timers run, or rest.

The engine runs its timers only while something wants a block. That is a pending transaction which is neither
waiting for a later height nor *in flight*, that is, in an unfinalized block that is still on the way: one
up to the tip, or the proposal of the present view. A transaction in a block whose view was given up is work
again at once. A transaction that has expired is work too, even for a block with nothing in it, since only
a block's time refuses it; but not while such a block is on its way.
"""

from __future__ import annotations

from typing import Final

from consensus.effects import Effect
from consensus.engine import Engine
from consensus.inputs import Instant
from ledger.refusal import Refused
from ledger.state.view import StateReader
from ledger.transition import BlockExecution
from ledger.wire.scalars import BlockId, Height, TimeMs, TxId, View
from node.chain import Chain, UnknownParentError
from node.mempool import Mempool

PROBE_UNITS_MAX: Final = 2_000
"""Work units of pending transactions that are tried before a silent leader is given up."""


class WorkWatch:
    """Tells an engine about work, whenever that has changed."""

    def __init__(self, engine: Engine, chain: Chain, mempool: Mempool) -> None:
        self._engine = engine
        self._chain = chain
        self._mempool = mempool
        self._looked_at: tuple[int, int, View, BlockId | None] | None = None
        self._has_candidate = False
        self._flight_of: tuple[int, View, BlockId | None] | None = None
        self._flight: frozenset[TxId] = frozenset()
        self._told = (False, False)
        """What the engine was told last: whether there is work, and whether an empty block is."""

    @property
    def is_known(self) -> bool:
        """Whether the engine knows of work already."""
        return self._told[0]

    def note(self, now: Instant) -> list[Effect]:
        """Tell the engine whether anything wants a block, when that has changed."""
        engine, tip_id = self._engine, self._engine.tip_id
        seen = (self._chain.generation, self._mempool.generation, engine.view, tip_id)
        if seen != self._looked_at:
            self._looked_at = seen
            height = Height(self._chain.tip.height + 1)
            self._has_candidate = len(self._mempool) > 0 and self._mempool.has_candidate(
                height, self._in_flight(tip_id)
            )
        overdue = self._is_overdue(now, tip_id)
        work = (self._has_candidate or overdue, overdue)
        if work == self._told:
            return []
        self._told = work
        return list(engine.on_work(work[0], now, empty_wanted=overdue))

    def anything_applies(self, now: Instant) -> bool:
        """Try pending transactions on the tip, and note those that do not apply."""
        tip_id = self._engine.tip_id
        if self._is_overdue(now, tip_id):
            return True
        state = self._state_at(tip_id)
        height = Height(state.header.height + 1)
        time_ms = TimeMs(max(now.wall_ms, state.header.time_ms + 1))
        execution = BlockExecution(state, height, time_ms)
        units = 0
        for parsed in self._mempool.candidates(height, self._in_flight(tip_id)):
            units += parsed.work_units
            try:
                execution.apply(parsed)
            except Refused as refusal:
                self._mempool.note_left_out(parsed.tx_id, refusal, height)
            else:
                return True
            if units > PROBE_UNITS_MAX:
                return True
        return False

    def _in_flight(self, tip_id: BlockId | None) -> frozenset[TxId]:
        """Return the transactions in blocks that are still on the way to being final."""
        seen = (self._chain.generation, self._engine.view, tip_id)
        if seen != self._flight_of:
            self._flight_of = seen
            self._flight = self._chain.transactions_proposed(self._engine.view)
            if tip_id is not None:
                self._flight |= self._chain.transactions_above_tip(tip_id)
        return self._flight

    def _is_overdue(self, now: Instant, tip_id: BlockId | None) -> bool:
        """Tell whether a pending transaction has expired and no block on its way refuses it."""
        before_ms = TimeMs(now.wall_ms - 1)
        if not self._mempool.has_expired(before_ms):
            return False
        return self._mempool.has_expired(before_ms, after_ms=self._state_at(tip_id).header.time_ms)

    def _state_at(self, tip_id: BlockId | None) -> StateReader:
        """Return the state after the tip, or after the committed tip while that is not known."""
        if tip_id is None:
            return self._chain.committed
        try:
            return self._chain.state_after(tip_id)
        except UnknownParentError:
            return self._chain.committed
