"""The chain as one node holds it: the committed state and the overlays of unfinalized blocks.

Blocks are executed on the overlay of their parent, or on the committed state; a finished overlay
is kept under its block's id until the block is stored or its branch is dropped. Storing advances
the committed state and re-parents what stood on it. The chain opens no file: it reads through a
``Reader`` and gives out write sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from consensus.effects import FinalizedBlock
from ledger.commit import commit_writes, open_committed
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.state.view import CommittedState, Overlay, StateReader
from ledger.store import Reader
from ledger.transition import BuiltBlock, Slot, apply_block, build_block
from ledger.wire.block import Block, Header
from ledger.wire.certificate import BlockProof
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import BlockId, TimeMs, TxId, View


class UnknownParentError(Exception):
    """A block was to be executed on a parent that this chain does not hold: our own mistake."""


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """A block with its parsed transactions and what it changes."""

    block: Block
    transactions: tuple[ParsedTransaction, ...]
    overlay: Overlay


class Chain:
    """Executes blocks and turns final ones into write sets."""

    def __init__(self, reader: Reader, known: Callable[[bytes], ParsedTransaction | None]) -> None:
        """Open the chain of a store.

        Args:
            reader: The store.
            known: Returns the parsed form of signed bytes that were read before, or None.

        Raises:
            EmptyStoreError: The store holds no ledger.
        """
        self.committed: CommittedState = open_committed(reader)
        self.committed_id: BlockId = self.committed.header.block_id
        self._known = known
        self._executed: dict[BlockId, ExecutedBlock] = {}
        self.generation = 0
        """Grows with every change to the blocks that are executed and not stored."""

    @property
    def tip(self) -> Header:
        """Header of the committed tip."""
        return self.committed.header

    def executed(self, block_id: BlockId) -> ExecutedBlock | None:
        """Return an executed block that is not stored yet, or None."""
        return self._executed.get(block_id)

    def parse_block(self, block: Block) -> tuple[ParsedTransaction, ...]:
        """Return the block's transactions, read at most once each.

        Raises:
            WireError: One is not canonical; the block is not valid.
        """
        return tuple(self._known(data) or parse_transaction(data) for data in block.transactions)

    def execute(
        self,
        block: Block,
        block_id: BlockId,
        parent_id: BlockId,
        transactions: tuple[ParsedTransaction, ...],
    ) -> None:
        """Apply a block and keep its overlay.

        Raises:
            InvalidBlockError: It does not follow from its parent.
            UnknownParentError: The parent is not here.
        """
        overlay = apply_block(self.state_after(parent_id), block, transactions)
        self._executed[block_id] = ExecutedBlock(block, transactions, overlay)
        self.generation += 1

    def build(
        self,
        parent_id: BlockId,
        slot: Slot,
        *,
        time_ms: TimeMs,
        candidates: Iterable[ParsedTransaction],
        budget_units: int,
    ) -> tuple[BlockId, BuiltBlock]:
        """Make a block on ``parent_id`` and keep its overlay."""
        built = build_block(
            self.state_after(parent_id),
            slot,
            time_ms=time_ms,
            candidates=candidates,
            budget_units=budget_units,
        )
        block_id = built.block.header.block_id
        self._executed[block_id] = ExecutedBlock(built.block, built.included, built.overlay)
        self.generation += 1
        return block_id, built

    def transactions_above_tip(self, block_id: BlockId) -> frozenset[TxId]:
        """Return the ids of all transactions in ``block_id`` and its unfinalized ancestors."""
        ids: set[TxId] = set()
        while block_id != self.committed_id:
            executed = self._executed.get(block_id)
            if executed is None:
                break
            ids.update(executed.overlay.transactions)
            block_id = executed.block.header.parent
        return frozenset(ids)

    def transactions_proposed(self, view: View) -> frozenset[TxId]:
        """Return the ids of all transactions in executed blocks that were proposed in ``view``."""
        return frozenset(
            tx_id
            for executed in self._executed.values()
            if executed.block.header.view == view
            for tx_id in executed.overlay.transactions
        )

    def writes(self, blocks: tuple[FinalizedBlock, ...]) -> dict[bytes, bytes | None]:
        """Return one write set that stores executed, final blocks in height order."""
        writes: dict[bytes, bytes | None] = {}
        for final in blocks:
            executed = self._executed[final.block_id]
            proof = BlockProof(
                point=final.point, finalization=final.proof, justification=final.justification
            )
            proof_bytes = encode(proof)
            # Encoding checks no limits: what could not be read again must not be written.
            decode(BlockProof, proof_bytes)
            writes.update(commit_writes(executed.overlay, encode(executed.block), proof_bytes))
        return writes

    def advance(self, final: FinalizedBlock) -> ExecutedBlock:
        """Make a block that is now durable the committed tip, and return it."""
        executed = self._executed.pop(final.block_id)
        self.committed.advance(executed.overlay)
        self.committed_id = final.block_id
        self.generation += 1
        for other in self._executed.values():
            if other.overlay.parent is executed.overlay:
                other.overlay.parent = self.committed
        return executed

    def drop(self, block_ids: Iterable[BlockId]) -> None:
        """Forget blocks that can never become final."""
        for block_id in block_ids:
            self._executed.pop(block_id, None)
        self.generation += 1

    def state_after(self, block_id: BlockId) -> StateReader:
        """Return the state after an executed block, or after the committed tip.

        Raises:
            UnknownParentError: The block is not here.
        """
        if block_id == self.committed_id:
            return self.committed
        executed = self._executed.get(block_id)
        if executed is None:
            raise UnknownParentError(block_id.hex())
        return executed.overlay
