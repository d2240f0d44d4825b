"""Agreement of whole nodes: one block at each height, each with a proof that holds, stored with its header.

Blocks are compared by their ids, which cover the state root; that the states themselves agree is for
``whole_history`` to show at the end of a run.
"""

from __future__ import annotations

from consensus.effects import Accuse, Halt, Suspect
from consensus.messages import Message
from ledger.genesis import Genesis
from ledger.store import META_TIP, block_key
from ledger.wire.block import decode_block
from ledger.wire.certificate import CertificateKind, verify_certificate
from ledger.wire.codec import encode
from ledger.wire.scalars import BlockId, Height
from tests.simulation.replica_disk import ReplicaDisk
from tests.simulation.world import Slot


class ReplicaChain:
    """Watches what every node stores."""

    def __init__(self, genesis: Genesis) -> None:
        self.chain: list[BlockId] = []
        """The longest chain stored anywhere."""
        self._genesis = genesis
        self._seen: dict[int, int] = {}

    def on_send(self, slot: Slot, message: Message) -> None:
        pass

    def on_stored(self, slot: Slot) -> None:
        disk = slot.disk
        assert isinstance(disk, ReplicaDisk)
        for position in range(self._seen.get(slot.index, 0), len(disk.chain)):
            stored = disk.chain[position]
            if position < len(self.chain):
                assert self.chain[position] == stored.block_id, (
                    f"{slot.name} stored another block at height {position + 1}"
                )
            else:
                self.chain.append(stored.block_id)
            data = disk.database.get(block_key(Height(position + 1)))
            assert data is not None, f"{slot.name} stored no block at height {position + 1}"
            assert decode_block(data).header.block_id == stored.block_id
            if stored.proof is not None:
                assert stored.proof.kind is CertificateKind.FINALIZATION
                assert stored.proof.point == stored.point
                verify_certificate(
                    stored.proof,
                    chain_id=self._genesis.chain_id,
                    epoch=self._genesis.header.epoch,
                    validators=self._genesis.validators,
                )
        if disk.chain:
            assert disk.database.get(META_TIP) == encode(disk.chain[-1].block.header)
        self._seen[slot.index] = len(disk.chain)

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None:
        assert not isinstance(notice, Halt), f"{slot.name} halted: {notice.reason}"
