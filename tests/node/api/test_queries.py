"""Look-ups of the present state over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.wire.scalars import LotId
from tests.support.founding import MINISTRY
from tests.support.running_node import RunningNode
from tests.support.trading import (
    BUYER,
    GRANTED,
    MINE,
    PIT,
    accept,
    lot_of,
    offer,
    output,
    transfer_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(node: RunningNode, path: str) -> dict[str, Any]:
    """Return a JSON answer, which says as of which block it was read."""
    response = await node.get(path)
    assert response.status == 200, await response.text()
    answer: dict[str, Any] = await response.json()
    tip = node.driver.replica.chain.tip
    assert (answer["height"], answer["time_ms"]) == (tip.height, tip.time_ms)
    return answer


async def test_the_register_comes_in_pages(node: RunningNode) -> None:
    names: list[str] = []
    path = "/v1/members?limit=3"
    while True:
        page = await ask(node, path)
        assert len(page["members"]) <= 3
        names += [member["id"] for member in page["members"]]
        if page["next"] is None:
            break
        path = f"/v1/members?limit=3&after={page['next']}"
    assert names == sorted(names)
    assert {MINISTRY, MINE, BUYER} <= set(names)


async def test_a_member_is_shown_with_its_keys_and_facilities(node: RunningNode) -> None:
    member = (await ask(node, f"/v1/members/{MINE}"))["member"]
    assert member["id"] == MINE
    assert member["kind"] == "enterprise"
    assert len(member["keys"]) == 3
    assert {entry["row"]["role"] for entry in member["keys"]} == {"admin", "operator", "filing"}
    assert [entry["id"] for entry in member["facilities"]] == [PIT]


async def test_the_catalogue_facility_and_quota_are_shown(node: RunningNode) -> None:
    codes = [entry["code"] for entry in (await ask(node, "/v1/products"))["products"]]
    assert codes == ["ORE-ION", "ORE-MIX"]
    product = (await ask(node, "/v1/products/ORE-MIX"))["product"]
    assert (product["code"], product["product_class"]) == ("ORE-MIX", "ore")
    facility = (await ask(node, f"/v1/facilities/{PIT}"))["facility"]
    assert (facility["id"], facility["owner"]) == (PIT, MINE)
    quota = (await ask(node, f"/v1/quotas/2024/rock_mining/{MINE}"))["quota"]
    assert quota["granted"] == GRANTED
    assert quota["left"] == quota["granted"] - quota["used"]


async def test_a_lot_is_followed_from_the_mine_through_an_offer_to_its_buyer(
    node: RunningNode,
) -> None:
    mined = node.world.transaction(MINE, output(code="Q/1"))
    await node.apply(mined)
    lot = lot_of(mined)
    by_id = (await ask(node, f"/v1/lots/{lot.hex()}"))["lot"]
    by_code = (await ask(node, f"/v1/lots/by-code/{MINE}/Q/1"))["lot"]
    assert by_id == by_code
    assert (by_id["id"], by_id["owner"], by_id["reo"]) == (lot.hex(), MINE, 500_000)
    sale = node.world.transaction(MINE, offer(lot))
    await node.apply(sale)
    offers = await ask(node, f"/v1/members/{BUYER}/offers")
    assert [entry["lot"] for entry in offers["offers"]] == [lot.hex()]
    assert offers["offers"][0]["seller"] == MINE
    assert offers["next"] is None
    await node.apply(node.world.transaction(BUYER, accept(lot, transfer_of(sale))))
    assert (await ask(node, f"/v1/members/{BUYER}/offers"))["offers"] == []
    assert (await ask(node, f"/v1/lots/{lot.hex()}"))["lot"]["owner"] == BUYER
    trace = (await ask(node, f"/v1/lots/{lot.hex()}/trace"))["trace"]
    assert lot.hex() in str(trace)
    assert PIT in str(trace)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/members/nobody",
        "/v1/facilities/nowhere",
        "/v1/products/NOTHING",
        "/v1/quotas/2023/rock_mining/mine-a",
        "/v1/quotas/2024/rock_mining/nobody",
        f"/v1/lots/{LotId(bytes(16)).hex()}",
        f"/v1/lots/{LotId(bytes(16)).hex()}/trace",
        "/v1/lots/by-code/mine-a/NOTHING",
    ],
)
async def test_what_is_not_there_is_not_found_and_named(node: RunningNode, path: str) -> None:
    response = await node.get(path)
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (404, "not_found")
    assert problem["detail"]
