"""Answers that never change: with a tag, so that whoever has one need not fetch it again.

They are to be asked for again all the same (``no-cache``): the address of a node may serve another network
tomorrow, as it does when a demonstration is begun anew.
"""

from __future__ import annotations

import hashlib

from aiohttp import ETag, web


def immutable(
    request: web.Request,
    body: bytes,
    content_type: str,
    *,
    vary: str | None = None,
) -> web.Response:
    """Return an answer that never changes, or 304 when the client has it already."""
    tag = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()[:32]
    headers = {"Cache-Control": "no-cache"}
    if vary is not None:
        headers["Vary"] = vary
    held = request.if_none_match or ()
    if any(entry.value in (tag, "*") for entry in held):
        response = web.Response(status=304, headers=headers)
    else:
        response = web.Response(body=body, content_type=content_type, headers=headers)
    response.etag = ETag(tag)
    return response
