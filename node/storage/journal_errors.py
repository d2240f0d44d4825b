"""What can be wrong with a journal, by what the caller has to do.

::

    JournalError
    ├── JournalMissingError     start as an observer, rotate the key
    ├── JournalExistsError      open it instead
    ├── JournalIdentityError    another node's, network's or epoch's journal: look at the home
    ├── JournalCorruptError     start as an observer, rotate the key
    ├── JournalFailedError      end the process; a new one finds out what the disk has
    └── JournalClosedError      a mistake in the program
"""

from __future__ import annotations

from pathlib import Path


class JournalError(Exception):
    """Something about the journal in ``path`` is not as it must be."""

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        super().__init__(f"journal {path}: {message}")


class JournalMissingError(JournalError):
    """There is no journal here."""


class JournalExistsError(JournalError):
    """There is a journal here already."""


class JournalCorruptError(JournalError):
    """``segment``, at ``offset``, is not what was written."""

    def __init__(self, path: Path, segment: str, offset: int, reason: str) -> None:
        self.segment = segment
        self.offset = offset
        self.reason = reason
        super().__init__(
            path,
            f"{segment} is damaged at offset {offset}: {reason}. It may have forgotten a vote: "
            "do not vote with this key again; start as an observer and rotate the key",
        )


class JournalIdentityError(JournalError):
    """The journal belongs to ``found``, not to ``expected``."""

    def __init__(self, path: Path, found: bytes, expected: bytes) -> None:
        self.found = found
        self.expected = expected
        super().__init__(
            path,
            f"it belongs to {found.hex()}, this node is {expected.hex()}; "
            "is this another node's home, another network's, or an older epoch's?",
        )


class JournalFailedError(JournalError):
    """A write or flush failed, now or earlier; the process must end."""


class JournalClosedError(JournalError):
    """The journal was closed by its owner."""
