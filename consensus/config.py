"""What an operator may choose about agreement, each with its unit, and what nobody may choose.

Nothing here decides whether a block is valid: two nodes with different values still agree on every
certificate. The values decide how long a node waits, how often it repeats itself and how much it
holds. The protocol's own bounds stand first, as constants.

Time-outs grow by half with each view that passes without anything becoming *final*, and fall back
only on a finalization (A8). The factors are a table of thousandths, because a float has no place in
a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VIEWS_AHEAD_MAX: Final = 256
"""Votes and certificates of views further ahead than this are not looked at."""
PROPOSALS_AHEAD_MAX: Final = 8
"""Complete blocks are kept for at most this many views ahead; later ones are fetched when decided."""
VOTE_WINDOW_VIEWS: Final = 64
"""Votes of views further behind the current one than this are dropped: certificates replace them."""
UNFINALIZED_DEPTH_MAX: Final = 8
"""On top of this many blocks that are not final yet, leaders propose empty blocks only."""
BLOCK_AHEAD_MAX_MS: Final = 2_000
"""A voter waits while a block's time is further ahead of its wall clock than this."""
BLOCK_BEHIND_MAX_MS: Final = 5_000
"""A voter gives no vote to a new proposal that was further behind its wall clock than this."""

BACKOFF_THOUSANDTHS: Final = (
    *(1_000, 1_000, 1_500, 2_250, 3_375, 5_063, 7_594, 11_391, 17_086, 25_629),
    30_000,
)
"""Factor for the time-outs of a view, by the number of views since the last finalization less one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusConfig:
    """Waiting times, rates and sizes of one node's engine.

    Raises:
        ValueError: A value is out of its range, or two values contradict each other; the message
            names the fields, what was given and what is allowed.
    """

    lead_timeout_ms: int = 800
    """With work to do and no proposal after this, a validator nullifies the view."""
    advance_timeout_ms: int = 1_600
    """With work to do and no certificate after this, a validator nullifies the view."""
    retry_interval_ms: int = 1_600
    """After a nullify vote it is sent again this often, a fifth earlier or later."""
    bury_delay_ms: int = 400
    """A block that is notarized and not final for this long gets an empty block on top (A7)."""
    timeout_max_ms: int = 60_000
    """No time-out of a view grows beyond this."""
    push_delay_ms: int = 100
    """A certificate of an undisputed view goes, after this, to peers that seem to lack it."""
    status_busy_interval_ms: int = 1_000
    status_idle_interval_ms: int = 10_000
    block_grace_ms: int = 50
    """A decided block that is not here yet is asked for after this: its proposal may be under way."""
    request_timeout_ms: int = 500
    """A request without an answer goes to another peer after this, then half as long again…"""
    request_timeout_max_ms: int = 30_000
    """… up to this."""
    inactive_after_ms: int = 25_000
    """A leader not heard of for this long is skipped at once, if a quorum is heard of."""
    heartbeat_interval_ms: int = 0
    """An idle network makes an empty block this often; 0 is never."""
    budget_units_start: int = 2_000
    """Work units that a leader puts into its first block; adapts between the next two."""
    budget_units_min: int = 200
    budget_units_max: int = 200_000
    range_blocks_max: int = 64
    """Blocks asked for in one catch-up request, and the most that are answered."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            least = 0 if name == "heartbeat_interval_ms" else 1
            if type(value) is not int or not least <= value <= 86_400_000:
                raise ValueError(
                    f"consensus configuration: {name} is {value!r}, "
                    f"a whole number from {least} to 86400000 is needed"
                )
        self._check_order("lead_timeout_ms", "advance_timeout_ms")
        self._check_order("advance_timeout_ms", "timeout_max_ms")
        self._check_order("push_delay_ms", "lead_timeout_ms")
        self._check_order("bury_delay_ms", "advance_timeout_ms")
        self._check_order("status_busy_interval_ms", "status_idle_interval_ms")
        self._check_order("request_timeout_ms", "request_timeout_max_ms")
        self._check_order("budget_units_min", "budget_units_start")
        self._check_order("budget_units_start", "budget_units_max")
        if self.inactive_after_ms < 2 * self.status_idle_interval_ms:
            raise ValueError(
                f"consensus configuration: inactive_after_ms is {self.inactive_after_ms}, it must "
                f"be at least twice status_idle_interval_ms ({self.status_idle_interval_ms}), or "
                "idle validators would take each other for dead"
            )

    def _check_order(self, smaller: str, larger: str) -> None:
        if getattr(self, smaller) > getattr(self, larger):
            raise ValueError(
                f"consensus configuration: {smaller} ({getattr(self, smaller)}) "
                f"must not exceed {larger} ({getattr(self, larger)})"
            )

    def view_timeout_ms(self, base_ms: int, views_since_final: int) -> int:
        """Return ``base_ms`` grown for the number of views passed since the last final one."""
        step = min(max(0, views_since_final - 1), len(BACKOFF_THOUSANDTHS) - 1)
        return min(base_ms * BACKOFF_THOUSANDTHS[step] // 1_000, self.timeout_max_ms)
