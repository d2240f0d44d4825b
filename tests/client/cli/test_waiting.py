from __future__ import annotations

import os
import re
import signal

import pytest
from aiohttp import web

from client.answers import MempoolSize, NamedValidator, PeerState, Status
from client.cli import waiting
from client.cli.output import program_name
from client.forms import form_of
from client.profile import load_profile
from tests.client.desk import Desk
from tests.support.founding import FOUNDERS
from tests.support.trading import output


def status_of(*, validators: int, connected: int, validating: bool | None) -> Status:
    names = [f"v{number}" for number in range(validators)]
    return Status(
        network="n",
        chain_id="",
        node="v0",
        member="m",
        software="",
        height=1,
        time_ms=0,
        block_id="",
        state_root="",
        log_root="",
        validators=tuple(NamedValidator(name=name, member=name) for name in names),
        view=1,
        leader="v0",
        mempool=MempoolSize(transactions=0, bytes=0),
        peers=tuple(
            PeerState(name=name, connected=number < connected)
            for number, name in enumerate([*names[1:], "observer"])
        ),
        evidence=(),
        halted="",
        validating=validating,
    )


def test_a_quorum_is_all_validators_but_the_third_that_may_fail() -> None:
    for validators, quorum in ((1, 1), (3, 3), (4, 3), (7, 5)):
        enough = status_of(validators=validators, connected=quorum - 1, validating=None)
        assert (enough.quorum, enough.without_quorum) == (quorum, "")
    short = status_of(validators=4, connected=1, validating=True)
    assert short.without_quorum == (
        "no quorum reachable: v0 reaches 2 of 4 validators, 3 are needed"
    )
    assert status_of(validators=4, connected=2, validating=False).without_quorum
    observed = status_of(validators=4, connected=4, validating=False)
    assert observed.validators_reached == 3, "an observer is no validator"


def test_the_status_says_in_words_when_no_quorum_is_reachable(desk: Desk) -> None:
    assert "quorum" not in desk.run("status").err
    desk.node.peers_connected = 1
    ran = desk.run("status")
    assert ran.code == 0
    assert f"no quorum reachable: node-test reaches 1 of {len(FOUNDERS)} validators" in ran.err


def test_ctrl_c_says_that_the_transaction_stays_in_the_outbox(desk: Desk) -> None:
    async def interrupt(_request: web.Request) -> web.StreamResponse | None:
        os.kill(os.getpid(), signal.SIGINT)
        return None

    desk.ledger.is_held = True
    desk.node.answer_next(interrupt)
    path = desk.file("made.json", [form_of(output())])
    ran = desk.run("submit", path)
    assert ran.code == 130
    (entry,) = load_profile("mine-a").outbox_directory.glob("*.tx")
    assert f"Transaction {entry.stem} lies in the outbox" in ran.err
    assert "do not write it anew" in ran.err
    assert "monazite outbox resume" in ran.err
    desk.ledger.release()
    assert "final in block" in desk.run("outbox", "resume").out


def test_a_terminal_shows_what_is_waited_for_and_that_no_quorum_is_reachable(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    desk.ledger.is_held = True
    desk.node.peers_connected = 1

    def show(_line: object, text: str) -> None:
        shown.append(text)
        if text:
            desk.ledger.release()

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(waiting._Line, "show", show)
    monkeypatch.setattr(waiting, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "TICK_SECONDS", 0.01)
    ran = desk.run("submit", desk.file("made.json", [form_of(output())]))
    assert ran.code == 0, ran.err
    said = next(text for text in shown if text)
    assert re.match(
        rf"sent to {desk.node.address}, waiting for finality, \d+ s \(no quorum reachable: ", said
    )


def test_the_next_command_is_written_as_the_program_was_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    for called, name in (
        (".venv/bin/monazite", ".venv/bin/monazite"),
        ("/usr/bin/pytest", "monazite"),
    ):
        monkeypatch.setattr("sys.argv", [called])
        assert program_name() == name
    monkeypatch.setattr("sys.argv", ["/somewhere/client/__main__.py"])
    assert program_name().endswith(" -m client")
