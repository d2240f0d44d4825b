"""What a driver needs around it, as protocols: in a node LevelDB, a file and sockets; in tests, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from consensus.effects import JournalRecord
from ledger.store import Reader
from node.net.sendqueue import Priority


class Store(Reader, Protocol):
    """The store as the driver writes it."""

    def write(self, batch: Mapping[bytes, bytes | None], *, sync: bool) -> None:
        """Apply ``batch`` as a whole; with ``sync`` it is durable afterwards."""


class Journal(Protocol):
    """The consensus journal."""

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Append records; they are durable after ``sync``."""

    def sync(self) -> None:
        """Wait until everything appended is durable."""

    def roll(self) -> int:
        """Begin a new segment and return its number."""

    def drop_before(self, number: int) -> int:
        """Remove all segments before ``number``."""


class Peers(Protocol):
    """The transport, as far as the driver uses it (``node.net.peers.PeerNetwork``)."""

    def send(self, peer: str, priority: Priority, message: bytes) -> bool:
        """Queue a message for a peer; KeyError if it is no target, or the transport has ended."""

    def connected_peers(self) -> list[str]:
        """Return the peers that can be sent to."""

    def refuse(self, peer: str, reason: str) -> None:
        """End the connection from a peer for what it sent, and keep it out for a while."""
