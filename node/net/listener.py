"""The receiving side: connections that other nodes made to us.

From the first byte on, everything that arrives may be rubbish:

* A connection has ``setup_timeout_ms`` for TCP, TLS and the upgrade, and only so many may be on
  the way, in all and from one address.
* A finished handshake proves which key is at the other end (``identity``); ``allowed`` says
  whose it is. A key that is nobody's gets 403 and the end of the connection.
* After the upgrade only binary frames that parse are taken. Anything else, and any frame whose
  messages the receiver refuses with ``PeerFaultError``, ends the connection, is counted by reason,
  and keeps the peer out for ``quarantine_ms``. The others do not notice.
* A peer has one connection. A new one replaces the old, which may be dead without our knowing.
* Our own key at the other end means that a second process runs with it: refused and reported.

* What strangers can cause at will is logged once in a while, and counted always.

An exception of another kind from ``on_frame`` or ``allowed`` is a fault of this node, not the
peer's: it goes to ``fail``, which ends the transport, so that a node never goes on half alive.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.http_websocket import WebSocketError

from node.net.dialer import PEER_PATH
from node.net.framing import FRAME_BYTES_MAX, FrameError, unpack
from node.net.identity import NodeIdentity, PeerIdentityError, peer_public_key
from node.net.limits import NetworkLimits
from node.net.traffic import Log, NetworkTraffic, Reject
from node.net.upgrade import UpgradeServer

_BACKLOG: Final = 128
_ACCEPT_PAUSE_S: Final = 0.1
_CLOSE_REASON_BYTES_MAX: Final = 120
_YIELD_MESSAGES: Final = 256
_CAUSES_MAX: Final = 256

_P = ParamSpec("_P")
_T = TypeVar("_T")


class PeerFaultError(Exception):
    """Raised by a receiver: the peer sent what no correct node sends."""


@dataclass(frozen=True, slots=True)
class ListenerEvents:
    """Whom a listener asks and tells. The callbacks must not block."""

    allowed: Callable[[bytes], str | None]
    """Whose node key this is, or None."""
    on_frame: Callable[[str, Sequence[bytes]], None]
    """Takes the messages of one frame, in order. May raise PeerFaultError."""
    fail: Callable[[Exception], None]
    """Takes an error of our own."""
    log: Log


@dataclass(frozen=True, slots=True, eq=False)
class _Inbound:
    """An accepted connection that messages arrive on."""

    public_key: bytes
    ws: web.WebSocketResponse
    transport: asyncio.Transport


class Listener:
    """Accepts connections from the peers and hands on what they send."""

    def __init__(
        self,
        identity: NodeIdentity,
        limits: NetworkLimits,
        traffic: NetworkTraffic,
        events: ListenerEvents,
    ) -> None:
        self._identity = identity
        self._limits = limits
        self._traffic = traffic
        self._events = events
        self._server = UpgradeServer(self._handle, limits, self._on_http_error)
        self._socket: socket.socket | None = None
        self._setups: Counter[str] = Counter()
        self._inbound: dict[str, _Inbound] = {}
        self._quarantine: dict[str, float] = {}
        self._silent_until: dict[tuple[str, ...], float] = {}

    def bind(self, host: str, port: int) -> int:
        """Open the port, and return its number.

        Raises:
            OSError: the address is in use or not ours.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        dualstack = host == "::" and socket.has_dualstack_ipv6()
        self._socket = socket.create_server(
            (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack
        )
        self._socket.settimeout(0)
        return int(self._socket.getsockname()[1])

    def inbound_peers(self) -> list[str]:
        """Return the peers that are connected to us."""
        return sorted(self._inbound)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Accept connections for ever; each is set up in a task of ``group``."""
        if self._socket is None:
            raise RuntimeError("bind comes before run")
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._socket)
            except OSError as error:
                # Out of descriptors or memory, or gone before it was accepted.
                self._report("accept_failed", self._socket.getsockname()[0], reason=str(error))
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            host = str(address[0])
            if self._is_crowded(host):
                connection.close()
                self._reject_stranger(Reject.CROWDED, host, "too many connections being set up")
                continue
            self._setups[host] += 1
            group.create_task(self._set_up(connection, host), name=f"set up {host}")

    def recheck(self) -> None:
        """Cut the connections whose key is no longer what ``allowed`` says about their peer."""
        for peer, inbound in list(self._inbound.items()):
            if self._events.allowed(inbound.public_key) != peer:
                self._traffic.peer(peer).rejects[Reject.KEY] += 1
                self._events.log("peer_refused", peer=peer, reason="its key is no longer allowed")
                inbound.transport.abort()

    def refuse(self, peer: str, reason: str) -> None:
        """Cut the peer's connection for what it sent, and keep it out for the quarantine."""
        self._condemn(peer, Reject.MESSAGE, reason)
        inbound = self._inbound.get(peer)
        if inbound is not None:
            inbound.transport.abort()

    async def close(self) -> None:
        """Close the port and all connections; returns when the last one is gone."""
        if self._socket is not None:
            self._socket.close()
        going_away = aiohttp.WSCloseCode.GOING_AWAY
        closing = [inbound.ws.close(code=going_away) for inbound in self._inbound.values()]
        await asyncio.gather(*closing, return_exceptions=True)
        await self._server.cut()

    def _is_crowded(self, host: str) -> bool:
        return (
            self._setups.total() >= self._limits.setups_max
            or self._setups[host] >= self._limits.setups_per_host_max
        )

    async def _set_up(self, connection: socket.socket, host: str) -> None:
        """Bring an accepted socket to the point where the HTTP request was read."""
        loop = asyncio.get_running_loop()
        protocol, arrived = self._server.expect()
        timeout_s = self._limits.setup_timeout_ms / 1000
        try:
            async with asyncio.timeout(timeout_s):
                await loop.connect_accepted_socket(
                    lambda: protocol,
                    connection,
                    ssl=self._identity.server_context,
                    ssl_handshake_timeout=timeout_s,
                    ssl_shutdown_timeout=self._limits.close_timeout_ms / 1000,
                )
                await arrived
        except TimeoutError:
            self._server.abort(protocol)
            self._reject_stranger(Reject.SLOW, host, f"not set up after {timeout_s} s")
        except OSError as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else str(error)
            self._reject_stranger(Reject.TLS, host, reason or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the task's boundary: no stranger may end us
            self._server.abort(protocol)
            self._reject_stranger(Reject.TLS, host, repr(error))
        finally:
            self._server.forget(protocol)
            self._setups[host] -= 1
            if not self._setups[host]:
                del self._setups[host]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer the one request of a connection, which is to become a peer's."""
        self._server.arrive(request.protocol)
        host = request.remote or "unknown"
        try:
            identified = self._identify(request)
            if isinstance(identified, web.Response):
                return identified
            peer, public_key = identified
            ws = self._websocket()
            if request.path != PEER_PATH or not ws.can_prepare(request):
                return self._turn_away(Reject.HTTP, host, 404, f"nodes connect to {PEER_PATH}")
            await ws.prepare(request)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the task's boundary: no stranger may end us
            return self._turn_away(Reject.HTTP, host, 400, f"{type(error).__name__}: {error}")
        transport = request.transport
        if transport is not None:
            await self._receive(peer, _Inbound(public_key, ws, transport))
        return ws

    def _identify(self, request: web.BaseRequest) -> tuple[str, bytes] | web.Response:
        """Return the peer and its key, or the answer to somebody who is none."""
        transport, host = request.transport, request.remote or "unknown"
        if transport is None:
            raise ConnectionResetError("the peer went away")
        try:
            public_key = peer_public_key(transport.get_extra_info("ssl_object"))
        except PeerIdentityError as error:
            return self._turn_away(Reject.KEY, host, 403, str(error))
        peer = self._own(self._events.allowed, public_key)
        if public_key == self._identity.public_key:
            return self._turn_away(
                Reject.KEY, host, 403, "another process runs with this node's own key"
            )
        if peer is None:
            text = f"key {public_key.hex()} is not a node key that may connect here"
            return self._turn_away(Reject.KEY, host, 403, text)
        if self._is_quarantined(peer):
            self._traffic.peer(peer).rejects[Reject.QUARANTINE] += 1
            return _response(503, "in quarantine for what was sent before")
        return peer, public_key

    def _own(self, callback: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call into this node; an error there is ours and ends the transport."""
        try:
            return callback(*args, **kwargs)
        except PeerFaultError:
            raise
        except Exception as error:
            self._events.fail(error)
            raise ConnectionAbortedError("this node stops") from error

    def _websocket(self) -> web.WebSocketResponse:
        return web.WebSocketResponse(
            timeout=self._limits.close_timeout_ms / 1000,
            heartbeat=self._limits.heartbeat_ms / 1000,
            compress=False,
            # aiohttp refuses what is as long as this, not only what is longer.
            max_msg_size=FRAME_BYTES_MAX + 1,
        )

    async def _receive(self, peer: str, inbound: _Inbound) -> None:
        replaced = self._inbound.get(peer)
        self._inbound[peer] = inbound
        if replaced is not None:
            self._report("peer_replaced", peer, peer=peer, reason="it connected anew")
            replaced.transport.abort()
        self._traffic.peer(peer).accepts += 1
        try:
            await self._take_frames(peer, inbound.ws)
        finally:
            if self._inbound.get(peer) is inbound:
                del self._inbound[peer]

    async def _take_frames(self, peer: str, ws: web.WebSocketResponse) -> None:
        """Hand on frame after frame until the connection ends or has to be ended."""
        traffic, on_frame = self._traffic.peer(peer), self._events.on_frame
        handled = 0
        while True:
            message = await ws.receive()
            if handled >= _YIELD_MESSAGES:
                # Much that came at once must not keep everything else waiting.
                handled = 0
                await asyncio.sleep(0)
            if message.type is aiohttp.WSMsgType.BINARY:
                try:
                    messages = unpack(message.data)
                    traffic.frames_in += 1
                    traffic.messages_in += len(messages)
                    handled += 1 + len(messages)
                    traffic.bytes_in += len(message.data)
                    self._own(on_frame, peer, messages)
                except FrameError as error:
                    return await self._end(peer, ws, Reject.FRAME, str(error))
                except PeerFaultError as error:
                    return await self._end(peer, ws, Reject.MESSAGE, str(error))
            elif message.type is aiohttp.WSMsgType.TEXT:
                return await self._end(peer, ws, Reject.TEXT, "a text frame")
            else:
                if isinstance(message.data, WebSocketError):
                    self._condemn(peer, Reject.FRAME, str(message.data))
                return None

    async def _end(self, peer: str, ws: web.WebSocketResponse, reject: Reject, reason: str) -> None:
        self._condemn(peer, reject, reason)
        text = reason.encode("utf-8")[:_CLOSE_REASON_BYTES_MAX].decode("utf-8", "ignore")
        await ws.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=text.encode("utf-8"))

    def _condemn(self, peer: str, reject: Reject, reason: str) -> None:
        until = asyncio.get_running_loop().time() + self._limits.quarantine_ms / 1000
        self._quarantine[peer] = until
        self._traffic.peer(peer).rejects[reject] += 1
        self._events.log("peer_refused", peer=peer, kind=reject.value, reason=reason)

    def _is_quarantined(self, peer: str) -> bool:
        until = self._quarantine.get(peer)
        if until is None:
            return False
        if asyncio.get_running_loop().time() < until:
            return True
        del self._quarantine[peer]
        return False

    def _turn_away(self, reject: Reject, host: str, status: int, reason: str) -> web.Response:
        self._reject_stranger(reject, host, reason)
        return _response(status, reason)

    def _reject_stranger(self, reject: Reject, host: str, reason: str) -> None:
        self._traffic.strangers[reject] += 1
        self._report(
            "connection_refused", host, reject.value, address=host, kind=reject.value, reason=reason
        )

    def _report(self, event: str, *about: str, **fields: object) -> None:
        """Log an event that others can cause at will, once in a while for each cause."""
        now = asyncio.get_running_loop().time()
        cause = (event, *about)
        if now < self._silent_until.get(cause, 0.0):
            return
        if len(self._silent_until) >= _CAUSES_MAX:
            self._silent_until.clear()
        self._silent_until[cause] = now + self._limits.report_interval_ms / 1000
        self._events.log(event, **fields)

    def _on_http_error(self, reason: str) -> None:
        self._reject_stranger(Reject.HTTP, "unknown", reason)


def _response(status: int, reason: str) -> web.Response:
    response = web.Response(status=status, text=reason)
    response.force_close()
    return response
