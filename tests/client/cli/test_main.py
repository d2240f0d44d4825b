from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import client.cli.main
from client.cli.exit_codes import ExitCode, of_error
from client.cli.main import run
from client.errors import (
    Busy,
    CellProblem,
    ClientError,
    ClientRefusal,
    FormError,
    ImportFileError,
    ImportRefusal,
    KeyFileError,
    NotFound,
    ProfileError,
    StillPending,
    Unreachable,
    Unverified,
    UsageError,
)
from client.forms import form_of
from tests.client.desk import Desk
from tests.support.trading import output

PROBLEM = CellProblem("march.csv", 3, "code", "x", "is wrong.", "Write y.")
ERRORS: list[tuple[ClientError, ExitCode]] = [
    (UsageError("no"), ExitCode.USAGE),
    (KeyFileError("key.pem", "no"), ExitCode.USAGE),
    (ProfileError("profile.toml", "no"), ExitCode.USAGE),
    (FormError("[0]", "no"), ExitCode.USAGE),
    (ImportFileError([PROBLEM]), ExitCode.USAGE),
    (ClientRefusal("quota_exceeded", "too much."), ExitCode.REFUSED),
    (ImportRefusal([PROBLEM], done={}), ExitCode.REFUSED),
    (NotFound("nothing"), ExitCode.NOT_FOUND),
    (StillPending("ab", "", valid_until_ms=1), ExitCode.INCOMPLETE),
    (Unverified("node", "no"), ExitCode.TAMPERED),
    (Unreachable({"node": "down"}), ExitCode.UNREACHABLE),
    (Busy({"node": "full"}), ExitCode.UNREACHABLE),
    (ClientError("odd"), ExitCode.UNEXPECTED),
]


def program(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program as people do, in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "client", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program have one command, ``fail``, that raises ``error``."""

    def fail() -> None:
        raise error

    def build(_first_word: str) -> tuple[typer.Typer, tuple[()]]:
        app = typer.Typer()
        app.callback()(lambda: None)
        app.command("fail")(fail)
        return app, ()

    monkeypatch.setattr(client.cli.main, "build_app", build)


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_every_error_has_its_exit_code_and_can_be_written_as_json(
    error: ClientError, code: ExitCode
) -> None:
    assert of_error(error) is code
    body = json.loads(json.dumps(error.as_dict()))
    assert body["code"] == error.code
    assert body["detail"] == str(error)


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_of_a_command_is_a_sentence_on_stderr_and_never_a_traceback(
    error: ClientError,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error, monkeypatch)
    assert run(["fail"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("monazite: ")
    assert "Traceback" not in captured.err


def test_a_fault_of_the_program_says_so_and_shows_where_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(RuntimeError("impossible"), monkeypatch)
    assert run(["fail"]) == ExitCode.UNEXPECTED
    assert "a fault of the program: RuntimeError: impossible" in capsys.readouterr().err
    monkeypatch.setenv("MONAZITE_TRACEBACK", "1")
    assert run(["fail"]) == ExitCode.UNEXPECTED
    assert "Traceback" in capsys.readouterr().err


def test_a_plugin_may_end_with_any_code_and_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ended(Exception):  # noqa: N818 - how a plugin's command may end
        code = ExitCode.STORE_IN_USE
        sentence = "another process holds the store."

    fail_with(Ended(), monkeypatch)
    assert run(["fail"]) == ExitCode.STORE_IN_USE
    assert "another process holds the store." in capsys.readouterr().err


def test_an_unknown_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trcae", "x"]) == ExitCode.USAGE
    assert "Did you mean 'trace'?" in capsys.readouterr().err
    assert run(["member", "shw"]) == ExitCode.USAGE
    assert "Did you mean 'show'?" in capsys.readouterr().err


def test_a_missing_argument_and_an_unknown_option_are_usage_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["trace"]) == ExitCode.USAGE
    assert "Missing argument" in capsys.readouterr().err
    assert run(["status", "--nod", "x"]) == ExitCode.USAGE
    assert "--node" in capsys.readouterr().err


def test_usage_errors_are_json_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trcae", "--json"]) == ExitCode.USAGE
    body = json.loads(capsys.readouterr().out)
    assert body["schema"] == "monazite.error/1"
    assert body["error"]["exit_code"] == 2


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == ExitCode.USAGE
    assert "Commands:" in capsys.readouterr().err
    assert run(["key"]) == ExitCode.USAGE
    assert "Make key files" in capsys.readouterr().err


def test_help_and_version_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == ExitCode.GOOD
    assert "trace" in capsys.readouterr().out
    assert run(["--version"]) == ExitCode.GOOD
    assert capsys.readouterr().out.startswith("monazite ")


def test_every_command_knows_json_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        *(["submit"], ["countersign"], ["send"], ["import"], ["trace"], ["status"], ["receipt"]),
        *(["key", "new"], ["key", "show"], ["profile", "add"], ["profile", "use"]),
        *(["profile", "show"], ["profile", "list"], ["outbox", "list"], ["outbox", "resume"]),
        *(["lot", "show"], ["member", "show"], ["member", "list"], ["quota", "show"]),
        *(["block", "show"], ["verify"]),
    ]
    for command in commands:
        assert run([*command, "--help"]) == ExitCode.GOOD, command
        assert "--json" in capsys.readouterr().out, command


def test_the_process_ends_with_the_exit_code_of_the_command(desk: Desk) -> None:
    good = program("status")
    refused = program("submit", str(desk.file("r.json", [form_of(output(product="GOLD"))])))
    missing = program("lot", "show", "mine-a/NONE", "--json")
    assert [run.returncode for run in (good, refused, missing)] == [0, 7, 10]
    assert good.stdout.startswith("node-test")
    assert "product_unknown" in refused.stderr
    assert json.loads(missing.stdout)["error"]["code"] == "not_found"
    assert all("Traceback" not in run.stderr for run in (good, refused, missing))
    assert "\x1b[" not in good.stdout


def test_no_command_asks_without_a_terminal(tmp_path: Path) -> None:
    ran = program("key", "new", str(tmp_path / "key.pem"))
    assert ran.returncode == ExitCode.USAGE
    assert "no terminal to ask at" in ran.stderr
    assert not (tmp_path / "key.pem").exists()


@pytest.mark.parametrize(
    ("command", "code"),
    [("member list", 0), ("member list --json", 0), ("lot show a/b --json", 10)],
)
def test_a_reader_that_goes_away_is_no_error(desk: Desk, command: str, code: int) -> None:
    line = f"{sys.executable} -m client {command} | true; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{code}\n"
    assert ran.stderr == ""
