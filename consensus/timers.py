"""Which timers are armed. A timer that fires without being due was cancelled or moved: it is ignored."""

from __future__ import annotations

from consensus.effects import CancelTimer, SetTimer, Timer
from consensus.outbox import Outbox


class TimerBook:
    """The armed timers of one engine."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._armed: dict[Timer, int] = {}

    def set(self, timer: Timer, at_ms: int) -> None:
        """Arm or move a timer."""
        if self._armed.get(timer) != at_ms:
            self._armed[timer] = at_ms
            self._outbox.timer(SetTimer(timer, at_ms))

    def advance(self, timer: Timer, at_ms: int) -> None:
        """Arm a timer, or move it to an earlier time."""
        if self._armed.get(timer, at_ms + 1) > at_ms:
            self.set(timer, at_ms)

    def cancel(self, *timers: Timer) -> None:
        """Disarm timers."""
        for timer in timers:
            if self._armed.pop(timer, None) is not None:
                self._outbox.timer(CancelTimer(timer))

    def is_armed(self, timer: Timer) -> bool:
        """Tell whether a timer is armed."""
        return timer in self._armed

    def take(self, timer: Timer, steady_ms: int) -> bool:
        """Disarm a timer that fired; False if it was not due."""
        at_ms = self._armed.get(timer)
        if at_ms is None or at_ms > steady_ms:
            return False
        del self._armed[timer]
        return True

    def all(self) -> tuple[tuple[str, int], ...]:
        """Return the armed timers by name."""
        return tuple(sorted((timer.value, at_ms) for timer, at_ms in self._armed.items()))
