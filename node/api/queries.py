"""Look-ups of the present state: members, facilities, products, quotas, lots, traces."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from ledger.display import plain
from ledger.queries import lots, members, products, quotas, traces
from ledger.queries.lots import Lot
from ledger.vocabulary import Bucket
from ledger.wire.scalars import (
    NAME_CHARACTERS_MAX,
    FacilityId,
    LotId,
    MemberId,
    ProductCode,
)
from node.api.context import (
    context_of,
    hex_bytes,
    hex_parameter,
    name_parameter,
    query_number,
    shortened,
    whole_number,
)
from node.api.problems import bad_request, not_found

PAGE_MAX: Final = 500


async def list_members(request: web.Request) -> web.Response:
    """``GET /v1/members``: one page of the register."""
    context = context_of(request)
    limit = query_number(request, "limit", default=100, low=1, high=PAGE_MAX)
    after = request.query.get("after")
    page = members.members(
        context.store,
        after=None if after is None else MemberId(_plain(after, "id of a member")),
        limit=limit,
    )
    return context.answer(
        {
            "members": [{"id": item.id, **plain(item.row)} for item in page.items],
            "next": None if page.next_after is None else page.next_after.decode(),
        }
    )


async def show_member(request: web.Request) -> web.Response:
    """``GET /v1/members/{member}``: one member with its keys and facilities."""
    context = context_of(request)
    member = MemberId(name_parameter(request, "member"))
    row = members.member(context.store, member)
    if row is None:
        raise not_found(f"{member} is not in the register of admitted members")
    keys = members.keys_of(context.store, member)
    facilities = members.facilities_of(context.store, member)
    return context.answer(
        {
            "member": {
                "id": member,
                **plain(row),
                "keys": plain(keys),
                "facilities": plain(facilities.items),
            }
        }
    )


async def list_offers(request: web.Request) -> web.Response:
    """``GET /v1/members/{member}/offers``: lots that wait for this buyer's answer."""
    context = context_of(request)
    buyer = MemberId(name_parameter(request, "member"))
    limit = query_number(request, "limit", default=PAGE_MAX, low=1, high=PAGE_MAX)
    after = request.query.get("after")
    page = lots.open_offers(
        context.store,
        buyer,
        after=None if after is None else _lot_id(after),
        limit=limit,
    )
    offers: list[dict[str, Any]] = []
    for lot in page.lots:
        transfer = lot.row.transfer
        if transfer is not None:
            offers.append(
                {
                    "lot": lot.id.hex(),
                    **plain(transfer),
                    "gross": lot.row.gross,
                    "product": lot.row.product,
                    "code": lot.row.code,
                    "creator": lot.row.creator,
                }
            )
    following = page.next_after
    return context.answer(
        {"offers": offers, "next": None if following is None else following.hex()}
    )


async def show_facility(request: web.Request) -> web.Response:
    """``GET /v1/facilities/{facility}``."""
    context = context_of(request)
    facility = FacilityId(name_parameter(request, "facility"))
    row = members.facility(context.store, facility)
    if row is None:
        raise not_found(f"there is no facility {facility}")
    return context.answer({"facility": {"id": facility, **plain(row)}})


async def list_products(request: web.Request) -> web.Response:
    """``GET /v1/products``: one page of the catalogue, each product in its newest version."""
    context = context_of(request)
    limit = query_number(request, "limit", default=100, low=1, high=PAGE_MAX)
    after = request.query.get("after")
    page = products.products(
        context.store,
        after=None if after is None else ProductCode(_plain(after, "code of a product")),
        limit=limit,
    )
    return context.answer(
        {
            "products": [{"code": item.code, **plain(item.row)} for item in page.items],
            "next": None if page.next_after is None else page.next_after.decode(),
        }
    )


async def show_product(request: web.Request) -> web.Response:
    """``GET /v1/products/{code}``: the newest version of a product."""
    context = context_of(request)
    code = ProductCode(name_parameter(request, "code"))
    row = products.product(context.store, code)
    if row is None:
        raise not_found(f"there is no product {code} in the catalogue")
    return context.answer({"product": {"code": code, **plain(row)}})


async def show_quota(request: web.Request) -> web.Response:
    """``GET /v1/quotas/{year}/{bucket}/{member}``: an account with the grants behind it."""
    context = context_of(request)
    year = whole_number(request.match_info["year"], "year", low=1970, high=9999)
    name = request.match_info["bucket"]
    try:
        bucket = Bucket[name.upper()]
    except KeyError:
        known = ", ".join(entry.name.lower() for entry in Bucket)
        raise bad_request(f"bucket must be one of {known}, found {shortened(name)!r}") from None
    member = MemberId(name_parameter(request, "member"))
    account = quotas.quota_account(context.store, year, bucket, member)
    if account is None:
        raise not_found(f"{member} has no quota account {name} for {year}")
    return context.answer(
        {
            "quota": {
                "year": year,
                "bucket": bucket.name.lower(),
                "member": member,
                **plain(account.row),
                "left": account.row.left,
                "grants": plain(account.grants),
                "movements": plain(account.movements[-PAGE_MAX:]),
            }
        }
    )


async def show_lot(request: web.Request) -> web.Response:
    """``GET /v1/lots/{lot_id}``."""
    context = context_of(request)
    lot_id = LotId(hex_parameter(request, "lot_id", 16))
    lot = lots.lot_by_id(context.store, lot_id)
    if lot is None:
        raise not_found(f"there is no lot {lot_id.hex()}")
    return context.answer({"lot": _lot_body(lot)})


async def show_lot_by_code(request: web.Request) -> web.Response:
    """``GET /v1/lots/by-code/{creator}/{code}``: the newest lot that bears a container code."""
    context = context_of(request)
    creator, code = MemberId(name_parameter(request, "creator")), name_parameter(request, "code")
    found = lots.lots_by_code(context.store, creator, code)
    if not found:
        raise not_found(f"{creator} has made no lot with the code {code}")
    return context.answer({"lot": _lot_body(found[0])})


async def trace(request: web.Request) -> web.Response:
    """``GET /v1/lots/{lot_id}/trace``: upstream to mine and quota, and downstream."""
    context = context_of(request)
    lot_id = LotId(hex_parameter(request, "lot_id", 16))
    found = traces.trace_lot(context.store, lot_id)
    if found is None:
        raise not_found(f"there is no lot {lot_id.hex()}")
    return context.answer({"trace": plain(found)})


def _lot_body(lot: Lot) -> dict[str, Any]:
    return {"id": lot.id.hex(), **plain(lot.row), "reo": lot.row.reo}


def _lot_id(text: str) -> LotId:
    return LotId(hex_bytes(text, "after", 16))


def _plain(text: str, what: str) -> str:
    """Return a text from outside that may be looked up; it need not be there."""
    if not text.isascii() or len(text) > NAME_CHARACTERS_MAX:
        raise bad_request(f"after must be the {what}, found {shortened(text)!r}")
    return text
