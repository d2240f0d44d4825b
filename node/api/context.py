"""What the handlers need, in one object made by ``node.service``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from ledger.receipts import ReceiptMaker
from ledger.store import Reader
from ledger.wire.block import Header
from ledger.wire.scalars import ChainId, TxId
from node.api.problems import bad_request, not_found
from node.driver import Driver

SHOWN_CHARACTERS_MAX: Final = 100
_HEX: Final = re.compile(r"[0-9a-f]*")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,63}")
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class NodeContext:
    """One node, as its API sees it."""

    driver: Driver
    store: Reader
    receipts: ReceiptMaker
    genesis: bytes
    chain_id: ChainId
    network: str
    node: str
    member: str
    software: str
    waiting_requests_max: int
    waiting_requests: int = 0

    @property
    def tip(self) -> Header:
        """Header of the committed tip."""
        return self.driver.replica.chain.tip

    def answer(self, body: dict[str, Any], *, status: int = 200) -> web.Response:
        """Return a JSON answer that says at which height it was read."""
        tip = self.tip
        return json_response({**body, "height": tip.height, "time_ms": tip.time_ms}, status=status)


CONTEXT = web.AppKey("context", NodeContext)


def context_of(request: web.Request) -> NodeContext:
    """Return the node that a request is for."""
    return request.app[CONTEXT]


def json_response(
    body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        status=status, body=json_bytes(body), content_type="application/json", headers=headers
    )


def json_bytes(body: dict[str, Any]) -> bytes:
    """Return an object as JSON."""
    return _encoder.encode(body)


def hex_parameter(request: web.Request, name: str, length: int) -> bytes:
    """Return a part of the path that must be ``length`` bytes in hex, or answer with a problem."""
    return hex_bytes(request.match_info[name], name, length)


def hex_bytes(text: str, name: str, length: int) -> bytes:
    """Return ``length`` bytes in lower-case hex, or answer with a problem."""
    if len(text) != 2 * length or not _HEX.fullmatch(text):
        raise bad_request(
            f"{name} must be {2 * length} lower-case hex digits, found {shortened(text)!r}"
        )
    return bytes.fromhex(text)


def name_parameter(request: web.Request, name: str) -> str:
    """Return a name in the path; one that no name can be is answered with "not found"."""
    text = request.match_info[name]
    if not _NAME.fullmatch(text):
        raise not_found(f"{shortened(text)!r} is no {name}: names are short and of plain letters")
    return text


def shortened(text: str) -> str:
    """Return a text from outside as it may stand in a sentence."""
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"


def tx_id_parameter(request: web.Request) -> TxId:
    """Return the transaction id in the path."""
    return TxId(hex_parameter(request, "tx_id", 32))


def whole_number(text: str, name: str, *, low: int, high: int) -> int:
    """Return a decimal number within bounds, or answer with a problem."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not low <= int(text) <= high:
        raise bad_request(
            f"{name} must be a whole number from {low} to {high}, found {shortened(text)!r}"
        )
    return int(text)


def query_number(request: web.Request, name: str, *, default: int, low: int, high: int) -> int:
    """Return a number of the query string, or its default."""
    text = request.query.get(name)
    return default if text is None else whole_number(text, name, low=low, high=high)
