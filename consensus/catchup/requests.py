"""Requests under way: one per thing needed, to one peer at a time, elsewhere when no answer comes.

What is needed is worked out anew after every event (``consensus.catchup.repair``); this book only
compares. A new need is asked for at once; a need that vanished is forgotten; an unanswered one goes to the
next peer after a waiting time that grows by half up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from consensus.config import ConsensusConfig
from consensus.messages import BlockRequest, CertificatesRequest, RangeRequest
from consensus.outbox import Outbox
from consensus.peers import PeerBook

Request: TypeAlias = BlockRequest | CertificatesRequest | RangeRequest


@dataclass(frozen=True, slots=True)
class Need:
    """Something that is missing, and who probably has it."""

    request: Request
    hints: tuple[str, ...] = ()


@dataclass(slots=True)
class UnderWay:
    """A request and its latest addressee."""

    request: Request
    peer: str | None
    """None while the grace for a block lasts."""
    attempts: int
    due_ms: int


class RequestBook:
    """All requests of one engine."""

    def __init__(self, config: ConsensusConfig, outbox: Outbox, peers: PeerBook) -> None:
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._under_way: dict[Request, UnderWay] = {}

    def update(self, needs: Iterable[Need], steady_ms: int) -> None:
        """Ask for what is new or overdue, forget what is not needed any more."""
        wanted = {need.request: need for need in needs}
        self._under_way = {r: held for r, held in self._under_way.items() if r in wanted}
        for request, need in wanted.items():
            held = self._under_way.get(request)
            if held is None and isinstance(request, BlockRequest):
                due_ms = steady_ms + self._config.block_grace_ms
                self._under_way[request] = UnderWay(request, None, 0, due_ms)
            elif held is None or held.due_ms <= steady_ms:
                if held is not None and held.peer is not None:
                    self._peers.note_answer(held.peer, good=False)
                self._ask(need, 0 if held is None else held.attempts, steady_ms)

    def next_due_ms(self) -> int | None:
        """Return when the next request is overdue, on the steady clock; None without requests."""
        return min((held.due_ms for held in self._under_way.values()), default=None)

    def find(self, kind: type[Request], peer: str) -> list[Request]:
        """Return the requests of a kind whose latest addressee is ``peer``."""
        return [
            held.request
            for held in self._under_way.values()
            if isinstance(held.request, kind) and held.peer == peer
        ]

    def fail(self, request: Request, steady_ms: int) -> None:
        """Note that the answer was bad: the next peer is asked as soon as needs are compared."""
        held = self._under_way.get(request)
        if held is not None:
            held.due_ms = steady_ms

    def all(self) -> tuple[str, ...]:
        """Return the requests as text, with the peer asked."""
        return tuple(f"{held.request} of {held.peer}" for held in self._under_way.values())

    def _ask(self, need: Need, attempts: int, steady_ms: int) -> None:
        peers = self._peers.to_ask(need.hints, steady_ms, self._config.inactive_after_ms)
        if not peers:
            self._under_way.pop(need.request, None)
            return
        peer = peers[attempts % len(peers)]
        wait_ms = self._config.request_timeout_ms
        for _ in range(min(attempts, 16)):
            wait_ms = min(wait_ms * 3 // 2, self._config.request_timeout_max_ms)
        self._under_way[need.request] = UnderWay(
            need.request, peer, attempts + 1, steady_ms + wait_ms
        )
        self._outbox.send(peer, need.request)
