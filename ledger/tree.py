"""The state tree: one root for the whole state, brought up to date once per block.

What it decides: how a batch of changes turns pages into new pages and a root, and what proof a store of
pages can give of a key. Hashing and proofs are `ledger.wire.state_proof`'s, the layout of a page is
`ledger.tree_page`'s, the reasons are in ``docs/adr/0004-state-tree.md``.

Rules:

* Root and pages are a pure function of the set of (key, value): not of the order of writes, not of the
  batches, not of what was there and is gone. Deleting leaves what never inserting would have left.
* One page per inner node, found under its path: one byte, 0 to 15, for each nibble from the root down; the
  root's path is empty. An empty tree has no page.
* A page below the root has at least two leaves beneath it: a subtree with one leaf is a child above.

`update` is a hot path of every node: each key rewrites three to six pages. The changes are sorted by
position and go down the tree together; each page is read, rewritten and hashed once, on the way back up.

Not decided here: where pages are kept, which are cached, when they become durable.
"""

import hashlib
from binascii import hexlify
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ledger.tree_page import (
    BELOW,
    CHILDREN,
    DIGEST_BYTES,
    EMPTY_PAGE,
    HASHED_OFFSET,
    HASHES_OFFSET,
    CorruptTreeError,
    Page,
    content_of,
    decode_page,
    encode_page,
    inner_children,
    page_hash,
    present_children,
    put_content,
    sibling_hashes,
    verify_page,
)
from ledger.wire.state_proof import (
    EMPTY_STATE_ROOT,
    OtherLeaf,
    ProofLevel,
    StateProof,
    key_hash,
    value_hash,
)

__all__ = [
    "ROOT_PATH",
    "CorruptTreeError",
    "Page",
    "ReadPage",
    "TreeUpdate",
    "decode_page",
    "encode_page",
    "prove",
    "update",
    "walk_leaves",
]

_sha256 = hashlib.sha256

ReadPage = Callable[[bytes], Page | None]
"""Gives the page at a path, None if there is none."""

ROOT_PATH = b""
"""Where the root's page is found."""

_NIBBLE_OF_HEX = bytes.maketrans(b"0123456789abcdef", bytes(range(CHILDREN)))

# What a child adds to the path of its page.
_STEP = tuple(bytes((child,)) for child in range(CHILDREN))


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """What a batch of changes does to the tree."""

    root: bytes
    """State root after the batch."""

    pages: dict[bytes, Page | None]
    """Every page that differs from before, by path, None for one that is gone; no unchanged page.

    Their order is a function of the tree and the batch as a set; the root's page comes last.
    """


def update(read_page: ReadPage, changes: Iterable[tuple[bytes, bytes | None]]) -> TreeUpdate:
    """Return the tree after `changes`, pairs of a key and its new value, None to delete it.

    Nothing is written: the caller keeps the pages of the result above those it has. Deleting an absent
    key, or writing the value that is there, changes nothing.

    Raises:
        ValueError: a key occurs twice; a batch is a set, it has no last one that could win.
        CorruptTreeError: a page that another one refers to is missing.
    """
    ways, records = _by_position(changes)
    page = read_page(ROOT_PATH) or EMPTY_PAGE
    batch = _Batch(read_page, ways, records)
    root = batch.rewrite(ROOT_PATH, page, 0, len(ways))
    if root is None:
        root = page_hash(page)
    return TreeUpdate(root or EMPTY_STATE_ROOT, batch.changed)


def prove(read_page: ReadPage, root: bytes, key: bytes) -> StateProof:
    """Return the proof of what `key` is under `root`: present with its value, or absent.

    Every page on the way is hashed and compared: a damaged store yields an error here, not a proof that
    fails elsewhere. The tree does not hold values; the caller gives the value beside the proof.

    Raises:
        CorruptTreeError: the pages are not those of the tree under `root`.
    """
    position = key_hash(key)
    nibbles = _nibbles(position)
    levels: list[ProofLevel] = []
    expected = root
    while True:
        depth = len(levels)
        page = _verified_page(read_page, nibbles[:depth], expected)
        if page == EMPTY_PAGE:
            return StateProof((), None)
        child = nibbles[depth]
        levels.append(ProofLevel(present_children(page), sibling_hashes(page, child)))
        content = content_of(page, child)
        if len(content) == DIGEST_BYTES:
            expected = content
        elif not content or content[:DIGEST_BYTES] == position:
            return StateProof(tuple(levels), None)
        else:
            other = OtherLeaf(content[:DIGEST_BYTES], content[DIGEST_BYTES:])
            return StateProof(tuple(levels), other)


