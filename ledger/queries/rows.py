"""Reading committed rows: one, all of a table in pages, and one as it was at a height (D18).

Pure functions over a ``Reader`` that is at one height. Nothing here proves anything: proofs of the tip are
``ledger.tree``'s. A past row comes from the versions that every commit leaves behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ledger.state.table import KeyPart, Table
from ledger.state.view import Row
from ledger.store import STATE, Reader, history_key, history_prefix
from ledger.wire.codec import decode
from ledger.wire.scalars import Height

PAGE_SIZE_MAX: Final = 1_000
"""Rows of one page of a listing, at most."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of a listing."""

    items: tuple[T, ...]
    next_after: bytes | None
    """Give it as ``after`` to get the next page; None when this is the last."""


@dataclass(frozen=True, slots=True)
class RowVersion(Generic[T]):
    """A row as a block left it."""

    height: Height
    row: T | None
    """None when the block deleted it."""


def row_of(reader: Reader, table: Table[Row], *parts: KeyPart) -> Row | None:
    """Return a row as of the tip, or None."""
    data = reader.get(STATE + table.key(*parts))
    return None if data is None else decode(table.kind, data)


def row_at(reader: Reader, table: Table[Row], *parts: KeyPart, height: Height) -> Row | None:
    """Return a row as it was after the block at ``height``, or None when there was none.

    Two look-ups, whatever the height. Above the tip the answer is the tip's.
    """
    key = table.key(*parts)
    newest = reader.scan(history_prefix(key), start=history_key(key, height), reverse=True, limit=1)
    for _key, value in newest:
        return decode(table.kind, value) if value else None
    return None


def versions_of(
    reader: Reader, table: Table[Row], *parts: KeyPart, reverse: bool = False
) -> Iterator[RowVersion[Row]]:
    """Yield every version of a row, oldest first, or newest first with ``reverse``."""
    for key, value in reader.scan(history_prefix(table.key(*parts)), reverse=reverse):
        height = Height(int.from_bytes(key[-8:], "big"))
        yield RowVersion(height, decode(table.kind, value) if value else None)


def list_rows(
    reader: Reader,
    table: Table[Row],
    *parts: KeyPart,
    after: bytes | None = None,
    limit: int = PAGE_SIZE_MAX,
    reverse: bool = False,
) -> Listing[tuple[bytes, Row]]:
    """Return one page of the rows of ``table`` whose keys begin with ``parts``, in order of keys.

    Args:
        reader: The store.
        table: The table.
        parts: The first parts of the key; none for the whole table.
        after: ``next_after`` of the page before; None for the first page.
        limit: Most rows to return, 1 to ``PAGE_SIZE_MAX``; other values count as the nearest.
        reverse: From the last row to the first.

    Each item is the rest of the key after ``parts``, and the row.
    """
    prefix = STATE + table.key(*parts)
    page = scan_page(reader, prefix, after=after, limit=limit, reverse=reverse)
    return Listing(
        tuple((rest, decode(table.kind, value)) for rest, value in page.items), page.next_after
    )


def scan_page(
    reader: Reader, prefix: bytes, *, after: bytes | None, limit: int, reverse: bool = False
) -> Listing[tuple[bytes, bytes]]:
    """Return one page of the entries whose keys begin with ``prefix``: rest of the key, and value."""
    count = min(max(limit, 1), PAGE_SIZE_MAX)
    start = None if after is None else prefix + after
    found: list[tuple[bytes, bytes]] = []
    # One more for the entry at ``start`` itself, and one to see whether there is another page.
    for key, value in reader.scan(prefix, start=start, reverse=reverse, limit=count + 2):
        rest = key[len(prefix) :]
        if rest != after:
            found.append((rest, value))
    has_more = len(found) > count
    items = tuple(found[:count])
    return Listing(items, items[-1][0] if has_more else None)


def text_part(rest: bytes) -> tuple[str, bytes]:
    """Split a text part off the beginning of the rest of a key: the text, and what follows."""
    text, _zero, following = rest.partition(b"\0")
    return text.decode(), following
