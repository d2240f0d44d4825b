"""RFC 9162 hash trees: the tree of a block's transactions, of a transaction's records, of all headers.

What it decides: how a list of leaf hashes becomes one root, what proves that a leaf is in the list, and
what proves that one list is the beginning of another. The hashing is RFC 9162's own (section 2.1), to the
letter, so that transparency-log witnesses can cosign the roots::

    leaf   SHA-256(0x00 || data)
    inner  SHA-256(0x01 || left || right)
    empty  SHA-256(nothing)

A tree of n > 1 leaves splits at the largest power of two below n. Hence a *complete node* (level, index),
which covers the 2^level leaves from index * 2^level on, never changes once its last leaf is there. Two
things follow, and both are used here:

* `Frontier` holds only the roots of the complete subtrees that make up the tree, at most 63 hashes, and is
  enough to append and to know the root. Every append tells which nodes became complete.
* Whoever stores those nodes can prove anything about any earlier or present size of the log with O(log n)
  look-ups (`log_inclusion_path`, `log_consistency_path`).

Rules for verifying: every digest is exactly 32 bytes, because otherwise bytes could move between left and
right under the same hash; the path has exactly the length that index and size dictate; sizes stay below
2^63, the bound of the checkpoint format. Whatever does not fit raises `ProofError`, never anything else.

Not decided here: what a leaf's data are, where nodes are stored, who signs a root.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from ledger.wire.errors import WireError

_sha256 = hashlib.sha256

DIGEST_BYTES = 32
"""Length of every hash in this module."""

MAX_TREE_SIZE = 2**63 - 1
"""Most leaves a tree may have; signed checkpoints carry the size as a signed 64-bit number."""

EMPTY_TREE_ROOT = _sha256(b"").digest()
"""Root of the tree without leaves."""

_SIZE_BYTES = 8

NodeOf = Callable[[int, int], bytes]
"""Looks up the hash of the complete node at (level, index); level 0 holds the leaf hashes."""

CompletedNode = tuple[tuple[int, int], bytes]
"""((level, index), hash) of a node whose last leaf has just been appended."""


class ProofError(WireError):
    """A proof, or bytes that claim to describe a hash tree, does not fit what it is about.

    The cause is always the data that were given, never the local state. The proof is to be
    discarded; asking again for the same thing may help only if another source answers.
    """

    what: str
    """What was checked, and where in the proof."""

    expected: bytes | int | str
    """What a valid proof has there."""

    found: bytes | int | str
    """What this one has."""

    def __init__(self, what: str, *, expected: bytes | int | str, found: bytes | int | str) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        super().__init__(f"{what}: expected {_shown(expected)}, found {_shown(found)}")


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf that holds `data`."""
    return _sha256(b"\x00" + data).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two hashes of 32 bytes each."""
    return _sha256(b"\x01" + left + right).digest()


def merkle_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over `leaf_hashes`, in their order; `EMPTY_TREE_ROOT` if there are none."""
    if not leaf_hashes:
        return EMPTY_TREE_ROOT
    return _levels(leaf_hashes)[-1][0]


