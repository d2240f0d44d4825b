"""How long `scripts/demo` takes, after installation, from its start to the printed story."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

STORY_BEGINS: Final = "Four nodes, one ledger."
DEMO_SECONDS_MAX: Final = 300


class DemoError(Exception):
    """The demo ended without its story."""


def demo_time(directory: Path) -> dict[str, Any]:
    """Run the demo once, as a process of its own that touches nobody's profiles.

    Raises:
        DemoError: It told no story; the end of what it said is in the message.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "client", "demo", "--once", "--dir", str(directory / "demo")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "MONAZITE_CONFIG_DIR": str(directory / "config"),
            "NO_COLOR": "1",
            "MONAZITE_TRACEBACK": "1",
        },
    )
    started = time.perf_counter()
    told: float | None = None
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if told is None and STORY_BEGINS in line:
            told = time.perf_counter() - started
    code = process.wait(DEMO_SECONDS_MAX)
    if told is None or code:
        raise DemoError(f"exit code {code}: {''.join(lines[-10:])}")
    return {
        "seconds_to_story": round(told, 2),
        "seconds_to_end": round(time.perf_counter() - started, 2),
        "story": next(line.strip() for line in lines if STORY_BEGINS in line),
    }
