"""Blocks, headers, genesis and status over HTTP, and not sending again what a client has."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
import pytest_asyncio

from ledger.wire.block import decode_block
from ledger.wire.certificate import BlockProof, verify_certificate
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import Epoch
from tests.support.running_node import RunningNode
from tests.support.trading import MINE, output

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def height(node: RunningNode) -> int:
    """Return the height of a block with one transaction."""
    parsed = node.world.transaction(MINE, output())
    if node.driver.replica.chain.tip.height == node.world.height:
        await node.apply(parsed)
    return int(node.world.height) + 1


async def test_a_block_is_served_as_json_and_as_its_exact_bytes(
    node: RunningNode, height: int
) -> None:
    data = await (await node.get(f"/v1/blocks/{height}", Accept="application/msgpack")).read()
    block = decode_block(data)
    assert encode(block) == data
    shown = await (await node.get(f"/v1/blocks/{height}")).json()
    assert shown["header"]["block_id"] == block.header.block_id.hex()
    assert shown["header"]["state_root"] == block.header.state_root.hex()
    assert [entry["author"] for entry in shown["transactions"]] == [MINE]
    assert shown["transactions"][0]["records"][0]["type"] == "MineOutput"
    header = await (await node.get(f"/v1/headers/{height}")).json()
    assert header["header"] == shown["header"]


async def test_every_block_comes_with_a_proof_that_verifies(node: RunningNode, height: int) -> None:
    stream = await (await node.get(f"/v1/blocks?from={height}&limit=1")).read()
    block_bytes, proof_bytes = msgspec.msgpack.decode(stream)
    proof = decode(BlockProof, proof_bytes)
    assert proof.finalization is not None
    genesis = node.place.genesis
    verify_certificate(
        proof.finalization, chain_id=genesis.chain_id, epoch=Epoch(0), validators=genesis.validators
    )
    assert proof.point.block_id == decode_block(block_bytes).header.block_id


async def test_the_stream_of_blocks_ends_at_the_tip_and_keeps_to_its_limit(
    node: RunningNode, height: int
) -> None:
    response = await node.get("/v1/blocks?from=0")
    assert response.content_type == "application/vnd.monazite.blocks"
    unpacked = list(values_of(await response.read()))
    assert [decode_block(block).header.height for block, _proof in unpacked] == [*range(height + 1)]
    assert unpacked[0][1] == b""
    three = list(values_of(await (await node.get("/v1/blocks?from=2&limit=3")).read()))
    assert three == unpacked[2:5]
    assert await (await node.get(f"/v1/blocks?from={height + 1}")).read() == b""


async def test_heights_above_the_tip_are_not_found(node: RunningNode, height: int) -> None:
    for path in (f"/v1/blocks/{height + 1}", f"/v1/headers/{2**63 - 1}"):
        response = await node.get(path)
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (404, "not_found")
        assert f"the tip is {height}" in problem["detail"]


async def test_the_genesis_is_served_byte_for_byte(node: RunningNode) -> None:
    data = await (await node.get("/v1/genesis")).read()
    assert data == node.place.genesis.data
    assert hashlib.sha256(data).digest() == node.place.genesis.chain_id


async def test_the_status_names_the_tip_and_who_votes(node: RunningNode, height: int) -> None:
    status = await (await node.get("/v1/status")).json()
    tip = node.driver.replica.chain.tip
    assert (status["height"], status["time_ms"]) == (height, tip.time_ms)
    assert status["block_id"] == tip.block_id.hex()
    assert status["validators"] == [{"name": "ministry", "member": "ministry"}]
    assert (status["validating"], status["signing"], status["halted"]) == (True, True, "")
    assert status["leader"] == "ministry"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/v1/genesis", "application/json"),
        ("/v1/blocks/1", "application/json"),
        ("/v1/blocks/1", "application/msgpack"),
        ("/v1/headers/1", "application/json"),
    ],
)
async def test_what_never_changes_is_not_sent_twice(
    node: RunningNode, path: str, accept: str
) -> None:
    first = await node.get(path, Accept=accept)
    tag = first.headers["ETag"]
    again = await node.get(path, **{"Accept": accept, "If-None-Match": f'"other", {tag}'})
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["ETag"] == tag
    changed = await node.get(path, **{"Accept": accept, "If-None-Match": '"other"'})
    assert (changed.status, await changed.read()) == (200, await first.read())
    assert first.headers["Cache-Control"] == "no-cache"


async def test_the_description_says_which_answers_never_change(node: RunningNode) -> None:
    paths = (await (await node.get("/v1/openapi.json")).json())["paths"]
    never = {
        path
        for path, operations in paths.items()
        if "304" in operations.get("get", {}).get("responses", {})
    }
    assert never == {
        "/v1/genesis",
        "/v1/blocks/{height}",
        "/v1/headers/{height}",
        "/v1/transactions/{tx_id}/receipt",
    }


async def test_two_forms_of_one_block_have_two_tags(node: RunningNode) -> None:
    forms = [
        await node.get("/v1/blocks/1", Accept=accept)
        for accept in ("application/json", "application/msgpack")
    ]
    assert len({form.headers["ETag"] for form in forms}) == 2
    assert {form.headers["Vary"] for form in forms} == {"Accept"}


async def test_a_receipt_is_not_sent_twice(node: RunningNode, height: int) -> None:
    shown = await (await node.get(f"/v1/blocks/{height}")).json()
    path = f"/v1/transactions/{shown['transactions'][0]['tx_id']}/receipt"
    first = await node.get(path)
    again = await node.get(path, **{"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status) == (200, 304)


def values_of(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Return the values of a MessagePack stream of pairs of byte strings."""
    values: list[tuple[bytes, bytes]] = []
    unpacker = msgspec.msgpack.Decoder(tuple[bytes, bytes])
    start = 0
    while start < len(stream):
        stop = start + 1
        for _ in range(2):
            stop += _size_of_bytes(stream, stop)
        values.append(unpacker.decode(stream[start:stop]))
        start = stop
    return values


def _size_of_bytes(stream: bytes, at: int) -> int:
    head = {0xC4: 1, 0xC5: 2, 0xC6: 4}[stream[at]]
    return 1 + head + int.from_bytes(stream[at + 1 : at + 1 + head], "big")
