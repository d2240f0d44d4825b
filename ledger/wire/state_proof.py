"""Proofs about the state: a key has this value under a root, or no value at all.

The state root is the root of a sparse Merkle tree of radix 16. This module decides how it is hashed and
what convinces somebody who holds nothing but a root; `ledger.tree` builds and updates the tree. Both stand
in ``docs/spec/trees.md``::

    key_hash    SHA-256(0x04 || key)           64 nibbles, the upper half of byte 0 first
    value_hash  SHA-256(0x05 || value)
    leaf        SHA-256(0x02 || key_hash || value_hash)
    inner       SHA-256(0x03 || bitmap || hashes of the present children, child 0 first)
    empty tree  32 zero bytes

Bit i of the two-byte, big-endian bitmap, counted from the least significant, says that child i is present.
A subtree with a single leaf is that leaf, except that the root is always an inner node.

Why a proof cannot be bent: the four prefixes differ, so that neither key, value, leaf nor inner node
passes for another; the bitmap fixes how many hashes follow it; the nibbles of the key's own hash, not the
proof, say where to turn; and the leaf that stands in another's way is given as key hash and value hash,
whose nibbles must agree with the way that led to it. For one root and key exactly one proof is valid.

Verifying raises `ProofError` for whatever does not fit, and nothing else.
"""

import hashlib
from typing import Annotated

from msgspec import Meta, Struct

from ledger.wire.merkle import DIGEST_BYTES, ProofError

_sha256 = hashlib.sha256

EMPTY_STATE_ROOT = bytes(DIGEST_BYTES)
"""Root of the state without any key."""

MAX_DEPTH = 2 * DIGEST_BYTES
"""Most levels of a proof: one for each nibble of a key hash."""

CHILDREN = 16
"""Children of an inner node."""

_FULL_BITMAP = (1 << CHILDREN) - 1


