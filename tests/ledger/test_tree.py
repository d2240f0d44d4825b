"""The state tree against a reference that is built anew from the whole state, as the specification says.

The crowded keys below have been searched for: their hashes share long prefixes, so that splitting and
lifting happen over several levels, which random keys hardly ever do.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tree import (
    CorruptTreeError,
    Page,
    TreeUpdate,
    decode_page,
    encode_page,
    prove,
    update,
    walk_leaves,
)
from ledger.wire.merkle import ProofError
from ledger.wire.state_proof import EMPTY_STATE_ROOT, verify_absence, verify_presence

State = dict[bytes, bytes]
Pages = dict[bytes, Page]


def position_of(key: bytes) -> str:
    return hashlib.sha256(b"\x04" + key).hexdigest()


def crowded_keys(candidates: int, pairs: int) -> list[bytes]:
    """Those of many keys whose hashes have the longest prefixes in common."""
    found = sorted((position_of(b"%d" % number), b"%d" % number) for number in range(candidates))
    neighbours = itertools.pairwise(found)
    by_common = sorted(neighbours, key=lambda pair: -common_nibbles(pair[0][0], pair[1][0]))
    return sorted({key for pair in by_common[:pairs] for _, key in pair})


def common_nibbles(left: str, right: str) -> int:
    count = 0
    while left[count] == right[count]:
        count += 1
    return count


CROWDED_KEYS = crowded_keys(40_000, 8)
CLOSEST_NIBBLES = max(
    common_nibbles(position_of(left), position_of(right))
    for left in CROWDED_KEYS
    for right in CROWDED_KEYS
    if left != right
)
# Beside each crowded key a few that leave its way after the first, second and third nibble.
NEARBY_KEYS = [
    next(
        key
        for key in (b"near %d" % number for number in range(100_000))
        if common_nibbles(position_of(key), position_of(CROWDED_KEYS[0])) == nibbles
    )
    for nibbles in range(4)
]
KEYS = [*CROWDED_KEYS, *NEARBY_KEYS, b"", b"lot/1", b"lot/2", b"quota/2026/nd"]


def reference(state: Mapping[bytes, bytes]) -> tuple[bytes, Pages]:
    """Root and pages of a state, written from docs/spec/trees.md without a look at the product."""
    leaves = {}
    for key, value in state.items():
        value_hash = hashlib.sha256(b"\x05" + value).digest()
        leaves[position_of(key)] = bytes.fromhex(position_of(key)) + value_hash
    pages: Pages = {}
    if not leaves:
        return bytes(32), pages
    return reference_node("", leaves, pages), pages


def reference_node(prefix: str, leaves: dict[str, bytes], pages: Pages) -> bytes:
    if len(leaves) == 1 and prefix:
        return hashlib.sha256(b"\x02" + next(iter(leaves.values()))).digest()
    inner = present = 0
    hashes = records = b""
    for child in range(16):
        start = f"{prefix}{child:x}"
        below = {place: record for place, record in leaves.items() if place.startswith(start)}
        if not below:
            continue
        present |= 1 << child
        hashes += reference_node(start, below, pages)
        if len(below) == 1:
            records += next(iter(below.values()))
        else:
            inner |= 1 << child
    hashed = b"\x03" + present.to_bytes(2, "big") + hashes
    pages[bytes(int(nibble, 16) for nibble in prefix)] = inner.to_bytes(2, "big") + hashed + records
    return hashlib.sha256(hashed).digest()


NOTHING: Pages = {}


class Tree:
    """A store of pages with the state that they should hold."""

    def __init__(self) -> None:
        self.state: State = {}
        self.pages: Pages = {}
        self.root = EMPTY_STATE_ROOT

    def apply(self, changes: Sequence[tuple[bytes, bytes | None]]) -> TreeUpdate:
        result = update(self.pages.get, changes)
        for path, page in result.pages.items():
            assert page != self.pages.get(path), "a page is listed that did not change"
            if page is None:
                del self.pages[path]
            else:
                self.pages[path] = page
        for key, value in changes:
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.root = result.root
        return result


def tree_of(state: Mapping[bytes, bytes]) -> Tree:
    tree = Tree()
    tree.apply(list(state.items()))
    return tree


keys = st.sampled_from(KEYS)
values = st.sampled_from([b"", b"a", b"b", b"\x00" * 32]) | st.binary(max_size=50)
states = st.dictionaries(keys, values, max_size=len(KEYS))
batches = st.dictionaries(keys, values | st.none(), max_size=12).map(
    lambda batch: list(batch.items())
)


def test_the_keys_of_these_tests_are_as_crowded_as_they_need_to_be() -> None:
    assert CLOSEST_NIBBLES >= 6
    assert len(CROWDED_KEYS) >= 12


@given(st.lists(batches, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_batches_give_the_root_and_pages_of_the_final_state(
    history: list[list[tuple[bytes, bytes | None]]],
) -> None:
    tree = Tree()
    for batch in history:
        tree.apply(batch)
        assert (tree.root, tree.pages) == reference(tree.state)


@given(states, batches, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_inside_a_batch_does_not_matter(
    state: State, batch: list[tuple[bytes, bytes | None]], random: Random
) -> None:
    before = tree_of(state)
    shuffled = list(batch)
    random.shuffle(shuffled)
    first, second = update(before.pages.get, batch), update(before.pages.get, iter(shuffled))
    assert first == second
    assert list(first.pages) == list(second.pages)


@given(states, states)
@settings(max_examples=100, deadline=None)
def test_deleting_leaves_what_never_inserting_would_have_left(kept: State, gone: State) -> None:
    tree = tree_of(kept | {key: value for key, value in gone.items() if key not in kept})
    tree.apply([(key, None) for key in gone if key not in kept])
    assert tree.pages == tree_of(kept).pages
    assert tree.root == tree_of(kept).root


@given(states, batches)
@settings(max_examples=100, deadline=None)
def test_one_batch_equals_its_changes_one_by_one(
    state: State, batch: list[tuple[bytes, bytes | None]]
) -> None:
    together, apart = tree_of(state), tree_of(state)
    together.apply(batch)
    for change in batch:
        apart.apply([change])
    assert (together.root, together.pages) == (apart.root, apart.pages)


@given(states, batches)
@settings(max_examples=100, deadline=None)
def test_undoing_a_batch_gives_the_old_tree(
    state: State, batch: list[tuple[bytes, bytes | None]]
) -> None:
    tree = tree_of(state)
    root, pages = tree.root, dict(tree.pages)
    tree.apply(batch)
    tree.apply([(key, state.get(key)) for key, _ in batch])
    assert (tree.root, tree.pages) == (root, pages)


@given(states)
@settings(max_examples=50, deadline=None)
def test_repeating_what_is_there_changes_no_page(state: State) -> None:
    tree = tree_of(state)
    absent = [(key, None) for key in KEYS if key not in state]
    assert tree.apply([*state.items(), *absent]) == TreeUpdate(tree.root, {})


def test_a_large_random_state_survives_growth_change_and_complete_deletion() -> None:
    tree = Tree()
    wanted = {b"key %d" % number: b"value %d" % number for number in range(3000)}
    changes: list[tuple[bytes, bytes | None]] = list(wanted.items())
    for start in range(0, 3000, 1000):
        tree.apply(changes[start : start + 1000])
    assert (tree.root, tree.pages) == reference(wanted)
    rewritten = dict.fromkeys(list(wanted)[::3], b"new")
    dropped = list(wanted)[1::3]
    tree.apply([*rewritten.items(), *((key, None) for key in dropped)])
    assert (tree.root, tree.pages) == reference(tree.state)
    tree.apply([(key, None) for key in tree.state])
    assert (tree.root, tree.pages) == (EMPTY_STATE_ROOT, {})


def test_the_empty_tree_has_no_page_and_a_root_of_zeros() -> None:
    assert update(NOTHING.get, []) == TreeUpdate(bytes(32), {})
    assert update(NOTHING.get, [(b"absent", None)]) == TreeUpdate(bytes(32), {})


def test_a_single_key_stands_in_a_root_page() -> None:
    tree = tree_of({b"only": b"value"})
    assert list(tree.pages) == [b""]
    assert tree.apply([(b"only", None)]) == TreeUpdate(bytes(32), {b"": None})


def test_leaves_are_lifted_over_all_levels_that_they_leave_alone() -> None:
    left, right = closest_pair()
    tree = tree_of({left: b"1", right: b"2"})
    assert len(tree.pages) == CLOSEST_NIBBLES + 1
    tree.apply([(right, None)])
    assert list(tree.pages) == [b""]
    assert tree.root == tree_of({left: b"1"}).root


def test_an_insertion_and_a_deletion_at_the_same_place_leave_one_leaf() -> None:
    left, right = closest_pair()
    tree = tree_of({left: b"1", b"lot/1": b"x"})
    result = tree.apply([(left, None), (right, b"2")])
    assert set(result.pages) <= {b"", *tree.pages}
    assert tree.pages == tree_of({right: b"2", b"lot/1": b"x"}).pages


def closest_pair() -> tuple[bytes, bytes]:
    by_position = sorted(CROWDED_KEYS, key=position_of)
    pairs = itertools.pairwise(by_position)
    return max(pairs, key=lambda pair: common_nibbles(position_of(pair[0]), position_of(pair[1])))


def test_the_same_key_twice_in_a_batch_is_an_error_and_names_it() -> None:
    with pytest.raises(ValueError, match="6c6f742f31 occurs twice"):
        update(NOTHING.get, [(b"lot/1", b"a"), (b"lot/2", b"b"), (b"lot/1", b"a")])
    with pytest.raises(ValueError, match="occurs twice"):
        update(NOTHING.get, [(b"lot/1", None), (b"lot/1", b"a")])


def test_pages_that_were_given_are_not_changed() -> None:
    tree = tree_of(dict.fromkeys(KEYS, b"v"))
    copies = {path: bytes(bytearray(page)) for path, page in tree.pages.items()}
    given_pages = dict(tree.pages)
    update(
        given_pages.get, [(key, b"w") for key in KEYS[::2]] + [(key, None) for key in KEYS[1::2]]
    )
    assert given_pages == copies


EXAMPLE = {b"lot/1": b"120 kg", b"lot/2": b"80 kg", b"lot/6": b"5 kg"}
"""The state of the worked example in docs/spec/trees.md."""


def test_known_states_have_known_roots() -> None:
    roots = [tree_of(dict(list(EXAMPLE.items())[:size])).root.hex() for size in range(4)]
    assert roots == [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "4647e1cea60cac163167eb3bdfde136f2ceca1cfd7632ef1d37e6c492e30afb8",
        "dc37bfa35e852570ee0ecc2851d2c56148fd1d195104484ed787f03fde9dbff1",
        "d1f22c6ca06b7cefbdef0ebd67d08744351a4eb3af786cdc8748301bf3c3610c",
    ]


@given(states)
@settings(max_examples=60, deadline=None)
def test_every_key_is_proven_present_with_its_value_or_absent(state: State) -> None:
    tree = tree_of(state)
    for key in KEYS:
        proof = prove(tree.pages.get, tree.root, key)
        if key in state:
            verify_presence(tree.root, key, state[key], proof)
            with pytest.raises(ProofError):
                verify_absence(tree.root, key, proof)
            with pytest.raises(ProofError):
                verify_presence(tree.root, key, state[key] + b"\x00", proof)
        else:
            verify_absence(tree.root, key, proof)
            for value in (b"", b"a"):
                with pytest.raises(ProofError):
                    verify_presence(tree.root, key, value, proof)


@given(states.filter(bool))
@settings(max_examples=30, deadline=None)
def test_a_proof_convinces_of_no_other_key_and_under_no_other_root(state: State) -> None:
    tree = tree_of(state)
    other_root = tree_of(state | {b"one more": b""}).root
    for key in KEYS:
        proof = prove(tree.pages.get, tree.root, key)
        for other in KEYS:
            if other == key:
                continue
            if other in state:
                with pytest.raises(ProofError):
                    verify_absence(tree.root, other, proof)
            if key in state and other not in state:
                with pytest.raises(ProofError):
                    verify_presence(tree.root, other, state[key], proof)
        with pytest.raises(ProofError):
            verify_absence(other_root, key, proof)
        with pytest.raises(ProofError):
            verify_presence(other_root, key, state.get(key, b""), proof)


@given(states)
@settings(max_examples=30, deadline=None)
def test_walking_yields_every_leaf_in_order(state: State) -> None:
    tree = tree_of(state)
    expected = sorted(
        (bytes.fromhex(position_of(key)), hashlib.sha256(b"\x05" + value).digest())
        for key, value in state.items()
    )
    assert list(walk_leaves(tree.pages.get, tree.root)) == expected


def full_walk(pages: Pages, root: bytes) -> None:
    for _ in walk_leaves(pages.get, root):
        pass


def test_any_damaged_byte_and_any_missing_page_is_found_by_walking() -> None:
    tree = tree_of(dict.fromkeys(KEYS, b"v"))
    for path, page in tree.pages.items():
        with pytest.raises(CorruptTreeError) as caught:
            full_walk(
                {other: kept for other, kept in tree.pages.items() if other != path}, tree.root
            )
        assert caught.value.path == path
        for offset in range(len(page)):
            damaged = page[:offset] + bytes((page[offset] ^ 0x10,)) + page[offset + 1 :]
            with pytest.raises(CorruptTreeError, match="restore the store from a snapshot"):
                full_walk(tree.pages | {path: damaged}, tree.root)


def test_a_damaged_store_gives_an_error_instead_of_a_proof() -> None:
    tree = tree_of(dict.fromkeys(KEYS, b"v"))
    for key in (*KEYS, b"absent 1", b"absent 2", b"absent 3"):
        way = bytes(int(nibble, 16) for nibble in position_of(key))
        for path, page in tree.pages.items():
            if not way.startswith(path):
                continue
            for offset in (0, 1, 2, 3, 4, 5, len(page) - 1):
                damaged = page[:offset] + bytes((page[offset] ^ 1,)) + page[offset + 1 :]
                with pytest.raises(CorruptTreeError):
                    prove((tree.pages | {path: damaged}).get, tree.root, key)


def test_a_proof_under_a_root_that_is_not_the_stores_is_refused() -> None:
    tree = tree_of({b"lot/1": b"v"})
    with pytest.raises(CorruptTreeError):
        prove(tree.pages.get, EMPTY_STATE_ROOT, b"lot/1")
    with pytest.raises(CorruptTreeError, match=r"page \(root\): expected page f+, found no page"):
        prove(NOTHING.get, b"\xff" * 32, b"lot/1")


def test_updating_above_a_missing_page_is_an_error_that_names_the_page() -> None:
    left, right = closest_pair()
    tree = tree_of({left: b"1", right: b"2"})
    deepest = max(tree.pages, key=len)
    del tree.pages[deepest]
    with pytest.raises(CorruptTreeError) as caught:
        update(tree.pages.get, [(left, b"3")])
    assert caught.value.path == deepest
    assert position_of(left)[: len(deepest)] in str(caught.value)


def test_pages_read_back_from_a_store_are_what_was_written() -> None:
    tree = tree_of(dict.fromkeys(KEYS, b"v"))
    for path, page in tree.pages.items():
        assert decode_page(encode_page(page), path) == page


def paths_of(tree: Tree, key: bytes) -> Iterable[bytes]:
    way = bytes(int(nibble, 16) for nibble in position_of(key))
    return (path for path in tree.pages if way.startswith(path))


def test_a_change_rewrites_the_pages_on_its_way_and_no_other() -> None:
    tree = tree_of(dict.fromkeys(KEYS, b"v"))
    result = tree.apply([(CROWDED_KEYS[0], b"w")])
    assert set(result.pages) == set(paths_of(tree, CROWDED_KEYS[0]))
