"""The demo's profile names and its story, without starting a network."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
from rich.console import Console

from client.profile import profile_directory
from node.demo.founding import DemoDirectory
from node.demo.history import MONTHS_MAX
from node.demo.network import NOTE, _free_profile_name, is_running
from node.demo.story import Story, tell


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAZITE_CONFIG_DIR", str(tmp_path / "configuration"))


def note(profile: str, directory: Path) -> None:
    profile_directory(profile).mkdir(parents=True)
    (profile_directory(profile) / NOTE).write_text(str(directory))


def test_a_running_network_keeps_its_profile(tmp_path: Path) -> None:
    assert _free_profile_name() == "demo"
    note("demo", tmp_path)
    directory = DemoDirectory(tmp_path)
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(directory.control))
        control.listen()
        assert is_running(directory)
        assert _free_profile_name() == "demo-2"
    assert not is_running(directory)
    assert _free_profile_name() == "demo"


def test_a_profile_that_is_no_demos_is_left_alone() -> None:
    profile_directory("demo").mkdir(parents=True)
    assert _free_profile_name() == "demo-2"


def told(*, months: int = MONTHS_MAX, stays: bool = True) -> str:
    story = Story(
        nodes=(("north-group", "http://127.0.0.1:8500", Path("/" + "long/" * 40)),),
        genesis=Path("genesis.json"),
        keys={},
        profile="",
        months_count=months,
        enterprises_count=1,
        records_count=1,
        transactions_count=1,
        height=1,
        loaded_seconds=1.0,
        lot="mine/C-1",
        lot_id="",
        transaction="",
    )
    console = Console(file=io.StringIO(), width=80)
    tell(story, console, stays=stays, directory=None)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_home_is_told_whole_on_one_line() -> None:
    assert any("long/" * 40 in line or "long/" * 39 in line for line in told().splitlines())


def test_only_two_whole_years_add_up_to_the_published_quotas() -> None:
    assert "published quotas" in told()
    assert "published quotas" not in told(months=3)
    assert "first 3 of the 24 months" in told(months=3)


def test_a_network_that_has_ended_is_not_offered() -> None:
    assert "has ended" in told(stays=False)
    assert "has ended" not in told()
    assert "demo stop" in told()
