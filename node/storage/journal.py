"""The consensus journal: what this node said, on disk before it says it.

A folder of segments, each a file of records behind a header (``segment``,
``docs/spec/journal.md``). The caller appends records, calls ``sync``, and only then sends. The
rules:

* ``create`` and ``open`` are different acts. A consensus key whose journal is missing must not
  vote, so nothing here makes an empty journal in passing.
* A segment carries the identity it was made for (chain, epoch, validator set, consensus key);
  a journal whose newest segment carries another one is not opened.
* A torn record is accepted at the very end of the newest segment only, and cut off, durably, before
  anything new is appended. Anything else that does not check is ``JournalCorruptError``: the
  journal may have forgotten a vote, and the key must not vote again.
* What ``open`` has read is on disk: it flushes first and reads from the disk, not from memory,
  since a record that only memory holds must not be relied upon.
* After one failed write or flush every call raises ``JournalFailedError``. A flush is never
  repeated; the process ends and a new one finds out what the disk has.

**Pruning.** Records go to the current segment, ``segment_number``. A caller notes that number
*before* it appends something it will need; that record is then in this segment or in a later one.
When it needs nothing older, it calls ``drop_before(number)``. To move the mark on without waiting
for a segment to fill, it calls ``roll()``, appends again what it still needs, and drops everything
before the number that ``roll`` returned. The current segment is never dropped, and dropping
flushes first, so that no moment exists at which a needed record is on disk in neither place. At
the end of an epoch ``roll(identity)`` begins a segment for the next one; ``replay`` yields the
records of the newest identity only.

What it does not do: interpret types or bodies, decide what is needed, or hold two processes apart
(``lock``). One thread at a time may call it; that can be another thread each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from node.storage.disk import write_fully
from node.storage.journal_errors import (
    JournalClosedError,
    JournalCorruptError,
    JournalExistsError,
    JournalFailedError,
    JournalIdentityError,
    JournalMissingError,
)
from node.storage.recovery import (
    UNFINISHED_SUFFIX,
    JournalOptions,
    Segment,
    check_segments,
    cut_torn_end,
    flush_after_crash,
    open_segment,
    read_records,
    segment_name,
    segment_numbers,
)
from node.storage.segment import (
    IDENTITY_BYTES_MAX,
    SegmentHeader,
    SegmentTornError,
    encode_header,
    encode_record_head,
)

_DEFAULT_OPTIONS: Final = JournalOptions()


class Journal:
    """An open journal. Made by ``create`` and ``open``."""

    def __init__(
        self, path: Path, segments: Sequence[Segment], chain: int, options: JournalOptions
    ) -> None:
        """Append to the last of ``segments``, whose chain value is ``chain``; none: begin one."""
        self.path = path
        self._options = options
        self._segments = list(segments)
        self._chain = chain
        self._failure: BaseException | None = None
        self._descriptor = -1
        self._end = 0
        self._dirty = False

    @staticmethod
    def exists(path: Path) -> bool:
        """Return whether there is a journal in the folder ``path``."""
        return bool(segment_numbers(path))

    @staticmethod
    def read_identity(path: Path) -> bytes:
        """Return the identity of the newest segment, for a caller that knows several (epochs).

        Raises:
            JournalMissingError: there is no journal.
            JournalCorruptError: the segment's header is damaged.
        """
        numbers = _require_segments(path)
        with (path / segment_name(numbers[-1])).open("rb") as file:
            return open_segment(path, numbers[-1], file, _DEFAULT_OPTIONS).header.identity

    @classmethod
    def create(
        cls, path: Path, identity: bytes, options: JournalOptions = _DEFAULT_OPTIONS
    ) -> Journal:
        """Make an empty journal for ``identity`` in the folder ``path``, durably, and open it.

        The folder's parent must exist.

        Raises:
            JournalExistsError: the folder holds a journal already.
            JournalFailedError: it could not be written.
            ValueError: the identity is longer than 4,096 bytes.
        """
        if cls.exists(path):
            raise JournalExistsError(path, "there is one already; open it")
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            options.flush_folder(path.parent)
        except OSError as error:
            raise JournalFailedError(path, f"its folder cannot be made: {error}") from error
        journal = cls(path, [], 0, options)
        journal._begin_segment(SegmentHeader(1, 0, identity))
        return journal

    @classmethod
    def open(
        cls, path: Path, identity: bytes, options: JournalOptions = _DEFAULT_OPTIONS
    ) -> Journal:
        """Check the whole journal in ``path``, cut off a torn end, and open it for ``identity``.

        Raises:
            JournalMissingError: there is none.
            JournalCorruptError: a segment is damaged or missing.
            JournalIdentityError: the newest segment was made for another identity.
            JournalFailedError: it cannot be read, or its end not be made durable.
        """
        numbers = _require_segments(path)
        try:
            flush_after_crash(path, numbers, options)
            segments, chain = check_segments(path, numbers, options)
            if segments[-1].identity != identity:
                raise JournalIdentityError(path, segments[-1].identity, identity)
            cut_torn_end(path, segments[-1], options)
            journal = cls(path, segments, chain, options)
            journal._continue_segment()
        except OSError as error:
            raise JournalFailedError(path, f"it cannot be read or flushed: {error}") from error
        return journal

    @property
    def segment_number(self) -> int:
        """The segment that the next record goes to, or one before it if that one is full."""
        return self._segments[-1].number

    @property
    def oldest_segment_number(self) -> int:
        """The oldest segment that is kept."""
        return self._segments[0].number

    def append(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Hand records of (type, body) to the operating system in order; ``sync`` makes them durable.

        Raises:
            ValueError: a type is not a byte or a body is too long; nothing was appended.
            JournalFailedError: the write failed, now or earlier.
            JournalClosedError: the journal is closed.
        """
        self._check_usable()
        self._check_records(records)
        if self._end >= self._options.segment_bytes_max:
            self.roll()
        chain = self._chain
        parts: list[bytes] = []
        for kind, body in records:
            head, chain = encode_record_head(chain, kind, body)
            parts += (head, body)
        data = b"".join(parts)
        try:
            self._dirty = True
            write_fully(self._descriptor, data)
        except BaseException as error:
            raise self._failed("a write", error) from error
        self._chain = chain
        self._end += len(data)

    def sync(self) -> None:
        """Make everything appended so far durable. Does nothing if it is already.

        Raises:
            JournalFailedError: the flush failed, now or earlier; end the process.
            JournalClosedError: the journal is closed.
        """
        self._check_usable()
        if not self._dirty:
            return
        try:
            self._options.flush(self._descriptor)
        except BaseException as error:
            raise self._failed("a flush", error) from error
        self._dirty = False

    def replay(self) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of all records of the newest identity, oldest first.

        Reads the files as they are at each step; append only when it is through. Holds one
        record in memory.

        Raises:
            JournalCorruptError: a segment changed since it was opened.
        """
        self._check_usable()
        identity = self._segments[-1].identity
        run = list(self._segments)
        while any(segment.identity != identity for segment in run):
            run.pop(0)
        return self._replay(run)

    def roll(self, identity: bytes | None = None) -> int:
        """Begin a new segment, for ``identity`` if given, and return its number.

        Everything appended before is durable afterwards.

        Raises:
            ValueError: the identity is longer than 4,096 bytes.
            JournalFailedError: a write or flush failed, now or earlier.
            JournalClosedError: the journal is closed.
        """
        self.sync()
        last = self._segments[-1]
        new_identity = last.identity if identity is None else identity
        self._begin_segment(SegmentHeader(last.number + 1, self._chain, new_identity))
        return self.segment_number

    def drop_before(self, number: int) -> int:
        """Remove all segments before ``number``, durably, and return how many. Syncs first.

        The current segment stays, whatever ``number`` is.

        Raises:
            JournalFailedError: the removal failed; end the process.
            JournalClosedError: the journal is closed.
        """
        self.sync()
        dropped = 0
        try:
            # Oldest first: a crash in between leaves a journal without a gap.
            while len(self._segments) > 1 and self._segments[0].number < number:
                (self.path / segment_name(self._segments[0].number)).unlink()
                del self._segments[0]
                dropped += 1
            if dropped:
                self._options.flush_folder(self.path)
        except BaseException as error:
            raise self._failed("removing a segment", error) from error
        return dropped

    def close(self) -> None:
        """Close the journal without flushing it. Calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_segment(self, header: SegmentHeader) -> None:
        """Make the segment durable under a name that is not a segment's, then give it its name."""
        if len(header.identity) > IDENTITY_BYTES_MAX:
            raise ValueError(
                f"identity of {len(header.identity)} bytes, at most {IDENTITY_BYTES_MAX}"
            )
        encoded, chain = encode_header(header)
        final = self.path / segment_name(header.number)
        unfinished = final.with_suffix(UNFINISHED_SUFFIX)
        self.close()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(unfinished, flags, 0o600)
            write_fully(self._descriptor, encoded)
            self._options.flush(self._descriptor)
            unfinished.rename(final)
            self._options.flush_folder(self.path)
        except BaseException as error:
            raise self._failed("beginning a segment", error) from error
        self._chain = chain
        self._end = len(encoded)
        self._segments.append(Segment(header.number, header.identity, self._end))

    def _continue_segment(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path / segment_name(self.segment_number), flags)
        self._end = self._segments[-1].end

    def _replay(self, run: Sequence[Segment]) -> Iterator[tuple[int, bytes]]:
        for segment in run:
            with (self.path / segment_name(segment.number)).open("rb") as file:
                reader = open_segment(self.path, segment.number, file, self._options)
                try:
                    yield from read_records(self.path, reader)
                except SegmentTornError as error:
                    raise JournalCorruptError(
                        self.path,
                        segment_name(segment.number),
                        error.offset,
                        "a record is cut short since the journal was opened",
                    ) from error

    def _check_records(self, records: Sequence[tuple[int, bytes]]) -> None:
        for kind, body in records:
            if not 0 <= kind <= 255:
                raise ValueError(f"record type {kind} is not a byte")
            if len(body) > self._options.record_bytes_max:
                raise ValueError(
                    f"record of type {kind} with {len(body)} bytes, "
                    f"at most {self._options.record_bytes_max}"
                )

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise JournalFailedError(
                self.path, f"a write or flush failed earlier ({self._failure}); end the process"
            )
        if self._descriptor < 0:
            raise JournalClosedError(self.path, "it is closed")

    def _failed(self, what: str, error: BaseException) -> JournalFailedError:
        """Make every later call raise, and return what this one raises."""
        self._failure = error
        return JournalFailedError(
            self.path, f"{what} failed ({error}); end the process, do not try again"
        )


def _require_segments(path: Path) -> list[int]:
    numbers = segment_numbers(path)
    if not numbers:
        raise JournalMissingError(
            path, "there is none; a consensus key without its journal must not vote"
        )
    return numbers
