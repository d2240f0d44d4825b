"""The state tree: one root for the whole state, kept up to date block by block.

What it decides: how a set of (key, value) becomes pages and a root, how a batch of changes turns old pages
into new ones, and what proof a page store can give of a key. The hashing and the proofs are
`ledger.wire.state_proof`'s; the reasons are in ``docs/adr/0004-state-tree.md``.

Rules:

* Root and pages are a pure function of the set of (key, value): not of the order of writes, not of the
  batches, not of what was there and is gone. Deleting leaves what never inserting would have left.
* One page per inner node, found under its path: one byte, 0 to 15, for each nibble from the root down; the
  root's path is empty. A page is a tuple of 16 entries: ``b""`` for an empty child, 32 bytes for an inner
  child's hash, 96 bytes ``key_hash || value_hash || leaf_hash`` for a leaf.
* A page below the root has at least two leaves beneath it; a subtree with one leaf is an entry above.
* Pages are tuples, so that an overlay's and a cache's pages can be handed to `update` as they are.

`update` runs once per block on every node and is a hot path: about four pages are rewritten per key. Hence
it works on lists keyed by path and calls as little as it can; measured figures are in the ADR.

Not decided here: where pages are kept, which are cached, when they become durable.
"""

import hashlib
from binascii import hexlify
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import compress

import msgspec

from ledger.wire.state_proof import (
    CHILDREN,
    EMPTY_STATE_ROOT,
    OtherLeaf,
    ProofLevel,
    StateProof,
    key_hash,
    state_inner_hash,
)

_sha256 = hashlib.sha256

Page = tuple[bytes, ...]
"""The 16 entries of an inner node."""

ReadPage = Callable[[bytes], Page | None]
"""Gives the page at a path, None if there is none."""

ROOT_PATH = b""
"""Where the root's page is found."""

_INNER_BYTES = 32
_LEAF_BYTES = 96
_ENTRY_BYTES = frozenset((0, _INNER_BYTES, _LEAF_BYTES))
_EMPTY_PAGE: Page = (b"",) * CHILDREN
_BITS = tuple(1 << child for child in range(CHILDREN))

# Stands for an inner child whose page is open; every open page is hashed at the end.
_OPEN = bytes(_INNER_BYTES)

_NIBBLE_OF_HEX = bytes.maketrans(b"0123456789abcdef", bytes(range(CHILDREN)))

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[bytes, ...])


class CorruptTreeError(Exception):
    """The stored pages are not a state tree: a page is missing, damaged or not the one referred to.

    The cause is the local store. Nothing may be built on it; restore it from a snapshot.
    """

    path: bytes
    """Path of the page at fault, one byte per nibble."""

    expected: str
    """What belongs there."""

    found: str
    """What is there."""

    def __init__(self, path: bytes, *, expected: str, found: str) -> None:
        self.path = path
        self.expected = expected
        self.found = found
        super().__init__(
            f"state tree page at nibbles '{_shown_path(path)}': expected {expected}, found {found};"
            " restore the store from a snapshot"
        )


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """What a batch of changes does to the tree."""

    root: bytes
    """State root after the batch."""

    pages: dict[bytes, Page | None]
    """Every page that differs from before, by path; None for one that is gone. Never an unchanged one."""


def update(read_page: ReadPage, changes: Iterable[tuple[bytes, bytes | None]]) -> TreeUpdate:
    """Return the tree after `changes`, pairs of a key and its new value, None to delete it.

    Nothing is written: the caller keeps the pages of the result above those it has. Deleting an absent
    key, or writing the value that is there, changes nothing.

    Raises:
        ValueError: a key occurs twice; a batch is a set, in which there is no last one.
        CorruptTreeError: a page that another one refers to is missing.
    """
    draft = _Draft(read_page)
    for key_digest, entry in _entries(changes):
        draft.place(key_digest, entry)
    return draft.close()


def prove(read_page: ReadPage, root: bytes, key: bytes) -> StateProof:
    """Return the proof that `key` has its value, or has none, in the tree under `root`.

    Every page on the way is hashed and compared, so that a damaged store yields an error, not a proof
    that fails elsewhere. The value itself is not in the tree; the caller adds it.

    Raises:
        CorruptTreeError: the pages are not those of the tree under `root`.
    """
    position = key_hash(key)
    nibbles = _nibbles(position)
    levels: list[ProofLevel] = []
    expected, entry = root, root
    while len(entry) == _INNER_BYTES:
        path = nibbles[: len(levels)]
        page = read_page(path) or (_EMPTY_PAGE if not path else None)
        if page is None:
            raise CorruptTreeError(path, expected=f"page {expected.hex()}", found="none")
        found = page_hash(page)
        if found != expected:
            raise CorruptTreeError(path, expected=expected.hex(), found=found.hex())
        if page == _EMPTY_PAGE:
            return StateProof((), None)
        child = nibbles[len(levels)]
        entry = expected = page[child]
        siblings = b"".join([other[-32:] for other in (*page[:child], *page[child + 1 :])])
        levels.append(ProofLevel(sum(compress(_BITS, page)), siblings))
    if not entry or entry[:32] == position:
        return StateProof(tuple(levels), None)
    return StateProof(tuple(levels), OtherLeaf(entry[:32], entry[32:64]))


