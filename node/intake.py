"""Transactions from peers on their way into the pool: read, checked, and bounded for each peer.

A peer sends batches of complete signed bytes. They wait here, a few megabytes for each peer at most, and
are taken from in turn, a small share at a time, so that no peer's flood stops the event loop, fills the
memory, or keeps the threads from the signatures of a block. What does not fit is dropped: the node whose
client waits for it offers it again.

Every node reads and checks a transaction before it sends it on. So what does not parse, or is for another
chain, or has a signature that does not verify, comes from a faulty node: the rest of what it sent is thrown
away, and the transport keeps it out for a while.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.wire.errors import WireError
from ledger.wire.scalars import ChainId, TxId
from ledger.wire.transaction import TRANSACTION_VERSION
from node.signatures import SignatureChecker

PEER_BYTES_MAX: Final = 4 * 1024 * 1024
"""What of one peer may wait to be read."""
SHARE_TRANSACTIONS_MAX: Final = 128
"""Transactions that are read and checked at one time, of all peers together."""
SHARE_BYTES_MAX: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class IntakeEvents:
    """Whom the intake asks and tells. The callbacks must not block."""

    is_known: Callable[[bytes], bool]
    """Whether these signed bytes are in the pool already."""
    is_final: Callable[[TxId], bool]
    """Whether the transaction is on the ledger already."""
    take: Callable[[str, Sequence[ParsedTransaction]], None]
    """Takes (peer, transactions), whose signatures are valid."""
    refuse: Callable[[str, str], None]
    """Takes (peer, reason): it sent what no correct node sends."""


class Intake:
    """Reads and checks what peers send."""

    def __init__(
        self, chain_id: ChainId, signatures: SignatureChecker, events: IntakeEvents
    ) -> None:
        self.dropped: Counter[str] = Counter()
        """Transactions of each peer for which there was no room."""
        self.faults: Counter[str] = Counter()
        """Times that a peer sent what no correct node sends."""
        self._chain_id = chain_id
        self._signatures = signatures
        self._events = events
        self._waiting: OrderedDict[str, deque[bytes]] = OrderedDict()
        self._bytes: Counter[str] = Counter()
        self._under_way = 0

    def bytes_waiting(self, peer: str) -> int:
        """Return how many bytes of a peer wait to be read."""
        return self._bytes[peer]

    def receive(self, peer: str, batch: Sequence[bytes]) -> None:
        """Take in a batch of complete signed bytes."""
        waiting = self._waiting.setdefault(peer, deque())
        for number, signed_bytes in enumerate(batch):
            if self._bytes[peer] + len(signed_bytes) > PEER_BYTES_MAX:
                self.dropped[peer] += len(batch) - number
                break
            waiting.append(signed_bytes)
            self._bytes[peer] += len(signed_bytes)
        self._pump()

    def _pump(self) -> None:
        """Read and check the next share of each peer in turn, unless a share is under way."""
        while self._waiting and not self._under_way:
            peer, waiting = self._waiting.popitem(last=False)
            fresh = self._read_share(peer, waiting)
            if waiting:
                self._waiting[peer] = waiting
            else:
                del self._bytes[peer]
            if fresh:
                self._under_way = len(fresh)
                self._signatures.check(fresh, partial(self._on_checked, peer, fresh))

    def _read_share(self, peer: str, waiting: deque[bytes]) -> list[ParsedTransaction]:
        fresh: list[ParsedTransaction] = []
        size = 0
        while waiting and len(fresh) < SHARE_TRANSACTIONS_MAX and size < SHARE_BYTES_MAX:
            signed_bytes = waiting.popleft()
            self._bytes[peer] -= len(signed_bytes)
            if self._events.is_known(signed_bytes):
                continue
            size += len(signed_bytes)
            try:
                parsed = parse_transaction(signed_bytes)
            except WireError as error:
                self._condemn(peer, waiting, f"a transaction does not parse: {error}")
                break
            head = parsed.signed.transaction
            if (head.chain_id, head.version) != (self._chain_id, TRANSACTION_VERSION):
                self._condemn(peer, waiting, f"a transaction of chain {head.chain_id.hex()}")
                break
            if not self._events.is_final(parsed.tx_id):
                fresh.append(parsed)
        return fresh

    def _on_checked(
        self, peer: str, fresh: Sequence[ParsedTransaction], valid: Sequence[ParsedTransaction]
    ) -> None:
        self._under_way = 0
        if valid:
            self._events.take(peer, valid)
        if len(valid) < len(fresh):
            bad = len(fresh) - len(valid)
            self._condemn(peer, self._waiting.get(peer), f"{bad} transactions with a bad signature")
        self._pump()

    def _condemn(self, peer: str, waiting: deque[bytes] | None, reason: str) -> None:
        if waiting is not None:
            waiting.clear()
            self._bytes[peer] = 0
        self.faults[peer] += 1
        self._events.refuse(peer, reason)
