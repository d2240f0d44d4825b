"""The sending side: one connection to one peer, made again whenever it is lost.

* The connection is only used for sending. Data that arrive on it are a fault of the peer.
* The peer's key is compared with the one that the ledger names for it *before* the first byte of
  HTTP leaves, and again on any redirect that the peer might answer with.
* ``send`` never blocks and never waits: the message goes into a queue (``sendqueue``), and one
  task takes what waits, as much as fits into a frame, whenever the line is free. On a free line a
  message leaves in the same turn of the event loop; while a frame is being written, more messages
  gather.
* The system holds little that was not sent yet (``write_buffer_bytes``, TCP_NOTSENT_LOWAT), so
  that a vote overtakes transactions in the queue instead of standing behind them in a socket.
* What waits when a connection is lost is forgotten, and nothing is queued while there is none:
  ``on_connected`` is the sign to tell the peer where we stand.
* Attempts are repeated for ever, after 0.2 s to 10 s, doubling, with jitter. Only the first of
  equal failures is reported.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from node.net.framing import pack
from node.net.identity import NodeIdentity, PeerIdentityError, peer_public_key
from node.net.limits import NetworkLimits
from node.net.sendqueue import Priority, SendQueue
from node.net.traffic import Log, PeerTraffic, Reject

if sys.version_info >= (3, 12):
    from typing import override
else:
    # Comes with aiohttp, which needs it up to Python 3.12.
    from typing_extensions import override

PEER_PATH: Final = "/monazite/peer/1"
"""Where nodes connect; the number is the version of framing and of what connections are for."""

_NOT_SENT_BYTES: Final = 128 * 1024
_NOTSENT_LOWAT: Final = cast("int | None", getattr(socket, "TCP_NOTSENT_LOWAT", None))
_YIELD_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a peer listens, and the node key it must show there."""

    host: str
    port: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class DialerEvents:
    """Whom a dialer tells. The callbacks must not block."""

    on_connected: Callable[[str], None]
    on_disconnected: Callable[[str], None]
    log: Log
    jitter: Callable[[], float]
    """Random numbers from 0 to 1 that spread the attempts."""


class Backoff:
    """How long to wait before connecting again."""

    def __init__(self, limits: NetworkLimits, jitter: Callable[[], float]) -> None:
        self._first_ms = limits.redial_first_ms
        self._max_ms = limits.redial_max_ms
        self._jitter = jitter
        self._longest_ms = 0

    def after(self, lasted_ms: float) -> float:
        """Return the pause in ms after an attempt, or a connection, that lasted ``lasted_ms``.

        The longest possible pause doubles each time, and begins anew after a connection that
        lasted; the pause itself is a random part of it, at least half.
        """
        anew = lasted_ms >= self._max_ms or not self._longest_ms
        doubled = self._first_ms if anew else 2 * self._longest_ms
        self._longest_ms = min(doubled, self._max_ms)
        return self._longest_ms * (0.5 + 0.5 * self._jitter())


