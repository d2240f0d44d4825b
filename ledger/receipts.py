"""Making receipts from a store: the proof side of ``ledger.wire.receipt``.

A receipt is anchored in the block's own finalization when the node holds one, otherwise in the
next finalized header above it, through the log. Blocks used lately keep their leaves, because many
clients ask for receipts of the same block at the same moment.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from ledger.parsed import ParsedTransaction
from ledger.store import Reader, block_key, decode_place, log_node_key, proof_key, transaction_key
from ledger.wire.block import Block, Header, decode_block
from ledger.wire.certificate import BlockProof
from ledger.wire.codec import decode
from ledger.wire.merkle import inclusion_path, inclusion_paths, log_inclusion_path, merkle_root
from ledger.wire.receipt import (
    RECEIPT_VERSION,
    Anchor,
    Placement,
    Receipt,
    RecordOpening,
    RecordReceipt,
)
from ledger.wire.scalars import Digest, Height, TxId
from ledger.wire.transaction import (
    SignedTransaction,
    decode_signed_transaction,
    head_of,
    record_leaves,
    record_salt,
    transaction_leaf,
    tx_id_of,
)

BLOCKS_KEPT_MAX: Final = 16
SEARCH_HEIGHTS_MAX: Final = 1_024
"""How far above a block its certified header is looked for."""


class NoReceiptError(Exception):
    """There is no receipt for this transaction (yet)."""

    def __init__(self, tx_id: TxId, reason: str) -> None:
        self.tx_id = tx_id
        self.reason = reason
        super().__init__(f"transaction {tx_id.hex()}: {reason}")


@dataclass(slots=True)
class _BlockPaths:
    header: Header
    transactions: tuple[bytes, ...]
    leaves: list[bytes]
    _paths: list[tuple[bytes, ...]] | None = None

    def path(self, index: int) -> tuple[bytes, ...]:
        """Return the path of one transaction; all of them are computed when the first is wanted."""
        if self._paths is None:
            self._paths = inclusion_paths(self.leaves)
        return self._paths[index]


class ReceiptMaker:
    """Makes receipts from one store."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._blocks: OrderedDict[Height, _BlockPaths] = OrderedDict()

    def remember(self, block: Block, transactions: tuple[ParsedTransaction, ...]) -> None:
        """Keep the leaves of a block that was just stored, so that they need not be computed again."""
        leaves: list[bytes] = [parsed.leaf for parsed in transactions]
        self._keep(_BlockPaths(block.header, block.transactions, leaves))

    def receipt(self, tx_id: TxId) -> Receipt:
        """Return the receipt for a whole transaction.

        Raises:
            NoReceiptError: It is not final, or no finalization of its block or above is here.
        """
        signed, placement = self._placed(tx_id)
        return Receipt(version=RECEIPT_VERSION, signed=signed, placement=placement)

    def record_receipt(self, tx_id: TxId, record_index: int) -> RecordReceipt:
        """Return the receipt for one record; the transaction's other records stay hidden.

        Raises:
            NoReceiptError: As for ``receipt``, or the transaction has no such record.
        """
        signed, placement = self._placed(tx_id)
        transaction = signed.transaction
        if not 0 <= record_index < len(transaction.records):
            raise NoReceiptError(
                tx_id, f"it has {len(transaction.records)} records, there is no {record_index}"
            )
        leaves = record_leaves(transaction)
        opening = RecordOpening(
            index=record_index,
            salt=record_salt(transaction.nonce, record_index),
            record=transaction.records[record_index],
            path=tuple(map(Digest, inclusion_path(leaves, record_index))),
        )
        return RecordReceipt(
            version=RECEIPT_VERSION,
            head=head_of(transaction),
            opening=opening,
            records_root=Digest(merkle_root(leaves)),
            signatures=signed.signatures,
            placement=placement,
        )

    def _placed(self, tx_id: TxId) -> tuple[SignedTransaction, Placement]:
        place = self._reader.get(transaction_key(tx_id))
        if place is None:
            raise NoReceiptError(tx_id, "it is not on the ledger")
        height, index = decode_place(place)
        block = self._block(height)
        placement = Placement(
            index=index,
            path=tuple(map(Digest, block.path(index))),
            header=block.header,
            anchor=self._anchor(tx_id, block.header),
        )
        return decode_signed_transaction(block.transactions[index]), placement

    def _anchor(self, tx_id: TxId, header: Header) -> Anchor:
        for height in range(header.height, header.height + SEARCH_HEIGHTS_MAX):
            data = self._reader.get(proof_key(Height(height)))
            if data is None:
                break
            proof = decode(BlockProof, data)
            if proof.finalization is None:
                continue
            if height == header.height:
                return Anchor(header=None, certificate=proof.finalization, log_path=())
            certified = self._block(Height(height)).header
            path = log_inclusion_path(header.height, certified.height, self._log_node)
            return Anchor(
                header=certified,
                certificate=proof.finalization,
                log_path=tuple(map(Digest, path)),
            )
        raise NoReceiptError(tx_id, "no finalization of its block or of one above it is here")

    def _log_node(self, level: int, index: int) -> bytes:
        node = self._reader.get(log_node_key(level, index))
        if node is None:
            raise LookupError(f"log node {level}/{index} is missing from the store")
        return node

    def _block(self, height: Height) -> _BlockPaths:
        kept = self._blocks.get(height)
        if kept is not None:
            self._blocks.move_to_end(height)
            return kept
        data = self._reader.get(block_key(height))
        if data is None:
            raise LookupError(f"block {height} is missing from the store")
        block = decode_block(data)
        leaves: list[bytes] = []
        for signed_bytes in block.transactions:
            signed = decode_signed_transaction(signed_bytes)
            leaves.append(transaction_leaf(tx_id_of(signed.transaction), signed.signatures))
        paths = _BlockPaths(block.header, block.transactions, leaves)
        self._keep(paths)
        return paths

    def _keep(self, paths: _BlockPaths) -> None:
        self._blocks[paths.header.height] = paths
        while len(self._blocks) > BLOCKS_KEPT_MAX:
            self._blocks.popitem(last=False)
