"""``python -m scripts.benchmark.profiled_node PROFILER FILE run HOME``: a node whose event loop is profiled.

SIGUSR1 begins to profile and SIGUSR2 ends it, so that start-up and preparations are not in the figures. What
was found, with the CPU time of the event loop's thread and of the whole process in between, is in FILE when
the node has ended.

``sample`` looks at the stack of the event loop each time the process has used another millisecond of CPU
time (or what the kernel counts in, often 4 or 10: measure long enough). It costs almost nothing, so its
shares are true, also on a machine with fewer cores than nodes. Time in a C function counts for the Python
function that called it. ``cprofile`` counts every call, and by the wall clock: it slows small functions down,
and charges a function for the time in which another process ran.
"""

from __future__ import annotations

import cProfile
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

from node.__main__ import main

SAMPLE_SECONDS: Final = 0.001


class Profiler(Protocol):
    """Finds out where the main thread spends its time."""

    @property
    def samples(self) -> int | None:
        """How often the stack was looked at; None when calls were counted."""

    def begin(self) -> None:
        """Begin to look."""

    def end(self) -> None:
        """End looking."""

    def functions(self) -> list[dict[str, Any]]:
        """Return each function with its share of the time, by itself and with what it called."""


class Sampler:
    """Samples the stack by CPU time."""

    def __init__(self) -> None:
        self._own: Counter[tuple[str, int, str]] = Counter()
        self._whole: Counter[tuple[str, int, str]] = Counter()

    @property
    def samples(self) -> int | None:
        """How often the stack was looked at."""
        return sum(self._own.values())

    def begin(self) -> None:
        """Begin to look."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def end(self) -> None:
        """End looking."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def functions(self) -> list[dict[str, Any]]:
        """Return each function that was seen."""
        total = sum(self._own.values())
        return [
            {
                "file": file,
                "line": line,
                "function": function,
                "calls": None,
                "own": self._own[file, line, function] / total,
                "whole": seen / total,
            }
            for (file, line, function), seen in self._whole.items()
        ]

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        on_stack = set()
        is_top = True
        while frame is not None:
            code = frame.f_code
            name = (code.co_filename, code.co_firstlineno, code.co_qualname)
            self._own[name] += is_top
            on_stack.add(name)
            is_top = False
            frame = frame.f_back
        self._whole.update(on_stack)


class CallCounter:
    """cProfile."""

    samples: int | None = None

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def begin(self) -> None:
        """Begin to look."""
        self._profile.enable()

    def end(self) -> None:
        """End looking."""
        self._profile.disable()

    def functions(self) -> list[dict[str, Any]]:
        """Return each function that was called."""
        self._profile.create_stats()
        stats: dict[tuple[str, int, str], Any] = self._profile.stats
        total = sum(entry[2] for entry in stats.values())
        return [
            {
                "file": file,
                "line": line,
                "function": function,
                "calls": calls,
                "own": own / total,
                "whole": whole / total,
            }
            for (file, line, function), (_primitive, calls, own, whole, _callers) in stats.items()
        ]


class ProfilingWindow:
    """Profiles the main thread between two signals."""

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._begun = (0.0, 0.0, 0.0)
        self._spent: tuple[float, ...] | None = None

    def begin(self, _signal: int, _frame: FrameType | None) -> None:
        """Begin to profile."""
        self._begun = _clocks()
        self._profiler.begin()

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        """End profiling."""
        self._profiler.end()
        self._spent = tuple(
            now - before for now, before in zip(_clocks(), self._begun, strict=True)
        )

    def save(self, path: Path) -> None:
        """Write what was found, if profiling began and ended."""
        if self._spent is None:
            return
        names = ("wall_seconds", "loop_cpu_seconds", "process_cpu_seconds")
        found = {
            "clocks": dict(zip(names, self._spent, strict=True)),
            "samples": self._profiler.samples,
            "functions": self._profiler.functions(),
        }
        path.write_text(json.dumps(found), encoding="utf-8")


def _clocks() -> tuple[float, float, float]:
    return time.perf_counter(), time.thread_time(), time.process_time()


if __name__ == "__main__":
    window = ProfilingWindow(CallCounter() if sys.argv.pop(1) == "cprofile" else Sampler())
    signal.signal(signal.SIGUSR1, window.begin)
    signal.signal(signal.SIGUSR2, window.end)
    file = Path(sys.argv.pop(1))
    code = main()
    window.save(file)
    sys.exit(code)