class Dialer:
    """Keeps a connection to ``peer`` while ``run`` runs, and sends what it is given."""

    def __init__(
        self,
        peer: str,
        address: PeerAddress,
        identity: NodeIdentity,
        limits: NetworkLimits,
        traffic: PeerTraffic,
        events: DialerEvents,
    ) -> None:
        self.peer = peer
        self.address = address
        self.connected = False
        self._identity = identity
        self._limits = limits
        self._traffic = traffic
        self._events = events
        self._queue = SendQueue(limits.queues)
        self._waiting = asyncio.Event()
        self._last_failure = ""

    def send(self, priority: Priority, message: bytes) -> bool:
        """Queue ``message``; return whether it will be sent if the connection lasts. Never blocks.

        Raises:
            ValueError: the message is empty or too long.
        """
        if not self.connected:
            self._traffic.dropped["disconnected"] += 1
            return False
        dropped = self._queue.put(priority, message)
        self._waiting.set()
        if not dropped:
            return True
        self._traffic.dropped[priority.name.lower()] += dropped
        return priority is not Priority.TRANSACTION

    async def run(self) -> None:
        """Connect, serve, connect again; ends only by cancellation."""
        pauses = Backoff(self._limits, self._events.jitter)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            ended = await self._connect_and_serve()
            pause_ms = pauses.after((loop.time() - began) * 1000)
            if ended != self._last_failure:
                self._last_failure = ended
                self._report("peer_not_connected", reason=ended, next_attempt_ms=round(pause_ms))
            await asyncio.sleep(pause_ms / 1000)

    async def _connect_and_serve(self) -> str:
        """Hold one connection from beginning to end, and return why it ended."""
        connector = _PinnedConnector(self.address.public_key, self._identity, self._limits)
        # A session is for one connection: nothing of an earlier one can be used again.
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            try:
                ws = await self._upgrade(session)
                if isinstance(ws, str):
                    self._traffic.dial_failures += 1
                    return ws
                return await self._serve(ws)
            finally:
                connector.cut()

    async def _upgrade(
        self, session: aiohttp.ClientSession
    ) -> aiohttp.ClientWebSocketResponse | str:
        """Return the connection, or why there is none."""
        host, port = self.address.host, self.address.port
        timeout_s = self._limits.setup_timeout_ms / 1000
        try:
            async with asyncio.timeout(timeout_s):
                return await session.ws_connect(
                    URL.build(scheme="wss", host=host, port=port, path=PEER_PATH),
                    heartbeat=self._limits.heartbeat_ms / 1000,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._limits.close_timeout_ms / 1000),
                    max_msg_size=1024,
                )
        except TimeoutError:
            return f"not set up after {timeout_s} s"
        except (aiohttp.ClientError, OSError, PeerIdentityError, ValueError) as error:
            # ValueError: a host name that is none.
            return f"{type(error).__name__}: {error}".rstrip(": ")

    async def _serve(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        self._last_failure = ""
        self._traffic.connects += 1
        self.connected = True
        self._report("peer_connected")
        try:
            self._events.on_connected(self.peer)
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(self._send_waiting(ws), name=f"send to {self.peer}")
                ended = await self._watch(ws)
                sender.cancel()
            return ended
        finally:
            self.connected = False
            self._queue.clear()
            self._events.on_disconnected(self.peer)
            with suppress(aiohttp.ClientError, OSError):
                await ws.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    async def _watch(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        """Wait until the connection ends, and return why."""
        message = await ws.receive()
        if message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}:
            self._traffic.rejects[Reject.UNASKED] += 1
            await ws.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=b"unasked data")
            return "the peer sent data on a connection that is not for it"
        if message.type is aiohttp.WSMsgType.CLOSE:
            return f"closed by the peer: {message.data} {message.extra}".rstrip()
        if message.type is aiohttp.WSMsgType.ERROR:
            return f"lost: {message.data}"
        return f"lost: {ws.exception() or 'the connection ended'}"

    async def _send_waiting(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Send what waits, for as long as the connection takes it."""
        queue, traffic, waiting = self._queue, self._traffic, self._waiting
        with suppress(aiohttp.ClientError, ConnectionError):
            while True:
                messages = queue.take()
                if not messages:
                    waiting.clear()
                    await waiting.wait()
                    continue
                frame = pack(messages)
                # Returns at once while the transport has room; that is what makes a line free.
                await ws.send_bytes(frame)
                traffic.frames_out += 1
                traffic.messages_out += len(messages)
                traffic.bytes_out += len(frame)
                if len(frame) >= _YIELD_BYTES:
                    # A long queue on a fast line must not keep everything else waiting.
                    await asyncio.sleep(0)

    def _report(self, event: str, **fields: object) -> None:
        address = f"{self.address.host}:{self.address.port}"
        self._events.log(event, peer=self.peer, address=address, **fields)


class _PinnedConnector(aiohttp.TCPConnector):
    """Makes connections that have shown the expected key before anything is sent on them."""

    def __init__(self, public_key: bytes, identity: NodeIdentity, limits: NetworkLimits) -> None:
        super().__init__(ssl=identity.client_context, force_close=True, limit=1)
        self._public_key = public_key
        self._write_buffer_bytes = limits.write_buffer_bytes
        self._opened: list[asyncio.Transport] = []

    @override
    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        try:
            self._check_and_tune(connection.transport)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_and_tune(self, transport: asyncio.Transport | None) -> None:
        if transport is None:
            raise ConnectionResetError("the peer went away")
        self._opened.append(transport)
        shown = peer_public_key(transport.get_extra_info("ssl_object"))
        if shown != self._public_key:
            raise PeerIdentityError(
                f"the node there shows key {shown.hex()}, the ledger says {self._public_key.hex()}"
            )
        transport.set_write_buffer_limits(high=self._write_buffer_bytes)
        if _NOTSENT_LOWAT is not None:
            line: socket.socket = transport.get_extra_info("socket")
            line.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _NOT_SENT_BYTES)

    def cut(self) -> None:
        """End all connections at once."""
        for transport in self._opened:
            transport.abort()
        self._opened.clear()
