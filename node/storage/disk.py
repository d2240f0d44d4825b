"""Making bytes and names durable.

``fdatasync`` makes the content and the length of a file durable, but not the name that leads to it:
a new, renamed or removed file needs its directory flushed as well. A failed flush must never be
tried
again: the kernel may have marked the pages clean that it could not write, and a second call would
then report success for bytes that are lost. Callers therefore stop for good when one of these
raises.
"""

from __future__ import annotations

import os
from pathlib import Path


def flush_file(descriptor: int) -> None:
    """Make the content and the length of an open file durable.

    Raises:
        OSError: the bytes may or may not be on disk; do not use the file any further.
    """
    os.fdatasync(descriptor)


def flush_directory(path: Path) -> None:
    """Make the names in the directory ``path`` durable.

    Raises:
        OSError: the names may or may not be on disk.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all of ``data`` to an open file, in as many calls as the system needs.

    Raises:
        OSError: a part may have been written.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        # A disk that fills up writes a part and reports the reason on the next call.
        written += os.write(descriptor, memoryview(data)[written:])


def forget_cached_pages(descriptor: int) -> None:
    """Ask the kernel to read an open file from the disk next time, not from memory.

    After a failed flush, a page can be in memory as "clean" although the disk does not have it.
    Only a hint: file systems without it ignore the call.
    """
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
