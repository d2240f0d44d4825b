"""One HTTP request to one node, and what can go wrong with it.

Whatever keeps an answer from being read as the contract says, from a refused connection to a page of
some proxy, is ``NodeTroubleError``: another node may be asked instead. It tells whether the request may
have reached the node, which decides whether a later refusal elsewhere can be final. Answers of the
node itself, refusals included, are ``Reply`` and ``Problem``; what they mean is for the callers. A
caller that finds an answer false raises ``NodeLieError``.

Every answer is read up to a limit and must have the content type that was asked for. Redirects are not
followed: a node's address is what the profile says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec

from client.errors import FigureValue
from client.timing import Patience

JSON_TYPE: Final = "application/json"
PROBLEM_TYPE: Final = "application/problem+json"
RECEIPT_TYPE: Final = "application/vnd.monazite.receipt"
TRANSACTION_TYPE: Final = "application/msgpack"
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
RETRY_AFTER_SECONDS_MAX: Final = 60


class NodeTroubleError(Exception):
    """No usable answer from a node."""

    def __init__(
        self,
        reason: str,
        *,
        may_have_arrived: bool = True,
        busy: bool = False,
        retry_after_ms: int = 0,
    ) -> None:
        self.reason = reason
        self.may_have_arrived = may_have_arrived
        """Whether the node may have got the request."""
        self.busy = busy
        """Whether the node answered that it is busy or not ready."""
        self.retry_after_ms = retry_after_ms
        super().__init__(reason)


class NodeLieError(Exception):
    """A node answered with something that does not prove what it says."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read whole."""

    status: int
    content_type: str
    body: bytes = dataclasses.field(repr=False)
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem of a node."""

    status: int
    code: str
    detail: str
    field: str = ""
    record_index: int | None = None
    figures: Mapping[str, FigureValue] = dataclasses.field(default_factory=dict)
    height: int | None = None
    """The tip at which it was decided, when the node says so."""


class _ProblemBody(msgspec.Struct):
    """What of a problem's members is used; anything else is ignored."""

    code: str = "unknown"
    detail: str = ""
    field: str | None = ""
    record_index: int | None = None
    figures: dict[str, str | int] = msgspec.field(default_factory=dict)
    height: int | None = None


_problem_decoder: Final = msgspec.json.Decoder(_ProblemBody)
_object_decoder: Final = msgspec.json.Decoder(dict[str, Any])


class NodeConnection:
    """Speaks HTTP with one node. Holds no connection itself: the session does."""

    def __init__(self, address: str, session: aiohttp.ClientSession, patience: Patience) -> None:
        self.address = address
        self._session = session
        self._patience = patience

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        accept: str = JSON_TYPE,
        params: Mapping[str, str] | None = None,
        wait_ms: int = 0,
    ) -> Reply:
        """Send one request and read the answer whole.

        Args:
            method: GET or POST.
            path: Below the node's address, such as ``/v1/status``.
            body: Canonical MessagePack to post.
            accept: The content type that is wanted.
            params: Query parameters.
            wait_ms: How long the node may hold the answer back (``Prefer: wait``).

        Raises:
            NodeTroubleError: There is no usable answer.
        """
        headers = {"Accept": f"{accept}, {PROBLEM_TYPE}, {JSON_TYPE}"}
        if body is not None:
            headers["Content-Type"] = TRANSACTION_TYPE
        if wait_ms >= 1_000:
            headers["Prefer"] = f"wait={wait_ms // 1_000}"
        seconds = (wait_ms + self._patience.request_ms) / 1_000
        timeout = aiohttp.ClientTimeout(
            total=seconds, sock_connect=self._patience.connect_ms / 1_000
        )
        try:
            async with self._session.request(
                method,
                self.address + path,
                data=body,
                headers=headers,
                params=params,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                content = await _read_limited(response)
                return Reply(
                    response.status,
                    response.content_type,
                    content,
                    _retry_after_ms(response.headers.get("Retry-After", "")),
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NodeTroubleError(_connection_reason(error), may_have_arrived=False) from error
        except TimeoutError as error:
            raise NodeTroubleError(f"no answer within {seconds:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NodeTroubleError(_connection_reason(error)) from error


def json_of(reply: Reply) -> dict[str, Any]:
    """Return a JSON answer.

    Raises:
        NodeTroubleError: It is of another content type, or no JSON object.
    """
    if reply.content_type not in (JSON_TYPE, PROBLEM_TYPE):
        raise NodeTroubleError(
            f"answered {reply.status} with {reply.content_type or 'no content type'} instead of "
            f"{JSON_TYPE}; is it a node?"
        )
    try:
        return _object_decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NodeTroubleError(f"answered with damaged JSON: {error}") from error


def problem_of(reply: Reply) -> Problem:
    """Return the problem in an answer that is an error.

    Raises:
        NodeTroubleError: It is none, or says that the node is busy, not ready or broken.
    """
    if reply.content_type != PROBLEM_TYPE:
        raise NodeTroubleError(
            f"answered {reply.status} with {reply.content_type or 'no content type'} instead of "
            f"{PROBLEM_TYPE}; is it a node?",
            may_have_arrived=reply.status >= 500,
        )
    try:
        body = _problem_decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NodeTroubleError(f"answered with a damaged problem: {error}") from error
    if reply.status == 429 or (reply.status == 503 and body.code == "not_ready"):
        raise NodeTroubleError(
            body.detail or body.code,
            may_have_arrived=reply.status == 429,
            busy=True,
            retry_after_ms=reply.retry_after_ms,
        )
    if reply.status >= 500:
        raise NodeTroubleError(f"answered {reply.status} {body.code}: {body.detail}")
    return Problem(
        reply.status,
        body.code,
        body.detail,
        body.field or "",
        body.record_index,
        body.figures,
        body.height,
    )


async def _read_limited(response: aiohttp.ClientResponse) -> bytes:
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(256 * 1024):
        chunks += chunk
        if len(chunks) > ANSWER_BYTES_MAX:
            raise NodeTroubleError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(chunks)


def _retry_after_ms(text: str) -> int:
    """Return a Retry-After in seconds as milliseconds, bounded; a date or nonsense counts as none."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return 0
    return min(int(text), RETRY_AFTER_SECONDS_MAX) * 1_000


def _connection_reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its TLS certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no TLS connection: {error.os_error.strerror or error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.os_error.strerror or error}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    return str(error) or type(error).__name__
