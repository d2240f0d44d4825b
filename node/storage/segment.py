"""The bytes of one journal segment: header, records, and what counts as a torn end.

``docs/spec/journal.md`` draws the format. In short: a header that carries the segment's number, its
identity and the chain value at the end of the segment before it; then records

    length u32 | length check u32 | record check u32 | type u8 | body

The *chain value* is a CRC-32 that runs through header and records: each check is computed from the
chain value before it, and the record check is the chain value after it. A record that was flipped,
swapped, doubled, left out or carried over from another segment or journal breaks the chain.
The length has a check of its own, because a damaged length would otherwise look like a record
that goes on past the end of the file, and everything behind it would be taken for a torn end.

A crash leaves two kinds of end: a file that is too short for its last record, or, on some file
systems, a file of the right length whose last sectors are zeros because data did not arrive. Only
these count as *torn*. A last record that is complete, does not end in such a hole and fails its
check was damaged later, and is an error: it may be a vote that was sent.

CRC-32 finds accidents. It does not find an attacker who can write to the disk.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final, NoReturn

MAGIC: Final = b"MZJOURN1"
IDENTITY_BYTES_MAX: Final = 4096
SECTOR_BYTES: Final = 512

_CHUNK_BYTES: Final = 64 * 1024

_HEADER: Final = struct.Struct(">8sQII")
_CHECK: Final = struct.Struct(">I")
_RECORD: Final = struct.Struct(">III")

RECORD_OVERHEAD_BYTES: Final = _RECORD.size + 1


class SegmentDamagedError(Exception):
    """The bytes at ``offset`` are not what was written; ``reason`` says what was expected."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason
        super().__init__(f"offset {offset}: {reason}")


class SegmentTornError(Exception):
    """The bytes from ``offset`` on are the rest of a write that a crash cut short."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(f"torn at offset {offset}")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What stands at the beginning of a segment."""

    number: int
    """Place of the segment in the journal; the first is 1."""
    previous_chain: int
    """Chain value at the end of the segment before; 0 for the first."""
    identity: bytes
    """Whose records these are. Opaque here."""


def encode_header(header: SegmentHeader) -> tuple[bytes, int]:
    """Return the bytes of ``header`` and the chain value after them."""
    fields = _HEADER.pack(MAGIC, header.number, header.previous_chain, len(header.identity))
    chain = zlib.crc32(fields + header.identity)
    return fields + header.identity + _CHECK.pack(chain), chain


def encode_record_head(chain: int, kind: int, body: bytes) -> tuple[bytes, int]:
    """Return what stands before ``body`` in a record, and the chain value after the record.

    The body is not copied: blocks of several MiB are written from where they are.
    """
    length = _CHECK.pack(1 + len(body))
    length_check = zlib.crc32(length, chain)
    kind_byte = bytes([kind])
    record_check = zlib.crc32(body, zlib.crc32(kind_byte, length_check))
    return _RECORD.pack(1 + len(body), length_check, record_check) + kind_byte, record_check


class SegmentReader:
    """Reads one segment from its beginning; holds one record in memory.

    ``offset`` and ``chain`` say how far it has read: to the end of the last whole record.
    """

    def __init__(self, file: BinaryIO, file_bytes: int, record_bytes_max: int) -> None:
        """Read and check the header.

        Raises:
            SegmentDamagedError: the header is not one. It is never torn: a segment gets its name
                only when its header is on disk.
        """
        self._file = file
        self._file_bytes = file_bytes
        self._record_bytes_max = record_bytes_max
        self.header = self._read_header()
        encoded, self.chain = encode_header(self.header)
        self.offset = len(encoded)

    def read_record(self) -> tuple[int, bytes] | None:
        """Return type and body of the next record; None exactly at the end of the file.

        Raises:
            SegmentTornError: the rest of the file was never written completely.
            SegmentDamagedError: the rest of the file is not what was written.
        """
        start = self._file.read(_RECORD.size)
        if not start:
            return None
        if len(start) < _RECORD.size:
            raise SegmentTornError(self.offset)
        length, length_check, record_check = _RECORD.unpack(start)
        if zlib.crc32(start[: _CHECK.size], self.chain) != length_check:
            # The length cannot be trusted, so nothing behind it can be found.
            self._refuse(
                self.offset + _RECORD.size, "the record's length does not agree with its check"
            )
        if not 1 <= length <= self._record_bytes_max + 1:
            raise SegmentDamagedError(
                self.offset,
                f"a record of {length - 1} bytes, at most {self._record_bytes_max} are read; "
                "was the limit lowered?",
            )
        if length > self._file_bytes - self.offset - _RECORD.size:
            raise SegmentTornError(self.offset)
        content = self._file.read(length)
        if zlib.crc32(content, length_check) != record_check:
            self._refuse(
                self.offset + _RECORD.size + length, "the record does not agree with its check"
            )
        self.offset += _RECORD.size + length
        self.chain = record_check
        return content[0], content[1:]

    def _read_header(self) -> SegmentHeader:
        fields = self._file.read(_HEADER.size)
        if len(fields) < _HEADER.size:
            raise SegmentDamagedError(0, f"header of {len(fields)} bytes, wanted {_HEADER.size}")
        magic, number, previous_chain, identity_bytes = _HEADER.unpack(fields)
        if magic != MAGIC:
            raise SegmentDamagedError(0, f"begins with {magic.hex()}, wanted {MAGIC.hex()}")
        if identity_bytes > IDENTITY_BYTES_MAX:
            raise SegmentDamagedError(
                0, f"identity of {identity_bytes} bytes, at most {IDENTITY_BYTES_MAX}"
            )
        rest = self._file.read(identity_bytes + _CHECK.size)
        header = SegmentHeader(number, previous_chain, rest[:identity_bytes])
        if fields + rest != encode_header(header)[0]:
            raise SegmentDamagedError(0, "the header does not agree with its check")
        return header

    def _refuse(self, record_end: int, reason: str) -> NoReturn:
        """Raise what a record that fails its check is: torn, or damaged.

        A crash leaves zeros from ``offset`` or from a sector boundary within the record, up to the
        end of the file; sectors are written whole.
        """
        boundary = (record_end - 1) // SECTOR_BYTES * SECTOR_BYTES
        if self._is_zero_from(max(boundary, self.offset)):
            raise SegmentTornError(self.offset)
        raise SegmentDamagedError(self.offset, reason)

    def _is_zero_from(self, offset: int) -> bool:
        self._file.seek(offset)
        while chunk := self._file.read(_CHUNK_BYTES):
            if any(chunk):
                return False
        return True
