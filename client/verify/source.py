"""Where a history is read from, and how a TARGET on the command line is recognised.

A source gives three things: the genesis document that it serves, where it says that its history ends,
and rows of block and proof by height. All three are claims: the audit trusts none of them. A source
that does not answer, or answers what no source answers, raises a ``SourceError`` and nothing else; it never
returns more rows than were asked for, and bounds every answer.

Kinds of targets:

* ``http://…`` and ``https://…``: a running node (``client.verify.http_source``);
* an existing directory: the home of a stopped node. Its database is not this package's business, so a
  program that can read one registers an opener: ``SOURCE_OPENERS[TargetKind.HOME] = open_home``;
* an existing file: an archive, which this version cannot read and says so.

An opener gets the target and returns a source. What the person at the command line can put right it raises
as a ``client.errors.UsageError`` or ``NotFound``, a store that another process holds as ``SourceInUse``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from client.errors import ClientError, UsageError
from ledger.wire.scalars import Height

HistoryRow: TypeAlias = tuple[bytes, bytes]
"""What a node keeps for one height: the block's bytes and the proof's, empty for the genesis block."""


class SourceError(Exception):
    """A source gave nothing that can be used."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        """What happened, in words, without the name."""
        super().__init__(f"{name}: {reason}")


class SourceSilent(SourceError):  # noqa: N818 - says what it is
    """It could not be reached, or answered too late, or that it cannot answer."""


class AnswerUnusable(SourceError):  # noqa: N818 - says what it is
    """It answered what no node answers."""


class SourceInUse(ClientError):  # noqa: N818 - says what it is
    """The store belongs to a running node; give the node's address instead."""

    code = "store_in_use"


@dataclass(frozen=True, slots=True)
class TipClaim:
    """Where a source says that its history ends, and what it calls itself."""

    height: Height
    node: str = ""
    """Name of the node; empty when it has none."""
    is_stopped: bool = False
    """Whether nothing runs on it, so that it cannot get further by itself."""


class HistorySource(Protocol):
    """One copy of a history."""

    @property
    def name(self) -> str:
        """What reports call it: an address or a path."""

    async def genesis(self) -> bytes:
        """Return the genesis document that it serves.

        Raises:
            SourceError: It has none to give.
        """

    async def tip(self) -> TipClaim:
        """Return where it says that its history ends.

        Raises:
            SourceError: It does not say.
        """

    async def blocks(self, first: Height, limit: int) -> list[HistoryRow]:
        """Return the rows from ``first`` upward, at most ``limit``; none when ``first`` is above its tip.

        Raises:
            SourceError: It gave nothing usable.
        """

    async def close(self) -> None:
        """Let go of connections and files."""


class TargetKind(StrEnum):
    """What a TARGET names."""

    NODE = "node"
    HOME = "home"
    ARCHIVE = "archive"


SourceOpener: TypeAlias = Callable[[str], HistorySource]
SOURCE_OPENERS: Final[dict[TargetKind, SourceOpener]] = {}
"""How each kind is opened; filled by the packages that can."""

_MISSING: Final = {
    TargetKind.NODE: "this program cannot speak to nodes",
    TargetKind.HOME: (
        "it is a directory; reading the home of a stopped node needs the node's package "
        "(pip install 'monazite[node]')"
    ),
    TargetKind.ARCHIVE: "it is a file; archives cannot be read yet, give the addresses of nodes",
}


def kind_of_target(target: str) -> TargetKind:
    """Return what ``target`` names.

    Raises:
        UsageError: Neither an address nor an existing directory or file.
    """
    if target.startswith(("http://", "https://")):
        return TargetKind.NODE
    scheme, separator, _rest = target.partition("://")
    if separator:
        raise UsageError(f"{target}: {scheme} addresses are not known; use http:// or https://.")
    try:
        path = Path(target)
        if target and path.is_dir():
            return TargetKind.HOME
        if target and path.exists():
            return TargetKind.ARCHIVE
    except (OSError, ValueError) as error:
        raise UsageError(f"{target!r}: {error}.") from error
    raise UsageError(
        f"{target!r} is neither the address of a node (https://…) nor an existing directory."
    )


def open_target(
    target: str, openers: Mapping[TargetKind, SourceOpener] = SOURCE_OPENERS
) -> HistorySource:
    """Return the source that ``target`` names.

    Raises:
        UsageError: It names nothing that can be opened.
        SourceInUse: Another process holds it.
    """
    kind = kind_of_target(target)
    opener = openers.get(kind)
    if opener is None:
        raise UsageError(f"{target}: {_MISSING[kind]}.")
    return opener(target)
