"""Agreement: the stored chains of correct nodes are prefixes of each other, and every block fits."""

from __future__ import annotations

from consensus.effects import Accuse, Halt, HaltScope, Suspect
from consensus.messages import Message
from ledger.wire.certificate import CertificateKind, verify_certificate
from ledger.wire.scalars import BlockId
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH, fault_of, genesis, validator_set
from tests.simulation.world import Slot


class Agreement:
    def __init__(self, count: int) -> None:
        self.chain: list[BlockId] = []
        """The longest chain stored anywhere."""
        self._validators = validator_set(count)
        self._headers = [genesis(self._validators).header]
        self._transactions: set[bytes] = set()
        self._seen: dict[int, int] = {}

    def on_send(self, slot: Slot, message: Message) -> None:
        pass

    def on_stored(self, slot: Slot) -> None:
        if not slot.correct:
            return
        chain = slot.disk.chain
        for position in range(min(self._seen.get(slot.index, 0), len(chain)), len(chain)):
            stored = chain[position]
            if position < len(self.chain):
                assert self.chain[position] == stored.block_id, (
                    f"{slot.name} stored another block at height {position + 1}"
                )
            else:
                self._extend(slot, position)
            if stored.proof is not None:
                assert stored.proof.kind is CertificateKind.FINALIZATION
                assert stored.proof.point == stored.point
                verify_certificate(
                    stored.proof, chain_id=CHAIN_ID, epoch=EPOCH, validators=self._validators
                )
        self._seen[slot.index] = len(chain)

    def _extend(self, slot: Slot, position: int) -> None:
        stored = slot.disk.chain[position]
        parent = self._headers[position]
        header = stored.block.header
        assert header.parent == parent.block_id
        assert header.height == parent.height + 1
        assert header.time_ms > parent.time_ms
        assert stored.point.parent_view == parent.view
        assert fault_of(stored.block, parent) == ""
        assert self._transactions.isdisjoint(stored.block.transactions), "a transaction twice"
        self._transactions.update(stored.block.transactions)
        self.chain.append(stored.block_id)
        self._headers.append(header)

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None:
        if slot.correct and isinstance(notice, Halt):
            assert notice.scope is not HaltScope.ENGINE, f"{slot.name}: {notice.reason}"
            raise AssertionError(f"{slot.name} stopped signing: {notice.reason}")
