"""Transactions of peers whose signers the ledger does not know here *yet*.

A member may be admitted, or a key added, in a block that this node has not stored yet, while a transaction
signed with that key is already on its way. Such a transaction is neither a fault nor fit for the pool: it
waits here, briefly and in little room, and is looked at again after each stored block. What is dropped is
not lost: the node whose client waits for it offers it again.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.parsed import ParsedTransaction
from ledger.wire.scalars import TxId

PEER_TRANSACTIONS_MAX: Final = 512
PEER_BYTES_MAX: Final = 1024 * 1024
LOOKS_MAX: Final = 8
"""After so many stored blocks a transaction is dropped."""


@dataclass(slots=True)
class _Waiting:
    parsed: ParsedTransaction
    looks: int = 0


class Doubtful:
    """What waits for its signers to appear on the ledger, by the peer that sent it."""

    def __init__(self) -> None:
        self._of_peer: dict[str, OrderedDict[TxId, _Waiting]] = {}
        self._bytes: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many transactions wait."""
        return sum(map(len, self._of_peer.values()))

    def add(self, peer: str, parsed: ParsedTransaction) -> bool:
        """Let a transaction wait; False if its peer has no room left or it waits already."""
        waiting = self._of_peer.get(peer, OrderedDict())
        size = len(parsed.signed_bytes)
        if (
            parsed.tx_id in waiting
            or len(waiting) >= PEER_TRANSACTIONS_MAX
            or self._bytes.get(peer, 0) + size > PEER_BYTES_MAX
        ):
            return False
        self._of_peer.setdefault(peer, waiting)[parsed.tx_id] = _Waiting(parsed)
        self._bytes[peer] = self._bytes.get(peer, 0) + size
        return True

    def take(self, peer: str, tx_id: TxId) -> None:
        """Let go of a transaction."""
        waiting = self._of_peer.get(peer)
        entry = None if waiting is None else waiting.pop(tx_id, None)
        if entry is None or waiting is None:
            return
        self._bytes[peer] -= len(entry.parsed.signed_bytes)
        if not waiting:
            del self._of_peer[peer], self._bytes[peer]

    def look(self) -> Iterator[tuple[str, ParsedTransaction]]:
        """Yield everything that waits, with its peer, and drop what was looked at often enough."""
        for peer, waiting in list(self._of_peer.items()):
            for tx_id, entry in list(waiting.items()):
                entry.looks += 1
                if entry.looks >= LOOKS_MAX:
                    self.take(peer, tx_id)
                yield peer, entry.parsed
