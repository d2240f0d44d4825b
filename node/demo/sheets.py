"""Collecting rows into sheets, and the numbers that members give.

A row about a lot belongs to the first wave in which the last row about that lot is final: the
next wave of the same month, or wave 1 of a later month.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.demo.records import Flow, Sheet, SheetKind

WAVES_MAX: Final = 5
"""A row that would need a later wave has to wait for the next month."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """The month (digits YYYYMM) and wave of a row."""

    month: int
    wave: int


def month_of(day: date) -> int:
    """Give the month of a day as digits YYYYMM."""
    return day.year * 100 + day.month


def step_after(last: Step | None, day: date) -> Step:
    """Give the step of a row of ``day`` that builds on a row at ``last``, if on any."""
    month = month_of(day)
    if last is None or last.month < month:
        return Step(month, 1)
    return Step(month, last.wave + 1)


class SheetBook:
    """Collects rows by step, member and kind, and counts codes and invoices."""

    __slots__ = ("_counts", "_rows")

    def __init__(self) -> None:
        self._rows: dict[tuple[Step, str, SheetKind], list[Flow]] = defaultdict(list)
        self._counts: dict[tuple[str, str], int] = defaultdict(int)

    def write(self, step: Step, member: str, kind: SheetKind, row: Flow) -> None:
        """Add a row to the end of its sheet."""
        self._rows[step, member, kind].append(row)

    def number(self, member: str, series: str) -> int:
        """Give the next number of one of a member's series, from 1."""
        self._counts[member, series] += 1
        return self._counts[member, series]

    def sheets(self) -> tuple[Sheet, ...]:
        """Give all sheets by month, wave, member and kind."""
        return tuple(
            Sheet(step.month, step.wave, member, kind, tuple(rows))
            for (step, member, kind), rows in sorted(self._rows.items(), key=lambda item: item[0])
        )
