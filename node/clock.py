"""The clocks of a node: the only place that asks the operating system for the time.

A node runs on the system's clock. The demonstration network replays two past years in seconds: its
nodes read their wall clock from ``SteppedClock``, the system's time shifted by an offset that the
demo keeps in one small file. All nodes map the same file, so a step happens for all of them at
once. The steady clock, which drives time-outs, is never shifted.
"""

from __future__ import annotations

import mmap
import time
from pathlib import Path
from typing import Final, Protocol

from consensus.inputs import Instant
from ledger.wire.scalars import TimeMs

_OFFSET_BYTES: Final = 8


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """Return the present moment on both clocks."""


class SystemClock:
    """The operating system's clocks."""

    def now(self) -> Instant:
        """Return the present moment on both clocks."""
        return Instant(
            steady_ms=time.monotonic_ns() // 1_000_000,
            wall_ms=TimeMs(time.time_ns() // 1_000_000),
        )


class SteppedClock:
    """The system's clock shifted by the offset in a file, for demonstrations and tests."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            OSError: It cannot be opened.
            ValueError: It does not hold exactly eight bytes.
        """
        with path.open("r+b") as file:
            size = path.stat().st_size
            if size != _OFFSET_BYTES:
                raise ValueError(f"it holds {size} bytes, {_OFFSET_BYTES} are needed")
            self._offset = mmap.mmap(file.fileno(), _OFFSET_BYTES)

    def now(self) -> Instant:
        """Return the present moment on both clocks, the wall clock shifted."""
        return Instant(
            steady_ms=time.monotonic_ns() // 1_000_000,
            wall_ms=TimeMs(time.time_ns() // 1_000_000 + self.offset_ms),
        )

    @property
    def offset_ms(self) -> int:
        """How far the wall clock is shifted, in milliseconds; negative is into the past."""
        return int.from_bytes(self._offset[:_OFFSET_BYTES], "big", signed=True)

    def set_wall_ms(self, wall_ms: int) -> None:
        """Shift so that it is ``wall_ms`` now, for every process that maps the file."""
        self._write(wall_ms - time.time_ns() // 1_000_000)

    def reset(self) -> None:
        """Go back to the system's time."""
        self._write(0)

    def _write(self, offset_ms: int) -> None:
        self._offset[:_OFFSET_BYTES] = offset_ms.to_bytes(_OFFSET_BYTES, "big", signed=True)

    @staticmethod
    def create(path: Path) -> SteppedClock:
        """Make the file, without a shift, and map it."""
        path.write_bytes(bytes(_OFFSET_BYTES))
        return SteppedClock(path)
