"""Reading and writing state: committed rows, the overlay of one block, the buffer of one transaction.

    CommittedState   rows as of the durable tip, decoded once and kept in a bounded cache
      └── Overlay    everything that one unfinalized block changes; stacked on its parent's
            └── StateView   what one transaction has changed so far; absorbed by the overlay or dropped

A look-up falls through from the top. Rows are immutable, so no layer copies what it hands out. An
overlay also holds dirty pages of the state tree, transaction ids, index rows and the log's frontier,
because all of them are functions of the block and must vanish with it when its branch is dropped.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar, cast

from ledger.state.table import KeyPart, Table
from ledger.store import INDEX, PAGE, STATE, Reader, decode_place, transaction_key
from ledger.tree_page import Page, decode_page
from ledger.wire.block import Header
from ledger.wire.codec import WireStruct, decode
from ledger.wire.merkle import Frontier
from ledger.wire.scalars import Height, TxId

CACHED_ROWS_MAX: Final = 200_000
CACHED_PAGES_MAX: Final = 100_000

Row = TypeVar("Row", bound=WireStruct)


class StateReader(Protocol):
    """What lies beneath: rows, pages, ids and index entries as of one block."""

    header: Header
    """Header of the block whose state this is."""
    log: Frontier
    """Frontier of the log over all headers up to and including ``header``."""

    def row(self, key: bytes, kind: type[Row]) -> Row | None:
        """Return the row at a state key, or None."""

    def page(self, path: bytes) -> Page | None:
        """Return the page of the state tree at a nibble path, or None."""

    def has_transaction(self, tx_id: TxId) -> bool:
        """Tell whether the transaction is in this block or below it."""

    def index_entry(self, key: bytes) -> bytes | None:
        """Return an index entry, or None."""


class CommittedState:
    """The state as of the durable tip, read from a store through bounded caches."""

    def __init__(self, reader: Reader, header: Header, log: Frontier) -> None:
        self.header = header
        self.log = log
        self._reader = reader
        self._rows: dict[bytes, WireStruct | None] = {}
        self._pages: dict[bytes, Page | None] = {}

    def row(self, key: bytes, kind: type[Row]) -> Row | None:
        """Return the row at a state key, or None."""
        try:
            return cast("Row | None", self._rows[key])
        except KeyError:
            data = self._reader.get(STATE + key)
            row = None if data is None else decode(kind, data)
            if len(self._rows) >= CACHED_ROWS_MAX:
                # Also what is not there is kept, and anybody may ask for that without end.
                self._rows.clear()
            self._rows[key] = row
            return row

    def page(self, path: bytes) -> Page | None:
        """Return the page of the state tree at a nibble path, or None."""
        try:
            return self._pages[path]
        except KeyError:
            data = self._reader.get(PAGE + path)
            page = None if data is None else decode_page(data, path)
            if len(self._pages) >= CACHED_PAGES_MAX:
                self._pages.clear()
            self._pages[path] = page
            return page

    def has_transaction(self, tx_id: TxId) -> bool:
        """Tell whether the transaction is on the chain."""
        return self._reader.get(transaction_key(tx_id)) is not None

    def place_of(self, tx_id: TxId) -> tuple[Height, int] | None:
        """Return height and index of a committed transaction, or None."""
        value = self._reader.get(transaction_key(tx_id))
        return None if value is None else decode_place(value)

    def index_entry(self, key: bytes) -> bytes | None:
        """Return an index entry, or None."""
        return self._reader.get(INDEX + key)

    def advance(self, overlay: Overlay) -> None:
        """Take over the rows and pages of ``overlay``, whose batch has become durable."""
        self.header = overlay.header
        self.log = overlay.log
        # Whole-cache eviction keeps the common path free of bookkeeping; it costs one refill.
        if len(self._rows) > CACHED_ROWS_MAX:
            self._rows.clear()
        if len(self._pages) > CACHED_PAGES_MAX:
            self._pages.clear()
        self._rows.update(overlay.rows)
        self._pages.update(overlay.pages)


class Overlay:
    """Everything that one block changes, on top of its parent's state."""

    def __init__(self, parent: StateReader) -> None:
        self.parent = parent
        self.header: Header = parent.header
        """The parent's header while the block is being applied, then the block's own."""
        self.log: Frontier = parent.log
        self.rows: dict[bytes, WireStruct | None] = {}
        """Changed rows by state key; None is a deleted row."""
        self.values: dict[bytes, bytes | None] = {}
        """The same rows as canonical bytes; filled when the block is finished."""
        self.pages: dict[bytes, Page | None] = {}
        self.transactions: dict[TxId, int] = {}
        """Ids of the block's transactions with their positions."""
        self.index: dict[bytes, bytes | None] = {}
        self.log_nodes: tuple[tuple[tuple[int, int], bytes], ...] = ()

    def row(self, key: bytes, kind: type[Row]) -> Row | None:
        """Return the row at a state key, or None."""
        if key in self.rows:
            return cast("Row | None", self.rows[key])
        return self.parent.row(key, kind)

    def page(self, path: bytes) -> Page | None:
        """Return the page of the state tree at a nibble path, or None."""
        if path in self.pages:
            return self.pages[path]
        return self.parent.page(path)

    def has_transaction(self, tx_id: TxId) -> bool:
        """Tell whether the transaction is in this block or below it."""
        return tx_id in self.transactions or self.parent.has_transaction(tx_id)

    def index_entry(self, key: bytes) -> bytes | None:
        """Return an index entry, or None."""
        if key in self.index:
            return self.index[key]
        return self.parent.index_entry(key)


class StateView:
    """What one transaction reads and writes. Dropped whole when the transaction is refused."""

    def __init__(self, base: StateReader) -> None:
        self._base = base
        self._rows: dict[bytes, WireStruct | None] = {}
        self._index: dict[bytes, bytes | None] = {}

    def get(self, table: Table[Row], *parts: KeyPart) -> Row | None:
        """Return the row of ``table`` that ``parts`` name, or None."""
        key = table.key(*parts)
        if key in self._rows:
            return cast("Row | None", self._rows[key])
        return self._base.row(key, table.kind)

    def put(self, table: Table[Row], *parts: KeyPart, row: Row) -> None:
        """Set the row of ``table`` that ``parts`` name."""
        self._rows[table.key(*parts)] = row

    def delete(self, table: Table[Row], *parts: KeyPart) -> None:
        """Remove the row of ``table`` that ``parts`` name."""
        self._rows[table.key(*parts)] = None

    def put_index(self, key: bytes, value: bytes | None) -> None:
        """Set an index entry: for queries only, never read by a rule, not part of the state root."""
        self._index[key] = value

    def fork(self) -> StateView:
        """Return a view that begins as this one and changes nothing here: to try something out."""
        fork = StateView(self._base)
        fork._rows, fork._index = dict(self._rows), dict(self._index)
        return fork

    def has_transaction(self, tx_id: TxId) -> bool:
        """Tell whether a transaction is already on the branch."""
        return self._base.has_transaction(tx_id)

    def absorb_into(self, overlay: Overlay) -> None:
        """Hand all changes to ``overlay``: the transaction applies."""
        overlay.rows.update(self._rows)
        overlay.index.update(self._index)
