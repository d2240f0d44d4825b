"""Durable before sent: no vote, and no proposal, leaves before its record is on the disk.

The rule is checked against the disk's synced records, not against the order of effects.
"""

from __future__ import annotations

from consensus.effects import Accuse, Halt, Suspect
from consensus.messages import Message, Proposal, Vote
from ledger.wire.certificate import CertificateKind
from ledger.wire.codec import encode
from tests.simulation.world import Slot


class Durability:
    def __init__(self) -> None:
        self.checked = 0

    def on_send(self, slot: Slot, message: Message) -> None:
        if not slot.correct or not isinstance(message, Vote | Proposal):
            return
        self.checked += 1
        bodies = slot.disk.durable_bodies
        assert encode(message) in bodies, f"{slot.name} sent {type(message).__name__} too early"
        if not isinstance(message, Vote) or message.point is None:
            return
        if message.kind is CertificateKind.NOTARIZATION:
            assert self._block_is_durable(slot, message.point.block_id), "vote without its block"

    @staticmethod
    def _block_is_durable(slot: Slot, block_id: bytes) -> bool:
        return any(
            stored.block_id == block_id for stored in reversed(slot.disk.chain)
        ) or slot.disk.has_block(block_id)

    def on_stored(self, slot: Slot) -> None:
        pass

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None:
        pass
