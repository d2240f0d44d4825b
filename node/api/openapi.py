"""``/v1/openapi.json``: the API described in OpenAPI 3.1, made from one table.

A test holds the table, the routes of ``node.api.app`` and ``docs/spec/api.md`` together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from node.api.context import context_of, json_response

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
RECEIPT: Final = "application/vnd.monazite.receipt"
BLOCKS: Final = "application/vnd.monazite.blocks"
MSGPACK: Final = "application/msgpack"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, as the description shows it."""

    method: str
    path: str
    summary: str
    answers: tuple[str, ...] = (JSON,)
    query: tuple[tuple[str, str], ...] = ()
    problems: tuple[int, ...] = (404,)
    never_changes: bool = False
    """The answer carries an ETag and may be 304."""


OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/transactions",
        "Submit a signed transaction as canonical MessagePack. Idempotent by its id. With "
        "`Prefer: wait=SECONDS` the answer is the receipt as soon as it is final; otherwise 202.",
        (RECEIPT,),
        problems=(400, 408, 413, 422, 429, 503),
    ),
    Operation(
        "GET",
        "/v1/transactions/{tx_id}",
        "What became of a transaction: pending (and why), final, or refused; and what it says.",
        problems=(400, 404),
    ),
    Operation(
        "GET",
        "/v1/transactions/{tx_id}/receipt",
        "Proof that the transaction is final; with `record`, for that record alone.",
        (RECEIPT,),
        (("record", "Number of a record; the transaction's other records stay hidden."),),
        (400, 404),
        never_changes=True,
    ),
    Operation(
        "GET",
        "/v1/genesis",
        "The genesis document's exact bytes.",
        problems=(),
        never_changes=True,
    ),
    Operation("GET", "/v1/status", "Where the node stands.", problems=()),
    Operation(
        "GET",
        "/v1/blocks",
        "Blocks with their proofs, as a MessagePack stream of [block, proof].",
        (BLOCKS,),
        (("from", "First height."), ("limit", "Most blocks, at most 512.")),
        (400,),
    ),
    Operation(
        "GET",
        "/v1/blocks/{height}",
        "One block; its exact bytes with `Accept: application/msgpack`.",
        (JSON, MSGPACK),
        problems=(400, 404),
        never_changes=True,
    ),
    Operation(
        "GET", "/v1/headers/{height}", "One header.", problems=(400, 404), never_changes=True
    ),
    Operation(
        "GET",
        "/v1/members",
        "The register of admitted members, by id.",
        query=(("after", "Continue after this id."), ("limit", "Most members, at most 500.")),
        problems=(400,),
    ),
    Operation("GET", "/v1/members/{member}", "One member with its keys and facilities."),
    Operation("GET", "/v1/members/{member}/offers", "Open offers to this buyer."),
    Operation("GET", "/v1/facilities/{facility}", "One facility."),
    Operation(
        "GET",
        "/v1/products",
        "The catalogue, by code, each product in its newest version.",
        query=(("after", "Continue after this code."), ("limit", "Most products, at most 500.")),
        problems=(400,),
    ),
    Operation("GET", "/v1/products/{code}", "One product of the catalogue."),
    Operation(
        "GET",
        "/v1/quotas/{year}/{bucket}/{member}",
        "One quota account: granted, used and left, and the grants behind it.",
        problems=(400, 404),
    ),
    Operation("GET", "/v1/lots/by-code/{creator}/{code}", "One lot by its container code."),
    Operation("GET", "/v1/lots/{lot_id}", "One lot.", problems=(400, 404)),
    Operation(
        "GET",
        "/v1/lots/{lot_id}/trace",
        "Where a lot came from, back to mine and quota, and what was taken from it.",
        problems=(400, 404),
    ),
    Operation("GET", "/v1/openapi.json", "This description.", problems=()),
)

_PROBLEM_WORDS: Final = {
    400: "The request is malformed.",
    404: "Not on the ledger.",
    408: "The body did not come in time.",
    413: "Larger than a limit allows.",
    422: "Refused by the rules of the ledger; `code` says which. Final: nothing was forwarded.",
    429: "Busy; try again after `Retry-After` seconds.",
    503: "The node is not ready.",
}


async def openapi(request: web.Request) -> web.Response:
    """``GET /v1/openapi.json``."""
    return json_response(description(context_of(request).software))


def description(software: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Monazite node",
            "version": software,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Answers are read at the committed tip, which each one names.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457 problem.",
                    "required": ["type", "title", "status", "code", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "code": {"type": "string"},
                        "detail": {"type": "string"},
                        "field": {"type": "string"},
                        "record_index": {"type": ["integer", "null"]},
                        "figures": {"type": "object"},
                    },
                }
            }
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in operation.query
    ]
    responses: dict[str, Any] = {
        "200": {
            "description": "The answer.",
            "content": {kind: {} for kind in operation.answers},
        }
    }
    if operation.method == "POST":
        responses["202"] = {
            "description": "Pending; `Location` says where to ask.",
            "content": {JSON: {}},
        }
    if operation.never_changes:
        responses["304"] = {"description": "The client has it already (`If-None-Match`)."}
    for status in operation.problems:
        responses[str(status)] = {
            "description": _PROBLEM_WORDS[status],
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses,
    }
    if operation.method == "POST":
        described["requestBody"] = {"required": True, "content": {MSGPACK: {}}}
    return described
