"""A finding: something that must hold and does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ledger.wire.scalars import Height

FINDINGS_MAX: Final = 1_000
"""A history that is wrong everywhere must not fill the memory of who reads it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in a word, in a sentence, and in figures."""

    code: str
    sentence: str
    height: Height
    """The block that was being read, or the newest one for a comparison with the state."""
    figures: tuple[tuple[str, int | str], ...] = ()


@dataclass(slots=True)
class Findings:
    """Collects findings about a history."""

    height: Height
    """Height that findings are about at present."""
    found: list[Finding] = field(default_factory=list)
    suppressed: int = 0
    """Findings beyond the limit, counted only."""

    def add(self, code: str, sentence: str, **figures: int | str) -> None:
        """Note a finding; beyond the limit it is only counted."""
        if len(self.found) < FINDINGS_MAX:
            self.found.append(Finding(code, sentence, self.height, tuple(figures.items())))
        else:
            self.suppressed += 1

    def expect(self, code: str, what: str, *, expected: object, found: object) -> None:
        """Note a finding when two values that must be equal are not."""
        if expected != found:
            self.add(
                code,
                f"{what}: the records say {expected}, the state says {found}.",
                expected=_figure(expected),
                found=_figure(found),
            )


def _figure(value: object) -> int | str:
    return value if isinstance(value, int) else str(value)
