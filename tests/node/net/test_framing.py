"""Frames: one way to pack, and no other bytes accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.net.framing import (
    COALESCED_BYTES_MAX,
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    MESSAGE_BYTES_MAX,
    FrameError,
    pack,
    unpack,
)

MESSAGES = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=40)


@given(MESSAGES)
def test_what_was_packed_is_unpacked(messages: list[bytes]) -> None:
    assert unpack(pack(messages)) == messages


@given(st.one_of(st.binary(max_size=80), MESSAGES.map(pack)), st.data())
def test_any_bytes_either_parse_and_pack_to_themselves_or_are_refused(
    frame: bytes, data: st.DataObject
) -> None:
    if frame and data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(frame) - 1))
        frame = frame[:position] + data.draw(st.binary(max_size=3)) + frame[position + 1 :]
    try:
        messages = unpack(frame)
    except FrameError:
        return
    assert pack(messages) == frame


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x02a",
        b"\x00\x00\x00\x01ab",
        b"\x00\x00\x00\x01a\x00\x00\x00",
        b"\x00\x00\x00\x01a\x00\x00\x00\x00",
        b"\xff\xff\xff\xffa",
        bytes(COALESCED_BYTES_MAX),
        bytes(COALESCED_BYTES_MAX + 1),
    ],
)
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(frame)


def test_the_largest_message_fits_and_a_larger_one_does_not() -> None:
    frame = pack([bytes(MESSAGE_BYTES_MAX)])
    assert len(frame) == FRAME_BYTES_MAX
    assert unpack(frame) == [bytes(MESSAGE_BYTES_MAX)]
    with pytest.raises(ValueError, match="wanted 1 to"):
        pack([bytes(MESSAGE_BYTES_MAX + 1)])
    with pytest.raises(FrameError, match="at most"):
        unpack((MESSAGE_BYTES_MAX + 1).to_bytes(LENGTH_BYTES, "big") + bytes(MESSAGE_BYTES_MAX + 1))


def test_a_shared_frame_is_short() -> None:
    half = bytes(COALESCED_BYTES_MAX // 2 - LENGTH_BYTES)
    assert unpack(pack([half, half])) == [half, half]
    with pytest.raises(ValueError, match="2 messages"):
        pack([half, half + b"!"])
    long = b"".join(len(m).to_bytes(LENGTH_BYTES, "big") + m for m in (half, half + b"!"))
    with pytest.raises(FrameError, match="it must hold one message"):
        unpack(long)


@pytest.mark.parametrize("messages", [[], [b""], [b"a", b""]])
def test_nothing_is_not_packed(messages: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"wanted|empty"):
        pack(messages)
