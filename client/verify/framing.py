"""The stream of rows in a node's answer: MessagePack arrays ``[block, proof]``, one after the other.

The reader takes nothing on trust: it looks at each length before it takes the bytes, refuses what is
longer than a block or a proof can be, and accepts only the shortest spelling of each length, which
is what a node writes. It says nothing about what the bytes hold.
"""

from __future__ import annotations

from typing import Final

from ledger.wire.codec import VALUE_BYTES_MAX

ROW_BYTES_MAX: Final = 2 * VALUE_BYTES_MAX
ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024 + ROW_BYTES_MAX
"""An answer ends with the row that passes 8 MiB."""
_ARRAY_OF_TWO: Final = 0x92
_LENGTH_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_LEAST_LENGTH: Final = {0xC4: 0, 0xC5: 1 << 8, 0xC6: 1 << 16}


class FramingError(Exception):
    """The bytes are no stream of rows."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason
        super().__init__(f"byte {offset}: {reason}")


def split_rows(data: bytes, *, limit: int) -> list[tuple[bytes, bytes]]:
    """Return the rows of a complete answer.

    Raises:
        FramingError: It is no stream of at most ``limit`` rows; the offset is named.
    """
    rows: list[tuple[bytes, bytes]] = []
    offset = 0
    while offset < len(data):
        if len(rows) == limit:
            raise FramingError(offset, f"more rows than the {limit} that were asked for")
        if data[offset] != _ARRAY_OF_TWO:
            raise FramingError(offset, f"an array of two begins with 92, found {data[offset]:02x}")
        block, offset = _byte_string(data, offset + 1)
        proof, offset = _byte_string(data, offset)
        rows.append((block, proof))
    return rows


def join_rows(rows: list[tuple[bytes, bytes]]) -> bytes:
    """Return the stream that ``split_rows`` reads."""
    return b"".join(
        bytes([_ARRAY_OF_TWO]) + _framed(block) + _framed(proof) for block, proof in rows
    )


def _framed(data: bytes) -> bytes:
    for marker, width in _LENGTH_BYTES.items():
        if len(data) < 1 << 8 * width:
            return bytes([marker]) + len(data).to_bytes(width, "big") + data
    raise ValueError(f"{len(data)} bytes do not fit into one byte string")


def _byte_string(data: bytes, offset: int) -> tuple[bytes, int]:
    marker = data[offset] if offset < len(data) else None
    width = _LENGTH_BYTES.get(marker) if marker is not None else None
    if marker is None or width is None:
        found = "the end" if marker is None else f"{marker:02x}"
        raise FramingError(offset, f"a byte string is needed, found {found}")
    start = offset + 1 + width
    length = int.from_bytes(data[offset + 1 : start], "big")
    if length < _LEAST_LENGTH[marker]:
        raise FramingError(offset, f"length {length} is not spelled in the shortest way")
    if length > VALUE_BYTES_MAX:
        raise FramingError(offset, f"{length} bytes, at most {VALUE_BYTES_MAX} are possible")
    end = start + length
    if end > len(data):
        raise FramingError(offset, f"{length} bytes announced, {max(len(data) - start, 0)} follow")
    return data[start:end], end
