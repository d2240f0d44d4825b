"""``monazite verify`` as people call it: what it takes, where it writes, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import typer

import client.cli.verify as command
from client.cli.exit_codes import ExitCode, of_error
from client.errors import ClientError, ProfileError
from client.profile import Profile
from client.verify.source import SOURCE_OPENERS, HistorySource, SourceInUse, TargetKind
from ledger.wire.codec import encode
from tests.client.verify.auditing import MemorySource
from tests.client.verify.lying_node import LyingNode
from tests.support.history import BASE, History, make_branch, make_history

GENESIS = make_history().genesis


@contextmanager
def serving(*nodes: LyingNode) -> Iterator[list[str]]:
    """Serve nodes on loopback from a thread of their own, as the command has its own loop."""
    ready, addresses = threading.Event(), list[str]()
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        contexts = [node.serving() for node in nodes]
        addresses.extend([await context.__aenter__() for context in contexts])
        ready.set()
        await ending.wait()
        for context in contexts:
            await context.__aexit__(None, None, None)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10), "the nodes did not start"
    try:
        yield addresses
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)
        loop.close()


def run(*arguments: str) -> int:
    """Run the command as the program does, and return its exit code."""
    app = typer.Typer()
    command.register(app)
    try:
        result = typer.main.get_command(app).main(list(arguments), standalone_mode=False)
    except ClientError as error:
        return int(of_error(error))
    return int(result)


@pytest.fixture(autouse=True)
def _no_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MONAZITE_PROFILE", raising=False)


@pytest.fixture
def genesis_file(tmp_path: Path) -> str:
    path = tmp_path / "genesis.json"
    path.write_bytes(GENESIS.data)
    return str(path)


def spoiled_history() -> History:
    history = make_history()
    block = history.block(BASE)
    fewer = msgspec.structs.replace(block, transactions=block.transactions[:1])
    return history.with_block(BASE, encode(fewer))


def test_two_nodes_are_verified_and_the_verdict_is_the_last_line(
    genesis_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as addresses:
        assert run(*addresses, "--genesis", genesis_file) == ExitCode.GOOD
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "VERIFIED through block 10: 2 nodes, one history"
    assert captured.err == ""
    assert "\x1b" not in captured.out


def test_the_digest_of_the_genesis_may_be_given_instead() -> None:
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as addresses:
        assert run(*addresses, "--genesis", GENESIS.chain_id.hex()) == ExitCode.GOOD


@pytest.mark.parametrize(
    ("histories", "verdict", "code"),
    [
        ((make_history(), spoiled_history()), "TAMPERED", 3),
        ((make_history(40), make_history(40).cut_to(9)), "TRUNCATED", 4),
        ((make_history(), make_branch(BASE + 2, 3, (1, 2, 3))), "FORK", 5),
        ((make_history(),), "INCOMPLETE", 6),
    ],
    ids=["tampered", "truncated", "fork", "incomplete"],
)
def test_each_verdict_has_its_exit_code_in_text_and_json(
    histories: tuple[History, ...],
    verdict: str,
    code: int,
    genesis_file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nodes = [LyingNode(history, f"node-{at}") for at, history in enumerate(histories)]
    with serving(*nodes) as addresses:
        assert run(*addresses, "--genesis", genesis_file) == code
        assert capsys.readouterr().out.splitlines()[-1].startswith(verdict)
        assert run(*addresses, "--genesis", genesis_file, "--json") == code
    body = json.loads(capsys.readouterr().out)
    assert (body["schema"], body["verdict"]) == ("monazite.verify/1", verdict)
    assert body["findings"][0]["action"]


def test_without_a_pinned_genesis_it_is_incomplete(capsys: pytest.CaptureFixture[str]) -> None:
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as addresses:
        assert run(*addresses) == ExitCode.INCOMPLETE
    assert "NOT pinned" in capsys.readouterr().out


def test_the_profile_pins_the_genesis_and_names_the_nodes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as addresses:
        profile = Profile(
            name="demo",
            directory=tmp_path,
            nodes=tuple(addresses),
            chain_id=GENESIS.chain_id,
            genesis=GENESIS.data,
        )
        monkeypatch.setattr(command, "load_profile", lambda _name: profile)
        assert run("--profile", "demo") == ExitCode.GOOD
    assert "pinned in the profile demo" in capsys.readouterr().out


def test_a_damaged_profile_is_an_error_unless_everything_is_given_by_hand(
    monkeypatch: pytest.MonkeyPatch, genesis_file: str
) -> None:
    def damaged(name: str) -> Profile:
        raise ProfileError(name, "its genesis was changed.")

    monkeypatch.setattr(command, "current_profile_name", lambda: "demo")
    monkeypatch.setattr(command, "load_profile", damaged)
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as addresses:
        assert run(*addresses) == ExitCode.USAGE
        assert run(*addresses, "--genesis", genesis_file) == ExitCode.GOOD


def test_a_node_given_twice_is_one_node(genesis_file: str) -> None:
    with serving(LyingNode(make_history(), "a")) as (address,):
        assert run(address, f"{address}/", "--genesis", genesis_file) == ExitCode.INCOMPLETE


def test_a_peer_is_a_further_target(genesis_file: str) -> None:
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(history, "b")) as (first, second):
        assert run(first, "--peer", second, "--genesis", genesis_file) == ExitCode.GOOD


def test_nobody_reachable_is_exit_code_8(
    genesis_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("http://127.0.0.1:1", "--genesis", genesis_file) == ExitCode.UNREACHABLE
    assert capsys.readouterr().out.splitlines()[-1] == "INCOMPLETE: no node could be reached"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [""],
        ["nowhere"],
        ["ftp://a"],
        ["http://"],
        ["\x00"],
        ["http://127.0.0.1:1", "--genesis", "nowhere"],
        ["http://127.0.0.1:1", "--genesis", ""],
        ["http://127.0.0.1:1", "--profile", "nobody"],
    ],
)
def test_what_cannot_be_opened_is_a_usage_error(arguments: list[str]) -> None:
    assert run(*arguments) == ExitCode.USAGE


class ClosableSource(MemorySource):
    """Notes whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


