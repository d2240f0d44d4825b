"""Where the passphrase of a key file comes from: never from a flag.

A flag would stand in the shell's history and in everybody's process list. In this order: a file or
file descriptor that was named, the variable ``MONAZITE_PASSPHRASE``, a question at the terminal. A
program without a terminal is never asked.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from client.errors import UsageError

PASSPHRASE_VARIABLE: Final = "MONAZITE_PASSPHRASE"  # noqa: S105 - its name
PASSPHRASE_BYTES_MAX: Final = 1_024

PassphraseSource: TypeAlias = Callable[[str], bytes]
"""Gives the passphrase for what the text names, such as a key file's path."""


def passphrase_source(
    *, file: Path | None = None, descriptor: int | None = None
) -> PassphraseSource:
    """Return where passphrases come from, with a file or a file descriptor first if one is named.

    A descriptor is read once; the same passphrase then serves every key of the command.
    """
    if file is not None:
        return lambda _subject: _from_file(file)
    if descriptor is not None:
        return _Descriptor(descriptor)
    return from_environment_or_terminal


def from_environment_or_terminal(subject: str) -> bytes:
    """Return the passphrase from ``MONAZITE_PASSPHRASE`` or the terminal.

    Raises:
        UsageError: Neither is there.
    """
    value = os.environ.get(PASSPHRASE_VARIABLE)
    if value is not None:
        return _checked(value.encode(), f"the variable {PASSPHRASE_VARIABLE}")
    _require_terminal(subject)
    return _checked(getpass.getpass(f"Passphrase for {subject}: ").encode(), "the passphrase")


def new_passphrase_from_terminal(subject: str) -> bytes:
    """Ask twice at the terminal for a new passphrase.

    Raises:
        UsageError: There is no terminal, or the two differ.
    """
    _require_terminal(subject)
    first = getpass.getpass(f"New passphrase for {subject}: ")
    if getpass.getpass("The same again: ") != first:
        raise UsageError("the two passphrases differ; nothing was written. Try again.")
    return _checked(first.encode(), "the passphrase")


def is_passphrase_in_environment() -> bool:
    """Tell whether ``MONAZITE_PASSPHRASE`` is set."""
    return PASSPHRASE_VARIABLE in os.environ


def _require_terminal(subject: str) -> None:
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError(
            f"a passphrase for {subject} is needed and there is no terminal to ask at. Set "
            f"{PASSPHRASE_VARIABLE}, or name a file with --passphrase-file or a descriptor with "
            "--passphrase-fd."
        )


def _from_file(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"passphrase file {path}: {error.strerror or error}.") from error
    return _first_line(data, f"passphrase file {path}")


class _Descriptor:
    """Reads one passphrase from a file descriptor, once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._passphrase: bytes | None = None

    def __call__(self, subject: str) -> bytes:
        if self._passphrase is None:
            where = f"file descriptor {self._descriptor}"
            try:
                with os.fdopen(self._descriptor, "rb", closefd=False) as stream:
                    data = stream.read(PASSPHRASE_BYTES_MAX + 2)
            except OSError as error:
                raise UsageError(f"{where} for {subject}: {error.strerror or error}.") from error
            self._passphrase = _first_line(data, where)
        return self._passphrase


def _first_line(data: bytes, where: str) -> bytes:
    return _checked(data.split(b"\n", 1)[0].removesuffix(b"\r"), where)


def _checked(passphrase: bytes, where: str) -> bytes:
    if not passphrase:
        raise UsageError(f"{where} is empty; a passphrase has at least one character.")
    if len(passphrase) > PASSPHRASE_BYTES_MAX:
        raise UsageError(
            f"{where} has more than {PASSPHRASE_BYTES_MAX} bytes; is it the right file?"
        )
    return passphrase
