"""What keeps a node from starting is a sentence and an exit code: real processes on real homes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from client.cli.exit_codes import ExitCode
from client.keystore import write_key_file
from ledger.vocabulary import Role
from node.__main__ import INTERRUPTED, main
from node.storage.leveldb import LevelStore
from node.storage.lock import HomeLock
from tests.support.founding import genesis_bytes
from tests.support.keys import seed_of
from tests.support.node_process import run_node_process
from tests.support.running_node import NodeHome, make_home

SECONDS = 60
PASSPHRASE = b"correct horse battery staple"
VARIABLE = "MONAZITE_PASSPHRASE"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> NodeHome:
    """Return a home that nobody uses, to copy from."""
    return make_home(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def place(template: NodeHome, tmp_path: Path) -> NodeHome:
    """Return a home of its own."""
    path = tmp_path / "home"
    shutil.copytree(template.home.path, path)
    return NodeHome(type(template.home)(path), template.world, template.name)


def cannot_start(place: NodeHome, code: ExitCode, *words: str, **more: str) -> str:
    """Run the node, which must end by itself with this code and a sentence; return that."""
    ended = run_node_process(["run", str(place.home.path)], place.home.path.parent, **more)
    assert "Traceback" not in ended.errors, ended.errors
    assert ended.code == code, ended.errors
    assert ended.output == ""
    sentence = ended.errors.strip().splitlines()[-1]
    for word in words:
        assert word in sentence, sentence
    return sentence


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port of loopback that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


# ---- it does start


def test_a_node_starts_says_so_and_ends_when_it_is_told(place: NodeHome) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "node", "run", str(place.home.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        started = json.loads(process.stderr.readline())
        assert (started["event"], started["level"]) == ("node_started", "info")
        assert started["height"] == place.world.height
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        assert json.loads(process.stderr.readline())["event"] == "node_stopped"


# ---- configuration


def test_a_home_that_does_not_exist(place: NodeHome, tmp_path: Path) -> None:
    absent = NodeHome(type(place.home)(tmp_path / "absent"), place.world, place.name)
    cannot_start(absent, ExitCode.USAGE, "absent/node.toml", "cannot be read")


def test_a_configuration_that_cannot_be_read(place: NodeHome) -> None:
    place.home.configuration.unlink()
    place.home.configuration.mkdir()
    cannot_start(place, ExitCode.USAGE, "node.toml", "cannot be read")


def test_a_configuration_that_is_no_toml(place: NodeHome) -> None:
    place.home.configuration.write_text("[node\n")
    cannot_start(place, ExitCode.USAGE, "node.toml", "is no TOML")


def test_an_unknown_setting(place: NodeHome) -> None:
    place.configure(api={"prot": 8500})
    cannot_start(place, ExitCode.USAGE, "node.toml", "prot")


def test_a_name_that_is_not_the_keys(place: NodeHome) -> None:
    place.configure(node={"name": "customs"})
    cannot_start(place, ExitCode.USAGE, "node.toml says customs", "ministry's")


def test_a_peer_that_is_no_validator(place: NodeHome) -> None:
    place.configure(peers={"peer": [{"name": "nobody", "host": "127.0.0.1", "port": 1}]})
    cannot_start(place, ExitCode.USAGE, "nobody", "no validator", "node_key")


def test_a_node_key_that_is_none(place: NodeHome) -> None:
    peer = {"name": "watcher", "host": "127.0.0.1", "port": 1, "node_key": "abc"}
    place.configure(peers={"peer": [peer]})
    cannot_start(place, ExitCode.USAGE, "watcher", "64 hex digits")


def test_a_certificate_that_is_not_there(place: NodeHome) -> None:
    place.configure(api={"tls_certificate": "api.pem", "tls_key": "api.key"})
    cannot_start(place, ExitCode.USAGE, "there is no file", "api.pem")


def test_a_certificate_that_is_none(place: NodeHome) -> None:
    for name in ("api.pem", "api.key"):
        (place.home.path / name).write_text("not a certificate")
    place.configure(api={"tls_certificate": "api.pem", "tls_key": "api.key"})
    cannot_start(place, ExitCode.USAGE, "api.pem", "no certificate")


def test_a_clock_that_is_not_there(place: NodeHome) -> None:
    place.configure(node={"clock_offset_file": "nowhere"})
    cannot_start(place, ExitCode.USAGE, "clock_offset_file nowhere")


# ---- genesis, store and journal


def test_a_missing_genesis(place: NodeHome) -> None:
    place.home.genesis.unlink()
    cannot_start(place, ExitCode.USAGE, "genesis.json cannot be read", "copy the network's")


def test_a_damaged_genesis(place: NodeHome) -> None:
    place.home.genesis.write_bytes(place.home.genesis.read_bytes()[:-10])
    cannot_start(place, ExitCode.USAGE, "genesis")


def test_a_home_of_another_network(place: NodeHome) -> None:
    place.home.genesis.write_bytes(genesis_bytes())
    cannot_start(place, ExitCode.USAGE, "belongs to another network")


def test_a_missing_store(place: NodeHome) -> None:
    shutil.rmtree(place.home.store)
    cannot_start(place, ExitCode.USAGE, "there is no store")


def test_a_damaged_store(place: NodeHome) -> None:
    (place.home.store / "CURRENT").write_text("MANIFEST-999999\n")
    cannot_start(place, ExitCode.USAGE, "store", "damaged")


def test_a_tip_that_does_not_decode(place: NodeHome) -> None:
    store = LevelStore(place.home.store, create=False)
    store.write({b"Mtip": b"\xc1"}, sync=True)
    store.close()
    cannot_start(place, ExitCode.USAGE, "store", "damaged")


def test_a_missing_journal(place: NodeHome) -> None:
    shutil.rmtree(place.home.journal)
    cannot_start(place, ExitCode.USAGE, "journal is missing", "must not vote")


def test_a_damaged_journal(place: NodeHome) -> None:
    (segment,) = place.home.journal.glob("segment-*")
    segment.write_bytes(b"?" + segment.read_bytes()[1:])
    cannot_start(place, ExitCode.USAGE, "journal", "damaged")


def test_a_journal_of_another_key(place: NodeHome, tmp_path: Path) -> None:
    other = make_home(tmp_path / "other", name="ministry")
    shutil.rmtree(place.home.journal)
    identity_changed = other.home.journal / "segment-0000000001.journal"
    assert identity_changed.exists()
    shutil.copytree(other.home.journal, place.home.journal)
    place.home.consensus_key.unlink()
    write_key_file(place.home.consensus_key, seed_of("customs", Role.CONSENSUS), None)
    cannot_start(place, ExitCode.USAGE, "votes for no validator")


# ---- keys


def encrypt_keys(place: NodeHome) -> None:
    for path, role in (
        (place.home.node_key, Role.NODE),
        (place.home.consensus_key, Role.CONSENSUS),
    ):
        path.unlink()
        write_key_file(path, seed_of(place.name, role), PASSPHRASE, iterations=1_000)


def test_a_wrong_passphrase(place: NodeHome) -> None:
    encrypt_keys(place)
    cannot_start(
        place,
        ExitCode.USAGE,
        "node.pem",
        "passphrase is wrong",
        **{VARIABLE: "incorrect donkey"},
    )


def test_no_passphrase_and_no_terminal(place: NodeHome) -> None:
    encrypt_keys(place)
    cannot_start(place, ExitCode.USAGE, "node.pem", "passphrase")


def test_a_key_that_others_can_read(place: NodeHome) -> None:
    place.home.node_key.chmod(0o644)
    cannot_start(place, ExitCode.USAGE, "node.pem", "chmod 600")


def test_a_missing_node_key(place: NodeHome) -> None:
    place.home.node_key.unlink()
    cannot_start(place, ExitCode.USAGE, "node.pem", "cannot be read")


def test_a_validator_without_its_consensus_key(place: NodeHome) -> None:
    place.home.consensus_key.unlink()
    cannot_start(place, ExitCode.USAGE, "consensus.pem is missing", "follow without voting")


# ---- somebody else


def test_a_home_that_another_process_holds(place: NodeHome) -> None:
    with HomeLock.acquire(place.home.path):
        cannot_start(place, ExitCode.STORE_IN_USE, "is in use by process", str(os.getpid()))


def test_a_store_that_another_process_holds(place: NodeHome) -> None:
    store = LevelStore(place.home.store, create=False)
    try:
        cannot_start(place, ExitCode.STORE_IN_USE, "another process has it open")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("section", "what"), [("api", "API"), ("health", "health"), ("peers", "peer")]
)
def test_a_port_that_is_in_use(place: NodeHome, taken: int, section: str, what: str) -> None:
    place.configure(**{section: {"port": taken}})
    cannot_start(place, ExitCode.USAGE, f"the {what} listener cannot open", f":{taken}")


def test_an_address_that_is_not_ours(place: NodeHome) -> None:
    place.configure(api={"host": "192.0.2.1"})
    cannot_start(place, ExitCode.USAGE, "the API listener cannot open 192.0.2.1")


# ---- the command itself


@pytest.mark.parametrize("arguments", [[], ["run"], ["walk", "x"], ["run", "a", "b"]])
def test_another_command_is_told_how_it_is_used(arguments: list[str], tmp_path: Path) -> None:
    ended = run_node_process(arguments, tmp_path)
    assert (ended.code, ended.errors) == (2, "usage: python -m node run HOME\n")


def test_ctrl_c_at_the_question_for_the_passphrase_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: NodeHome
) -> None:
    def interrupted(_path: Path, _passphrase: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("node.__main__.run_node", interrupted)
    monkeypatch.setattr(sys, "argv", ["node", "run", str(place.home.path)])
    assert main() == INTERRUPTED
    assert capsys.readouterr().err == "interrupted before the node had started\n"
