"""The four nodes as processes: started as the demo starts them, and weighed from outside.

Memory and CPU time come from ``/proc``; where there is none they are reported as 0.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.clock import SteppedClock
from node.demo.founding import DemoDirectory, NodePorts, free_ports, make_homes
from node.demo.supervisor import Supervisor
from scripts.benchmark.founding import VALIDATORS, Participants

FIRST_PORT: Final = 18_500
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the nodes have used so far, by node."""

    cpu_seconds: Mapping[str, float]
    resident_mb: Mapping[str, float]
    store_bytes: Mapping[str, int]
    journal_bytes: Mapping[str, int]


class BenchNodes(Supervisor):
    """Starts the nodes of a benchmark; one of them under cProfile if asked to."""

    def __init__(
        self,
        directory: DemoDirectory,
        ports: Mapping[str, NodePorts],
        profiled: str,
        profiler: str,
    ) -> None:
        super().__init__(directory, ports)
        self.profiled = profiled
        self.profiler = profiler

    @property
    def profile_file(self) -> Path:
        """Where the profiled node leaves its figures when it ends."""
        return self.directory.path / "profile"

    def usage(self) -> Usage:
        """Weigh all nodes."""
        homes = {name: self.directory.home(name) for name in self.names}
        return Usage(
            cpu_seconds={name: _cpu_seconds(self._processes[name].pid) for name in self.names},
            resident_mb={name: _resident_mb(self._processes[name].pid) for name in self.names},
            store_bytes={name: _size(home.store) for name, home in homes.items()},
            journal_bytes={name: _size(home.journal) for name, home in homes.items()},
        )

    def begin_profile(self) -> None:
        """Let the profiled node begin to profile, if there is one."""
        if self.profiled:
            self._processes[self.profiled].send_signal(signal.SIGUSR1)

    def end_profile(self) -> None:
        """Let the profiled node end profiling."""
        if self.profiled:
            self._processes[self.profiled].send_signal(signal.SIGUSR2)

    def _spawn(self, node: str) -> None:
        if node != self.profiled:
            super()._spawn(node)
            return
        with self._log_file(node).open("ab") as output:
            self._processes[node] = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    *("-m", "scripts.benchmark.profiled_node", self.profiler),
                    str(self.profile_file),
                    *("run", str(self.directory.home(node).path)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def make_nodes(participants: Participants, profiled: str, profiler: str) -> BenchNodes:
    """Make the homes of all nodes on free ports of the loopback; ``profiled`` is one or empty."""
    directory = participants.directory
    SteppedClock.create(directory.clock)
    ports = free_ports(VALIDATORS, FIRST_PORT)
    make_homes(directory, participants.genesis, ports)
    return BenchNodes(directory, ports, profiled, profiler)


def _cpu_seconds(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    # The name in parentheses may hold spaces; user and system time are fields 14 and 15.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def _resident_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(found[0]) / 1_024 if found else 0.0


def _size(directory: Path) -> int:
    size = 0
    for path in directory.rglob("*"):
        try:
            size += path.stat().st_size
        except OSError:
            continue  # LevelDB removes a file that it has compacted
    return size
