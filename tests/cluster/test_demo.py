"""``monazite demo`` as a newcomer starts it: a process of its own, the whole two years, the story."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.genesis import open_genesis
from node.storage.lock import HomeLock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("cluster")]

DEMO_SECONDS = 300


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "MONAZITE_CONFIG_DIR": str(tmp_path / "configuration"), "NO_COLOR": "1"}


def demo(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "client", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def test_the_demo_loads_two_years_tells_its_story_and_ends_by_itself(
    environment: dict[str, str], tmp_path: Path
) -> None:
    told = tmp_path / "told.json"
    process = demo(environment, "--once", "--json", str(told))
    out, err = process.communicate(timeout=DEMO_SECONDS)
    assert process.returncode == 0, err
    assert "Four nodes, one ledger." in out
    for command in ("trace", "verify", "demo tamper"):
        assert command in out
    story = json.loads(told.read_text())
    assert len(story["nodes"]) == 4
    assert story["records"] >= 5_000
    assert len(story["keys"]) >= 24
    assert len(bytes.fromhex(story["transaction"])) == 32
    # What it made is gone, because no --dir named a place to keep it.
    assert not Path(story["genesis"]).exists()
    assert not Path(story["nodes"][0]["home"]).exists()


def test_the_demo_stays_up_until_it_is_interrupted_and_keeps_its_directory(
    environment: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    process = demo(environment, "--months", "1", "--dir", str(kept))
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert open_genesis((kept / "genesis.json").read_bytes()).document.network == "monazite-demo"
    assert (kept / "nodes" / "ministry" / "store").is_dir()


def test_a_directory_with_something_in_it_is_refused_in_a_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    process = demo(environment, "--once", "--dir", str(tmp_path / "taken"))
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is not empty" in err
    assert "Traceback" not in err


def test_an_interrupted_start_leaves_no_node_running(
    environment: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    process = demo(environment, "--dir", str(kept))
    control = kept / "control"
    while not control.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    for home in (kept / "nodes").iterdir():
        HomeLock.acquire(home).release()
