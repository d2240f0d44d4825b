"""Submitting transactions and following them to finality."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from ledger.display import plain_transaction
from ledger.parsed import parse_transaction
from ledger.receipts import NoReceiptError
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
from node.api.immutable import immutable
from node.api.preferences import wait_seconds
from node.api.problems import Problem, not_found, not_ready
from node.api.readiness import is_caught_up
from node.effects import Expired, Finalized, Submission
from node.mempool import PendingTransaction

RECEIPT_TYPE: Final = "application/vnd.monazite.receipt"
BODY_SECONDS: Final = 20
"""How long a client may take to send the body of a request."""
NO_PROOF_YET: Final = "it is final; this node does not hold the proof yet."


async def submit(request: web.Request) -> web.Response:
    """``POST /v1/transactions``: admit a signed transaction, and wait for it if asked to."""
    context = context_of(request)
    _check_ready(context)
    seconds = wait_seconds(request)
    parsed = parse_transaction(await _body(request))
    submission = await context.driver.submit(parsed)
    if submission is not Submission.FINAL and seconds:
        outcome = await _outcome(context, parsed.tx_id, seconds)
        if isinstance(outcome, Expired):
            raise outcome.refusal
        if isinstance(outcome, Finalized):
            submission = Submission.FINAL
    if submission is not Submission.FINAL:
        return _pending_response(context, parsed.tx_id)
    try:
        return _receipt_response(request, context, parsed.tx_id)
    except NoReceiptError:
        return _accepted(parsed.tx_id, {"reason": NO_PROOF_YET, "code": ""})


async def show(request: web.Request) -> web.Response:
    """``GET /v1/transactions/{tx_id}``: what became of a transaction, and what it says."""
    context = context_of(request)
    tx_id = tx_id_parameter(request)
    seconds = wait_seconds(request)
    state = context.driver.replica.state_of(tx_id)
    if isinstance(state, PendingTransaction) and seconds:
        await _outcome(context, tx_id, seconds)
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
        return _receipt_response(request, context, tx_id)
    index = query_number(request, "record", default=0, low=0, high=999)
    return immutable(request, encode(context.receipts.record_receipt(tx_id, index)), RECEIPT_TYPE)


def _check_ready(context: NodeContext) -> None:
    """Answer with a problem if this node must not admit anything now."""
    if context.driver.halted is not None:
        raise not_ready(f"this node has halted: {context.driver.halted.reason}")
    if not is_caught_up(context.driver):
        raise not_ready(
            f"this node is at height {context.tip.height} and does not know yet whether that is "
            "where the network stands; ask another node, or try again."
        )


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Problem(
            408,
            "request_timeout",
            f"the body of the request did not come within {BODY_SECONDS} s",
            headers={"Connection": "close"},
        ) from None


async def _outcome(context: NodeContext, tx_id: TxId, seconds: int) -> Finalized | Expired | None:
    """Wait until a pending transaction is final or refused; None if there is no time or no room."""
    if context.waiting_requests >= context.waiting_requests_max:
        return None
    context.waiting_requests += 1
    future = context.driver.waiters.wait_for(tx_id)
    try:
        return await asyncio.wait_for(future, seconds)
    except TimeoutError:
        return None
    finally:
        context.waiting_requests -= 1


def _receipt_response(request: web.Request, context: NodeContext, tx_id: TxId) -> web.Response:
    return immutable(request, encode(context.receipts.receipt(tx_id)), RECEIPT_TYPE)


def _pending_response(context: NodeContext, tx_id: TxId) -> web.Response:
    pending = context.driver.replica.mempool.get(tx_id)
    return _accepted(tx_id, _reason(None if pending is None else pending.refusal))


def _accepted(tx_id: TxId, reason: dict[str, Any]) -> web.Response:
    return json_response(
        {"tx_id": tx_id.hex(), "state": "pending", **reason},
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
