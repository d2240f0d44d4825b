"""The store as the ledger sees it: an ordered map from bytes to bytes, and its key layout.

The ledger only reads through ``Reader`` and hands out write sets; who keeps them (LevelDB in a node, a
dict in tests and in an auditor) is not its business, except that one write set is applied as a whole
or not at all. The first byte of a key says what it is:

====  =====================================================  ==========================================
byte  rest of the key                                        value
====  =====================================================  ==========================================
S     state key                                              current row
V     u16 length, state key, height u64                      row as of that height (empty: deleted)
T     nibble path                                            page of the state tree
I     transaction id                                         height u64, index u32
X     index key                                              what queries need beside the state
G     level u8, index u64                                    hash of a complete subtree of the log
B     height u64                                             block
P     height u64                                             proof of finality and of skipped views
M     name                                                   tip, frontier of the log, genesis
====  =====================================================  ==========================================

Only S is authenticated by ``state_root``; the rest follows from the blocks and can be rebuilt.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypeAlias

from ledger.wire.scalars import Height, TxId

WriteSet: TypeAlias = Mapping[bytes, bytes | None]
"""Values by key; None deletes. Applied as a whole or not at all."""

STATE: Final = b"S"
HISTORY: Final = b"V"
PAGE: Final = b"T"
TRANSACTION: Final = b"I"
INDEX: Final = b"X"
LOG_NODE: Final = b"G"
BLOCK: Final = b"B"
PROOF: Final = b"P"
META: Final = b"M"

META_GENESIS: Final = META + b"genesis"
META_TIP: Final = META + b"tip"
"""Encoded header of the committed tip."""
META_LOG: Final = META + b"log"
"""Encoded frontier of the log over all headers up to and including the tip."""


class Reader(Protocol):
    """Read access to a store."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""

    def scan(
        self,
        prefix: bytes,
        *,
        start: bytes | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys with ``prefix`` in order, from ``start`` (inclusive)."""


def block_key(height: Height) -> bytes:
    """Return where the block at ``height`` is kept."""
    return BLOCK + height.to_bytes(8, "big")


def proof_key(height: Height) -> bytes:
    """Return where the proofs for the block at ``height`` are kept."""
    return PROOF + height.to_bytes(8, "big")


def transaction_key(tx_id: TxId) -> bytes:
    """Return where the place of a transaction is kept."""
    return TRANSACTION + tx_id


def log_node_key(level: int, index: int) -> bytes:
    """Return where the hash of a complete subtree of the log is kept."""
    return LOG_NODE + bytes([level]) + index.to_bytes(8, "big")


def history_prefix(state_key: bytes) -> bytes:
    """Return the common prefix of all versions of one state row."""
    return HISTORY + len(state_key).to_bytes(2, "big") + state_key


def history_key(state_key: bytes, height: Height) -> bytes:
    """Return where the version of a state row written at ``height`` is kept."""
    return history_prefix(state_key) + height.to_bytes(8, "big")


def encode_place(height: Height, index: int) -> bytes:
    """Return the value of a transaction's place."""
    return height.to_bytes(8, "big") + index.to_bytes(4, "big")


def decode_place(value: bytes) -> tuple[Height, int]:
    """Return height and index of a transaction from its stored place."""
    return Height(int.from_bytes(value[:8], "big")), int.from_bytes(value[8:], "big")


class MemoryStore:
    """A store in a dict: for auditors, simulation and tests."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        return self._values.get(key)

    def scan(
        self,
        prefix: bytes,
        *,
        start: bytes | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys with ``prefix`` in order, from ``start`` (inclusive)."""
        if self._keys is None:
            self._keys = sorted(self._values)
        keys = self._keys
        low = bisect.bisect_left(keys, prefix)
        high = bisect.bisect_left(keys, _after(prefix)) if prefix else len(keys)
        if start is not None and reverse:
            high = min(high, bisect.bisect_right(keys, start))
        elif start is not None:
            low = max(low, bisect.bisect_left(keys, start))
        span = range(high - 1, low - 1, -1) if reverse else range(low, high)
        for position in span[: limit if limit is not None else len(span)]:
            yield keys[position], self._values[keys[position]]

    def write(self, batch: WriteSet, *, sync: bool = True) -> None:
        """Apply ``batch`` as a whole."""
        del sync
        for key, value in batch.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._keys = None


def _after(prefix: bytes) -> bytes:
    """Return the least byte string that sorts after everything with ``prefix``."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b"\xff" * 64
