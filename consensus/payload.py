"""Does a payload belong to its header?

A block's id covers its header only; the transactions are bound by ``tx_root``. Whoever hands over a
block could put other transactions under a good header, and executing those would give a verdict that
belongs to no block. So a payload is compared with the header before the block is kept, and a mismatch
is the sender's fault, never the block's.

The engine takes this check as an argument, because a node that already knows the transactions can
answer from its memory; this one computes everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ledger.wire.block import Block
from ledger.wire.errors import WireError
from ledger.wire.merkle import merkle_root
from ledger.wire.transaction import decode_signed_transaction, transaction_leaf, tx_id_of

PayloadCheck: TypeAlias = Callable[[Block], bool]
"""Tells whether the transactions are those that the header names; never raises."""


def payload_matches(block: Block) -> bool:
    """Tell whether the block's transactions give the header's ``tx_count`` and ``tx_root``."""
    if len(block.transactions) != block.header.tx_count:
        return False
    leaves: list[bytes] = []
    for data in block.transactions:
        try:
            signed = decode_signed_transaction(data)
        except WireError:
            return False
        leaves.append(transaction_leaf(tx_id_of(signed.transaction), signed.signatures))
    return merkle_root(leaves) == block.header.tx_root
