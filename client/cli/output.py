"""How commands speak: the result on stdout, everything else on stderr, and one JSON object with ``--json``.

A command makes an ``Outcome``: data for programs and lines for people, side by side. With ``--json`` exactly
one object goes to stdout, also for an error; without it the lines do. Progress and warnings go to stderr
in both cases. Nothing here asks questions. Colours are left out when ``NO_COLOR`` is set or stdout is no
terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.markup import escape

from client.cli.exit_codes import ExitCode
from client.errors import ClientError

PLAIN_COLUMNS = 80
"""Width of the output when stdout is no terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command has to say."""

    schema: str
    """Name and version of the JSON object, such as ``monazite.status/1``."""
    data: Mapping[str, Any]
    """For programs."""
    lines: Sequence[RenderableType] = ()
    """For people."""
    next_command: str = ""
    """What is useful to do now, after something was changed."""
    exit_code: ExitCode = ExitCode.GOOD
    warnings: Sequence[str] = field(default=())


def say(outcome: Outcome, *, as_json: bool) -> int:
    """Print an outcome and return its exit code."""
    for warning in outcome.warnings:
        note(f"warning: {warning}")
    if as_json:
        following = {"next": outcome.next_command} if outcome.next_command else {}
        _print_json({"schema": outcome.schema, **outcome.data, **following})
    else:
        _print_lines(outcome)
    return int(outcome.exit_code)


def _print_lines(outcome: Outcome) -> None:
    console = result_console()
    try:
        for line in outcome.lines:
            show(console, line)
        if outcome.next_command:
            command = outcome.next_command.replace("monazite ", f"{program_name()} ")
            show(console, f"next: {command}")
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The console's way of saying that the reader has gone, as in `monazite … | head`.
        forget_reader(sys.stdout)


def program_name() -> str:
    """Return how the program was called, so that the next command can be typed as it is shown."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py" and Path(called).parent.name == "client":
        return f"{sys.executable} -m client"
    if Path(called).name != "monazite":
        return "monazite"
    found = shutil.which("monazite")
    is_on_path = found is not None and Path(found).resolve() == Path(called).resolve()
    return "monazite" if is_on_path else called


def say_error(code: str, detail: str, exit_code: int, *, as_json: bool, **more: Any) -> int:  # noqa: ANN401
    """Print an error, on stdout as JSON or on stderr as text, and return its exit code."""
    if as_json:
        body = {"code": code, "detail": detail, "exit_code": exit_code, **more}
        _print_json({"schema": "monazite.error/1", "error": body})
    else:
        note(f"monazite: {detail}")
    return exit_code


def say_client_error(error: ClientError, exit_code: int, *, as_json: bool) -> int:
    """Print an error of the SDK with everything that it knows, and return its exit code."""
    more = {
        name: value for name, value in error.as_dict().items() if name not in ("code", "detail")
    }
    return say_error(error.code, str(error), int(exit_code), as_json=as_json, **more)


def note(text: str) -> None:
    """Say something on stderr: progress, a warning, an error."""
    try:
        print(text, file=sys.stderr)  # noqa: T201 - this is where output is printed
    except BrokenPipeError:
        forget_reader(sys.stderr)


def forget_reader(stream: TextIO) -> None:
    """Let what is still written to ``stream`` go nowhere, because its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def result_console() -> Console:
    """Return the console for results."""
    width = None if sys.stdout.isatty() else PLAIN_COLUMNS
    return Console(file=sys.stdout, highlight=False, width=width)


def show(console: Console, line: RenderableType) -> None:
    """Print one line or drawing. A ``str`` is never broken, so that ids and commands can be copied."""
    if isinstance(line, str):
        console.print(line, markup=False, soft_wrap=True)
    else:
        console.print(line)


def literal(text: str) -> str:
    """Return ``text`` so that a drawing shows it as it stands."""
    return escape(text)


def _print_json(body: Mapping[str, Any]) -> None:
    try:
        print(json.dumps(body, ensure_ascii=False, indent=2))  # noqa: T201 - as in note()
        sys.stdout.flush()
    except BrokenPipeError:
        forget_reader(sys.stdout)
