"""Questions to the ledger, over the nodes of a pool: ``Reader`` is the reading half of ``Client``.

An answer is what one node says as of the height that it carries. What a client has written itself, it
reads back: a node that is behind the newest verified receipt is not believed (``client.nodes``). Lists
are async iterators that fetch page by page.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from client import answers
from client.answers import answer_of
from client.errors import UsageError
from client.nodes import NodePool
from client.tracing import Trace
from client.transport import NodeTroubleError, Reply
from ledger.vocabulary import Bucket
from ledger.wire.scalars import LotId, TxId

PAGE_ITEMS: Final = 200
_TX_ID: Final = re.compile(r"[0-9a-f]{64}\Z")
_LOT_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


class Reader:
    """Asks nodes. Made by ``Client``; use that."""

    _pool: NodePool | None = None

    @property
    def _nodes(self) -> NodePool:
        """The nodes to ask.

        Raises:
            UsageError: The session is not open.
        """
        if self._pool is None:
            raise UsageError("the session is not open; use `async with Client(...) as ledger`.")
        return self._pool

    async def status(self) -> answers.Status:
        """Return where a node stands."""
        return await self._get("/v1/status", answers.Status, "the status")

    async def member(self, member: str) -> answers.Member:
        """Return a member with its keys and facilities.

        Raises:
            NotFound: Nobody of that id is in the register.
        """
        return await self._nodes.ask_json(
            f"/v1/members/{_part(member)}",
            lambda body: answer_of(answers.Member, _flat(body, "member")),
            what=f"member {member}",
        )

    async def members(self) -> AsyncIterator[answers.MemberEntry]:
        """Yield every member in order of ids; a page is read as of one height, the whole is not."""
        async for body in self._pages("/v1/members", "the members"):
            for entry in _listed(body, "members", answers.MemberEntry):
                yield entry

    async def products(self) -> AsyncIterator[answers.Product]:
        """Yield every product of the catalogue in order of codes, in its newest version."""
        async for body in self._pages("/v1/products", "the products"):
            for entry in _listed(body, "products", answers.Product):
                yield entry

    async def offers(self, buyer: str) -> answers.Offers:
        """Return all offers that wait for ``buyer``, with the height of the newest page."""
        offers: list[answers.Offer] = []
        height = time_ms = 0
        what = f"offers to {buyer}"
        async for body in self._pages(f"/v1/members/{_part(buyer)}/offers", what):
            offers.extend(_listed(body, "offers", answers.Offer))
            height, time_ms = _number(body, "height"), _number(body, "time_ms")
        return answers.Offers(offers=tuple(offers), height=height, time_ms=time_ms)

    async def lot(self, lot: str | LotId) -> answers.Lot:
        """Return a lot by its id or as ``creator/code``.

        Raises:
            NotFound: There is no such lot.
            UsageError: It is neither an id nor ``creator/code``.
        """
        if isinstance(lot, str) and "/" in lot:
            creator, code = lot.split("/", 1)
            return await self.lot_by_code(creator, code)
        lot_id = lot_id_text(lot)
        return await self._lot(f"/v1/lots/{lot_id}", f"lot {lot_id}")

    async def lot_by_code(self, creator: str, code: str) -> answers.Lot:
        """Return the live lot that carries the container code ``code`` of ``creator``.

        Raises:
            NotFound: There is no such lot.
        """
        path = f"/v1/lots/by-code/{_part(creator)}/{quote(code, safe='/')}"
        return await self._lot(path, f"lot {creator}/{code}")

    async def trace(self, lot: str | LotId) -> Trace:
        """Return where a lot came from and what was taken from it.

        Raises:
            NotFound: There is no such lot.
            UsageError: It is neither an id nor ``creator/code``.
        """
        if isinstance(lot, str) and "/" in lot:
            lot = (await self.lot(lot)).id
        lot_id = lot_id_text(lot)
        return await self._nodes.ask_json(
            f"/v1/lots/{lot_id}/trace",
            lambda body: answer_of(Trace, _flat(body, "trace")),
            what=f"trace of lot {lot_id}",
        )

    async def quota(self, year: int, bucket: Bucket | str, member: str) -> answers.Quota:
        """Return a member's quota account.

        Raises:
            NotFound: Nothing was granted to it.
        """
        word = bucket.name.lower() if isinstance(bucket, Bucket) else bucket
        named = {"year": year, "bucket": word, "member": member}
        return await self._nodes.ask_json(
            f"/v1/quotas/{year}/{_part(word)}/{_part(member)}",
            lambda body: answer_of(answers.Quota, _flat(named | body, "quota")),
            what=f"quota of {member} for {word} in {year}",
        )

    async def product(self, code: str) -> answers.Product:
        """Return a product of the catalogue.

        Raises:
            NotFound: There is none of that code.
        """
        return await self._nodes.ask_json(
            f"/v1/products/{quote(code, safe='')}",
            lambda body: answer_of(answers.Product, _flat({"code": code} | body, "product")),
            what=f"product {code}",
        )

    async def transaction(self, tx_id: str | TxId) -> answers.TransactionState:
        """Return what became of a transaction, as a node says; ``receipt`` proves it.

        Raises:
            NotFound: No node that was asked has it.
        """
        text = tx_id_text(tx_id)
        return await self._get(
            f"/v1/transactions/{text}", answers.TransactionState, f"transaction {text}"
        )

    async def block(self, height: int) -> dict[str, Any]:
        """Return a block's header and what its transactions say, as plain JSON values.

        Raises:
            NotFound: The chain is not as long.
        """
        if height < 0:
            raise UsageError(f"block {height}: heights start at 0.")
        return await self._nodes.ask_json(
            f"/v1/blocks/{height}", lambda body: body, what=f"block {height}"
        )

    async def genesis(self) -> bytes:
        """Return the genesis document that a node has; trust it only after comparing its SHA-256."""
        _node, data = await self._nodes.ask("/v1/genesis", _body_of, what="the genesis")
        return data

    async def _pages(self, path: str, what: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of a list."""
        after = ""
        while True:
            params = {"limit": str(PAGE_ITEMS)} | ({"after": after} if after else {})
            body = await self._nodes.ask_json(path, _page, what=what, params=params)
            yield body
            following = body.get("next")
            # A cursor that does not move would ask for the same page for ever.
            if not isinstance(following, str) or not following or following == after:
                return
            after = following

    async def _lot(self, path: str, what: str) -> answers.Lot:
        return await self._nodes.ask_json(
            path, lambda body: answer_of(answers.Lot, _flat(body, "lot")), what=what
        )

    async def _get(self, path: str, kind: type[answers.A], what: str) -> answers.A:
        return await self._nodes.ask_json(path, lambda body: answer_of(kind, body), what=what)


