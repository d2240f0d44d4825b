"""The stream of rows: what a node writes is read, and nothing else is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.verify.framing import FramingError, join_rows, split_rows

ROWS = st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=8)


@given(ROWS)
def test_what_is_joined_is_split_again(rows: list[tuple[bytes, bytes]]) -> None:
    assert split_rows(join_rows(rows), limit=8) == rows


@given(ROWS)
def test_the_stream_is_plain_message_pack(rows: list[tuple[bytes, bytes]]) -> None:
    assert join_rows(rows) == b"".join(msgspec.msgpack.encode(list(row)) for row in rows)


@pytest.mark.parametrize("size", [0, 255, 256, 65_535, 65_536])
def test_every_width_of_a_length_is_read(size: int) -> None:
    rows = [(bytes(size), b"\x01" * size)]
    assert split_rows(join_rows(rows), limit=1) == rows


@given(st.binary(max_size=400))
def test_other_bytes_are_refused_or_spell_themselves(data: bytes) -> None:
    try:
        rows = split_rows(data, limit=100)
    except FramingError:
        return
    assert join_rows(rows) == data


@given(ROWS.filter(bool), st.data())
def test_a_cut_stream_is_refused_unless_cut_between_rows(
    rows: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = join_rows(rows)
    cut = data.draw(st.integers(0, len(stream) - 1))
    try:
        read = split_rows(stream[:cut], limit=8)
    except FramingError:
        return
    assert read == rows[: len(read)]
    assert cut == len(join_rows(read))
