"""What travels between nodes: one channel byte, then a consensus message or a batch of transactions.

Transactions go one hop, from the node that admitted them to every validator, and are never passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Annotated, Final

from msgspec import Meta

from ledger.wire.block import SignedBytes
from ledger.wire.codec import WireStruct, decode, encode
from ledger.wire.errors import NotCanonicalError

BATCH_BYTES_MAX: Final = 1024 * 1024
BATCH_TRANSACTIONS_MAX: Final = 4_096


class Channel(IntEnum):
    """What the rest of a message is."""

    CONSENSUS = 1
    TRANSACTIONS = 2


class TransactionBatch(WireStruct, frozen=True, array_like=True):
    """Complete signed bytes of transactions."""

    transactions: Annotated[
        tuple[SignedBytes, ...], Meta(min_length=1, max_length=BATCH_TRANSACTIONS_MAX)
    ]


def encode_transactions(transactions: Sequence[bytes]) -> Iterator[bytes]:
    """Yield messages that together carry ``transactions``, each within the size limit."""
    batch: list[bytes] = []
    size = 0
    for signed_bytes in transactions:
        if batch and (
            size + len(signed_bytes) > BATCH_BYTES_MAX or len(batch) == BATCH_TRANSACTIONS_MAX
        ):
            yield _encode_batch(batch)
            batch, size = [], 0
        batch.append(signed_bytes)
        size += len(signed_bytes)
    if batch:
        yield _encode_batch(batch)


def encode_consensus(message: bytes) -> bytes:
    """Return a consensus message with its channel byte."""
    return bytes([Channel.CONSENSUS]) + message


def split_channel(data: bytes) -> tuple[Channel, bytes]:
    """Return channel and content of a message.

    Raises:
        WireError: It is empty or of an unknown channel.
    """
    try:
        return Channel(data[0]), data[1:]
    except (IndexError, ValueError) as error:
        raise NotCanonicalError("peer message", "unknown channel") from error


def decode_transactions(content: bytes) -> tuple[bytes, ...]:
    """Return the transactions of a batch.

    Raises:
        WireError: Not canonical, or over a limit.
    """
    return decode(TransactionBatch, content, limit=2 * BATCH_BYTES_MAX).transactions


def _encode_batch(batch: Sequence[bytes]) -> bytes:
    return bytes([Channel.TRANSACTIONS]) + encode(TransactionBatch(transactions=tuple(batch)))
