"""Reading a journal back after any end of the process that wrote it.

Every segment is read from the disk and checked from its first byte to its last; segments must
follow each other without a gap, each carrying the chain value at which the one before it ended.
Only the newest may end in a torn record. Nothing is changed until everything has been checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from node.storage.disk import flush_directory, flush_file, forget_cached_pages
from node.storage.journal_errors import JournalCorruptError
from node.storage.segment import SegmentDamagedError, SegmentReader, SegmentTornError

RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
SEGMENT_BYTES_MAX: Final = 64 * 1024 * 1024
UNFINISHED_SUFFIX: Final = ".unfinished"

_SEGMENT_NAME: Final = re.compile(r"segment-([0-9]{10})\.journal")


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Limits of a journal, and how it flushes."""

    record_bytes_max: int = RECORD_BYTES_MAX
    """Longest body of a record, in bytes."""
    segment_bytes_max: int = SEGMENT_BYTES_MAX
    """Length at which a segment is followed by a new one, in bytes; one append may exceed it."""
    flush: Callable[[int], None] = flush_file
    """Makes an open file durable. Another system may need another call."""
    flush_folder: Callable[[Path], None] = flush_directory
    """Makes the names in a folder durable."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that was read, or written, up to ``end``."""

    number: int
    identity: bytes
    end: int
    """Length in bytes without a torn record."""


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"segment-{number:010d}.journal"


def segment_numbers(folder: Path) -> list[int]:
    """Return the numbers of the segments in ``folder``, ascending; none if there is no folder."""
    if not folder.is_dir():
        return []
    matches = (_SEGMENT_NAME.fullmatch(entry.name) for entry in folder.iterdir())
    return sorted(int(match.group(1)) for match in matches if match is not None)


def flush_after_crash(folder: Path, numbers: Sequence[int], options: JournalOptions) -> None:
    """Make durable what an earlier process left, and let it be read from the disk.

    Only the newest segment can hold unflushed bytes: each is flushed before the next begins.
    """
    for number in numbers:
        descriptor = os.open(folder / segment_name(number), os.O_RDWR | os.O_CLOEXEC)
        try:
            if number == numbers[-1]:
                options.flush(descriptor)
            forget_cached_pages(descriptor)
        finally:
            os.close(descriptor)
    options.flush_folder(folder)


def check_segments(
    folder: Path, numbers: Sequence[int], options: JournalOptions
) -> tuple[list[Segment], int]:
    """Read all segments; return them and the chain value at the end of the newest.

    Raises:
        JournalCorruptError: something is damaged, missing, or torn in another place than the end.
    """
    segments: list[Segment] = []
    chain = 0
    for number in numbers:
        name = segment_name(number)
        with (folder / name).open("rb") as file:
            reader = open_segment(folder, number, file, options)
            if segments and number != segments[-1].number + 1:
                missing = segment_name(segments[-1].number + 1)
                raise JournalCorruptError(folder, missing, 0, f"it is missing; {name} is there")
            if (segments or number == 1) and reader.header.previous_chain != chain:
                raise JournalCorruptError(folder, name, 0, "it does not follow what is before it")
            try:
                for _ in read_records(folder, reader):
                    pass
            except SegmentTornError as error:
                if number != numbers[-1]:
                    raise JournalCorruptError(
                        folder, name, error.offset, "a record is cut short, and segments follow"
                    ) from error
            segments.append(Segment(number, reader.header.identity, reader.offset))
            chain = reader.chain
    return segments, chain


def cut_torn_end(folder: Path, newest: Segment, options: JournalOptions) -> None:
    """Shorten the newest segment to its whole records, durably; remove segments never finished."""
    path = folder / segment_name(newest.number)
    if path.stat().st_size > newest.end:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, newest.end)
            options.flush(descriptor)
        finally:
            os.close(descriptor)
    for stray in sorted(folder.glob("*" + UNFINISHED_SUFFIX)):
        stray.unlink()


def open_segment(
    folder: Path, number: int, file: BinaryIO, options: JournalOptions
) -> SegmentReader:
    """Return a reader of the open file of segment ``number``, its header checked.

    Raises:
        JournalCorruptError: the header is damaged or is another segment's.
    """
    size = os.fstat(file.fileno()).st_size
    try:
        reader = SegmentReader(file, size, options.record_bytes_max)
    except SegmentDamagedError as error:
        raise _corrupt(folder, number, error) from error
    if reader.header.number != number:
        raise JournalCorruptError(
            folder, segment_name(number), 0, f"its header says segment {reader.header.number}"
        )
    return reader


def read_records(folder: Path, reader: SegmentReader) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a segment.

    Raises:
        JournalCorruptError: a record is damaged.
        SegmentTornError: the last record is torn.
    """
    try:
        while (record := reader.read_record()) is not None:
            yield record
    except SegmentDamagedError as error:
        raise _corrupt(folder, reader.header.number, error) from error


def _corrupt(folder: Path, number: int, error: SegmentDamagedError) -> JournalCorruptError:
    return JournalCorruptError(folder, segment_name(number), error.offset, error.reason)
