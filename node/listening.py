"""HTTP listeners of a node: bounded, patient for so long and no longer, and quiet about rubbish.

A client may open connections and say nothing, begin a request and never end it, or speak another protocol.
None of that may cost the node more than a bounded number of sockets for a bounded time, nor a traceback in
its log: a connection that has not brought a whole request head after ``IDLE_SECONDS`` is closed, one too many
is closed at once, and what is no HTTP is one line in the log. A client that goes away ends its request.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from typing_extensions import override

from node.logs import Log

IDLE_SECONDS: Final = 30.0
"""How long a connection may rest between requests, or take to bring the head of one."""
HANDSHAKE_SECONDS: Final = 10.0
SHUTDOWN_SECONDS: Final = 1.0
"""How long requests under way may take to end when the node stops."""
BACKLOG: Final = 128
REASON_CHARACTERS_MAX: Final = 200


class PortInUseError(Exception):
    """A listener could not be opened."""

    def __init__(self, what: str, host: str, port: int, reason: str) -> None:
        self.what = what
        self.host = host
        self.port = port
        super().__init__(
            f"the {what} listener cannot open {host}:{port} ({reason}); "
            f"choose another port in node.toml, or end what uses this one"
        )


class TlsFilesError(Exception):
    """Certificate and key of the API cannot be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener listens, and how."""

    what: str
    """Its name, for people."""
    host: str
    port: int
    connections_max: int
    tls: ssl.SSLContext | None = None


async def listen(
    stack: AsyncExitStack, application: web.Application, address: Address, log: Log
) -> str:
    """Open a listener, closed by ``stack``, and return its URL.

    Raises:
        PortInUseError: The port cannot be opened.
    """
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=_quiet_logger(log, address.what),
        shutdown_timeout=SHUTDOWN_SECONDS,
        handle_signals=False,
        handler_cancellation=True,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=0.0,
        auto_decompress=False,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = _BoundedSite(runner, address)
    try:
        await site.start()
    except OSError as error:
        raise PortInUseError(
            address.what, address.host, address.port, error.strerror or str(error)
        ) from error
    host, port = runner.addresses[0][:2]
    host = f"[{host}]" if ":" in host else host
    return f"{'http' if address.tls is None else 'https'}://{host}:{port}"


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a listener needs to speak TLS 1.3.

    Raises:
        TlsFilesError: A file cannot be read, is no PEM, is encrypted, or they do not belong together.
    """
    for path in (certificate, key):
        if not path.is_file():
            raise TlsFilesError(f"api: there is no file {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        # An encrypted key would be asked for at the terminal, if there is one: never by a server.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise TlsFilesError(
            f"api: {certificate} and {key} are no certificate with its unencrypted key, "
            f"both as PEM: {error}"
        ) from error
    return context


class _BoundedSite(web.BaseSite):
    """A listener that closes connections beyond its limit at once."""

    def __init__(self, runner: web.AppRunner, address: Address) -> None:
        super().__init__(runner, ssl_context=address.tls, backlog=BACKLOG)
        self._address = address

    @property
    @override
    def name(self) -> str:
        scheme = "http" if self._address.tls is None else "https"
        return f"{scheme}://{self._address.host}:{self._address.port}"

    @override
    async def start(self) -> None:
        await super().start()
        tls = self._address.tls
        self._server = await asyncio.get_running_loop().create_server(
            self._accept,
            self._address.host,
            self._address.port,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=None if tls is None else SHUTDOWN_SECONDS,
            backlog=BACKLOG,
        )

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._address.connections_max:
            return _TooMany()
        protocol: asyncio.BaseProtocol = server()
        return protocol


class _TooMany(asyncio.Protocol):
    """Ends a connection at once."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def _quiet_logger(log: Log, what: str) -> logging.Logger:
    """Return a logger for aiohttp that writes one line for an error, without a traceback."""
    # Not a registered logger: each listener has its own, and it goes when the listener goes.
    logger = logging.Logger(__name__)  # noqa: LOG001
    logger.addFilter(_reporter(log, what))
    return logger


def _reporter(log: Log, what: str) -> Callable[[logging.LogRecord], bool]:
    def report(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            error = record.exc_info[1] if record.exc_info else None
            words = record.getMessage() if error is None else f"{type(error).__name__}: {error}"
            reason = " ".join(words.split())[:REASON_CHARACTERS_MAX]
            log("request_rejected", listener=what, reason=reason)
        return False

    return report
