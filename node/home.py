"""The home directory of a node: what is in it, and making and opening it.

    HOME/node.toml        configuration (``node.config``)
    HOME/genesis.json     the genesis document, exactly as agreed
    HOME/keys/            consensus.pem and node.pem, mode 0600
    HOME/store/           LevelDB
    HOME/journal/         what this node has signed; without it the consensus key must not vote
    HOME/node.lock        held while the node runs, with its process id

A home belongs to one network: its store carries the genesis, and opening it with another is refused.
The journal is made together with the store, never alone: a consensus key without its journal never votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.genesis import Genesis, open_genesis
from ledger.store import META_GENESIS
from ledger.wire.scalars import PublicKey
from node.storage.journal import Journal
from node.storage.leveldb import LevelStore


class HomeError(Exception):
    """A home cannot be used as it is."""

    def __init__(self, home: Path, reason: str) -> None:
        self.home = home
        self.reason = reason
        super().__init__(f"{home}: {reason}")


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside a node's home."""

    path: Path

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.path / "node.toml"

    @property
    def genesis(self) -> Path:
        """The genesis document."""
        return self.path / "genesis.json"

    @property
    def consensus_key(self) -> Path:
        """The key that votes."""
        return self.path / "keys" / "consensus.pem"

    @property
    def node_key(self) -> Path:
        """The key that identifies the node to its peers."""
        return self.path / "keys" / "node.pem"

    @property
    def store(self) -> Path:
        """The database."""
        return self.path / "store"

    @property
    def journal(self) -> Path:
        """The consensus journal."""
        return self.path / "journal"


def read_genesis(home: Home) -> Genesis:
    """Read and open the genesis document of a home.

    Raises:
        HomeError: There is none, or it cannot be read.
        InvalidGenesisError: It is refused.
    """
    try:
        return open_genesis(home.genesis.read_bytes())
    except OSError as error:
        raise HomeError(
            home.path,
            f"genesis.json cannot be read ({error.strerror}). A new node gets it with `monazite "
            "node join`; to one that has joined before, copy the network's here",
        ) from error


def create_ledger(home: Home, genesis: Genesis, consensus_key: PublicKey | None) -> None:
    """Make store and journal of a new node; the store holds the genesis block afterwards.

    Raises:
        HomeError: There is a store already.
    """
    if home.store.exists():
        raise HomeError(home.path, "there is a store already")
    store = LevelStore(home.store, create=True)
    try:
        store.write(genesis.writes(), sync=True)
    finally:
        store.close()
    if consensus_key is not None:
        Journal.create(home.journal, identity_of(genesis, consensus_key)).close()


def open_store(home: Home, genesis: Genesis) -> LevelStore:
    """Open the store of a home.

    Raises:
        HomeError: There is none, or it belongs to another network.
        StoreError: It is in use, damaged, or of another version.
    """
    if not home.store.exists():
        raise HomeError(
            home.path,
            "there is no store. A new node gets one with `monazite node join`; "
            "if it was lost, `monazite node rebuild` makes another",
        )
    store = LevelStore(home.store, create=False)
    if store.get(META_GENESIS) != home.genesis.read_bytes():
        store.close()
        raise HomeError(
            home.path,
            "the store was made from another genesis than genesis.json "
            f"(chain {genesis.chain_id.hex()}); this home belongs to another network",
        )
    return store


def open_journal(home: Home, genesis: Genesis, consensus_key: PublicKey) -> Journal:
    """Open the journal of a home.

    Raises:
        HomeError: There is none: the key must not vote.
        JournalError: It is damaged or belongs to another key or network.
    """
    if not Journal.exists(home.journal):
        raise HomeError(
            home.path,
            "the journal is missing. Nobody knows what this node has signed, so its consensus key "
            "must not vote any more: restore the journal, or let the network replace the key",
        )
    return Journal.open(home.journal, identity_of(genesis, consensus_key))


def identity_of(genesis: Genesis, consensus_key: PublicKey) -> bytes:
    """Return what ties a journal to network, epoch, validator set and key."""
    return b"".join(
        (
            genesis.chain_id,
            genesis.header.epoch.to_bytes(8, "big"),
            genesis.validators.digest,
            consensus_key,
        )
    )
