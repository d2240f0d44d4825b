"""A page of the state tree: one inner node as one byte string, in the store, in caches and in memory alike.

What it decides: the layout, and the few operations that `ledger.tree` is built from::

    offset     bytes   content
    0          2       bitmap of the children that are inner nodes
    2          1       0x03, the prefix under which inner nodes are hashed
    3          2       bitmap of all children that are present
    5          32 n    hash of each present child, child 0 first
    5 + 32 n   64 m    record of each child that is a leaf, child 0 first: key_hash || value_hash

Bitmaps are big-endian, bit i is child i. The bytes from offset 2 to 5 + 32 n are exactly what the node's
hash is made of: hashing a page is one call, and nothing is decoded or encoded between store and tree.
Against tuples of 16 entries an update takes two thirds of the time and a cached page 0.57 of the memory.

What a child is, its *content*, is told by its length: nothing, the 32 bytes of an inner node's hash, or the
64 bytes of a leaf's record.

A page is never changed: it is `bytes`, and may stay in overlays and caches. An open page, a `bytearray`,
belongs to one update. These functions trust the page; what comes from a disk that may lie goes through
`decode_page` first.
"""

import hashlib

from ledger.wire.state_proof import EMPTY_STATE_ROOT, state_leaf_hash

_sha256 = hashlib.sha256

Page = bytes
"""The bytes of an inner node, laid out as above."""

EMPTY_PAGE: Page = b"\x00\x00\x03\x00\x00"
"""A page without children: the root's in an empty tree. It is never stored."""

CHILDREN = 16
DIGEST_BYTES = 32
RECORD_BYTES = 64

HASHED_OFFSET = 2
"""Where the bytes begin that a node's hash is made of."""

HASHES_OFFSET = 5
"""Where the hashes of the children begin."""

BELOW = tuple((1 << child) - 1 for child in range(CHILDREN))
"""For each child the bitmap of those before it."""


class CorruptTreeError(Exception):
    """The stored pages are not a state tree: a page is missing, damaged or not the one referred to.

    The cause is the local store. Nothing may be built on it; restore it from a snapshot.
    """

    path: bytes
    """Path of the page at fault, one byte for each nibble."""

    expected: str
    """What belongs there."""

    found: str
    """What is there."""

    def __init__(self, path: bytes, *, expected: str, found: str) -> None:
        self.path = path
        self.expected = expected
        self.found = found
        place = "".join(f"{nibble:x}" for nibble in path) or "(root)"
        super().__init__(
            f"state tree page {place}: expected {expected}, found {found}; "
            "restore the store from a snapshot"
        )


def encode_page(page: Page) -> bytes:
    """Return what a store keeps of `page`: the page itself, which is its own encoding."""
    return page


def decode_page(page: bytes, path: bytes) -> Page:
    """Return what a store holds at `path` as a page, after checking its layout; does not hash it.

    Raises:
        CorruptTreeError: it is not laid out as a page.
    """
    if len(page) < HASHES_OFFSET or page[HASHED_OFFSET] != EMPTY_PAGE[HASHED_OFFSET]:
        header = page[:HASHES_OFFSET].hex()
        raise CorruptTreeError(path, expected="a header xxxx03xxxx", found=f"'{header}'")
    inner, present = inner_children(page), present_children(page)
    if inner & ~present or not present:
        raise CorruptTreeError(
            path,
            expected="at least one child, and inner ones only among the present ones",
            found=f"inner {inner:#06x}, present {present:#06x}",
        )
    hashes, records = present.bit_count(), (present ^ inner).bit_count()
    expected = HASHES_OFFSET + DIGEST_BYTES * hashes + RECORD_BYTES * records
    if len(page) != expected:
        raise CorruptTreeError(path, expected=f"{expected} bytes", found=f"{len(page)} bytes")
    return page


def inner_children(page: bytes | bytearray) -> int:
    """Return the bitmap of the children that are inner nodes."""
    return page[0] << 8 | page[1]


