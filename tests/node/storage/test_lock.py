"""One process per home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.storage.lock import LOCK_FILE, HomeInUseError, HomeLock

HOLDER = """
import pathlib, sys
from node.storage.lock import HomeLock

lock = HomeLock.acquire(pathlib.Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_home_is_taken_once_and_free_again_after_release(tmp_path: Path) -> None:
    with HomeLock.acquire(tmp_path):
        with pytest.raises(HomeInUseError) as caught:
            HomeLock.acquire(tmp_path)
        assert caught.value.pid == os.getpid()
        assert str(os.getpid()) in str(caught.value)
    lock = HomeLock.acquire(tmp_path)
    lock.release()
    lock.release()
    assert (tmp_path / LOCK_FILE).exists()


def test_the_message_names_the_process_that_holds_the_home(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(HomeInUseError, match=f"process {holder.pid}"):
            HomeLock.acquire(tmp_path)
        holder.kill()
        holder.wait()
        # The lock ends with the process, however that ends.
        HomeLock.acquire(tmp_path).release()


def test_a_lock_file_without_a_number_still_holds(tmp_path: Path) -> None:
    with HomeLock.acquire(tmp_path):
        (tmp_path / LOCK_FILE).write_bytes(b"\xff not a number")
        with pytest.raises(HomeInUseError, match="another process") as caught:
            HomeLock.acquire(tmp_path)
        assert caught.value.pid is None


def test_a_home_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HomeLock.acquire(tmp_path / "missing")
