"""The API's application: routes, limits, problems, and the time that each request took."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from aiohttp import web

from node.api import blocks, queries, transactions
from node.api.context import CONTEXT, NodeContext
from node.api.openapi import openapi
from node.api.problems import Handler, problem_middleware
from node.logs import Log
from node.metrics import Metrics

SEND_SECONDS: Final = 60
"""How long a client may take to read an answer."""

ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("POST", "/v1/transactions", transactions.submit),
    ("GET", "/v1/transactions/{tx_id}", transactions.show),
    ("GET", "/v1/transactions/{tx_id}/receipt", transactions.receipt),
    ("GET", "/v1/genesis", blocks.genesis),
    ("GET", "/v1/status", blocks.status),
    ("GET", "/v1/blocks", blocks.stream_blocks),
    ("GET", "/v1/blocks/{height}", blocks.show_block),
    ("GET", "/v1/headers/{height}", blocks.show_header),
    ("GET", "/v1/members", queries.list_members),
    ("GET", "/v1/members/{member}", queries.show_member),
    ("GET", "/v1/members/{member}/offers", queries.list_offers),
    ("GET", "/v1/facilities/{facility}", queries.show_facility),
    ("GET", "/v1/products", queries.list_products),
    ("GET", "/v1/products/{code}", queries.show_product),
    ("GET", "/v1/quotas/{year}/{bucket}/{member}", queries.show_quota),
    ("GET", "/v1/lots/by-code/{creator}/{code:.+}", queries.show_lot_by_code),
    ("GET", "/v1/lots/{lot_id}", queries.show_lot),
    ("GET", "/v1/lots/{lot_id}/trace", queries.trace),
    ("GET", "/v1/openapi.json", openapi),
)
"""Every route of the API."""


def api_application(
    context: NodeContext, metrics: Metrics, log: Log, request_bytes_max: int
) -> web.Application:
    """Return the application of one node."""
    application = web.Application(
        # aiohttp refuses a body that is as long as its limit.
        client_max_size=request_bytes_max + 1,
        middlewares=[_measure(metrics, log), problem_middleware(log)],
    )
    application[CONTEXT] = context
    for method, path, handler in ROUTES:
        if method == "GET":
            application.router.add_get(path, handler)
        else:
            application.router.add_route(method, path, handler)
    return application


async def _send(request: web.Request, response: web.StreamResponse, log: Log) -> None:
    """Send an answer, and cut the connection of a client that does not take it.

    An answer that nobody reads would stay in memory for as long as its connection lasts.
    """
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        reason = f"its answer was not read within {SEND_SECONDS} s"
        log("request_rejected", listener="API", path=request.path, reason=reason)
        if request.transport is not None:
            request.transport.abort()


def _measure(metrics: Metrics, log: Log) -> Any:  # noqa: ANN401 - aiohttp's middleware type is private
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.perf_counter()
        response = await handler(request)
        resource = request.match_info.route.resource
        route = "unknown" if resource is None else resource.canonical
        metrics.requests.labels(route, str(response.status)).observe(time.perf_counter() - begun)
        await _send(request, response, log)
        return response

    return middleware
