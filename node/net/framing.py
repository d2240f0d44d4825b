"""Several messages in one frame.

A frame is the payload of one binary WebSocket message: one or more messages, each behind its
length.

    length u32 (big-endian) | message ... | length u32 | message ...

A frame of more than 64 KiB holds one message. There is one way to pack a list of messages, and
unpacking accepts nothing else: no empty frame, no empty message, no bytes behind the last one. Any
bytes either parse or raise ``FrameError``; what they can make us hold in memory is bounded by the
frame: 13,107 messages of one byte, or one of 6 MiB.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

FRAME_BYTES_MAX: Final = 6 * 1024 * 1024
"""Longest frame. Carries the largest block proposal, 4 MiB, with everything around it."""
LENGTH_BYTES: Final = 4
MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX - LENGTH_BYTES
"""Longest message."""
COALESCED_BYTES_MAX: Final = 64 * 1024
"""Longest frame that holds more than one message."""

_LENGTH: Final = struct.Struct(">I")


class FrameError(Exception):
    """These bytes are not a frame."""


def pack(messages: Sequence[bytes]) -> bytes:
    """Return the frame that holds ``messages``.

    Raises:
        ValueError: no message, an empty one, or more bytes than such a frame may have.
    """
    parts: list[bytes] = []
    for message in messages:
        if not message:
            raise ValueError("a message is empty")
        parts.append(_LENGTH.pack(len(message)))
        parts.append(message)
    frame = b"".join(parts)
    limit = FRAME_BYTES_MAX if len(messages) == 1 else COALESCED_BYTES_MAX
    if not 0 < len(frame) <= limit:
        raise ValueError(
            f"{len(messages)} messages make a frame of {len(frame)} bytes, wanted 1 to {limit}"
        )
    return frame


def unpack(frame: bytes) -> list[bytes]:
    """Return the messages in ``frame``, at least one.

    Raises:
        FrameError: it is not exactly what ``pack`` makes.
    """
    frame_bytes = len(frame)
    if frame_bytes > COALESCED_BYTES_MAX:
        return [_unpack_single(frame)]
    messages: list[bytes] = []
    offset = 0
    unpack_length = _LENGTH.unpack_from
    while offset + LENGTH_BYTES <= frame_bytes:
        start = offset + LENGTH_BYTES
        (length,) = unpack_length(frame, offset)
        offset = start + length
        if length == 0 or offset > frame_bytes:
            raise FrameError(
                f"message of {length} bytes at offset {start} of a frame of {frame_bytes} bytes"
            )
        messages.append(frame[start:offset])
    if offset != frame_bytes or not messages:
        raise FrameError(f"{frame_bytes - offset} bytes at the end of a frame are no message")
    return messages


def _unpack_single(frame: bytes) -> bytes:
    if len(frame) > FRAME_BYTES_MAX:
        raise FrameError(f"frame of {len(frame)} bytes, at most {FRAME_BYTES_MAX}")
    (length,) = _LENGTH.unpack_from(frame)
    if length != len(frame) - LENGTH_BYTES:
        raise FrameError(
            f"frame of {len(frame)} bytes begins with a message of {length}; "
            f"above {COALESCED_BYTES_MAX} bytes it must hold one message"
        )
    return frame[LENGTH_BYTES:]
