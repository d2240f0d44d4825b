"""Errors as RFC 9457 problems: one table from what went wrong to status, code and words."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from ledger.receipts import NoReceiptError
from ledger.refusal import Refused
from ledger.wire.errors import LimitExceededError, WireError
from node.logs import Log
from node.mempool import BusyError

CONTENT_TYPE: Final = "application/problem+json"
NOT_READY_RETRY_SECONDS: Final = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """An answer other than what was asked for."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **members: Any,  # noqa: ANN401 - extension members of the problem
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members
        super().__init__(detail)

    def response(self) -> web.Response:
        """Return the problem as an HTTP answer."""
        body = {
            "type": "about:blank",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }
        return web.Response(
            status=self.status,
            body=json.dumps(body, ensure_ascii=False).encode(),
            content_type=CONTENT_TYPE,
            headers=self.headers,
        )


def not_found(what: str) -> Problem:
    """Return the problem for something that is not on the ledger."""
    return Problem(404, "not_found", what)


def bad_request(detail: str) -> Problem:
    """Return the problem for a request that cannot be understood."""
    return Problem(400, "bad_request", detail)


def busy(error: BusyError) -> Problem:
    """Return the problem for what cannot be decided now."""
    seconds = max(1, -(-error.retry_ms // 1_000))
    return Problem(
        429, "busy", f"{error}; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
    )


def not_ready(detail: str) -> Problem:
    """Return the problem for a node that takes no transactions now."""
    headers = {"Retry-After": str(NOT_READY_RETRY_SECONDS)}
    return Problem(503, "not_ready", detail, headers=headers)


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that stands for an expected error, or None."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(
                422,
                error.code.value,
                error.sentence,
                field=error.field,
                record_index=error.record_index,
                figures=error.figures,
            )
        case LimitExceededError():
            return Problem(413, "too_large", str(error))
        case WireError():
            return Problem(400, "malformed", str(error))
        case BusyError():
            return busy(error)
        case NoReceiptError():
            return not_found(str(error))
        case web.HTTPException():
            return _problem_of_http(error)
        case web.RequestPayloadError() | ConnectionError():
            return bad_request("the request ended before its body was complete")
        case _:
            return None


def _problem_of_http(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "too_large", error.text or error.reason)
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{error.method} is not possible here; possible are: {allowed}"
            return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})
        case web.HTTPNotFound():
            return not_found("there is nothing at this path; /v1/openapi.json lists what there is")
        case _:
            code = error.reason.lower().replace(" ", "_")
            return Problem(error.status, code, error.reason)


def problem_middleware(log: Log) -> Any:  # noqa: ANN401 - aiohttp's middleware type is private
    """Return a middleware that turns every error into a problem; unforeseen ones are logged."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a request
            problem = problem_of(error)
            if problem is None:
                log("request_failed", path=request.path, error=repr(error))
                problem = Problem(500, "internal", "the node could not answer; its log says more.")
            return problem.response()

    return middleware