def tx_id_text(tx_id: str | TxId) -> str:
    """Return a transaction id as 64 lower-case hexadecimal digits.

    Raises:
        UsageError: It is none.
    """
    text = tx_id.lower() if isinstance(tx_id, str) else tx_id.hex()
    if not _TX_ID.match(text):
        raise UsageError(f"{tx_id!r} is no transaction id: 64 hexadecimal digits are needed.")
    return text


def lot_id_text(lot: str | LotId) -> str:
    """Return a lot id as 32 lower-case hexadecimal digits.

    Raises:
        UsageError: It is none.
    """
    text = lot.lower() if isinstance(lot, str) else lot.hex()
    if not _LOT_ID.match(text):
        raise UsageError(
            f"{lot!r} names no lot: write its id (32 hexadecimal digits) or creator/code."
        )
    return text


def _part(text: str) -> str:
    """Return a word as one part of a path."""
    if not text or text in (".", ".."):
        raise UsageError(f"{text!r} is no name.")
    return quote(text, safe="")


def _flat(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an answer with the fields of the object ``name`` beside its height and time."""
    inner = body.get(name)
    return {**body, **inner} if isinstance(inner, dict) else body


def _page(body: dict[str, Any]) -> dict[str, Any]:
    """Return a page whose lists are lists of objects, so that reading it cannot fail elsewhere."""
    for name, kind in _KIND_OF_LIST.items():
        if name in body:
            _listed(body, name, kind)
    if not _KIND_OF_LIST.keys() & body.keys():
        raise NodeTroubleError("answered without a list")
    return body


_KIND_OF_LIST: Final[dict[str, type[Any]]] = {
    "members": answers.MemberEntry,
    "products": answers.Product,
    "offers": answers.Offer,
}


def _listed(body: dict[str, Any], name: str, kind: type[answers.A]) -> list[answers.A]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise NodeTroubleError(f"answered without a list of {name}")
    return [answer_of(kind, item) for item in found]


def _number(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    return value if type(value) is int else 0


def _body_of(reply: Reply) -> bytes:
    return reply.body
