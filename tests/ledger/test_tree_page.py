"""One page against a plain mapping from child to content."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tree_page import (
    CHILDREN,
    EMPTY_PAGE,
    CorruptTreeError,
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
from ledger.wire.state_proof import EMPTY_STATE_ROOT, state_inner_hash

PATH = b"\x0a\x00\x0f"

children = st.integers(0, CHILDREN - 1)
inner_contents = st.binary(min_size=32, max_size=32)
leaf_contents = st.binary(min_size=64, max_size=64)
contents = st.just(b"") | inner_contents | leaf_contents


def hash_of(content: bytes) -> bytes:
    return hashlib.sha256(b"\x02" + content).digest() if len(content) == 64 else content


def page_of(model: dict[int, bytes]) -> bytes:
    """The layout, written a second time."""
    ordered = sorted((child, content) for child, content in model.items() if content)
    inner = sum(1 << child for child, content in ordered if len(content) == 32)
    present = sum(1 << child for child, _ in ordered)
    parts = [inner.to_bytes(2, "big"), b"\x03", present.to_bytes(2, "big")]
    parts += [hash_of(content) for _, content in ordered]
    parts += [content for _, content in ordered if len(content) == 64]
    return b"".join(parts)


SOME_PAGE = page_of({1: b"i" * 32, 4: b"l" * 64, 15: b"m" * 64})


@given(st.lists(st.tuples(children, contents), max_size=40))
@settings(max_examples=200)
def test_any_puts_give_the_page_of_what_was_put_last(puts: list[tuple[int, bytes]]) -> None:
    page, model = bytearray(EMPTY_PAGE), dict[int, bytes]()
    for child, content in puts:
        put_content(page, child, content)
        model[child] = content
        assert bytes(page) == page_of(model)
    for child in range(CHILDREN):
        assert content_of(bytes(page), child) == model.get(child, b"")


@given(st.dictionaries(children, inner_contents | leaf_contents, min_size=1), children)
def test_hash_bitmaps_and_siblings_are_those_of_the_children(
    model: dict[int, bytes], left_out: int
) -> None:
    page = page_of(model)
    present = sum(1 << child for child in model)
    hashes = {child: hash_of(content) for child, content in sorted(model.items())}
    assert present_children(page) == present
    assert inner_children(page) == sum(1 << child for child in model if len(model[child]) == 32)
    assert page_hash(page) == state_inner_hash(present, b"".join(hashes.values()))
    siblings = [digest for child, digest in hashes.items() if child != left_out]
    assert sibling_hashes(page, left_out) == b"".join(siblings)


@given(st.dictionaries(children, inner_contents | leaf_contents, min_size=1))
def test_a_page_is_its_own_encoding(model: dict[int, bytes]) -> None:
    page = page_of(model)
    assert decode_page(encode_page(page), PATH) == page
    assert verify_page(page, PATH, page_hash(page)) == page


def test_a_page_without_children_hashes_like_the_empty_tree() -> None:
    assert page_hash(EMPTY_PAGE) == EMPTY_STATE_ROOT


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (b"", "a header"),
        (SOME_PAGE[:4], "a header"),
        (SOME_PAGE[:2] + b"\x02" + SOME_PAGE[3:], "a header"),
        (EMPTY_PAGE, "at least one child"),
        (b"\x00\x01" + SOME_PAGE[2:], "inner ones only among the present"),
        (SOME_PAGE[:-1], r"expected 229 bytes, found 228 bytes"),
        (SOME_PAGE + b"\x00", r"expected 229 bytes, found 230 bytes"),
        (b"\x00\x12" + SOME_PAGE[2:], r"expected 165 bytes, found 229 bytes"),
    ],
)
def test_bytes_that_are_no_page_are_refused_with_place_and_reason(
    page: bytes, complaint: str
) -> None:
    with pytest.raises(CorruptTreeError, match=complaint) as caught:
        decode_page(page, PATH)
    assert caught.value.path == PATH
    assert "state tree page a0f: " in str(caught.value)


@given(st.binary(max_size=150))
def test_any_bytes_are_a_page_or_refused(data: bytes) -> None:
    try:
        page = decode_page(data, PATH)
    except CorruptTreeError:
        return
    assert page_of({child: content_of(page, child) for child in range(CHILDREN)})[:5] == page[:5]


def test_verifying_a_page_finds_any_changed_byte() -> None:
    for offset in range(len(SOME_PAGE)):
        changed = bytearray(SOME_PAGE)
        changed[offset] ^= 0x40
        with pytest.raises(CorruptTreeError):
            verify_page(bytes(changed), PATH, page_hash(SOME_PAGE))


def test_a_leaf_that_is_shown_as_another_is_found_although_the_node_hash_fits() -> None:
    changed = SOME_PAGE[:-1] + b"x"
    assert page_hash(changed) == page_hash(SOME_PAGE)
    with pytest.raises(CorruptTreeError, match="as child 15"):
        verify_page(changed, PATH, page_hash(SOME_PAGE))
