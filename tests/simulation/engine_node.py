"""An engine with the toy ledger and a mempool: the node that the simulator runs.

Overlays, mempool and engine are volatile; journal and chain are on the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consensus.catchup.serve import assemble_range
from consensus.config import ConsensusConfig
from consensus.effects import Build, Commit, Drop, Effect, Execute, Send, ServeRange, Timer
from consensus.engine import Engine
from consensus.inputs import FinalizedTip, Instant, genesis_point
from consensus.messages import Message
from ledger.wire.block import Block, Header
from ledger.wire.certificate import Certificate
from ledger.wire.scalars import BlockId, Height, ValidatorIndex
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet
from tests.simulation.disk import Disk
from tests.simulation.node import LocalWork
from tests.simulation.toy_ledger import (
    CHAIN_ID,
    EPOCH,
    Place,
    fault_of,
    genesis,
    make_block,
    payload_matches,
)


@dataclass(frozen=True, slots=True)
class NodeOptions:
    validators: ValidatorSet
    own: ValidatorIndex | None
    sign: Sign | None
    config: ConsensusConfig
    journal_records_max: int = 400
    """The journal is rolled when it holds more."""


class EngineNode:
    def __init__(self, options: NodeOptions, disk: Disk) -> None:
        self.options = options
        self.disk = disk
        self._genesis = genesis(options.validators)
        self._executed: dict[BlockId, Block] = {}
        self._mempool: dict[bytes, None] = {}
        self._stored: set[bytes] = {t for block in disk.chain for t in block.block.transactions}
        self.engine = Engine(
            chain_id=CHAIN_ID,
            epoch=EPOCH,
            validators=options.validators,
            own=options.own,
            sign=options.sign,
            config=options.config,
            final=self._final_tip(),
            journal=tuple(disk.journal),
            payload_matches=payload_matches,
        )

    # ---------- events

    def start(self, now: Instant) -> tuple[Effect, ...]:
        return self.engine.start(now)

    def receive(self, peer: str, message: Message, now: Instant) -> tuple[Effect, ...]:
        return self._rolled(self.engine.on_message(peer, message, now))

    def fire(self, timer: Timer, now: Instant) -> tuple[Effect, ...]:
        return self._rolled(self.engine.on_timer(timer, now))

    def submit(self, transaction: bytes, now: Instant) -> tuple[Effect, ...]:
        if transaction in self._stored or transaction in self._mempool:
            return ()
        self._mempool[transaction] = None
        return self.engine.on_work(pending=True, now=now)

    def perform(self, work: LocalWork, now: Instant) -> tuple[Effect, ...]:
        match work:
            case Execute():
                return self._execute(work, now)
            case Build():
                return self.engine.on_built(work, self._build(work), now)
            case Commit():
                return self._commit(work, now)
            case ServeRange():
                return self._serve(work)
            case Drop(block_ids=block_ids):
                for block_id in block_ids:
                    self._executed.pop(block_id, None)
                return ()

    # ---------- work

    def _execute(self, work: Execute, now: Instant) -> tuple[Effect, ...]:
        parent = self._header(work.parent_id)
        reason = fault_of(work.block, parent) or self._repetition(work.block)
        if not reason:
            self._executed[work.block_id] = work.block
        return self.engine.on_executed(work.block_id, not reason, reason, now)

    def _build(self, work: Build) -> Block | None:
        used = self._used_below(work.parent_id)
        chosen: list[bytes] = []
        if not work.must_be_empty:
            fresh = (t for t in self._mempool if t not in used and t not in self._stored)
            for transaction in fresh:
                if len(chosen) * 100 >= work.budget_units:
                    break
                chosen.append(transaction)
        if not chosen and not work.may_be_empty:
            return None
        own = self.options.own
        if own is None:
            raise AssertionError("an observer was asked to build")
        place = Place(work.view, work.time_ms, own)
        block = make_block(self._header(work.parent_id), place, tuple(chosen))
        self._executed[block.header.block_id] = block
        return block

    def _commit(self, work: Commit, now: Instant) -> tuple[Effect, ...]:
        effects: list[Effect] = []
        for finalized in work.blocks:
            self.disk.store(finalized)
            self._executed.pop(finalized.block_id, None)
            for transaction in finalized.block.transactions:
                self._stored.add(transaction)
                self._mempool.pop(transaction, None)
            effects += self.engine.on_committed(finalized.point.height, now)
        if not self._mempool:
            effects += self.engine.on_work(pending=False, now=now)
        return self._rolled(tuple(effects))

    def _rolled(self, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
        """Roll the journal's segment if it is long, before the effects are carried out."""
        if len(self.disk.journal) > self.options.journal_records_max:
            self.disk.replace_journal(self.engine.checkpoint_records())
        return effects

    def _serve(self, work: ServeRange) -> tuple[Effect, ...]:
        reply = assemble_range(work.from_height, work.max_blocks, self._block_at)
        return (Send(work.peer, reply),)

    # ---------- reading

    def _final_tip(self) -> FinalizedTip:
        if not self.disk.chain:
            header = self._genesis.header
            return FinalizedTip(genesis_point(header), header, None)
        last = self.disk.chain[-1]
        return FinalizedTip(last.point, last.block.header, last.proof)

    def _block_at(self, height: Height) -> tuple[Block, Certificate | None] | None:
        if not 0 < height <= len(self.disk.chain):
            return None
        found = self.disk.chain[height - 1]
        return found.block, found.proof

    def _header(self, block_id: BlockId) -> Header:
        if block_id in self._executed:
            return self._executed[block_id].header
        if block_id == self._genesis.header.block_id:
            return self._genesis.header
        for stored in reversed(self.disk.chain):
            if stored.block_id == block_id:
                return stored.block.header
        raise AssertionError(f"block {block_id.hex()} was neither executed nor stored")

    def _used_below(self, block_id: BlockId) -> set[bytes]:
        used: set[bytes] = set()
        while block_id in self._executed:
            used.update(self._executed[block_id].transactions)
            block_id = self._executed[block_id].header.parent
        return used

    def _repetition(self, block: Block) -> str:
        used = self._used_below(block.header.parent)
        if not used.isdisjoint(block.transactions):
            return "a transaction stands in a block below"
        stored = self._stored.intersection(block.transactions)
        return "a transaction is already stored" if stored else ""


NodeFactory = Callable[[Disk], EngineNode]
