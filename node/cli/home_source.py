"""The home of a stopped node as something to verify.

The store is opened as it is, with the node's lock held, so that nothing runs on it meanwhile. What the node
calls itself is read from its ``node.toml``, so that two copies of one store are not taken for two
witnesses; a home whose configuration gives no name has none.
Nothing in it is trusted: what stands at a height is handed to the auditor byte for byte, and a
damaged store is an answer that cannot be used, not an end of the program.
"""

from __future__ import annotations

import tomllib
from contextlib import ExitStack
from pathlib import Path

from client.errors import UsageError
from client.verify.http_source import NODE_NAME_CHARACTERS_MAX
from client.verify.source import (
    SOURCE_OPENERS,
    AnswerUnusable,
    HistoryRow,
    SourceInUse,
    SourceSilent,
    TargetKind,
    TipClaim,
)
from client.verify.words import printable
from ledger.store import META_GENESIS, META_TIP, block_key, proof_key
from ledger.wire.block import Header
from ledger.wire.codec import decode
from ledger.wire.errors import WireError
from ledger.wire.scalars import Height
from node.home import Home
from node.storage.leveldb import LevelStore, StoreError, StoreInUseError
from node.storage.lock import HomeInUseError, HomeLock

CONFIGURATION_BYTES_MAX = 1024 * 1024
ROWS_BYTES_MAX = 16 * 1024 * 1024
"""Rows beyond this are left for the next request."""


class HomeSource:
    """One stopped node's copy of the history."""

    def __init__(self, target: str) -> None:
        """Open the store.

        Raises:
            SourceInUse: The node runs.
            UsageError: The directory is no home, or its store cannot be opened.
        """
        home = Home(Path(target))
        self._name = target
        self._home = home
        self._stack = ExitStack()
        if not home.store.is_dir():
            raise UsageError(f"{target}: there is no store in it; it is no node's home.")
        try:
            self._stack.callback(HomeLock.acquire(home.path).release)
            self._store = LevelStore(home.store, create=False)
            self._stack.callback(self._store.close)
        except (HomeInUseError, StoreInUseError) as error:
            self._stack.close()
            raise SourceInUse(f"{error}. Stop the node, or give its address instead.") from error
        except (StoreError, OSError) as error:
            self._stack.close()
            raise UsageError(f"{target}: {error}") from error

    @property
    def name(self) -> str:
        """The path, as it was given."""
        return self._name

    async def genesis(self) -> bytes:
        """Return the genesis document in the store."""
        data = self._get(META_GENESIS)
        if data is None:
            raise SourceSilent(self._name, "its store holds no genesis document")
        return data

    async def tip(self) -> TipClaim:
        """Return where the store says that its history ends, and what the configuration calls it."""
        data = self._get(META_TIP)
        if data is None:
            raise SourceSilent(self._name, "its store holds no ledger")
        try:
            height = decode(Header, data).height
        except WireError as error:
            raise AnswerUnusable(self._name, f"its tip cannot be read: {error}") from error
        return TipClaim(height, node_name(self._home), is_stopped=True)

    async def blocks(self, first: Height, limit: int) -> list[HistoryRow]:
        """Return the rows from ``first`` upward, at most ``limit``."""
        rows: list[HistoryRow] = []
        size = 0
        for number in range(first, first + limit):
            block = self._get(block_key(Height(number)))
            if block is None or (rows and size + len(block) > ROWS_BYTES_MAX):
                break
            rows.append((block, self._get(proof_key(Height(number))) or b""))
            size += len(block)
        return rows

    async def close(self) -> None:
        """Close the store and let go of the lock."""
        self._stack.close()

    def _get(self, key: bytes) -> bytes | None:
        try:
            return self._store.get(key)
        except StoreError as error:
            raise AnswerUnusable(self._name, str(error)) from error


def node_name(home: Home) -> str:
    """Return what a home's configuration calls its node; empty when it gives no readable name.

    Only this setting is read, so that a configuration that the node would refuse for another reason
    still says whose home it is.
    """
    try:
        with home.configuration.open("rb") as file:
            data = file.read(CONFIGURATION_BYTES_MAX + 1)
        if len(data) > CONFIGURATION_BYTES_MAX:
            return ""
        section = tomllib.loads(data.decode()).get("node")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return ""
    name = section.get("name") if isinstance(section, dict) else None
    return printable(name[:NODE_NAME_CHARACTERS_MAX]) if isinstance(name, str) else ""


def register() -> None:
    """Let ``verify`` read the homes of stopped nodes."""
    SOURCE_OPENERS[TargetKind.HOME] = HomeSource
