"""aiohttp's server for connections that we accept ourselves.

``listener`` accepts sockets, so that it sees every failed handshake and can bound how many are
under way; aiohttp then reads the request and makes it a WebSocket. Between the two, this module
knows when a connection has brought its request, and when its last task has ended.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from node.net.limits import NetworkLimits

if sys.version_info >= (3, 12):
    from typing import override
else:
    # Comes with aiohttp, which needs it up to Python 3.12.
    from typing_extensions import override


class UpgradeServer(web.Server):
    """Reads the one request of each connection and hands it to ``handler``."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        limits: NetworkLimits,
        on_error: Callable[[str], None],
    ) -> None:
        super().__init__(
            handler,
            logger=_quiet_logger(on_error),
            access_log=None,
            keepalive_timeout=limits.setup_timeout_ms / 1000,
            lingering_time=0.0,
        )
        self._transports: dict[RequestHandler, asyncio.Transport] = {}
        self._arrivals: dict[RequestHandler, asyncio.Future[None]] = {}

    def expect(self) -> tuple[RequestHandler, asyncio.Future[None]]:
        """Return a protocol for a new connection, and what is done when its request is there."""
        protocol = self()
        arrived = self._arrivals[protocol] = asyncio.get_running_loop().create_future()
        return protocol, arrived

    def arrive(self, protocol: RequestHandler) -> None:
        """Note that the connection brought its request, or ended."""
        arrived = self._arrivals.get(protocol)
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    def forget(self, protocol: RequestHandler) -> None:
        """Stop waiting for the connection's request."""
        self._arrivals.pop(protocol, None)

    def abort(self, protocol: RequestHandler) -> None:
        """Cut the connection, if there is one."""
        transport = self._transports.get(protocol)
        if transport is not None:
            transport.abort()

    @override
    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport

    @override
    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._transports.pop(handler, None)
        self.arrive(handler)

    async def cut(self) -> None:
        """Cut all connections, and wait until their tasks have ended."""
        for transport in list(self._transports.values()):
            transport.abort()
        while self.connections or self._transports:  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0)


def _quiet_logger(on_error: Callable[[str], None]) -> logging.Logger:
    """Return a logger for aiohttp that tells ``on_error`` what went wrong, without a traceback."""
    # Not a registered logger: each server has its own, and it goes when the server goes.
    logger = logging.Logger(__name__)  # noqa: LOG001

    def report(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            on_error(f"{type(error).__name__}: {error}".splitlines()[0])
        return False

    logger.addFilter(report)
    return logger
