"""Liveness, readiness and metrics, on a listener of their own so that load cannot hide them."""

from __future__ import annotations

from aiohttp import web

from node.api.context import CONTEXT, NodeContext, json_response
from node.api.readiness import readiness
from node.metrics import Metrics


def health_application(context: NodeContext, metrics: Metrics) -> web.Application:
    """Return the application for ``/livez``, ``/readyz`` and ``/metrics``."""

    async def livez(_request: web.Request) -> web.Response:
        """Answer as long as the event loop turns."""
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        """Say whether clients should be sent here; ``?verbose`` lists the checks."""
        checks = readiness(context.driver)
        ready = all(checks.values())
        if "verbose" in request.query:
            return json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)
        return web.Response(text="ok\n" if ready else "not ready\n", status=200 if ready else 503)

    async def show_metrics(_request: web.Request) -> web.Response:
        """Return the metrics in the Prometheus text format."""
        return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")

    application = web.Application(client_max_size=1)
    application[CONTEXT] = context
    application.router.add_get("/livez", livez)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", show_metrics)
    return application
