"""The key layout of a store, and the store in a dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.store import (
    MemoryStore,
    block_key,
    decode_place,
    encode_place,
    history_key,
    history_prefix,
    log_node_key,
    proof_key,
    transaction_key,
)
from ledger.wire.scalars import Height, TxId

KEYS = st.binary(max_size=3)
HEIGHTS = st.integers(0, 2**63 - 1).map(Height)


@given(
    st.dictionaries(KEYS, st.binary(max_size=2), max_size=20),
    KEYS,
    st.none() | KEYS,
    st.booleans(),
    st.none() | st.integers(0, 5),
)
def test_a_scan_gives_what_a_sorted_list_gives(
    values: dict[bytes, bytes],
    prefix: bytes,
    start: bytes | None,
    reverse: bool,  # noqa: FBT001 - drawn by hypothesis
    limit: int | None,
) -> None:
    store = MemoryStore()
    store.write(dict(values))
    expected = sorted(
        (key, value)
        for key, value in values.items()
        if key.startswith(prefix) and (start is None or (key <= start if reverse else key >= start))
    )
    if reverse:
        expected.reverse()
    assert list(store.scan(prefix, start=start, reverse=reverse, limit=limit)) == expected[:limit]


def test_a_prefix_of_the_highest_bytes_is_scanned_to_its_end() -> None:
    store = MemoryStore()
    store.write({b"\xff\xff": b"1", b"\xff": b"2", b"\xfe": b"3"})
    assert [key for key, _value in store.scan(b"\xff")] == [b"\xff", b"\xff\xff"]


@given(st.dictionaries(KEYS, st.none() | st.binary(max_size=2)), st.dictionaries(KEYS, KEYS))
def test_a_batch_sets_and_deletes(
    batch: dict[bytes, bytes | None], before: dict[bytes, bytes]
) -> None:
    store = MemoryStore()
    store.write(dict(before))
    store.write(batch)
    for key in before.keys() | batch.keys():
        assert store.get(key) == (batch[key] if key in batch else before[key])


@given(HEIGHTS, HEIGHTS)
def test_keys_of_heights_sort_as_the_heights_do(first: Height, second: Height) -> None:
    for key in (block_key, proof_key, lambda height: history_key(b"row", height)):
        assert (key(first) < key(second)) == (first < second)


@given(st.binary(max_size=40), st.binary(max_size=40), HEIGHTS)
def test_versions_of_two_rows_never_mix(first: bytes, second: bytes, height: Height) -> None:
    is_version = history_key(second, height).startswith(history_prefix(first))
    assert is_version == (first == second)


@given(HEIGHTS, st.integers(0, 2**32 - 1))
def test_a_place_is_read_back(height: Height, index: int) -> None:
    assert decode_place(encode_place(height, index)) == (height, index)


def test_every_kind_of_key_begins_with_its_own_byte() -> None:
    keys = [
        block_key(Height(0)),
        proof_key(Height(0)),
        transaction_key(TxId(bytes(32))),
        log_node_key(0, 0),
        history_prefix(b""),
    ]
    assert sorted(key[:1] for key in keys) == [b"B", b"G", b"I", b"P", b"V"]
