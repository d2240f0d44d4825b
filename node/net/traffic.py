"""What the transport counts, and why it refuses.

Plain numbers that only grow, kept by name of peer and never reset while the node runs; whoever
publishes metrics reads them. A peer is an operator's concern when its ``rejects`` or ``dropped``
grow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Reject(StrEnum):
    """Why a connection was refused or ended by this side."""

    TLS = "tls"
    """The handshake failed: no TLS 1.3, no certificate of this network, or no TLS at all."""
    SLOW = "slow"
    """The connection was not set up in time."""
    CROWDED = "crowded"
    """Too many connections were being set up at once."""
    KEY = "key"
    """The key is not a node key of the ledger, or not the one expected at that address."""
    HTTP = "http"
    """The request was not the WebSocket upgrade that nodes make."""
    FRAME = "frame"
    """A frame that does not parse, or is too long."""
    TEXT = "text"
    """A text frame."""
    UNASKED = "unasked"
    """Data on a connection that only we send on."""
    MESSAGE = "message"
    """The receiver of the messages refused one."""
    QUARANTINE = "quarantine"
    """The peer came back too soon after it was refused for what it sent."""


@dataclass(slots=True)
class PeerTraffic:
    """Counters of one peer."""

    bytes_in: int = 0
    frames_in: int = 0
    messages_in: int = 0
    bytes_out: int = 0
    frames_out: int = 0
    messages_out: int = 0
    connects: int = 0
    """Connections made to the peer."""
    accepts: int = 0
    """Connections accepted from the peer."""
    dial_failures: int = 0
    """Attempts to connect that failed."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Messages that were not sent, by priority; ``disconnected`` if there was no connection."""
    rejects: Counter[Reject] = field(default_factory=Counter)
    """Times this side ended or refused a connection, by reason."""


@dataclass(slots=True)
class NetworkTraffic:
    """Counters of the whole transport."""

    peers: dict[str, PeerTraffic] = field(default_factory=dict)
    """By name of peer, as soon as something happened with it."""
    strangers: Counter[Reject] = field(default_factory=Counter)
    """Connections refused before it was known whose they are, or that are nobody's."""

    def peer(self, name: str) -> PeerTraffic:
        """Return the counters of the peer ``name``."""
        traffic = self.peers.get(name)
        if traffic is None:
            traffic = self.peers[name] = PeerTraffic()
        return traffic


class Log(Protocol):
    """Where the transport reports events: a name, and what was found."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Report one event. Must not block or raise."""