def present_children(page: bytes | bytearray) -> int:
    """Return the bitmap of all children."""
    return page[3] << 8 | page[4]


def page_hash(page: Page) -> bytes:
    """Return the hash of the node that `page` holds; `EMPTY_STATE_ROOT` if it has no child."""
    count = present_children(page).bit_count()
    if not count:
        return EMPTY_STATE_ROOT
    return _sha256(page[HASHED_OFFSET : HASHES_OFFSET + DIGEST_BYTES * count]).digest()


def verify_page(page: bytes, path: bytes, expected: bytes) -> Page:
    """Return what a store holds at `path` after checking everything that its hash commits to.

    Raises:
        CorruptTreeError: the layout is wrong, or the node's hash is not `expected`, or a leaf's record
            is not what its hash is made of.
    """
    found = page_hash(decode_page(page, path))
    if found != expected:
        raise CorruptTreeError(path, expected=f"page {expected.hex()}", found=f"page {found.hex()}")
    leaves = present_children(page) ^ inner_children(page)
    for child in range(CHILDREN):
        if not leaves >> child & 1:
            continue
        record, listed = content_of(page, child), _hash_of(page, child)
        hashed = state_leaf_hash(record[:DIGEST_BYTES], record[DIGEST_BYTES:])
        if hashed != listed:
            raise CorruptTreeError(
                path, expected=f"leaf {listed.hex()} as child {child}", found=f"leaf {hashed.hex()}"
            )
    return page


def sibling_hashes(page: Page, child: int) -> bytes:
    """Return the hashes of all children but `child`, which may be empty, child 0 first."""
    present = present_children(page)
    start = HASHES_OFFSET + DIGEST_BYTES * (present & BELOW[child]).bit_count()
    end = HASHES_OFFSET + DIGEST_BYTES * present.bit_count()
    return page[HASHES_OFFSET:start] + page[start + DIGEST_BYTES * (present >> child & 1) : end]


def content_of(page: Page, child: int) -> bytes:
    """Return nothing for an empty child, the hash of an inner one, the record of a leaf."""
    inner, present = page[0] << 8 | page[1], page[3] << 8 | page[4]
    if not present >> child & 1:
        return b""
    if inner >> child & 1:
        return _hash_of(page, child)
    start = HASHES_OFFSET + DIGEST_BYTES * present.bit_count()
    start += RECORD_BYTES * ((present ^ inner) & BELOW[child]).bit_count()
    return page[start : start + RECORD_BYTES]


def _hash_of(page: Page, child: int) -> bytes:
    start = HASHES_OFFSET + DIGEST_BYTES * (present_children(page) & BELOW[child]).bit_count()
    return page[start : start + DIGEST_BYTES]


def put_content(page: bytearray, child: int, content: bytes) -> None:
    """Make `content` that of `child` in an open page, whatever it was before."""
    bit, before = 1 << child, BELOW[child]
    inner, present = page[0] << 8 | page[1], page[3] << 8 | page[4]
    leaves = present ^ inner
    record, digest = b"", content
    if len(content) == RECORD_BYTES:
        record, digest = content, _sha256(b"\x02" + content).digest()
    # The record first: it lies behind the hashes, whose splicing may move it.
    start = HASHES_OFFSET + DIGEST_BYTES * present.bit_count()
    start += RECORD_BYTES * (leaves & before).bit_count()
    page[start : start + (RECORD_BYTES if leaves & bit else 0)] = record
    start = HASHES_OFFSET + DIGEST_BYTES * (present & before).bit_count()
    page[start : start + (DIGEST_BYTES if present & bit else 0)] = digest
    if record and leaves & bit:
        return
    present = present | bit if content else present & ~bit
    inner = inner | bit if digest and not record else inner & ~bit
    page[:HASHES_OFFSET] = (inner << 24 | 0x03 << 16 | present).to_bytes(HASHES_OFFSET, "big")
