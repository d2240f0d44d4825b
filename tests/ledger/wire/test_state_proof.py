"""Proofs about the state: what convinces, and everything that must not.

Proofs are made by hand here, from the hashing rules alone; that the tree's own proofs verify is tested in
tests/ledger/test_tree.py.
"""

import hashlib
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tree import prove, update
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.merkle import ProofError, leaf_hash, merkle_root
from ledger.wire.state_proof import (
    EMPTY_STATE_ROOT,
    OtherLeaf,
    ProofLevel,
    StateProof,
    key_hash,
    state_inner_hash,
    state_leaf_hash,
    value_hash,
    verify_absence,
    verify_presence,
)

SPECIFICATION = Path(__file__).parents[3] / "docs" / "spec" / "trees.md"

# The worked example of the specification: lot/2 and lot/6 share the first nibble, 2; lot/1 has d.
STATE = {b"lot/1": b"120 kg", b"lot/2": b"80 kg", b"lot/6": b"5 kg"}
FREE_KEY = b"lot/4"
"""Absent; the root has no child b, where it would be."""
BLOCKED_KEY = b"lot/27"
"""Absent; the leaf of lot/1 stands where it would be."""


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def record(key: bytes) -> bytes:
    return sha256(b"\x04", key) + sha256(b"\x05", STATE[key])


def leaf(key: bytes) -> bytes:
    return sha256(b"\x02", record(key))


# Children 8 and c, then children 2 and d.
LOWER = sha256(b"\x03\x11\x00", leaf(b"lot/6"), leaf(b"lot/2"))
ROOT = sha256(b"\x03\x20\x04", LOWER, leaf(b"lot/1"))

DEEP = StateProof((ProofLevel(0x2004, leaf(b"lot/1")), ProofLevel(0x1100, leaf(b"lot/6"))), None)
SHALLOW = StateProof((ProofLevel(0x2004, LOWER),), None)
FREE = StateProof((ProofLevel(0x2004, LOWER + leaf(b"lot/1")),), None)
BLOCKED = StateProof(
    (ProofLevel(0x2004, LOWER),), OtherLeaf(sha256(b"\x04", b"lot/1"), sha256(b"\x05", b"120 kg"))
)
EMPTY = StateProof((), None)


def holds(root: bytes, key: bytes, value: bytes | None, proof: StateProof) -> bool:
    try:
        if value is None:
            verify_absence(root, key, proof)
        else:
            verify_presence(root, key, value, proof)
    except ProofError:
        return False
    return True


TRUE_STATEMENTS = [
    (b"lot/2", b"80 kg", DEEP),
    (b"lot/1", b"120 kg", SHALLOW),
    (FREE_KEY, None, FREE),
    (BLOCKED_KEY, None, BLOCKED),
]
statements = pytest.mark.parametrize(("key", "value", "proof"), TRUE_STATEMENTS)


@statements
def test_a_proof_made_by_hand_convinces(key: bytes, value: bytes | None, proof: StateProof) -> None:
    assert holds(ROOT, key, value, proof)


@statements
def test_the_tree_makes_exactly_the_proofs_made_by_hand(
    key: bytes, value: bytes | None, proof: StateProof
) -> None:
    tree = update(dict[bytes, bytes]().get, STATE.items())
    assert tree.root == ROOT
    assert prove(tree.pages.get, ROOT, key) == proof
    assert value == STATE.get(key)


def test_everything_is_absent_from_the_empty_state_and_nothing_from_another_by_the_same_proof() -> (
    None
):
    assert holds(EMPTY_STATE_ROOT, b"any", None, EMPTY)
    assert not holds(ROOT, b"any", None, EMPTY)
    assert not holds(EMPTY_STATE_ROOT, b"any", b"", EMPTY)
    assert not holds(EMPTY_STATE_ROOT, FREE_KEY, None, FREE)


@statements
def test_a_true_proof_shows_nothing_else(
    key: bytes, value: bytes | None, proof: StateProof
) -> None:
    for other in (*STATE, FREE_KEY, BLOCKED_KEY, b"lot/7", b""):
        for claim in (*STATE.values(), None, b""):
            fits_too = claim is None and proof == FREE and other not in STATE
            if (other, claim) != (key, value) and not fits_too:
                assert not holds(ROOT, other, claim, proof), (other, claim)


