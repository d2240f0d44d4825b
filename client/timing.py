"""Time as the SDK sees it: one object, so that tests need not wait.

Two clocks are meant for two things: ``wall_ms`` dates a transaction's validity, ``steady`` measures how
long something has taken and is never set back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

WallClock: TypeAlias = Callable[[], int]
"""Gives milliseconds since 1970-01-01T00:00:00Z."""


def system_wall_ms() -> int:
    """Return the system's time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """How time passes for the SDK."""

    wall_ms: WallClock = system_wall_ms
    steady: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to keep trying. All in milliseconds."""

    total_ms: int = 60_000
    """Longest time for one submission, over all nodes and attempts."""
    question_ms: int = 15_000
    """Longest time for one question, over all nodes and attempts."""
    wait_ms: int = 20_000
    """How long a node is asked to hold a request open until a transaction is decided."""
    request_ms: int = 10_000
    """How long a node may take for an answer beyond that."""
    connect_ms: int = 3_000
    backoff_first_ms: int = 100
    """Longest first pause after every node was in trouble; doubles from there."""
    backoff_max_ms: int = 5_000

    def backoff_ms(self, attempt: int) -> int:
        """Return the longest pause after ``attempt`` rounds without success, the first being 0."""
        return min(self.backoff_max_ms, self.backoff_first_ms << min(attempt, 16))


PATIENCE: Final = Patience()
