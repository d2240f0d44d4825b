"""Options that several commands share, each spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from client.cli.output import note
from client.cli.words import counted
from client.errors import ProfileError
from client.passphrase import passphrase_source
from client.profile import Profile, current_profile_name, load_profile
from client.session import Client
from client.timing import Patience

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, also for an error.")
]
ProfileName: TypeAlias = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Profile instead of the current one."),
]
NodeAddresses: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--node", metavar="URL", help="Node to ask, instead of the profile's. Repeatable."
    ),
]
PassphraseFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="First line is the passphrase."),
]
PassphraseDescriptor: TypeAlias = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", help="File descriptor with the passphrase."),
]
ValidMinutes: TypeAlias = Annotated[
    int,
    typer.Option(
        "--valid-minutes", min=1, max=1430, help="How long it may wait for a block, in minutes."
    ),
]


PATIENCE: Final = Patience(question_ms=5_000)
"""Somebody sits and waits: a question is given up sooner than in a program."""


def reading_client(profile: str | None, nodes: list[str] | None) -> Client:
    """Return a client for questions; with ``--node`` no profile is needed."""
    return Client(nodes or (), profile=_profile(profile, optional=bool(nodes)), patience=PATIENCE)


def writing_client(
    profile: str | None,
    nodes: list[str] | None,
    passphrase_file: Path | None,
    passphrase_descriptor: int | None,
) -> Client:
    """Return a client that can sign; a profile is needed."""
    loaded = _profile(profile, optional=False)
    if loaded is not None and loaded.member is None:
        raise ProfileError(
            loaded.directory / "profile.toml", "has no `member`: it only reads. Add who writes."
        )
    source = passphrase_source(file=passphrase_file, descriptor=passphrase_descriptor)
    client = Client(nodes or (), profile=loaded, passphrase=source, patience=PATIENCE)
    if loaded is not None and loaded.outbox_directory.is_dir():
        waiting = sum(1 for _ in loaded.outbox_directory.glob("*.tx"))
        if waiting:
            are, them = ("is", "it") if waiting == 1 else ("are", "them")
            note(
                f"note: {counted(waiting, 'transaction')} of an earlier run {are} in the outbox; "
                f"`monazite outbox resume` brings {them} to an end."
            )
    return client


def _profile(name: str | None, *, optional: bool) -> Profile | None:
    if name is None and optional:
        try:
            name = current_profile_name()
        except ProfileError:
            return None
    return load_profile(name)