def test_one_empty_child_or_other_leaf_shows_every_absence_that_it_really_shows() -> None:
    # lot/7 would be child 7 of the same root: the same node proves it.
    assert holds(ROOT, b"lot/7", None, FREE)
    assert not holds(ROOT, b"lot/7", None, BLOCKED)
    assert not holds(ROOT, BLOCKED_KEY, None, FREE)


@statements
def test_any_changed_byte_of_the_encoded_proof_makes_it_fail(
    key: bytes, value: bytes | None, proof: StateProof
) -> None:
    encoded = encode(proof)
    assert decode(StateProof, encoded) == proof
    for offset in range(len(encoded)):
        for change in (0x01, 0x02, 0x10, 0x80, 0xFF):
            changed = bytearray(encoded)
            changed[offset] ^= change
            try:
                other = decode(StateProof, bytes(changed))
            except WireError:
                continue
            assert not holds(ROOT, key, value, other), (offset, change)


@statements
def test_any_changed_byte_of_root_key_or_value_makes_it_fail(
    key: bytes, value: bytes | None, proof: StateProof
) -> None:
    for changed in one_byte_changes(ROOT):
        assert not holds(changed, key, value, proof)
    if value is None:
        return
    for changed in one_byte_changes(key):
        assert not holds(ROOT, changed, value, proof)
    for changed in one_byte_changes(value):
        assert not holds(ROOT, key, changed, proof)


def one_byte_changes(data: bytes) -> list[bytes]:
    return [
        data[:offset] + bytes((data[offset] ^ change,)) + data[offset + 1 :]
        for offset in range(len(data))
        for change in (0x01, 0x80)
    ]


@statements
def test_levels_cannot_be_left_out_added_or_swapped(
    key: bytes, value: bytes | None, proof: StateProof
) -> None:
    levels = proof.levels
    extra = ProofLevel(0xFFFF, bytes(15 * 32))
    for wrong in (
        levels[1:],
        levels[:-1],
        (*levels, extra),
        (extra, *levels),
        (*levels, levels[-1]),
        tuple(reversed(levels)) if len(levels) > 1 else (),
    ):
        assert not holds(ROOT, key, value, StateProof(wrong, proof.other_leaf))


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    # The lower inner node's preimage, cut as if it were a leaf's: its prefix tells them apart.
    preimage = b"\x03\x11\x00" + leaf(b"lot/6") + leaf(b"lot/2")
    for start in (0, 1, 3):
        cut = preimage[start : start + 64]
        other = OtherLeaf(cut[:32], cut[32:])
        way = next(key for key in numbered("lot") if key_hash(key)[0] >> 4 == 2)
        claim = StateProof((ProofLevel(0x2004, leaf(b"lot/1")),), other)
        assert not holds(ROOT, way, None, claim)
    assert LOWER not in {
        state_leaf_hash(preimage[at : at + 32], preimage[at + 32 :]) for at in (0, 3)
    }


def test_a_leaf_does_not_pass_for_an_inner_node() -> None:
    # One level deeper than lot/1's leaf, with its record in place of hashes of children.
    for bitmap in (0x0003, 0x2004, 0x8001):
        below = ProofLevel(bitmap, record(b"lot/1"))
        for key in (b"lot/1", BLOCKED_KEY):
            assert not holds(ROOT, key, None, StateProof((ProofLevel(0x2004, LOWER), below), None))


def test_keys_values_and_digests_do_not_pass_for_each_other() -> None:
    data = bytes(64)
    hashes = {
        key_hash(data),
        value_hash(data),
        state_leaf_hash(data[:32], data[32:]),
        state_inner_hash(3, data),
        hashlib.sha256(data).digest(),
        hashlib.sha256(b"\x00" + data).digest(),
        hashlib.sha256(b"\x01" + data).digest(),
    }
    assert len(hashes) == 7


def numbered(name: str) -> list[bytes]:
    return [f"{name}/{number}".encode() for number in range(100)]


def test_the_own_leaf_does_not_prove_its_own_absence() -> None:
    own = OtherLeaf(key_hash(b"lot/2"), value_hash(b"80 kg"))
    with pytest.raises(ProofError, match="another key's"):
        verify_absence(ROOT, b"lot/2", StateProof(DEEP.levels, own))


