"""RFC 9162 trees against the RFC's own recursive definitions, written out here a second time."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.wire.merkle import (
    EMPTY_TREE_ROOT,
    MAX_TREE_SIZE,
    Frontier,
    ProofError,
    consistency_path,
    inclusion_path,
    inclusion_paths,
    inner_hash,
    leaf_hash,
    log_consistency_path,
    log_inclusion_path,
    merkle_root,
    root_from_inclusion_path,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and nine roots that implementations of certificate transparency test each other with.
PUBLISHED_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LOG_SIZE = 300
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(LOG_SIZE)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = naive_split(len(leaves))
    left, right = naive_root(leaves[:split]), naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def naive_split(size: int) -> int:
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def naive_path(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """PATH of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return ()
    split = naive_split(len(leaves))
    if index < split:
        return (*naive_path(index, leaves[:split]), naive_root(leaves[split:]))
    return (*naive_path(index - split, leaves[split:]), naive_root(leaves[:split]))


def naive_subproof(old: int, leaves: Sequence[bytes], *, known: bool) -> tuple[bytes, ...]:
    """SUBPROOF of RFC 9162, section 2.1.4.1."""
    if old == len(leaves):
        return () if known else (naive_root(leaves),)
    split = naive_split(len(leaves))
    if old <= split:
        return (*naive_subproof(old, leaves[:split], known=known), naive_root(leaves[split:]))
    return (
        *naive_subproof(old - split, leaves[split:], known=False),
        naive_root(leaves[:split]),
    )


def grown(size: int) -> tuple[list[Frontier], dict[tuple[int, int], bytes]]:
    """All frontiers up to `size`, and every node that was completed on the way."""
    frontiers, nodes = [Frontier()], dict[tuple[int, int], bytes]()
    for leaf in LEAVES[:size]:
        frontier, completed = frontiers[-1].append(leaf)
        frontiers.append(frontier)
        assert not any(place in nodes for place, _ in completed)
        nodes.update(completed)
    return frontiers, nodes


FRONTIERS, NODES = grown(LOG_SIZE)


def stored_node(level: int, index: int) -> bytes:
    return NODES[level, index]


