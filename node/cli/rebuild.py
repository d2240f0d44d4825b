"""``monazite node rebuild HOME``: a new store in place of one that is damaged, altered or lost.

The store holds nothing that the other nodes do not have, so it begins again at the genesis and the node
fetches every block, verified, from its peers. The journal is another matter: it alone says what the
consensus key has signed, so it is kept, and there is no rebuilding without it. The old store is moved
aside and never repaired or removed.
"""

from __future__ import annotations

from pathlib import Path

from client.cli.exit_codes import ExitCode
from client.errors import UsageError
from ledger.errors import InvalidGenesisError
from ledger.genesis import Genesis
from node.cli.running import NodeExit
from node.config import ConfigurationError, load_configuration
from node.home import Home, HomeError, create_ledger, open_journal, read_genesis
from node.storage.journal_errors import JournalError
from node.storage.leveldb import StoreError
from node.storage.lock import HomeInUseError, HomeLock


def rebuild(home: Home) -> Path | None:
    """Move the store aside and make a new one from the genesis; return where the old one is.

    Raises:
        UsageError: The directory is no node's home.
        NodeExit: The node runs, or genesis or journal are missing or cannot be used.
    """
    if not home.configuration.exists():
        raise UsageError(f"{home.path} is no node's home: there is no node.toml in it.")
    try:
        with HomeLock.acquire(home.path):
            genesis = read_genesis(home)
            _check_journal(home, genesis)
            moved = _move_aside(home)
            create_ledger(home, genesis, None)
    except HomeInUseError as error:
        raise NodeExit(ExitCode.STORE_IN_USE, f"{error}. Stop the node first.") from error
    except (
        ConfigurationError,
        HomeError,
        InvalidGenesisError,
        JournalError,
        StoreError,
        OSError,
    ) as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error
    return moved


def _check_journal(home: Home, genesis: Genesis) -> None:
    name = load_configuration(home.configuration).node.name
    key = next((row.consensus_key for row in genesis.document.validators if row.name == name), None)
    if key is None:
        raise HomeError(home.path, f"{name} is no validator of {genesis.document.network}")
    open_journal(home, genesis, key).close()


def _move_aside(home: Home) -> Path | None:
    if not home.store.exists():
        return None
    number = 1
    while (place := home.path / f"store.damaged-{number}").exists():
        number += 1
    home.store.rename(place)
    return place