def test_the_leaf_of_another_branch_does_not_prove_absence() -> None:
    key = next(key for key in numbered("quota") if key_hash(key)[0] >> 4 == 2)
    with pytest.raises(
        ProofError, match="nibbles on the way to the other leaf: expected 2, found d"
    ):
        verify_absence(ROOT, key, BLOCKED)


def test_a_lone_leaf_below_the_root_is_refused_even_if_its_hash_fits() -> None:
    # Such a node never occurs in a canonical tree; accepting it would give two roots to one state.
    nibble = key_hash(b"lot/1")[0] & 15
    lone = sha256(b"\x03", (1 << nibble).to_bytes(2, "big"), leaf(b"lot/1"))
    root = sha256(b"\x03\x20\x04", LOWER, lone)
    proof = StateProof((ProofLevel(0x2004, LOWER), ProofLevel(1 << nibble, b"")), None)
    with pytest.raises(ProofError, match="siblings of a leaf at level 1"):
        verify_presence(root, b"lot/1", b"120 kg", proof)


MALFORMED = [
    (StateProof((ProofLevel(0, b""),), None), "bitmap of level 0"),
    (StateProof((ProofLevel(-1, b""),), None), "bitmap of level 0"),
    (StateProof((ProofLevel(0x10000, b""),), None), "bitmap of level 0"),
    (StateProof((ProofLevel(1 << 4000, b""),), None), "bitmap of level 0"),
    (StateProof((ProofLevel(0x2004, LOWER[:31]),), None), "bytes in the siblings of level 0"),
    (StateProof((ProofLevel(0x2004, LOWER + b"\x00"),), None), "bytes in the siblings of level 0"),
    (StateProof((ProofLevel(0x2004, LOWER + LOWER),), None), "bytes in the siblings of level 0"),
    (StateProof((ProofLevel(0x2000, LOWER),), None), "bytes in the siblings of level 0"),
    (StateProof((ProofLevel(0x0004, LOWER),), None), "child 13 of level 0"),
    (StateProof((), None), "levels in a proof of presence"),
    (StateProof(SHALLOW.levels * 65, None), "levels in a state proof"),
    (BLOCKED, "end of a proof of presence"),
]


@pytest.mark.parametrize(("proof", "complaint"), MALFORMED)
def test_a_malformed_proof_of_presence_is_refused_by_name(
    proof: StateProof, complaint: str
) -> None:
    with pytest.raises(ProofError, match=complaint):
        verify_presence(ROOT, b"lot/1", b"120 kg", proof)


@pytest.mark.parametrize(
    ("proof", "complaint"),
    [
        (StateProof(BLOCKED.levels, OtherLeaf(b"", b"")), "bytes in the other leaf's key hash"),
        (StateProof(BLOCKED.levels, OtherLeaf(bytes(32), b"")), "the other leaf's value hash"),
        (StateProof((), BLOCKED.other_leaf), "levels above another leaf"),
        (StateProof(BLOCKED.levels * 65, BLOCKED.other_leaf), "levels above another leaf"),
        (StateProof(BLOCKED.levels, None), "child 13 of level 0"),
        (StateProof(FREE.levels, BLOCKED.other_leaf), "bytes in the siblings"),
    ],
)
def test_a_malformed_proof_of_absence_is_refused_by_name(proof: StateProof, complaint: str) -> None:
    with pytest.raises(ProofError, match=complaint):
        verify_absence(ROOT, BLOCKED_KEY, proof)


def test_an_error_carries_what_was_expected_and_what_was_found() -> None:
    with pytest.raises(ProofError) as caught:
        verify_presence(bytes(32), b"lot/1", b"120 kg", SHALLOW)
    assert caught.value.what == "state root above the proof"
    assert caught.value.expected == bytes(32)
    assert caught.value.found == ROOT
    assert ROOT.hex() in str(caught.value)


@pytest.mark.parametrize(
    "proof",
    [
        StateProof((ProofLevel(0, b""),), None),
        StateProof((ProofLevel(0x10000, b""),), None),
        StateProof((ProofLevel(1, bytes(513)),), None),
        StateProof(SHALLOW.levels * 65, None),
        StateProof((), OtherLeaf(bytes(31), bytes(32))),
        StateProof((), OtherLeaf(bytes(32), bytes(33))),
    ],
)
def test_a_proof_beyond_its_bounds_is_not_even_decoded(proof: StateProof) -> None:
    with pytest.raises(WireError):
        decode(StateProof, encode(proof))


