"""From findings to one word and one exit code.

With several findings the worst wins, in the order FORK, TAMPERED, TRUNCATED, INCOMPLETE. VERIFIED is said
only when nothing was found, and whatever keeps an audit from being complete is itself a finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from client.cli.exit_codes import ExitCode


class AuditVerdict(StrEnum):
    """The last word of a report."""

    VERIFIED = "VERIFIED"
    INCOMPLETE = "INCOMPLETE"
    TRUNCATED = "TRUNCATED"
    TAMPERED = "TAMPERED"
    FORK = "FORK"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this verdict."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    AuditVerdict.VERIFIED: ExitCode.GOOD,
    AuditVerdict.INCOMPLETE: ExitCode.INCOMPLETE,
    AuditVerdict.TRUNCATED: ExitCode.TRUNCATED,
    AuditVerdict.TAMPERED: ExitCode.TAMPERED,
    AuditVerdict.FORK: ExitCode.FORK,
}
_BY_SEVERITY: Final = tuple(AuditVerdict)


def worst(verdicts: Iterable[AuditVerdict]) -> AuditVerdict:
    """Return the worst of ``verdicts``; VERIFIED when there are none."""
    return max(verdicts, key=_BY_SEVERITY.index, default=AuditVerdict.VERIFIED)
