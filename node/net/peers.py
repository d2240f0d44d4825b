"""The transport between nodes: everybody dials everybody.

Every node dials every other node and sends on the connection that it dialled; what others send
arrives on the connections that they dialled. So there are two connections between two nodes, each
with one direction, and nobody has to agree on which of two simultaneous connections survives.
``dialer`` is one half, ``listener`` the other; this module starts, stops and addresses them.

What a caller may rely on:

* ``send`` never blocks. Votes leave before proposals, proposals before answers, answers before
  transactions. Nothing grows without bound: a full queue drops, and the counters say what.
* ``on_frame`` gets the name of the peer whose key is at the other end, and the messages of one
  frame. They are bytes from somebody who may be malicious: raise ``PeerFaultError`` for what no
  correct node sends, or call ``refuse`` when that is found out later.
* A message may be lost at any time, with or without an end of the connection. ``on_connected`` and
  ``on_disconnected`` speak about the connection *to* the peer, and always come in turn.
* An error of our own ends the whole transport: ``wait`` raises it. ``stop`` leaves no task and no
  socket behind.

What it does not do: sign, encode, or understand messages; find peers; remember anything on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from node.net.dialer import Dialer, DialerEvents, PeerAddress
from node.net.identity import NodeIdentity
from node.net.limits import NetworkLimits
from node.net.listener import Listener, ListenerEvents
from node.net.sendqueue import Priority
from node.net.traffic import Log, NetworkTraffic


@dataclass(frozen=True, slots=True)
class PeerEvents:
    """Whom the transport asks and tells. The callbacks must not block."""

    allowed: Callable[[bytes], str | None]
    """Name of the peer that this node key belongs to; None: it may not connect."""
    on_frame: Callable[[str, Sequence[bytes]], None]
    """Takes (peer, messages of one frame, in order). May raise PeerFaultError."""
    on_connected: Callable[[str], None]
    """The peer can be sent to."""
    on_disconnected: Callable[[str], None]
    """The peer cannot be sent to any more; what waited for it is lost."""
    log: Log


class PeerNetwork:
    """The connections of one node.

    ``jitter`` gives random numbers from 0 to 1 that spread new attempts to connect.
    """

    def __init__(
        self,
        identity: NodeIdentity,
        listen: tuple[str, int],
        targets: Mapping[str, PeerAddress],
        events: PeerEvents,
        limits: NetworkLimits | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.traffic = NetworkTraffic()
        self.port = listen[1]
        """Port it listens on; known after ``start`` if 0 was asked for."""
        self._identity = identity
        self._host = listen[0]
        self._limits = limits or NetworkLimits()
        self._events = events
        self._dialer_events = DialerEvents(
            events.on_connected, events.on_disconnected, events.log, jitter
        )
        self._targets = self._checked(targets)
        self._dialers: dict[str, tuple[Dialer, asyncio.Task[None]]] = {}
        self._listener: Listener | None = None
        self._group: asyncio.TaskGroup | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open the port and begin to dial; returns at once.

        Raises:
            OSError: the port cannot be opened.
            RuntimeError: it was started before.
        """
        if self._supervisor is not None:
            raise RuntimeError("a transport is started once")
        loop = asyncio.get_running_loop()
        failure = self._failure = loop.create_future()
        events = ListenerEvents(
            self._events.allowed, self._events.on_frame, self._fail, self._events.log
        )
        listener = Listener(self._identity, self._limits, self.traffic, events)
        self.port = listener.bind(self._host, self.port)
        self._listener = listener
        started: asyncio.Future[None] = loop.create_future()
        self._supervisor = loop.create_task(
            self._supervise(listener, started, failure), name="peer network"
        )
        await started

    async def wait(self) -> None:
        """Return when the transport was stopped.

        Raises:
            ExceptionGroup: it ended because of an error of our own; the node must end too.
        """
        if self._supervisor is None:
            raise RuntimeError("start comes before wait")
        await asyncio.wait([self._supervisor])
        if not self._supervisor.cancelled():
            self._supervisor.result()

    async def stop(self) -> None:
        """Close the port and all connections. Calling it again does nothing."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])

    def send(self, peer: str, priority: Priority, message: bytes) -> bool:
        """Queue ``message`` for ``peer``; return whether it will be sent if the line holds.

        Raises:
            KeyError: the peer is not one of the targets.
            ValueError: the message is empty or longer than a frame.
        """
        return self._dialers[peer][0].send(priority, message)

    def broadcast(self, priority: Priority, message: bytes) -> int:
        """Queue ``message`` for all targets; return for how many it will be sent.

        Raises:
            ValueError: the message is empty or longer than a frame.
        """
        return sum(dialer.send(priority, message) for dialer, _ in self._dialers.values())

    def connected_peers(self) -> list[str]:
        """Return the peers that can be sent to, sorted."""
        return sorted(peer for peer, (dialer, _) in self._dialers.items() if dialer.connected)

    def inbound_peers(self) -> list[str]:
        """Return the peers that can send to us, sorted."""
        return self._listener.inbound_peers() if self._listener is not None else []

    def refuse(self, peer: str, reason: str) -> None:
        """End the connection from ``peer`` for what it sent, and keep it out for a while."""
        if self._listener is not None:
            self._listener.refuse(peer, reason)

    async def retarget(self, targets: Mapping[str, PeerAddress]) -> None:
        """Dial ``targets`` from now on, and cut connections whose key is no longer allowed.

        A connection to a peer whose address and key stay the same is left alone.

        Raises:
            ValueError: a target has this node's own key.
            RuntimeError: the transport does not run.
        """
        if self._group is None or self._listener is None:
            raise RuntimeError("the transport does not run")
        self._targets = self._checked(targets)
        ended = [
            self._dialers.pop(peer)[1]
            for peer, (dialer, _) in list(self._dialers.items())
            if self._targets.get(peer) != dialer.address
        ]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)
        self._dial_missing(self._group)
        self._listener.recheck()

    async def _supervise(
        self,
        listener: Listener,
        started: asyncio.Future[None],
        failure: asyncio.Future[None],
    ) -> None:
        """Run everything; an error in any part ends all of it."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(listener.run(group), name="accept peers")
                group.create_task(_raise_from(failure), name="failure of the peer network")
                self._dial_missing(group)
                started.set_result(None)
        except ExceptionGroup as errors:
            self._events.log("network_failed", reason=str(errors.exceptions[0]))
            raise
        finally:
            self._group = None
            self._dialers.clear()
            with suppress(OSError):
                await listener.close()

    def _dial_missing(self, group: asyncio.TaskGroup) -> None:
        for peer, address in self._targets.items():
            if peer not in self._dialers:
                traffic = self.traffic.peer(peer)
                dialer = Dialer(
                    peer, address, self._identity, self._limits, traffic, self._dialer_events
                )
                self._dialers[peer] = (dialer, group.create_task(dialer.run(), name=f"dial {peer}"))

    def _checked(self, targets: Mapping[str, PeerAddress]) -> dict[str, PeerAddress]:
        for peer, address in targets.items():
            if address.public_key == self._identity.public_key:
                raise ValueError(
                    f"target {peer} has this node's own key; a node does not dial itself"
                )
        return dict(targets)

    def _fail(self, error: Exception) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)


async def _raise_from(failure: asyncio.Future[None]) -> None:
    await failure
