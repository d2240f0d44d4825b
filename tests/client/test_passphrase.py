from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from client.errors import UsageError
from client.passphrase import (
    from_environment_or_terminal,
    new_passphrase_from_terminal,
    passphrase_source,
)


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes("größe und mehr\r\nsecond line\n".encode())
    assert passphrase_source(file=path)("key") == "größe und mehr".encode()


def test_a_descriptor_is_read_once_and_serves_every_key() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\n")
    os.close(writing)
    source = passphrase_source(descriptor=reading)
    assert source("one") == source("another") == b"from a pipe"
    os.close(reading)


def test_a_closed_descriptor_is_named() -> None:
    with pytest.raises(UsageError, match="file descriptor 987 for key"):
        passphrase_source(descriptor=987)("key")


def test_the_environment_comes_before_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAZITE_PASSPHRASE", "from the environment")
    assert from_environment_or_terminal("key") == b"from the environment"


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    with pytest.raises(UsageError, match=r"no terminal to ask at.*MONAZITE_PASSPHRASE"):
        from_environment_or_terminal("operator.pem")
    with pytest.raises(UsageError, match="no terminal to ask at"):
        new_passphrase_from_terminal("operator.pem")


def test_an_empty_passphrase_is_named_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"\n")
    with pytest.raises(UsageError, match=r"passphrase file .*empty is empty"):
        passphrase_source(file=empty)("key")
    monkeypatch.setenv("MONAZITE_PASSPHRASE", "")
    with pytest.raises(UsageError, match="MONAZITE_PASSPHRASE is empty"):
        from_environment_or_terminal("key")


def test_a_missing_file_and_one_that_is_no_passphrase_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        passphrase_source(file=tmp_path / "nothing")("key")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 2_000)
    with pytest.raises(UsageError, match="more than 1024 bytes"):
        passphrase_source(file=large)("key")
