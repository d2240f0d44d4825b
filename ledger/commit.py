"""From an overlay to the one write set that makes a block durable.

Everything that a block brings goes into one atomic batch: the block and its proof, changed rows with
their versions by height (D18), pages of the state tree, the places of transactions, index entries,
nodes and frontier of the log, and the new tip. A store is therefore always at exactly one height.
"""

from __future__ import annotations

from ledger.state.view import CommittedState, Overlay
from ledger.store import (
    INDEX,
    META_GENESIS,
    META_LOG,
    META_TIP,
    PAGE,
    STATE,
    Reader,
    WriteSet,
    block_key,
    encode_place,
    history_key,
    log_node_key,
    proof_key,
    transaction_key,
)
from ledger.tree_page import encode_page
from ledger.wire.block import Header
from ledger.wire.codec import decode, encode
from ledger.wire.merkle import Frontier


class EmptyStoreError(Exception):
    """The store holds no ledger."""


def commit_writes(overlay: Overlay, block_bytes: bytes, proof: bytes) -> dict[bytes, bytes | None]:
    """Return everything to write for a finished block.

    Args:
        overlay: The block's changes; its parent must be the committed tip.
        block_bytes: The encoded block.
        proof: The encoded proofs that go with it (``consensus``), empty for the genesis block.
    """
    height = overlay.header.height
    writes: dict[bytes, bytes | None] = {
        block_key(height): block_bytes,
        proof_key(height): proof,
        META_TIP: encode(overlay.header),
        META_LOG: overlay.log.encode(),
    }
    for key, value in overlay.values.items():
        writes[STATE + key] = value
        writes[history_key(key, height)] = b"" if value is None else value
    for path, page in overlay.pages.items():
        writes[PAGE + path] = None if page is None else encode_page(page)
    for tx_id, index in overlay.transactions.items():
        writes[transaction_key(tx_id)] = encode_place(height, index)
    for key, value in overlay.index.items():
        writes[INDEX + key] = value
    for (level, index), node in overlay.log_nodes:
        writes[log_node_key(level, index)] = node
    return writes


def genesis_writes(overlay: Overlay, block_bytes: bytes, document: bytes) -> WriteSet:
    """Return everything to write for the genesis block, with the document that it came from."""
    writes = commit_writes(overlay, block_bytes, b"")
    writes[META_GENESIS] = document
    return writes


def open_committed(reader: Reader) -> CommittedState:
    """Return the state as of the durable tip of a store.

    Raises:
        EmptyStoreError: The store holds no ledger yet.
    """
    tip, log = reader.get(META_TIP), reader.get(META_LOG)
    if tip is None or log is None:
        raise EmptyStoreError
    return CommittedState(reader, decode(Header, tip), Frontier.decode(log))
