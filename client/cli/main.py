"""The program ``monazite``: all commands under one roof, and what becomes of errors.

Every expected error is one sentence and an exit code of ``client.cli.exit_codes``; a traceback is shown
only for a fault of the program, and only when ``MONAZITE_TRACEBACK`` is set. What a command returns as a
number is its exit code. Commands of plugins may end with any exception that carries an ``ExitCode`` as
``code`` and words as ``sentence``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Final, NoReturn

import typer

from client.cli import (
    importing,
    keys,
    lookups,
    outbox,
    profiles,
    receipts,
    submitting,
    tracing,
)
from client.cli.exit_codes import ExitCode, of_error
from client.cli.output import forget_reader, note, say_client_error, say_error
from client.cli.plugins import MissingPlugin, mount_plugins
from client.cli.waiting import Interrupted
from client.errors import ClientError

PARTS: Final = (keys, profiles, submitting, outbox, importing, tracing, lookups, receipts)
"""The modules of our own commands, in the order of the help."""

TRACEBACK_VARIABLE: Final = "MONAZITE_TRACEBACK"
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells expect it."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``monazite`` and leave the process with its exit code."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain when it closes stdout.
        forget_reader(sys.stdout)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error is said here."""
    as_json = "--json" in arguments
    app, missing = build_app(next((word for word in arguments if not word.startswith("-")), ""))
    try:
        result = typer.main.get_command(app).main(
            args=list(arguments), prog_name="monazite", standalone_mode=False
        )
    except Interrupted as error:
        return say_client_error(error, INTERRUPTED, as_json=as_json)
    except ClientError as error:
        return say_client_error(error, of_error(error), as_json=as_json)
    except typer.TyperException as error:
        return _say_usage(error, missing, as_json=as_json)
    except typer.Abort:
        return say_error(
            "aborted", "stopped: there was no answer.", ExitCode.USAGE, as_json=as_json
        )
    except KeyboardInterrupt:
        return say_error("interrupted", "stopped.", INTERRUPTED, as_json=as_json)
    except BrokenPipeError:
        return ExitCode.GOOD
    except Exception as error:  # noqa: BLE001 - the outermost boundary of a process
        code, sentence = getattr(error, "code", None), getattr(error, "sentence", "")
        if isinstance(code, ExitCode):
            return say_error(code.name.lower(), str(sentence), code, as_json=as_json)
        return _say_fault(error, as_json=as_json)
    if result == INTERRUPTED:
        # The parser of command lines keeps Ctrl-C to itself and returns this.
        return say_error("interrupted", "stopped.", INTERRUPTED, as_json=as_json)
    return result if isinstance(result, int) else ExitCode.GOOD


def build_app(first_word: str = "") -> tuple[typer.Typer, tuple[MissingPlugin, ...]]:
    """Return the program with all commands, and the plugins that could not be loaded.

    Args:
        first_word: The command that was typed. For one of our own that needs no plugin, plugins
            and the auditor are not even imported: that takes longer than most commands.
    """
    app = typer.Typer(
        name="monazite",
        help="A permissioned ledger for rare-earth quotas and product flows.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_program)
    for part in PARTS:
        part.register(app)
    if first_word in _own_names(app):
        return app, ()
    if importlib.util.find_spec("client.cli.verify") is not None:
        importlib.import_module("client.cli.verify").register(app)
    return app, mount_plugins(app)


def _own_names(app: typer.Typer) -> frozenset[str]:
    commands = [command.name for command in app.registered_commands]
    groups = [
        group.typer_instance.info.name for group in app.registered_groups if group.typer_instance
    ]
    return frozenset(name for name in (*commands, *groups) if isinstance(name, str))


def _on_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if not wanted:
        return
    try:
        number = metadata.version("monazite")
    except metadata.PackageNotFoundError:
        number = "unknown (not installed)"
    print(f"monazite {number}")  # noqa: T201 - the result
    raise typer.Exit


def _program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_on_version, is_eager=True),
    ] = False,
) -> None:
    del version


def _say_usage(
    error: typer.TyperException, missing: Sequence[MissingPlugin], *, as_json: bool
) -> int:
    message = error.format_message()
    if message.startswith("Usage:"):
        # A group of commands without a command: its help is the answer.
        note(message)
        return int(ExitCode.USAGE)
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "monazite")
    if "No such command" in message:
        message = " ".join([message, *(plugin.sentence for plugin in missing)])
    return say_error("usage", f"{message} Try `{path} --help`.", error.exit_code, as_json=as_json)


def _say_fault(error: Exception, *, as_json: bool) -> int:
    if os.environ.get(TRACEBACK_VARIABLE):
        note("".join(traceback.format_exception(error)).rstrip())
    return say_error(
        "unexpected",
        f"a fault of the program: {type(error).__name__}: {error}. Please report it; with "
        f"{TRACEBACK_VARIABLE}=1 it shows where.",
        ExitCode.UNEXPECTED,
        as_json=as_json,
    )


if __name__ == "__main__":
    main()