arbitrary_bytes = st.binary(max_size=70) | st.binary(min_size=32, max_size=32)
arbitrary_levels = st.builds(
    ProofLevel, st.integers(0, 0xFFFF) | st.integers(), arbitrary_bytes | st.just(bytes(480))
)
arbitrary_proofs = st.builds(
    StateProof,
    st.lists(arbitrary_levels, max_size=5).map(tuple)
    | arbitrary_levels.map(lambda one: (one,) * 70),
    st.none() | st.builds(OtherLeaf, arbitrary_bytes, arbitrary_bytes),
)


@given(
    arbitrary_bytes.filter(lambda root: root != EMPTY_STATE_ROOT), arbitrary_bytes, arbitrary_proofs
)
@settings(max_examples=300, deadline=None)
def test_nothing_but_a_proof_error_comes_of_any_proof(
    root: bytes, key: bytes, proof: StateProof
) -> None:
    with pytest.raises(ProofError):
        verify_presence(root, key, b"", proof)
    with pytest.raises(ProofError):
        verify_absence(root, key, proof)


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_refused_as_a_proof_or_come_back_exactly(data: bytes) -> None:
    try:
        proof = decode(StateProof, data)
    except WireError:
        return
    assert msgspec.msgpack.encode(proof) == data


def test_a_full_depth_of_64_levels_verifies() -> None:
    # Two keys that differ only in the last nibble cannot be found, so the node is made without a key.
    position = key_hash(b"deep")
    other = position[:-1] + bytes((position[-1] ^ 1,))
    leaves = sorted((place[-1] & 15, place) for place in (position, other))
    node = sha256(
        b"\x03",
        sum(1 << nibble for nibble, _ in leaves).to_bytes(2, "big"),
        *(sha256(b"\x02", place, value_hash(b"v")) for _, place in leaves),
    )
    levels = [
        ProofLevel(
            sum(1 << nibble for nibble, _ in leaves), sha256(b"\x02", other, value_hash(b"v"))
        )
    ]
    for nibble in reversed(position.hex()[:63]):
        bitmap = 1 << int(nibble, 16)
        node = sha256(b"\x03", bitmap.to_bytes(2, "big"), node)
        levels.insert(0, ProofLevel(bitmap, b""))
    verify_presence(node, b"deep", b"v", StateProof(tuple(levels), None))
    assert not holds(node, b"deep", b"w", StateProof(tuple(levels), None))


def test_the_worked_example_of_the_specification_is_true() -> None:
    """Every line `name = hex` of the page is recomputed."""
    written = dict(
        re.findall(
            r"^([a-z0-9_ /()-]+?) += ([0-9a-f]{8,})$", SPECIFICATION.read_text("utf-8"), re.M
        )
    )
    computed = {
        "key_hash(lot/1)": sha256(b"\x04lot/1"),
        "key_hash(lot/2)": sha256(b"\x04lot/2"),
        "key_hash(lot/6)": sha256(b"\x04lot/6"),
        "key_hash(lot/4)": sha256(b"\x04lot/4"),
        "key_hash(lot/27)": sha256(b"\x04lot/27"),
        "value_hash(120 kg)": sha256(b"\x05120 kg"),
        "value_hash(80 kg)": sha256(b"\x0580 kg"),
        "value_hash(5 kg)": sha256(b"\x055 kg"),
        "leaf(lot/1)": leaf(b"lot/1"),
        "leaf(lot/2)": leaf(b"lot/2"),
        "leaf(lot/6)": leaf(b"lot/6"),
        "inner(2)": LOWER,
        "state root": ROOT,
        "proof of lot/2": encode(DEEP),
        "proof of lot/4": encode(FREE),
        "proof of lot/27": encode(BLOCKED),
        "log root of 3": EXAMPLE_LOG_ROOT,
    }
    assert written == {name: value.hex() for name, value in computed.items()}
    words = (b"first", b"second", b"third")
    assert merkle_root([leaf_hash(word) for word in words]) == EXAMPLE_LOG_ROOT


EXAMPLE_LOG_ROOT = sha256(
    b"\x01",
    sha256(b"\x01", sha256(b"\x00first"), sha256(b"\x00second")),
    sha256(b"\x00third"),
)
