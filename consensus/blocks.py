"""Blocks that are not committed yet: what is known of each, and how they hang together.

A block enters after its header was hashed and its payload compared with the header, never under a name
that a sender gave it. Its verdict comes from execution and never changes. Blocks leave when a block at
or above their view is committed.

Walking from a block to the last committed one along parents gives a ``Path``: the blocks between, lowest
first, and, if the walk ends at a block that is not here, that block's id and height.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ledger.wire.block import Block, Header
from ledger.wire.scalars import BlockId, Height, TimeMs, View


class Verdict(Enum):
    """What execution said."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(slots=True)
class KnownBlock:
    """A block that may still become final."""

    block: Block
    block_id: BlockId
    received_wall_ms: TimeMs | None
    """Wall clock at first receipt as a proposal; None for blocks that came otherwise."""
    verdict: Verdict = Verdict.UNKNOWN
    reason: str = ""
    """Why it is invalid."""
    recorded: bool = False
    """Its bytes are in the journal."""

    @property
    def header(self) -> Header:
        """The block's header."""
        return self.block.header


@dataclass(frozen=True, slots=True)
class Path:
    """The blocks above the base up to some block, lowest first."""

    blocks: tuple[KnownBlock, ...]
    missing: tuple[BlockId, Height] | None
    """The first ancestor that is not known, if the base was not reached."""
    forks: bool = False
    """The walk came below the base's height without meeting it: the block is on another branch."""


class BlockStore:
    """Uncommitted blocks above ``base``, the last block whose ``Commit`` was asked for."""

    def __init__(self, base_id: BlockId, base: Header, base_view: View) -> None:
        self._known: dict[BlockId, KnownBlock] = {}
        self.base_id = base_id
        self.base = base
        self.base_view = base_view
        """The view in which the base was decided; 0 for the block that the epoch starts from."""

    def add(
        self, block: Block, block_id: BlockId, received_wall_ms: TimeMs | None = None
    ) -> KnownBlock:
        """Keep a checked block; the first time of receipt as a proposal stays."""
        known = self._known.setdefault(block_id, KnownBlock(block, block_id, received_wall_ms))
        if known.received_wall_ms is None:
            known.received_wall_ms = received_wall_ms
        return known

    def get(self, block_id: BlockId) -> KnownBlock | None:
        """Return what is known of a block."""
        return self._known.get(block_id)

    def header_of(self, block_id: BlockId) -> Header | None:
        """Return a block's header, the base's included."""
        if block_id == self.base_id:
            return self.base
        known = self._known.get(block_id)
        return known.header if known else None

    def view_of(self, header: Header, block_id: BlockId) -> View:
        """Return the view in which a block was decided, if it was."""
        return self.base_view if block_id == self.base_id else header.view

    def is_executed(self, block_id: BlockId) -> bool:
        """Tell whether a child of this block could be executed now."""
        known = self._known.get(block_id)
        return block_id == self.base_id or (known is not None and known.verdict is Verdict.VALID)

    def path(self, block_id: BlockId, height: Height) -> Path:
        """Return the path from the base to the block of this id and height."""
        found: list[KnownBlock] = []
        while block_id != self.base_id:
            if height <= self.base.height:
                return Path(tuple(reversed(found)), None, forks=True)
            known = self._known.get(block_id)
            if known is None:
                return Path(tuple(reversed(found)), (block_id, height))
            found.append(known)
            block_id, height = known.header.parent, Height(height - 1)
        return Path(tuple(reversed(found)), None)

    def advance(self, known: KnownBlock) -> None:
        """Make a block on top of the base the new base."""
        self.base_id, self.base, self.base_view = known.block_id, known.header, known.header.view

    def settle(self, through: View) -> tuple[BlockId, ...]:
        """Forget the blocks of views up to ``through``; return their ids, by view and id."""
        gone = sorted(
            (known.header.view, known.block_id)
            for known in self._known.values()
            if known.header.view <= through
        )
        for _view, block_id in gone:
            del self._known[block_id]
        return tuple(block_id for _view, block_id in gone)

    def forget(self, block_id: BlockId) -> None:
        """Forget one block that nothing decided."""
        self._known.pop(block_id, None)

    def all(self) -> tuple[KnownBlock, ...]:
        """Return all blocks, by view and id."""
        return tuple(
            sorted(self._known.values(), key=lambda known: (known.header.view, known.block_id))
        )
