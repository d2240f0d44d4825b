"""Header, block, and the point that validators vote on.

A block is its header and its transactions as complete signed bytes. The header carries every root
*after* the block (D1), so a node that computes something else is caught before finality. Its id is
the digest of its encoding.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from ledger.wire.codec import WireStruct, decode, encode
from ledger.wire.errors import LimitExceededError
from ledger.wire.hashing import Domain, digest
from ledger.wire.scalars import (
    BLOCK_BYTES_MAX,
    TRANSACTION_BYTES_MAX,
    TRANSACTIONS_PER_BLOCK_MAX,
    BlockId,
    BlockIdField,
    ChainIdField,
    CountField,
    DigestField,
    EpochField,
    HeightField,
    TimeField,
    ValidatorIndexField,
    VersionField,
    ViewField,
)

HEADER_VERSION: Final = 1
FLAG_SEAL: Final = 1
"""The block ends its epoch: the next block is voted on by ``next_validators_digest``."""
HEADER_BYTES_MAX: Final = 1_024


class Header(WireStruct, frozen=True, array_like=True):
    """What a block says about itself, and what is signed through its digest."""

    version: VersionField
    chain_id: ChainIdField
    epoch: EpochField
    validators_digest: DigestField
    """The set that votes on this block."""
    height: HeightField
    view: ViewField
    """The view it was first proposed in."""
    parent: BlockIdField
    """Id of the block below; 32 zero bytes in the genesis block."""
    time_ms: TimeField
    """Later than the parent's; from the leader's clock, bounded by the voters'."""
    proposer: ValidatorIndexField
    rules_version: VersionField
    tx_count: CountField
    tx_root: DigestField
    """RFC 9162 root over the block's transactions (``ledger.wire.transaction.transaction_leaf``)."""
    state_root: DigestField
    """Root of the state tree after this block."""
    log_root: DigestField
    """RFC 9162 root over the headers of all heights below this one."""
    next_validators_digest: DigestField
    flags: CountField

    @property
    def block_id(self) -> BlockId:
        """The digest that names the block. Computed anew at each call: keep it."""
        return BlockId(digest(Domain.HEADER, encode(self)))


SignedBytes = Annotated[bytes, Meta(min_length=1, max_length=TRANSACTION_BYTES_MAX)]


class Block(WireStruct, frozen=True, array_like=True):
    """A header and the complete signed bytes of its transactions, in order."""

    header: Header
    transactions: Annotated[tuple[SignedBytes, ...], Meta(max_length=TRANSACTIONS_PER_BLOCK_MAX)]


class Point(WireStruct, frozen=True, array_like=True):
    """What is voted on: this block, in this view, on top of a block decided in ``parent_view``.

    ``view`` equals the header's except for a sealing block that is proposed again.
    """

    epoch: EpochField
    view: ViewField
    parent_view: ViewField
    height: HeightField
    block_id: BlockIdField


def decode_block(data: bytes) -> Block:
    """Decode a block and check its size limits.

    Raises:
        WireError: Not canonical, or over a limit.
    """
    block = decode(Block, data)
    total = sum(map(len, block.transactions))
    if total > BLOCK_BYTES_MAX:
        raise LimitExceededError(
            "block transactions", found=total, limit=BLOCK_BYTES_MAX, unit="bytes"
        )
    return block
