"""Submitting transactions and following them to finality."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from aiohttp import web

from ledger.display import plain_transaction
from ledger.parsed import parse_transaction
from ledger.refusal import Refused
from ledger.store import block_key, decode_place, transaction_key
from ledger.wire.block import decode_block
from ledger.wire.codec import encode
from ledger.wire.scalars import TxId
from node.api.context import (
    NodeContext,
    context_of,
    json_response,
    query_number,
    tx_id_parameter,
)
from node.api.problems import Problem, bad_request, busy, not_found
from node.mempool import PendingTransaction
from node.replica import Expired, Finalized, Submission

RECEIPT_TYPE: Final = "application/vnd.monazite.receipt"
WAIT_SECONDS_MAX: Final = 60
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*(\d{1,4})\s*(?:,|;|$)")


async def submit(request: web.Request) -> web.Response:
    """``POST /v1/transactions``: admit a signed transaction, and wait for it if asked to."""
    context = context_of(request)
    if context.driver.halted is not None:
        raise Problem(503, "not_ready", f"this node has stopped: {context.driver.halted.reason}")
    parsed = parse_transaction(await request.read())
    wait_seconds = _wait_seconds(request)
    submission = await context.driver.submit(parsed)
    if submission is Submission.FINAL:
        return _receipt_response(context, parsed.tx_id)
    if wait_seconds:
        outcome = await _outcome(context, parsed.tx_id, wait_seconds)
        if isinstance(outcome, Finalized):
            return _receipt_response(context, parsed.tx_id)
        if isinstance(outcome, Expired):
            raise outcome.refusal
    return _pending_response(context, parsed.tx_id)


async def show(request: web.Request) -> web.Response:
    """``GET /v1/transactions/{tx_id}``: what became of a transaction, and what it says."""
    context = context_of(request)
    tx_id = tx_id_parameter(request)
    wait_seconds = _wait_seconds(request)
    state = context.driver.replica.state_of(tx_id)
    if isinstance(state, PendingTransaction) and wait_seconds:
        await _outcome(context, tx_id, wait_seconds)
        state = context.driver.replica.state_of(tx_id)
    if state is None:
        raise not_found(f"transaction {tx_id.hex()} is neither on the ledger nor pending here")
    if isinstance(state, PendingTransaction):
        body = {"state": "pending", **_reason(state.refusal), **plain_transaction(state.parsed)}
        return json_response(body)
    if isinstance(state, Refused):
        return json_response({"tx_id": tx_id.hex(), "state": "refused", **_reason(state)})
    return json_response(_final_body(context, tx_id))


async def receipt(request: web.Request) -> web.Response:
    """``GET /v1/transactions/{tx_id}/receipt``: proof for the transaction or one of its records."""
    context = context_of(request)
    tx_id = tx_id_parameter(request)
    if "record" not in request.query:
        return _receipt_response(context, tx_id)
    index = query_number(request, "record", default=0, low=0, high=999)
    return web.Response(
        body=encode(context.receipts.record_receipt(tx_id, index)), content_type=RECEIPT_TYPE
    )


def _wait_seconds(request: web.Request) -> int:
    """Return how long the client prefers to wait (RFC 7240), 0 if it does not say."""
    prefer = request.headers.get("Prefer", "")
    found = _WAIT.search(prefer)
    if found is None:
        if "wait" in prefer:
            raise bad_request(f"Prefer: wait=SECONDS is expected, found {prefer!r}")
        return 0
    return min(int(found.group(1)), WAIT_SECONDS_MAX)


async def _outcome(
    context: NodeContext, tx_id: TxId, wait_seconds: int
) -> Finalized | Expired | None:
    if context.waiting_requests >= context.waiting_requests_max:
        raise busy("too many requests wait for finality; submit without waiting, or later.")
    context.waiting_requests += 1
    future = context.driver.wait_for(tx_id)
    try:
        return await asyncio.wait_for(future, wait_seconds)
    except TimeoutError:
        return None
    finally:
        context.waiting_requests -= 1


def _receipt_response(context: NodeContext, tx_id: TxId) -> web.Response:
    return web.Response(body=encode(context.receipts.receipt(tx_id)), content_type=RECEIPT_TYPE)


def _pending_response(context: NodeContext, tx_id: TxId) -> web.Response:
    pending = context.driver.replica.mempool.get(tx_id)
    return json_response(
        {
            "tx_id": tx_id.hex(),
            "state": "pending",
            **_reason(None if pending is None else pending.refusal),
        },
        status=202,
        headers={"Location": f"/v1/transactions/{tx_id.hex()}"},
    )


def _reason(refusal: Refused | None) -> dict[str, Any]:
    if refusal is None:
        return {"reason": "", "code": ""}
    return {"reason": refusal.sentence, "code": refusal.code.value, "figures": refusal.figures}


def _final_body(context: NodeContext, tx_id: TxId) -> dict[str, Any]:
    place = context.store.get(transaction_key(tx_id))
    if place is None:
        raise not_found(f"transaction {tx_id.hex()} is not on the ledger")
    height, index = decode_place(place)
    data = context.store.get(block_key(height))
    if data is None:
        raise not_found(f"block {height} is missing from this node's store")
    block = decode_block(data)
    return {
        "state": "final",
        "reason": "",
        "code": "",
        "height": height,
        "index": index,
        "block_time_ms": block.header.time_ms,
        **plain_transaction(parse_transaction(block.transactions[index])),
    }