class ProofLevel(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An inner node on the way from the root to a key, without the child that lies on the way."""

    bitmap: Annotated[int, Meta(ge=1, le=_FULL_BITMAP)]
    """Which of the 16 children are present, the one on the way included."""

    siblings: Annotated[bytes, Meta(max_length=CHILDREN * DIGEST_BYTES)]
    """Hashes of the present children other than the one on the way, 32 bytes each, child 0 first."""


class OtherLeaf(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The only leaf of the subtree in which the absent key would have to be."""

    key_hash: Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """Position of that leaf; begins with the nibbles of the way, and is not the absent key's."""

    value_hash: Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """Hash of that leaf's value."""


class StateProof(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Shows the way of one key through the tree; proves presence or absence, never both."""

    levels: Annotated[tuple[ProofLevel, ...], Meta(max_length=MAX_DEPTH)]
    """Inner nodes on the way, the root first. None only in an empty tree."""

    other_leaf: OtherLeaf | None
    """The leaf of another key at the end of the way; None for presence and for an empty child."""


def key_hash(key: bytes) -> bytes:
    """Return the position of `key` in the tree."""
    return _sha256(b"\x04" + key).digest()


def value_hash(value: bytes) -> bytes:
    """Return what a leaf holds of `value`."""
    return _sha256(b"\x05" + value).digest()


def state_leaf_hash(key_digest: bytes, value_digest: bytes) -> bytes:
    """Return the hash of a leaf from `key_hash` and `value_hash`, 32 bytes each."""
    return _sha256(b"\x02" + key_digest + value_digest).digest()


def state_inner_hash(bitmap: int, children: bytes) -> bytes:
    """Return the hash of an inner node; `children` holds 32 bytes for each set bit, child 0 first."""
    return _sha256(b"\x03" + bitmap.to_bytes(2, "big") + children).digest()


def verify_presence(root: bytes, key: bytes, value: bytes, proof: StateProof) -> None:
    """Check that `key` has exactly `value` in the state under `root`.

    Raises:
        ProofError: the proof does not show that.
    """
    if proof.other_leaf is not None:
        raise ProofError(
            "end of a proof of presence",
            expected="no other leaf",
            found=f"leaf at {proof.other_leaf.key_hash.hex()}",
        )
    if not proof.levels:
        raise ProofError("levels in a proof of presence", expected="1 to 64", found=0)
    position = key_hash(key)
    _check_root(root, _root_above(position, state_leaf_hash(position, value_hash(value)), proof))


def verify_absence(root: bytes, key: bytes, proof: StateProof) -> None:
    """Check that `key` has no value in the state under `root`.

    Raises:
        ProofError: the proof does not show that.
    """
    position = key_hash(key)
    if proof.other_leaf is not None:
        leaf = _other_leaf_hash(position, len(proof.levels), proof.other_leaf)
        _check_root(root, _root_above(position, leaf, proof))
    elif proof.levels:
        _check_root(root, _root_above(position, None, proof))
    else:
        _check_root(root, EMPTY_STATE_ROOT)


def _other_leaf_hash(position: bytes, depth: int, other: OtherLeaf) -> bytes:
    """Return the hash of a leaf that may stand `depth` nibbles down the way to `position`."""
    for name, digest in (("key hash", other.key_hash), ("value hash", other.value_hash)):
        if len(digest) != DIGEST_BYTES:
            raise ProofError(
                f"bytes in the other leaf's {name}", expected=DIGEST_BYTES, found=len(digest)
            )
    if not 0 < depth <= MAX_DEPTH:
        raise ProofError("levels above another leaf", expected="1 to 64", found=depth)
    way, found = position.hex()[:depth], other.key_hash.hex()[:depth]
    if way != found:
        raise ProofError("nibbles on the way to the other leaf", expected=way, found=found)
    if other.key_hash == position:
        raise ProofError("leaf at the end of the way", expected="another key's", found="the key's")
    return state_leaf_hash(other.key_hash, other.value_hash)


def _root_above(position: bytes, leaf: bytes | None, proof: StateProof) -> bytes:
    """Return the root that the levels lead to from `leaf`, or from an empty child if it is None.

    A level that could not be in a canonical tree is refused even where its hash would fit.
    """
    depth = len(proof.levels)
    if depth > MAX_DEPTH:
        raise ProofError("levels in a state proof", expected="at most 64", found=depth)
    if leaf is not None and depth > 1 and not proof.levels[-1].siblings:
        raise ProofError(f"siblings of a leaf at level {depth - 1}", expected="at least 1", found=0)
    node = leaf
    for number in range(depth - 1, -1, -1):
        node = _level_hash(proof.levels[number], _nibble(position, number), node, number)
    if node is None:
        raise ProofError("levels in a state proof", expected="1 to 64", found=0)
    return node


def _level_hash(level: ProofLevel, nibble: int, child: bytes | None, number: int) -> bytes:
    """Return the hash of an inner node whose child at `nibble` is `child`, None for an empty one."""
    bitmap, siblings = level.bitmap, level.siblings
    if not 0 < bitmap <= _FULL_BITMAP:
        raise ProofError(f"bitmap of level {number}", expected="1 to 65535", found=bitmap)
    present = bitmap >> nibble & 1
    if present != (child is not None):
        raise ProofError(
            f"child {nibble} of level {number}",
            expected="an empty child" if child is None else "a child",
            found=f"bitmap {bitmap:#06x}",
        )
    expected_bytes = DIGEST_BYTES * (bitmap.bit_count() - present)
    if len(siblings) != expected_bytes:
        raise ProofError(
            f"bytes in the siblings of level {number}", expected=expected_bytes, found=len(siblings)
        )
    if child is None:
        return state_inner_hash(bitmap, siblings)
    before = DIGEST_BYTES * (bitmap & ((1 << nibble) - 1)).bit_count()
    return state_inner_hash(bitmap, siblings[:before] + child + siblings[before:])


def _nibble(position: bytes, number: int) -> int:
    byte = position[number >> 1]
    return byte & 15 if number & 1 else byte >> 4


def _check_root(root: bytes, computed: bytes) -> None:
    if computed != root:
        raise ProofError("state root above the proof", expected=root, found=computed)
