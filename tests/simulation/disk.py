"""What survives a crash of a simulated node: synced journal records, and the stored chain.

Records that were appended and not synced form a volatile tail; a crash keeps a random beginning of it, as
a real file would after the torn record at its end is cut off.
"""

from __future__ import annotations

import random

from consensus.effects import FinalizedBlock, JournalRecord
from consensus.journal import RecordType
from consensus.messages import Proposal
from ledger.wire.block import Block
from ledger.wire.codec import decode


class Disk:
    def __init__(self) -> None:
        self.journal: list[JournalRecord] = []
        self.synced = 0
        """How many records at the beginning of the journal are durable."""
        self.durable_bodies: set[bytes] = set()
        self._blocks: set[bytes] = set()
        self.chain: list[FinalizedBlock] = []
        """Blocks of the heights 1, 2, …"""

    def append(self, records: tuple[JournalRecord, ...]) -> None:
        self.journal.extend(records)

    def sync(self) -> None:
        for kind, body in self.journal[self.synced :]:
            self.durable_bodies.add(body)
            if kind == RecordType.BLOCK:
                self._blocks.add(decode(Block, body).header.block_id)
            elif kind == RecordType.OWN_PROPOSE:
                self._blocks.add(decode(Proposal, body).point.block_id)
        self.synced = len(self.journal)

    def has_block(self, block_id: bytes) -> bool:
        return block_id in self._blocks

    def crash(self, rng: random.Random) -> None:
        kept = rng.randint(self.synced, len(self.journal))
        del self.journal[kept:]
        self.sync()

    def store(self, block: FinalizedBlock) -> None:
        expected = len(self.chain) + 1
        if block.point.height == expected:
            self.chain.append(block)
        elif not 0 < block.point.height < expected:
            raise AssertionError(f"height {block.point.height} committed, expected {expected}")

    def replace_journal(self, records: tuple[JournalRecord, ...]) -> None:
        """Roll the segment: the given records take the place of all."""
        self.journal = list(records)
        self.synced = 0
        self.sync()
