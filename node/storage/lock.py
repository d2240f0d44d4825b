"""One process per node home.

Two processes with one consensus key vote twice: that is the double sign which every BFT network
suffers from in practice. So a node takes an exclusive lock on its home before it reads anything in
it. The lock is ``flock`` on a file that is never removed (removing it would let two processes lock
two files of one name); it ends with the process, however that ends. The process number inside is
only for the message. It does not protect a home that was copied: nothing on one machine can.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LOCK_FILE: Final = "node.lock"


class HomeInUseError(Exception):
    """Another process holds the home. ``pid`` is what it wrote, None if that cannot be read."""

    def __init__(self, home: Path, pid: int | None) -> None:
        self.home = home
        self.pid = pid
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{home} is in use by {holder}; a node's home belongs to one process: "
            "stop that one first, and never run one consensus key twice"
        )


class HomeLock:
    """Exclusive use of a node's home, until ``release`` or the end of the process."""

    def __init__(self, home: Path, descriptor: int) -> None:
        self.home = home
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, home: Path) -> HomeLock:
        """Take the lock of ``home``, which must be an existing directory.

        Raises:
            HomeInUseError: another process, or this one, holds it already.
            OSError: the lock file cannot be opened or written.
        """
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read_pid(descriptor)
            os.close(descriptor)
            raise HomeInUseError(home, pid) from None
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return cls(home, descriptor)

    def release(self) -> None:
        """Give the home free. Calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
