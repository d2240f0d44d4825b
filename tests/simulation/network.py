"""Links between simulated nodes: loss, duplication, delay (and so reordering), partitions.

A name may belong to two nodes at once (twins). Which of the two a validator talks to is part of the
network's present shape and may change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Conditions:
    """How the links are at present."""

    loss: float = 0.0
    duplication: float = 0.0
    delay_min_ms: int = 1
    delay_max_ms: int = 20
    slow_share: float = 0.0
    """Share of messages that take up to twenty times as long."""
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Directions (from, to) in which nothing passes."""
    twin_of: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    """(name of twins, other name): which of the twins the other talks to; both if absent."""


class Network:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.conditions = Conditions()

    def delays(self, sender: str, receiver: str) -> list[int]:
        """Return after how many milliseconds each copy of a message arrives; none if it is lost."""
        now = self.conditions
        if (sender, receiver) in now.blocked or self._rng.random() < now.loss:
            return []
        copies = 2 if self._rng.random() < now.duplication else 1
        return [self._delay() for _ in range(copies)]

    def _delay(self) -> int:
        now = self.conditions
        delay_ms = self._rng.randint(now.delay_min_ms, now.delay_max_ms)
        return (
            delay_ms * self._rng.randint(2, 20) if self._rng.random() < now.slow_share else delay_ms
        )

    def talks(self, twins: str, which: int, other: str) -> bool:
        return which in self.conditions.twin_of.get((twins, other), (0, 1))