def test_a_home_is_opened_by_whoever_registered_for_it_and_always_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, genesis_file: str
) -> None:
    home = ClosableSource("home", make_history())
    opened: list[str] = []

    def opener(target: str) -> HistorySource:
        opened.append(target)
        return home

    monkeypatch.setitem(SOURCE_OPENERS, TargetKind.HOME, opener)
    assert run(str(tmp_path), "--genesis", genesis_file) == ExitCode.INCOMPLETE
    assert opened == [str(tmp_path)]
    assert home.closed
    home.closed = False
    assert run(str(tmp_path), "http://a?b", "--genesis", genesis_file) == ExitCode.USAGE
    assert home.closed


def test_a_home_in_use_is_exit_code_11(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, genesis_file: str
) -> None:
    def opener(target: str) -> HistorySource:
        raise SourceInUse(f"{target} belongs to a running node.")

    monkeypatch.setitem(SOURCE_OPENERS, TargetKind.HOME, opener)
    assert run(str(tmp_path), "--genesis", genesis_file) == ExitCode.STORE_IN_USE


def test_a_directory_without_an_opener_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(SOURCE_OPENERS, TargetKind.HOME, raising=False)
    app = typer.Typer()
    command.register(app)
    with pytest.raises(ClientError, match=r"monazite\[node\]"):
        typer.main.get_command(app).main([str(tmp_path)], standalone_mode=False)


def test_an_output_without_arrows_does_not_end_the_report(
    monkeypatch: pytest.MonkeyPatch, genesis_file: str, tmp_path: Path
) -> None:
    out = (tmp_path / "out").open("w", encoding="ascii")
    history = make_history()
    with serving(LyingNode(history, "a"), LyingNode(spoiled_history(), "b")) as addresses, out:
        monkeypatch.setattr("sys.stdout", out)
        assert run(*addresses, "--genesis", genesis_file) == ExitCode.TAMPERED
    assert (tmp_path / "out").read_text().splitlines()[-1].startswith("TAMPERED")
