"""A node on loopback that serves a history over HTTP and lies as a test tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from client.verify.framing import join_rows
from tests.support.history import History

BLOCKS = "/v1/blocks"
GENESIS = "/v1/genesis"
STATUS = "/v1/status"
BLOCKS_TYPE = "application/vnd.monazite.blocks"
Lie = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LyingNode:
    """Honest about ``history``, except on the paths in ``lies``."""

    def __init__(self, history: History, name: str = "node", **lies: Lie) -> None:
        self.history = history
        self.name = name
        self.lies = lies
        """By the last part of the path: blocks, genesis, status."""
        self.requests: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        lie = self.lies.get(request.path.rsplit("/", 1)[-1])
        if lie is not None:
            return await lie(request)
        if request.path == GENESIS:
            return web.Response(body=self.history.genesis.data, content_type="application/json")
        if request.path == STATUS:
            return web.json_response({"height": self.history.tip, "node": self.name})
        if request.path == BLOCKS:
            return self.blocks(request)
        return web.Response(status=404)

    def blocks(self, request: web.Request) -> web.Response:
        first, limit = int(request.query["from"]), int(request.query["limit"])
        rows = list(self.history.rows[first : first + limit])
        return web.Response(body=join_rows(rows), content_type=BLOCKS_TYPE)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on loopback, and give the address."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self.answer)
        server = TestServer(application)
        await server.start_server()
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            await server.close()


def body(
    data: bytes,
    content_type: str = BLOCKS_TYPE,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Lie:
    """Return a lie that answers with these bytes."""

    async def lie(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, content_type=content_type, status=status, headers=headers)

    return lie


def status(**fields: object) -> Lie:
    """Return a lie about the node's status."""

    async def lie(_request: web.Request) -> web.StreamResponse:
        return web.json_response(fields)

    return lie
