"""What a client prefers: how long it will wait for an answer (``Prefer: wait=SECONDS``, RFC 7240)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from node.api.problems import bad_request

WAIT_SECONDS_MAX: Final = 60


def wait_seconds(request: web.Request) -> int:
    """Return how long the client prefers to wait, at most ``WAIT_SECONDS_MAX``; 0 if it does not say.

    Other preferences are ignored, as RFC 7240 wants it; a ``wait`` that is no number of seconds is
    answered with a problem, because it is a mistake. The first ``wait`` counts.
    """
    for preference in ",".join(request.headers.getall("Prefer", [])).split(","):
        token, separator, rest = preference.split(";", 1)[0].partition("=")
        if token.strip().lower() != "wait":
            continue
        text = rest.strip().strip('"')
        if not separator or not (text.isascii() and text.isdigit()):
            raise bad_request(
                f"Prefer: wait=SECONDS is expected with a whole number of seconds, "
                f"found {preference.strip()!r}"
            )
        return WAIT_SECONDS_MAX if len(text) > 4 else min(int(text), WAIT_SECONDS_MAX)
    return 0