def page_hash(page: Page) -> bytes:
    """Return the hash of the inner node that `page` holds; `EMPTY_STATE_ROOT` if it holds nothing."""
    bitmap = sum(compress(_BITS, page))
    if not bitmap:
        return EMPTY_STATE_ROOT
    return state_inner_hash(bitmap, b"".join([entry[-32:] for entry in page]))


def encode_page(page: Page) -> bytes:
    """Return `page` as bytes for a store: a MessagePack array of 16 byte strings."""
    return _encoder.encode(page)


def decode_page(data: bytes, path: bytes) -> Page:
    """Return the page that a store holds at `path`.

    Raises:
        CorruptTreeError: `data` is not an encoded page.
    """
    try:
        page = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise CorruptTreeError(path, expected="an encoded page", found=str(error)) from error
    if len(page) != CHILDREN or not _ENTRY_BYTES.issuperset(map(len, page)):
        lengths = [len(entry) for entry in page[: CHILDREN + 1]]
        raise CorruptTreeError(
            path, expected="16 entries of 0, 32 or 96 bytes", found=f"lengths {lengths}"
        )
    return page


class _Draft:
    """A batch under way: the pages it has opened, by path, a page always after the one above it."""

    __slots__ = ("_created", "_pages", "_read_page")

    def __init__(self, read_page: ReadPage) -> None:
        self._read_page = read_page
        self._pages: dict[bytes, list[bytes]] = {}
        self._created: set[bytes] = set()

    def place(self, key_digest: bytes, entry: bytes) -> None:
        """Make `entry` the leaf of its key; an empty one removes the leaf."""
        nibbles = _nibbles(key_digest)
        pages = self._pages
        path, depth = ROOT_PATH, 0
        unopened: list[tuple[bytes, Page]] = []
        while True:
            page: list[bytes] | Page | None = pages.get(path)
            if page is None:
                page = self._stored(path)
                unopened.append((path, page))
            child = nibbles[depth]
            found = page[child]
            if len(found) != _INNER_BYTES:
                break
            depth += 1
            path = nibbles[:depth]
        is_own = found[:32] == key_digest
        if found == entry or not (entry or is_own):
            return
        for opened, stored in unopened:
            pages[opened] = list(stored)
        if is_own or not found:
            pages[path][child] = entry
        else:
            self._push_down(nibbles, depth, found, entry)

    def _stored(self, path: bytes) -> Page:
        page = self._read_page(path)
        if page is not None:
            return page
        if path:
            raise CorruptTreeError(path, expected="the page of an inner child", found="none")
        self._created.add(path)
        return _EMPTY_PAGE

    def _push_down(self, nibbles: bytes, depth: int, resident: bytes, entry: bytes) -> None:
        """Make pages below nibbles[:depth] until the ways of the resident leaf and the new one part."""
        resident_nibbles = _nibbles(resident[:32])
        page = self._pages[nibbles[:depth]]
        while resident_nibbles[depth] == nibbles[depth]:
            page[nibbles[depth]] = _OPEN
            depth += 1
            path = nibbles[:depth]
            page = self._pages[path] = list(_EMPTY_PAGE)
            self._created.add(path)
        page[resident_nibbles[depth]] = resident
        page[nibbles[depth]] = entry

    def close(self) -> TreeUpdate:
        """Hash the open pages from the bottom up, and lift what has become a single leaf."""
        pages = self._pages
        changed: dict[bytes, Page | None] = {}
        root = EMPTY_STATE_ROOT
        # A page was opened after the one above it: backwards, every page comes before its parent.
        for path, page in reversed(pages.items()):
            hashes = b"".join([entry[-32:] for entry in page if entry])
            if len(hashes) <= _INNER_BYTES and self._dissolve(path, page, changed):
                continue
            bitmap = sum(compress(_BITS, page))
            root = _sha256((0x30000 | bitmap).to_bytes(3, "big") + hashes).digest()
            changed[path] = tuple(page)
            if path:
                pages[path[:-1]][path[-1]] = root
        if not pages:
            root = page_hash(self._read_page(ROOT_PATH) or _EMPTY_PAGE)
        return TreeUpdate(root, changed)

    def _dissolve(self, path: bytes, page: list[bytes], changed: dict[bytes, Page | None]) -> bool:
        """Remove a page with at most one child if its only leaf, or nothing, belongs in its parent."""
        only = next(filter(None, page), b"")
        if len(only) == _INNER_BYTES or (only and not path):
            return False
        if path:
            self._pages[path[:-1]][path[-1]] = only
        if path not in self._created:
            changed[path] = None
        return True


def _entries(
    changes: Iterable[tuple[bytes, bytes | None]],
) -> list[tuple[bytes, bytes]]:
    """Return (key hash, leaf entry or nothing) of every change, by position."""
    entries: dict[bytes, bytes] = {}
    count = 0
    for key, value in changes:
        count += 1
        position = _sha256(b"\x04" + key).digest()
        if value is None:
            entries[position] = b""
        else:
            pair = position + _sha256(b"\x05" + value).digest()
            entries[position] = pair + _sha256(b"\x02" + pair).digest()
        if len(entries) != count:
            raise ValueError(f"key {key.hex()} occurs twice in one batch of changes")
    return sorted(entries.items())


def _nibbles(key_digest: bytes) -> bytes:
    """Return the nibbles of a key hash, one byte each, the upper half of byte 0 first."""
    return hexlify(key_digest).translate(_NIBBLE_OF_HEX)


def _shown_path(path: bytes) -> str:
    return "".join(f"{nibble:x}" for nibble in path)
