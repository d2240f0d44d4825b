"""Exit codes of ``monazite``: the same for every command.

With several findings the worst wins, in the order 5, 3, 4, 6. ``of_error`` is the one place that
says which error gives which code.
"""

from __future__ import annotations

from enum import IntEnum

from client.errors import (
    ClientError,
    ClientRefusal,
    ImportRefusal,
    NotFound,
    StillPending,
    Unreachable,
    Unverified,
    UsageError,
)
from client.verify.source import SourceInUse


class ExitCode(IntEnum):
    """What a command's end means."""

    GOOD = 0
    """All that was asked is good."""
    UNEXPECTED = 1
    """A fault of the program; please report it."""
    USAGE = 2
    """The command, a file or the environment is not usable; nothing was changed."""
    TAMPERED = 3
    """Something does not prove what it says."""
    TRUNCATED = 4
    """The end of a history is missing."""
    FORK = 5
    """Two histories are both certified."""
    INCOMPLETE = 6
    """Something could not be checked, or is not decided yet; never reported as good."""
    REFUSED = 7
    """The ledger's rules do not admit it."""
    UNREACHABLE = 8
    """No node reachable, or all busy."""
    NOT_FOUND = 10
    """Nothing of that name."""
    STORE_IN_USE = 11
    """Another process holds the store."""


def of_error(error: ClientError) -> ExitCode:
    """Return the exit code of an error: its own if it says one, else that of its kind."""
    declared = getattr(error, "exit_code", None)
    if isinstance(declared, ExitCode):
        return declared
    for kind, code in _CODE_OF_ERROR:
        if isinstance(error, kind):
            return code
    return ExitCode.UNEXPECTED


_CODE_OF_ERROR: tuple[tuple[type[ClientError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (ClientRefusal, ExitCode.REFUSED),
    (ImportRefusal, ExitCode.REFUSED),
    (NotFound, ExitCode.NOT_FOUND),
    (StillPending, ExitCode.INCOMPLETE),
    (Unverified, ExitCode.TAMPERED),
    (Unreachable, ExitCode.UNREACHABLE),
    (SourceInUse, ExitCode.STORE_IN_USE),
)