def walk_leaves(read_page: ReadPage, root: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key_hash, value_hash) of every leaf under `root`, in order of key_hash.

    Every page is hashed and compared: if it ends without an error, the store holds all of this tree.
    For checking a store against its rows; it reads the whole tree.

    Raises:
        CorruptTreeError: the pages are not those of the tree under `root`.
    """
    pending: list[tuple[bytes, bytes]] = [(ROOT_PATH, root)]
    while pending:
        path, content = pending.pop()
        if len(content) > DIGEST_BYTES:
            yield content[:DIGEST_BYTES], content[DIGEST_BYTES:]
            continue
        page = _verified_page(read_page, path, content)
        contents = ((child, content_of(page, child)) for child in range(CHILDREN - 1, -1, -1))
        pending.extend((path + _STEP[child], content) for child, content in contents if content)


def _verified_page(read_page: ReadPage, path: bytes, expected: bytes) -> Page:
    page = read_page(path)
    if page is None:
        if path or expected != EMPTY_STATE_ROOT:
            raise CorruptTreeError(path, expected=f"page {expected.hex()}", found="no page")
        return EMPTY_PAGE
    return verify_page(page, path, expected)


class _Batch:
    """One `update` under way: its changes, by position, and the pages that they have changed so far."""

    __slots__ = ("_read_page", "_records", "_ways", "changed")

    def __init__(self, read_page: ReadPage, ways: list[bytes], records: list[bytes]) -> None:
        self._read_page = read_page
        self._ways = ways
        self._records = records
        self.changed: dict[bytes, Page | None] = {}

    def rewrite(self, path: bytes, page: Page, start: int, end: int) -> bytes | None:
        """Carry out changes start to end - 1, all of which lie below this page.

        Return the content that the page above then has in its place, None if nothing changed.
        """
        ways, depth = self._ways, len(path)
        inner = page[0] << 8 | page[1]
        opened: bytearray | None = None
        while start < end:
            child = ways[start][depth]
            after = start + 1
            while after < end and ways[after][depth] == child:
                after += 1
            is_inner = inner >> child & 1
            if is_inner:
                below = path + _STEP[child]
                stored = self._read_page(below)
                if stored is None:
                    raise CorruptTreeError(below, expected="an inner child", found="no page")
                content = self.rewrite(below, stored, start, after)
            else:
                content = self._settle(path, content_of(page, child), start, after)
            start = after
            if content is None:
                continue
            if opened is None:
                opened = bytearray(page)
            if is_inner and len(content) == DIGEST_BYTES:
                # By far the most frequent of what `put_content` can do.
                at = (opened[3] << 8 | opened[4]) & BELOW[child]
                at = HASHES_OFFSET + DIGEST_BYTES * at.bit_count()
                opened[at : at + DIGEST_BYTES] = content
            else:
                put_content(opened, child, content)
        return None if opened is None else self._close(path, bytes(opened))

    def _close(self, path: bytes, page: Page) -> bytes:
        """Note a page that has changed; return its hash, or its only leaf if that belongs above."""
        count = (page[3] << 8 | page[4]).bit_count()
        if count < 2 and not inner_children(page) and (path or not count):
            self.changed[path] = None
            return page[HASHES_OFFSET + DIGEST_BYTES :]
        self.changed[path] = page
        return _sha256(page[HASHED_OFFSET : HASHES_OFFSET + DIGEST_BYTES * count]).digest()

    def _settle(self, path: bytes, resident: bytes, start: int, end: int) -> bytes | None:
        """Carry out changes start to end - 1 where there is one leaf so far, or none.

        Return the content that comes in its place, None if nothing changed.
        """
        ways, records = self._ways, self._records
        if end - start == 1 and (record := records[start]):
            if record == resident:
                return None
            if not resident or record[:DIGEST_BYTES] == resident[:DIGEST_BYTES]:
                return record
        leaves = {_nibbles(resident[:DIGEST_BYTES]): resident} if resident else {}
        for way, record in zip(ways[start:end], records[start:end], strict=True):
            if record:
                leaves[way] = record
            else:
                leaves.pop(way, None)
        if len(leaves) > 1:
            return self._build(path + _STEP[ways[start][len(path)]], leaves)
        only = next(iter(leaves.values()), b"")
        return None if only == resident else only

    def _build(self, path: bytes, leaves: dict[bytes, bytes]) -> bytes:
        """Make the pages of a subtree of several leaves, by nibbles; return its hash."""
        depth = len(path)
        groups: dict[int, dict[bytes, bytes]] = {}
        for way, record in leaves.items():
            groups.setdefault(way[depth], {})[way] = record
        page = bytearray(EMPTY_PAGE)
        for child, group in sorted(groups.items()):
            alone = len(group) == 1
            content = (
                next(iter(group.values())) if alone else self._build(path + _STEP[child], group)
            )
            put_content(page, child, content)
        return self._close(path, bytes(page))


def _by_position(
    changes: Iterable[tuple[bytes, bytes | None]],
) -> tuple[list[bytes], list[bytes]]:
    """Return the nibbles of all positions, ascending, and for each the leaf's record, or nothing."""
    records: dict[bytes, bytes] = {}
    for count, (key, value) in enumerate(changes):
        position = key_hash(key)
        records[position] = b"" if value is None else position + value_hash(value)
        if len(records) == count:
            raise ValueError(f"key {key.hex()} occurs twice in one batch of changes; give it once")
    positions = sorted(records)
    return [_nibbles(position) for position in positions], [records[each] for each in positions]


def _nibbles(position: bytes) -> bytes:
    """Return the nibbles of a key hash, one byte each, the upper half of byte 0 first."""
    return hexlify(position).translate(_NIBBLE_OF_HEX)
