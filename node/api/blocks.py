"""Blocks, headers, the genesis document, and where the node stands."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from ledger.display import plain_header, plain_transaction
from ledger.parsed import parse_transaction
from ledger.store import block_key, proof_key
from ledger.wire.block import decode_block
from ledger.wire.codec import encode
from ledger.wire.scalars import I64_MAX, Height
from node.api.context import (
    NodeContext,
    context_of,
    json_bytes,
    json_response,
    query_number,
    whole_number,
)
from node.api.immutable import immutable
from node.api.problems import not_found
from node.driver import EVIDENCE

BLOCKS_TYPE: Final = "application/vnd.monazite.blocks"
BLOCKS_MAX: Final = 512
STREAM_BYTES_MAX: Final = 8 * 1024 * 1024
EVIDENCE_SHOWN_MAX: Final = 100


async def genesis(request: web.Request) -> web.Response:
    """``GET /v1/genesis``: the document's exact bytes."""
    return immutable(request, context_of(request).genesis, "application/json")


async def show_block(request: web.Request) -> web.Response:
    """``GET /v1/blocks/{height}``: as JSON, or the exact bytes for ``Accept: application/msgpack``."""
    context = context_of(request)
    _height, data = _block(context, request.match_info["height"])
    if "application/msgpack" in request.headers.get("Accept", ""):
        return immutable(request, data, "application/msgpack", vary="Accept")
    # A full block takes a second to write out: votes must not wait for that.
    body = await asyncio.to_thread(_block_as_json, data)
    return immutable(request, body, "application/json", vary="Accept")


async def show_header(request: web.Request) -> web.Response:
    """``GET /v1/headers/{height}``."""
    _height, data = _block(context_of(request), request.match_info["height"])
    body = json_bytes({"header": plain_header(decode_block(data).header)})
    return immutable(request, body, "application/json")


async def stream_blocks(request: web.Request) -> web.Response:
    """``GET /v1/blocks?from=H&limit=N``: a MessagePack stream of [block, proof], both as bytes."""
    context = context_of(request)
    first = query_number(request, "from", default=0, low=0, high=I64_MAX)
    limit = query_number(request, "limit", default=BLOCKS_MAX, low=1, high=BLOCKS_MAX)
    body = bytearray()
    for number in range(first, min(first + limit, context.tip.height + 1)):
        height = Height(number)
        data = context.store.get(block_key(height))
        if data is None:
            break
        if body and len(body) + len(data) > STREAM_BYTES_MAX:
            break
        body += encode([data, context.store.get(proof_key(height)) or b""])
    return web.Response(body=bytes(body), content_type=BLOCKS_TYPE)


async def status(request: web.Request) -> web.Response:
    """``GET /v1/status``: where the node stands."""
    return json_response(status_body(context_of(request)))


def status_body(context: NodeContext) -> dict[str, Any]:
    """Return where the node stands, as the API and ``node status`` show it."""
    tip = context.tip
    engine = context.driver.replica.status
    validators = context.driver.replica.validators.validators
    mempool = context.driver.replica.mempool
    halted = context.driver.halted
    return {
        "network": context.network,
        "chain_id": context.chain_id.hex(),
        "node": context.node,
        "member": context.member,
        "software": context.software,
        "height": tip.height,
        "time_ms": tip.time_ms,
        "block_id": context.driver.replica.chain.committed_id.hex(),
        "state_root": tip.state_root.hex(),
        "log_root": tip.log_root.hex(),
        "validators": [{"name": entry.name, "member": entry.member} for entry in validators],
        "validating": engine.own is not None,
        "signing": engine.signing,
        "view": engine.view,
        "leader": validators[engine.leader].name,
        "budget_units": engine.budget_units,
        "mempool": {"transactions": len(mempool), "bytes": mempool.bytes_count},
        "peers": [
            {"name": name, "connected": connected}
            for name, connected in context.driver.peer_connections().items()
        ],
        "evidence": [
            {"digest": key[len(EVIDENCE) :].hex(), "bytes": value.hex()}
            for key, value in context.store.scan(EVIDENCE, limit=EVIDENCE_SHOWN_MAX)
        ],
        "halted": "" if halted is None else halted.reason,
    }


def _block_as_json(data: bytes) -> bytes:
    block = decode_block(data)
    transactions = [plain_transaction(parse_transaction(raw)) for raw in block.transactions]
    return json_bytes({"header": plain_header(block.header), "transactions": transactions})


def _block(context: NodeContext, text: str) -> tuple[Height, bytes]:
    height = Height(whole_number(text, "height", low=0, high=I64_MAX))
    data = None if height > context.tip.height else context.store.get(block_key(height))
    if data is None:
        raise not_found(f"there is no block {height}; the tip is {context.tip.height}")
    return height, data