def flipped(digest: bytes, bit: int) -> bytes:
    return (int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(len(digest), "big")


def test_published_leaves_give_the_published_roots() -> None:
    leaves = [leaf_hash(data) for data in PUBLISHED_LEAVES]
    roots = [merkle_root(leaves[:size]).hex() for size in range(len(leaves) + 1)]
    assert roots == PUBLISHED_ROOTS


def test_an_empty_tree_has_the_hash_of_nothing_as_root() -> None:
    assert merkle_root([]) == EMPTY_TREE_ROOT == hashlib.sha256(b"").digest()
    assert Frontier().root() == EMPTY_TREE_ROOT
    assert inclusion_paths([]) == []


@pytest.mark.parametrize("size", range(71))
def test_roots_and_paths_are_those_of_the_rfc(size: int) -> None:
    leaves = LEAVES[:size]
    root = naive_root(leaves)
    assert merkle_root(leaves) == root
    paths = inclusion_paths(leaves)
    assert len(paths) == size
    for index, path in enumerate(paths):
        assert path == naive_path(index, leaves)
        assert path == log_inclusion_path(index, size, stored_node)
        verify_inclusion(leaves[index], index, size, path, root)
    if size:
        assert inclusion_path(leaves, size - 1) == paths[-1]
        assert inclusion_path(leaves, size // 3) == paths[size // 3]


@pytest.mark.parametrize("size", range(71))
def test_consistency_paths_are_those_of_the_rfc(size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle_root(leaves)
    for old in range(size + 1):
        path = consistency_path(leaves, old)
        assert path == (naive_subproof(old, leaves, known=True) if old else ())
        assert path == log_consistency_path(old, size, stored_node)
        verify_consistency(old, size, merkle_root(leaves[:old]), root, path)


@pytest.mark.parametrize("size", [*range(71, LOG_SIZE, 13), 127, 128, 129, 255, 256, 257, LOG_SIZE])
def test_stored_nodes_prove_long_logs_too(size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle_root(leaves)
    for index, path in enumerate(inclusion_paths(leaves)):
        assert path == log_inclusion_path(index, size, stored_node)
    for old in {1, 2, 3, 63, 64, 65, 70, size // 2, size - 2, size - 1, size}:
        path = log_consistency_path(old, size, stored_node)
        assert path == consistency_path(leaves, old)
        verify_consistency(old, size, FRONTIERS[old].root(), root, path)


def test_a_frontier_knows_the_root_at_every_size() -> None:
    for size, frontier in enumerate(FRONTIERS):
        assert frontier.size == size
        assert frontier.root() == merkle_root(LEAVES[:size])
        assert Frontier.decode(frontier.encode()) == frontier


def test_appending_completes_every_complete_node_once() -> None:
    expected = {
        (level, index): naive_root(LEAVES[index << level : (index + 1) << level])
        for level in range(LOG_SIZE.bit_length())
        for index in range(LOG_SIZE >> level)
    }
    assert expected == NODES


def test_a_log_of_any_length_is_proven_with_few_look_ups_of_complete_nodes() -> None:
    size = 2**62 + 2**40 + 12345
    asked: list[tuple[int, int]] = []

    def node_of(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size
        asked.append((level, index))
        return leaf_hash(b"%d/%d" % (level, index))

    for index in (0, 1, 2**62 - 1, 2**62, 2**62 + 2**40, size - 1):
        asked.clear()
        path = log_inclusion_path(index, size, node_of)
        assert len(asked) <= 2 * size.bit_length()
        root_from_inclusion_path(LEAVES[0], index, size, path)
        asked.clear()
        log_consistency_path(index, size, node_of)
        assert len(asked) <= 2 * size.bit_length()


@given(st.integers(1, 70), st.data())
@settings(max_examples=100, deadline=None)
def test_any_flipped_bit_makes_an_inclusion_proof_fail(size: int, data: st.DataObject) -> None:
    leaves = LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 255))
    root, path = merkle_root(leaves), inclusion_path(leaves, index)
    with pytest.raises(ProofError):
        verify_inclusion(flipped(leaves[index], bit), index, size, path, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaves[index], index, size, path, flipped(root, bit))
    for position, sibling in enumerate(path):
        changed = (*path[:position], flipped(sibling, bit), *path[position + 1 :])
        with pytest.raises(ProofError, match="root over leaf"):
            verify_inclusion(leaves[index], index, size, changed, root)


@pytest.mark.parametrize("size", range(1, 34))
def test_an_inclusion_proof_fits_no_other_leaf_and_no_other_tree(size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle_root(leaves)
    for index, path in enumerate(inclusion_paths(leaves)):
        for other in (*range(-1, index), *range(index + 1, size + 2)):
            with pytest.raises(ProofError):
                verify_inclusion(leaves[index], other, size, path, root)
        for other_size in (*range(-1, size), *range(size + 1, 70)):
            other_root = merkle_root(LEAVES[: max(other_size, 0)])
            with pytest.raises(ProofError):
                verify_inclusion(leaves[index], index, other_size, path, other_root)


def test_a_path_alone_does_not_prove_the_size() -> None:
    # A property of RFC 9162, pinned because callers must know it: root and size come together.
    root, path = merkle_root(LEAVES[:3]), inclusion_path(LEAVES[:3], 0)
    verify_inclusion(LEAVES[0], 0, 3, path, root)
    verify_inclusion(LEAVES[0], 0, 4, path, root)


@pytest.mark.parametrize("size", range(1, 34))
def test_a_path_of_another_length_is_refused_as_such(size: int) -> None:
    root = merkle_root(LEAVES[:size])
    for index, path in enumerate(inclusion_paths(LEAVES[:size])):
        for wrong in ((*path, root), (root, *path), path[1:], path[:-1]):
            if len(wrong) != len(path):
                with pytest.raises(ProofError, match="hashes in the inclusion path") as caught:
                    verify_inclusion(LEAVES[index], index, size, wrong, root)
                assert (caught.value.expected, caught.value.found) == (len(path), len(wrong))
    for old in range(size + 1):
        path = consistency_path(LEAVES[:size], old)
        for wrong in ((*path, root), (root, *path), path[1:], path[:-1]):
            if len(wrong) != len(path):
                with pytest.raises(ProofError, match="hashes in the consistency path"):
                    verify_consistency(old, size, merkle_root(LEAVES[:old]), root, wrong)


@given(st.integers(0, 70), st.data())
@settings(max_examples=100, deadline=None)
def test_any_flipped_bit_makes_a_consistency_proof_fail(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    bit = data.draw(st.integers(0, 255))
    old_root, root = merkle_root(LEAVES[:old]), merkle_root(LEAVES[:size])
    path = consistency_path(LEAVES[:size], old)
    with pytest.raises(ProofError):
        verify_consistency(old, size, flipped(old_root, bit), root, path)
    if old or not size:
        with pytest.raises(ProofError):
            verify_consistency(old, size, old_root, flipped(root, bit), path)
    for position, sibling in enumerate(path):
        changed = (*path[:position], flipped(sibling, bit), *path[position + 1 :])
        with pytest.raises(ProofError):
            verify_consistency(old, size, old_root, root, changed)


@pytest.mark.parametrize("size", range(2, 40))
def test_a_rewritten_history_is_not_consistent(size: int) -> None:
    rewritten = [*LEAVES[: size // 2], leaf_hash(b"rewritten"), *LEAVES[size // 2 + 1 : size]]
    for old in range(size // 2 + 1, size):
        path = consistency_path(rewritten, old)
        with pytest.raises(ProofError, match="root of"):
            verify_consistency(old, size, merkle_root(LEAVES[:old]), merkle_root(rewritten), path)


def test_bytes_cannot_move_between_neighbours() -> None:
    left, right = LEAVES[0], LEAVES[1]
    root = inner_hash(left, right)
    joined = left + right
    with pytest.raises(ProofError, match="bytes in the leaf hash: expected 32, found 31"):
        verify_inclusion(joined[:31], 0, 2, (joined[31:],), root)
    with pytest.raises(ProofError, match="bytes in the hash 0 of the inclusion path"):
        verify_inclusion(left, 0, 2, (right + b"\x00",), root)


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    root = merkle_root(LEAVES[:4])
    inner = inner_hash(LEAVES[0], LEAVES[1])
    with pytest.raises(ProofError):
        verify_inclusion(inner, 0, 4, (inner_hash(LEAVES[2], LEAVES[3]),), root)
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != inner


digests = st.binary(min_size=0, max_size=40) | st.binary(min_size=32, max_size=32)
numbers = st.integers(-3, 70) | st.integers()


@given(digests, numbers, numbers, st.lists(digests, max_size=8), digests)
@settings(max_examples=200, deadline=None)
def test_nothing_but_a_proof_error_comes_of_any_input(
    digest: bytes, first: int, second: int, path: list[bytes], root: bytes
) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(digest, first, second, path, root + b"\x00" * (len(root) == 0))
    try:
        verify_consistency(first, second, digest, root, path)
    except ProofError:
        return
    assert first in (second, 0)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (-1, 3), (3, 3), (4, 3), (0, MAX_TREE_SIZE + 1)]
)
def test_a_leaf_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        log_inclusion_path(index, size, stored_node)
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[0], index, size, (), LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, -1), (1, MAX_TREE_SIZE + 1)])
def test_impossible_sizes_are_refused(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        log_consistency_path(old, new, stored_node)
    with pytest.raises(ProofError):
        verify_consistency(old, new, LEAVES[0], LEAVES[0], ())


def test_equal_sizes_need_equal_roots_and_an_empty_log_its_own_root() -> None:
    verify_consistency(5, 5, LEAVES[0], LEAVES[0], ())
    verify_consistency(0, 0, EMPTY_TREE_ROOT, EMPTY_TREE_ROOT, ())
    verify_consistency(0, 5, EMPTY_TREE_ROOT, LEAVES[0], ())
    with pytest.raises(ProofError, match="old root of 5 leaves"):
        verify_consistency(5, 5, LEAVES[0], LEAVES[1], ())
    with pytest.raises(ProofError, match="old root of 0 leaves"):
        verify_consistency(0, 5, LEAVES[0], LEAVES[0], ())
    with pytest.raises(ProofError, match="root of no leaves"):
        verify_consistency(0, 0, EMPTY_TREE_ROOT, LEAVES[0], ())


@given(st.integers(0, LOG_SIZE), st.data())
@settings(max_examples=60, deadline=None)
def test_a_frontier_has_one_spelling(size: int, data: st.DataObject) -> None:
    encoded = FRONTIERS[size].encode()
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\x00", encoded[cut:] + b"\x00" * 33):
        with pytest.raises(ProofError):
            Frontier.decode(wrong)


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_as_a_frontier_or_come_back_exactly(data: bytes) -> None:
    try:
        frontier = Frontier.decode(data)
    except ProofError:
        return
    assert frontier.encode() == data


def test_a_frontier_refuses_what_does_not_belong_to_its_size() -> None:
    with pytest.raises(ProofError, match="peaks of the frontier"):
        Frontier(3, (LEAVES[0],))
    with pytest.raises(ProofError, match="tree size"):
        Frontier(-1, ())
    with pytest.raises(ProofError, match="bytes in the leaf hash"):
        Frontier().append(b"short")
    full = Frontier(MAX_TREE_SIZE, (LEAVES[0],) * 63)
    with pytest.raises(ProofError, match="tree size"):
        full.append(LEAVES[0])


def test_a_frontier_is_encoded_as_its_size_and_its_peaks() -> None:
    leaves = [leaf_hash(data) for data in PUBLISHED_LEAVES[:3]]
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.append(leaf)
    assert frontier.encode().hex() == "0000000000000003" + PUBLISHED_ROOTS[2] + leaves[2].hex()
