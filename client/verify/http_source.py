"""A running node as a source: HTTP, against a peer that may answer anything.

Only what a node answers is accepted: the status, the content type, no redirect, no compression, no more
bytes than an answer has. A body is read in chunks and dropped at its limit; a whole answer has a time
limit; 429 and 503 are asked again a few times, after what ``Retry-After`` says, within a bound. Everything
else becomes a ``SourceSilent`` or ``AnswerUnusable`` with one sentence; nothing of an answer's text is
repeated in it.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from client.errors import UsageError
from client.verify.framing import ANSWER_BYTES_MAX, FramingError, split_rows
from client.verify.source import (
    SOURCE_OPENERS,
    AnswerUnusable,
    HistoryRow,
    SourceSilent,
    TargetKind,
    TipClaim,
)
from client.verify.words import printable
from ledger.document import DOCUMENT_BYTES_MAX
from ledger.wire.scalars import I64_MAX, Height

JSON_TYPE: Final = "application/json"
BLOCKS_TYPE: Final = "application/vnd.monazite.blocks"
STATUS_BYTES_MAX: Final = 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024
NODE_NAME_CHARACTERS_MAX: Final = 128
TRIES: Final = 3
RETRY_AFTER_MAX_S: Final = 10
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)

S = TypeVar("S", bound=msgspec.Struct)


class _Status(msgspec.Struct, frozen=True):
    """What is read of a node's status; the rest is passed over."""

    height: int
    node: str = ""


class HttpSource:
    """The history that a node serves under a base address."""

    def __init__(
        self,
        address: str,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        retry_after_max_s: float = RETRY_AFTER_MAX_S,
    ) -> None:
        self._address = address.rstrip("/")
        self._tls = tls
        self._timeout = timeout
        self._retry_after_max_s = retry_after_max_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The address."""
        return self._address

    async def genesis(self) -> bytes:
        """Return the genesis document that the node serves.

        Raises:
            SourceError: It gave none.
        """
        return await self._get("/v1/genesis", JSON_TYPE, DOCUMENT_BYTES_MAX)

    async def tip(self) -> TipClaim:
        """Return where the node says that its history ends.

        Raises:
            SourceError: It does not say.
        """
        body = await self._get("/v1/status", JSON_TYPE, STATUS_BYTES_MAX)
        try:
            status = msgspec.json.decode(body, type=_Status)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unusable("/v1/status", "is no status of a node") from error
        if not 0 <= status.height <= I64_MAX:
            raise self._unusable("/v1/status", f"claims the height {_figure(status.height)}")
        return TipClaim(Height(status.height), printable(status.node[:NODE_NAME_CHARACTERS_MAX]))

    async def blocks(self, first: Height, limit: int) -> list[HistoryRow]:
        """Return the rows from ``first`` upward, at most ``limit``.

        Raises:
            SourceError: It gave nothing usable.
        """
        path = f"/v1/blocks?from={first}&limit={limit}"
        body = await self._get(path, BLOCKS_TYPE, ANSWER_BYTES_MAX)
        try:
            return split_rows(body, limit=limit)
        except FramingError as error:
            raise self._unusable(path, f"is no stream of blocks ({error})") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, path: str, content_type: str, limit: int) -> bytes:
        for tries_left in range(TRIES - 1, -1, -1):
            try:
                body, retry_after = await self._ask(path, content_type, limit)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise SourceSilent(self.name, f"{path}: {_reason(error)}") from error
            if body is not None:
                return body
            if tries_left:
                await asyncio.sleep(min(retry_after, self._retry_after_max_s))
        raise SourceSilent(self.name, f"{path}: it says that it is busy or not ready")

    async def _ask(self, path: str, content_type: str, limit: int) -> tuple[bytes | None, float]:
        """Return the body; None, and how many seconds to wait, when the node asks to come again."""
        session = self._opened()
        async with session.get(
            self._address + path, headers={"Accept": content_type}, allow_redirects=False
        ) as response:
            if response.status in (429, 503):
                return None, _seconds(response.headers.get("Retry-After", ""))
            self._check_head(response, path, content_type)
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > limit:
                    raise self._unusable(path, f"is longer than {limit} bytes")
            return bytes(body), 0

    def _check_head(self, response: aiohttp.ClientResponse, path: str, content_type: str) -> None:
        if response.status >= 500:
            raise SourceSilent(self.name, f"{path}: it answered {response.status}")
        if response.status != 200:
            raise self._unusable(path, f"has the status {response.status}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise self._unusable(path, "is compressed, which was not asked for")
        if response.content_type != content_type:
            found = printable(response.content_type[:64])
            raise self._unusable(path, f"is of type {found}, not {content_type}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(ssl=self._tls if self._tls else True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "monazite-verify"},
            )
        return self._session

    def _unusable(self, path: str, reason: str) -> AnswerUnusable:
        return AnswerUnusable(self.name, f"its answer to {path} {reason}")


def open_node(address: str, *, tls: ssl.SSLContext | None = None) -> HttpSource:
    """Return the node at an address, whose certificate is checked by ``tls``; nothing is sent yet.

    Raises:
        UsageError: It is no address of a node.
    """
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0
        extra = parts.query or parts.fragment or parts.username or parts.password
    except ValueError:
        usable, extra = False, ""
    if not usable or extra:
        raise UsageError(f"{address!r} is not the address of a node, like https://host:8443.")
    return HttpSource(address, tls=tls)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientOSError):
        return f"no connection ({printable(error.strerror or type(error).__name__)})"
    return f"the connection failed ({type(error).__name__})"


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1.0


def _figure(height: int) -> str:
    return str(height) if abs(height) <= I64_MAX else "of more than 63 bits"


SOURCE_OPENERS[TargetKind.NODE] = open_node