def inclusion_path(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the sibling hashes from leaf `index` up to the root.

    Hashes the whole tree: to prove many leaves of one tree use `inclusion_paths`.

    Raises:
        ProofError: there is no leaf `index`.
    """
    _check_index(index, len(leaf_hashes))
    return _path_through(_levels(leaf_hashes), index)


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return the path of every leaf, in order, after hashing the tree once."""
    levels = _levels(leaf_hashes)
    return [_path_through(levels, index) for index in range(len(leaf_hashes))]


def consistency_path(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the proof that the first `old_size` leaves are the beginning of all of them.

    Raises:
        ProofError: `old_size` is negative or more than there are leaves.
    """
    levels = _levels(leaf_hashes)
    return log_consistency_path(
        old_size, len(leaf_hashes), lambda level, index: levels[level][index]
    )


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` (a leaf hash) is number `index` of the tree of `size` leaves under `root`.

    `size` must be as trusted as `root`, from the same header or checkpoint: a path for one size can
    also fit some others under the same root.

    Raises:
        ProofError: it is not, or the path is not one of this shape.
    """
    _check_digest("root", root)
    computed = root_from_inclusion_path(leaf, index, size, path)
    if computed != root:
        raise ProofError(
            f"root over leaf {index} of {size} and its path", expected=root, found=computed
        )


def root_from_inclusion_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root of the only tree of `size` leaves in which `path` could lead up from `leaf`.

    For a caller who learns the root from elsewhere afterwards and then must compare it.

    Raises:
        ProofError: index, size, the path's length, or that of a hash, is impossible.
    """
    _check_index(index, size)
    _check_digest("leaf hash", leaf)
    # Below the level where the ways to this leaf and to the last one part, every sibling exists;
    # above it, siblings are only on the left, one for each set bit.
    below = (index ^ (size - 1)).bit_length()
    _check_length("inclusion path", path, below + (index >> below).bit_count())
    node = leaf
    for level in range(below):
        sibling = path[level]
        node = inner_hash(sibling, node) if index >> level & 1 else inner_hash(node, sibling)
    for sibling in path[below:]:
        node = inner_hash(sibling, node)
    return node


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree (old_size, old_root) is the beginning of the tree (new_size, new_root).

    Raises:
        ProofError: it is not, or the path is not one of this shape.
    """
    _check_sizes(old_size, new_size)
    _check_digest("old root", old_root)
    _check_digest("new root", new_root)
    if old_size in (0, new_size):
        _check_length("consistency path", path, 0)
        known = EMPTY_TREE_ROOT if old_size == 0 else new_root
        if old_root != known:
            raise ProofError(f"old root of {old_size} leaves", expected=known, found=old_root)
        if new_size == 0 and new_root != EMPTY_TREE_ROOT:
            raise ProofError("root of no leaves", expected=EMPTY_TREE_ROOT, found=new_root)
        return
    computed_old, computed_new = _roots_from_consistency_path(old_size, new_size, old_root, path)
    if computed_old != old_root:
        raise ProofError(
            f"root of the first {old_size} leaves", expected=old_root, found=computed_old
        )
    if computed_new != new_root:
        raise ProofError(f"root of all {new_size} leaves", expected=new_root, found=computed_new)


@dataclass(frozen=True, slots=True)
class Frontier:
    """An append-only tree reduced to what appending needs.

    Raises `ProofError` when made of hashes that do not belong to a tree of that size.
    """

    size: int = 0
    """Number of leaves."""

    peaks: tuple[bytes, ...] = ()
    """Roots of the complete subtrees, largest first: one for each set bit of `size`."""

    def __post_init__(self) -> None:
        _check_size(self.size)
        _check_length("peaks of the frontier", self.peaks, self.size.bit_count())

    def append(self, leaf: bytes) -> tuple[Self, tuple[CompletedNode, ...]]:
        """Return the frontier with one more leaf hash, and the nodes that this completes.

        The leaf itself comes first, as node (0, size); on average there are two.

        Raises:
            ProofError: `leaf` is not 32 bytes long, or the tree is full.
        """
        _check_digest("leaf hash", leaf)
        _check_size(self.size + 1)
        peaks = list(self.peaks)
        level, index, node = 0, self.size, leaf
        completed: list[CompletedNode] = [((level, index), node)]
        while index & 1:
            node = inner_hash(peaks.pop(), node)
            level, index = level + 1, index >> 1
            completed.append(((level, index), node))
        peaks.append(node)
        return type(self)(self.size + 1, tuple(peaks)), tuple(completed)

    def root(self) -> bytes:
        """Return the root over all leaves appended so far."""
        return _fold(self.peaks)

    def encode(self) -> bytes:
        """Return the size as 8 bytes, big-endian, and the peaks, largest first."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the frontier that `encode` made `data` of; there is only one spelling.

        Raises:
            ProofError: `data` is not such an encoding.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        expected_bytes = _SIZE_BYTES + DIGEST_BYTES * size.bit_count()
        if len(data) != expected_bytes:
            raise ProofError("bytes in a frontier", expected=expected_bytes, found=len(data))
        starts = range(_SIZE_BYTES, expected_bytes, DIGEST_BYTES)
        return cls(size, tuple(data[start : start + DIGEST_BYTES] for start in starts))


def log_inclusion_path(index: int, size: int, node_of: NodeOf) -> tuple[bytes, ...]:
    """Return `inclusion_path` for the first `size` leaves of a log, from its stored nodes.

    Asks `node_of` only for complete nodes of those leaves, about 2 * log2(size) times at most.

    Raises:
        ProofError: there is no leaf `index` in a tree of that size.
    """
    _check_index(index, size)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node_of))
            end = middle
        else:
            path.append(_range_root(start, middle, node_of))
            start = middle
    return tuple(reversed(path))


def log_consistency_path(old_size: int, new_size: int, node_of: NodeOf) -> tuple[bytes, ...]:
    """Return `consistency_path` between two sizes of a log, from its stored nodes.

    Asks `node_of` only for complete nodes of the first `new_size` leaves, about 2 * log2(new_size)
    times at most. Empty if `old_size` is 0 or `new_size`.

    Raises:
        ProofError: the sizes are negative or in the wrong order.
    """
    _check_sizes(old_size, new_size)
    if old_size in (0, new_size):
        return ()
    path: list[bytes] = []
    start, end = 0, new_size
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, node_of))
            end = middle
        else:
            path.append(_range_root(start, middle, node_of))
            start = middle
    if start:
        # The verifier starts from the old root itself when the old tree is one complete node.
        path.append(_range_root(start, end, node_of))
    return tuple(reversed(path))


def _roots_from_consistency_path(
    old_size: int, new_size: int, old_root: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return both roots as the path implies them, for 0 < old_size < new_size."""
    # The walk begins at the last complete node of the old tree: the leaf's ancestor at the level
    # of the trailing zero bits of old_size.
    level = (old_size & -old_size).bit_length() - 1
    index, last = (old_size - 1) >> level, (new_size - 1) >> level
    starts_at_old_root = index == 0
    below = (index ^ last).bit_length()
    siblings = below + (index >> below).bit_count()
    _check_length("consistency path", path, siblings if starts_at_old_root else siblings + 1)
    old = new = old_root if starts_at_old_root else path[0]
    for step, sibling in enumerate(path if starts_at_old_root else path[1:]):
        if step >= below or index >> step & 1:
            old, new = inner_hash(sibling, old), inner_hash(sibling, new)
        else:
            new = inner_hash(new, sibling)
    return old, new


def _levels(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Return all nodes, leaves first; an odd last node of a level stands for itself one level up."""
    levels = [list(leaf_hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        above = [_sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if len(below) & 1:
            above.append(below[-1])
        levels.append(above)
    return levels


def _path_through(levels: list[list[bytes]], index: int) -> tuple[bytes, ...]:
    path: list[bytes] = []
    for nodes in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(nodes):
            path.append(nodes[sibling])
        index >>= 1
    return tuple(path)


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(start: int, end: int, node_of: NodeOf) -> bytes:
    """Return the root over leaves start..end-1, a subtree of the log that may lack its right side."""
    peaks: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(node_of(level, start >> level))
        start += 1 << level
    return _fold(peaks)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_TREE_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = inner_hash(peak, node)
    return node


def _check_digest(name: str, digest: bytes) -> None:
    if len(digest) != DIGEST_BYTES:
        raise ProofError(f"bytes in the {name}", expected=DIGEST_BYTES, found=len(digest))


def _check_length(name: str, hashes: Sequence[bytes], expected: int) -> None:
    if len(hashes) != expected:
        raise ProofError(f"hashes in the {name}", expected=expected, found=len(hashes))
    for position, digest in enumerate(hashes):
        _check_digest(f"hash {position} of the {name}", digest)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_TREE_SIZE:
        raise ProofError("tree size", expected=f"0 to {MAX_TREE_SIZE}", found=size)


def _check_index(index: int, size: int) -> None:
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError("leaf index", expected=f"0 to {size - 1}", found=index)


def _check_sizes(old_size: int, new_size: int) -> None:
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ProofError("old tree size", expected=f"0 to {new_size}", found=old_size)


def _shown(value: bytes | int | str) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
