"""What is known about each peer: when it was heard, where it stands, what it may still ask for.

All of it is hints. It decides whom to ask, whom to skip and how much to answer; it never decides what is
true. A peer is named by the transport's authenticated name: a validator's name, or an observer's.

Answers are rationed by a bucket of tokens per peer, so that no peer can make a node work or send without
end. A peer unknown so far is taken in as long as there is room for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consensus.electorate import Electorate
from ledger.wire.scalars import Height, ValidatorIndex, View

TOKENS_MAX: Final = 64
TOKEN_INTERVAL_MS: Final = 10
"""One token comes back in this time."""
FAILURES_MAX: Final = 8
OTHER_PEERS_MAX: Final = 256
"""Peers that are no validators, beyond which new ones are not remembered or answered."""


@dataclass(slots=True)
class Peer:
    """One peer."""

    name: str
    heard_ms: int
    """Steady clock when something last came from it; at the start, the start."""
    view: View
    """Highest view it is known to have reached."""
    final_view: View
    final_height: Height
    tokens: int = TOKENS_MAX
    tokens_ms: int = 0
    heard: bool = False
    suspicions: int = 0
    failures: int = 0
    """Questions in a row that it left unanswered, or answered wrongly."""


def _new_peer(name: str, steady_ms: int) -> Peer:
    return Peer(name, steady_ms, View(0), View(0), Height(0), tokens_ms=steady_ms)


class PeerBook:
    """All peers."""

    def __init__(self, electorate: Electorate) -> None:
        self._electorate = electorate
        self._peers: dict[str, Peer] = {}
        self._start_ms = 0

    def start(self, steady_ms: int) -> None:
        """Take every validator as heard just now."""
        self._start_ms = steady_ms
        for index, name in enumerate(self._electorate.names):
            if index != self._electorate.own:
                self._peers[name] = _new_peer(name, steady_ms)

    def get(self, name: str) -> Peer | None:
        """Return a peer that is known."""
        return self._peers.get(name)

    def of(self, voter: ValidatorIndex) -> Peer | None:
        """Return the peer that is validator ``voter``; None for the own one."""
        return self._peers.get(self._electorate.names[voter])

    def hear(self, name: str, steady_ms: int) -> Peer | None:
        """Note that something authenticated came from ``name``.

        Returns:
            The peer; None if there is no room for one more, or it has the own name.
        """
        peer = self._peers.get(name)
        if peer is None:
            if name in self._electorate.names and self._electorate.index_of(name) == (
                self._electorate.own
            ):
                return None
            if len(self._peers) >= OTHER_PEERS_MAX + len(self._electorate.names):
                return None
            peer = self._peers[name] = _new_peer(name, steady_ms)
        peer.heard_ms, peer.heard = steady_ms, True
        return peer

    def spend(self, name: str, tokens: int, steady_ms: int) -> bool:
        """Take ``tokens`` from a peer's bucket; False, and nothing taken, if it has too few."""
        peer = self._peers.get(name)
        if peer is None:
            return False
        gained = (steady_ms - peer.tokens_ms) // TOKEN_INTERVAL_MS
        if gained > 0:
            peer.tokens = min(TOKENS_MAX, peer.tokens + gained)
            peer.tokens_ms += gained * TOKEN_INTERVAL_MS
        if peer.tokens < tokens:
            return False
        peer.tokens -= tokens
        return True

    def is_skippable(self, leader: ValidatorIndex, steady_ms: int, after_ms: int) -> bool:
        """Tell whether ``leader`` was not heard of for ``after_ms`` while a quorum was."""
        if self._is_active(leader, steady_ms, after_ms):
            return False
        everybody = range(len(self._electorate.names))
        active = sum(self._is_active(ValidatorIndex(i), steady_ms, after_ms) for i in everybody)
        return active >= self._electorate.quorum

    def to_ask(self, hints: tuple[str, ...], steady_ms: int, after_ms: int) -> tuple[str, ...]:
        """Return whom to ask, best first: the hints, active validators, the rest; never itself.

        Peers that left earlier questions unanswered come after those that did not.
        """
        rotated = self._rotated()
        active = [n for n in rotated if steady_ms - self._peers[n].heard_ms < after_ms]
        ordered = (*(hint for hint in hints if hint in self._peers), *active, *rotated)
        return tuple(sorted(dict.fromkeys(ordered), key=lambda name: self._peers[name].failures))

    def ahead(self, height: Height) -> tuple[str, ...]:
        """Return the peers that say that ``height`` is final."""
        return tuple(name for name in self._rotated() if self._peers[name].final_height >= height)

    def all(self) -> tuple[Peer, ...]:
        """Return all peers, by name."""
        return tuple(self._peers[name] for name in sorted(self._peers))

    def note_answer(self, name: str, *, good: bool) -> None:
        """Remember whether a peer answered what it was asked; a good answer wipes the slate."""
        peer = self._peers.get(name)
        if peer is not None:
            peer.failures = 0 if good else min(peer.failures + 1, FAILURES_MAX)

    def _rotated(self) -> tuple[str, ...]:
        """Return the other validators, beginning after the own place, so that loads differ."""
        names = [name for name in self._electorate.names if name in self._peers]
        turn = self._electorate.own or 0
        return (*names[turn:], *names[:turn])

    def _is_active(self, voter: ValidatorIndex, steady_ms: int, after_ms: int) -> bool:
        peer = self.of(voter)
        return peer is None or steady_ms - peer.heard_ms < after_ms
