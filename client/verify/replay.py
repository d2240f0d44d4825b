"""The re-execution: one state, moved forward by ``apply_block``, as every validator moved its own.

The auditor keeps the state in memory: current rows, the pages of the state tree, and the ids of the
transactions that could still be repeated. An id is forgotten when a block's time has passed its
transaction's validity, because the rules then refuse a repetition as expired. History by height, receipts and
indexes are for queries and are not kept, so memory grows with the state and not with the history.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TypeVar, cast

from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.state.view import Overlay
from ledger.transition import apply_block
from ledger.tree_page import Page
from ledger.wire.block import Block
from ledger.wire.codec import WireStruct
from ledger.wire.errors import WireError
from ledger.wire.merkle import merkle_root
from ledger.wire.scalars import Height, TxId

Row = TypeVar("Row", bound=WireStruct)


class ContentError(Exception):
    """The transactions of a block are not those that its header commits to."""

    def __init__(self, reason: str, *, expected: str = "", found: str = "") -> None:
        self.reason = reason
        self.expected = expected
        self.found = found
        super().__init__(reason)


def read_content(block: Block) -> list[ParsedTransaction]:
    """Decode a block's transactions and compare their tree with the header.

    Raises:
        ContentError: One does not decode, or their root or number is another.
    """
    header = block.header
    parsed: list[ParsedTransaction] = []
    for number, data in enumerate(block.transactions):
        try:
            parsed.append(parse_transaction(data))
        except WireError as error:
            raise ContentError(f"transaction {number} cannot be read: {error}") from error
    if len(parsed) != header.tx_count:
        raise ContentError(
            "the number of transactions is another",
            expected=str(header.tx_count),
            found=str(len(parsed)),
        )
    root = merkle_root([transaction.leaf for transaction in parsed])
    if root != header.tx_root:
        raise ContentError(
            "the transactions hash to another root",
            expected=header.tx_root.hex(),
            found=root.hex(),
        )
    return parsed


@dataclass(slots=True)
class ReplayCounts:
    """How much was re-executed."""

    blocks: int = 0
    transactions: int = 0
    records: int = 0
    signatures: int = 0


class AuditedState:
    """Rows, pages and ids as of one block; what ``apply_block`` reads from."""

    def __init__(self, genesis: Genesis) -> None:
        self.header = genesis.header
        self.log = genesis.overlay.log
        self.rows: dict[bytes, WireStruct] = {}
        """Current rows by state key."""
        self._pages: dict[bytes, Page] = {}
        self._expiry: list[tuple[int, TxId]] = []
        self._ids: set[TxId] = set()
        self.take_over(genesis.overlay, ())

    def row(self, key: bytes, kind: type[Row]) -> Row | None:
        """Return the row at a state key, or None."""
        del kind
        return cast("Row | None", self.rows.get(key))

    def page(self, path: bytes) -> Page | None:
        """Return the page of the state tree at a nibble path, or None."""
        return self._pages.get(path)

    def has_transaction(self, tx_id: TxId) -> bool:
        """Tell whether the transaction is on the chain and could still be repeated."""
        return tx_id in self._ids

    def index_entry(self, key: bytes) -> bytes | None:
        """Return None: indexes are for queries, no rule reads them."""
        del key
        return None

    def take_over(self, overlay: Overlay, transactions: tuple[ParsedTransaction, ...]) -> None:
        """Make the block of ``overlay`` the newest one."""
        self.header, self.log = overlay.header, overlay.log
        _merge(self.rows, overlay.rows)
        _merge(self._pages, overlay.pages)
        for transaction in transactions:
            self._ids.add(transaction.tx_id)
            heapq.heappush(self._expiry, (transaction.valid_until_ms, transaction.tx_id))
        while self._expiry and self._expiry[0][0] < self.header.time_ms:
            self._ids.discard(heapq.heappop(self._expiry)[1])


V = TypeVar("V")


def _merge(values: dict[bytes, V], changes: dict[bytes, V | None]) -> None:
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value


class Replay:
    """The history so far, re-executed."""

    def __init__(self, genesis: Genesis) -> None:
        self.state = AuditedState(genesis)
        self.block_id = genesis.header.block_id
        """Id of the newest block."""
        self.counts = ReplayCounts()

    @property
    def height(self) -> Height:
        """Height of the newest block."""
        return self.state.header.height

    def execute(self, block: Block, transactions: list[ParsedTransaction]) -> Overlay:
        """Re-execute a next block and compare every field of its header; the state stays as it was.

        Raises:
            InvalidBlockError: It does not follow by the rules.
        """
        return apply_block(self.state, block, transactions)

    def take_over(self, overlay: Overlay, transactions: list[ParsedTransaction]) -> None:
        """Make an executed block the newest one."""
        self.state.take_over(overlay, tuple(transactions))
        self.block_id = overlay.header.block_id
        counts = self.counts
        counts.blocks += 1
        counts.transactions += len(transactions)
        for transaction in transactions:
            counts.records += len(transaction.records)
            counts.signatures += len(transaction.signed.signatures)
