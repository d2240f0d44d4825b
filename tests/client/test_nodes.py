from __future__ import annotations

import random

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from client.errors import Busy, Unreachable, UsageError
from client.nodes import NodePool, Troubles
from client.timing import Patience
from client.transport import (
    NodeConnection,
    NodeTroubleError,
    Reply,
    json_of,
    problem_of,
)
from ledger.wire.scalars import Height
from tests.client.network import FakeTime, Ledger, hang_up


def reply(status: int, body: bytes, content_type: str = "application/problem+json") -> Reply:
    return Reply(status, content_type, body)


def pool_of(session: ClientSession, *addresses: str, time: FakeTime | None = None) -> NodePool:
    time = time or FakeTime(0)
    patience = Patience()
    return NodePool(
        [NodeConnection(address, session, patience) for address in addresses],
        timing=time.timing(),
        patience=patience,
        jitter=random.Random(1),  # noqa: S311 - repeatable pauses
    )


def addresses(pool: NodePool) -> list[str]:
    return [node.address for node in pool.in_order()]


async def test_a_node_in_trouble_is_asked_last_and_a_good_one_stays_first() -> None:
    async with ClientSession() as session:
        pool = pool_of(session, "a", "b", "c")
        first, second, third = pool.in_order()
        pool.demote(first)
        assert addresses(pool) == ["b", "c", "a"]
        pool.demote(first)
        assert addresses(pool) == ["b", "c", "a"], "it is not first any more"
        pool.prefer(third)
        assert addresses(pool) == ["c", "a", "b"]
        assert [node.address for node in pool.in_order(without={"a"})] == ["c", "b"]
        assert second.address == "b"


async def test_pauses_grow_are_bounded_and_never_pass_the_deadline() -> None:
    time = FakeTime(0)
    async with ClientSession() as session:
        pool = pool_of(session, "a", time=time)
        deadline = pool.deadline(30_000)
        attempt = 0
        while await pool.pause(attempt, deadline):
            attempt += 1
    longest = [pool.patience.backoff_ms(number) / 1_000 for number in range(attempt)]
    assert all(
        most / 2 <= pause <= most
        for most, pause in zip(longest, time.pauses[:attempt], strict=True)
    )
    assert max(time.pauses) <= 5
    assert sum(time.pauses) <= 30.001


async def test_a_pause_that_a_node_asked_for_is_kept_or_not_begun() -> None:
    time = FakeTime(0)
    async with ClientSession() as session:
        pool = pool_of(session, "a", time=time)
        assert await pool.pause(0, pool.deadline(10_000), least_ms=4_000)
        assert time.pauses[0] >= 4
        assert not await pool.pause(0, pool.deadline(3_000), least_ms=4_000)
        assert len(time.pauses) == 1


async def test_a_claimed_height_puts_nobody_out_and_a_proven_one_does(ledger: Ledger) -> None:
    boastful, node = await ledger.node(), await ledger.node()
    boastful.height_shown = 10**15
    async with ClientSession() as session:
        pool = pool_of(session, boastful.address, node.address)
        await pool.ask_json("/v1/status", lambda body: body["height"], what="status")
        assert pool.proven_height == 0
        pool.note_proven(Height(ledger.world.height + 1))
        boastful.height_shown = None
        with pytest.raises(Busy, match="is at block 12, 1 behind this client's own records"):
            await pool.ask_json("/v1/members", lambda body: body, what="members")


async def test_a_question_that_a_node_does_not_understand_is_the_callers_mistake(
    ledger: Ledger,
) -> None:
    node = await ledger.node()
    async with ClientSession() as session:
        with pytest.raises(UsageError, match="does not understand the question"):
            await pool_of(session, node.address).ask_json(
                "/v1/lots/xyz", lambda body: body, what="a lot"
            )


async def test_a_request_that_is_answered_with_a_hang_up_may_have_arrived(ledger: Ledger) -> None:
    node = await ledger.node()
    node.answer_next(hang_up)
    async with ClientSession() as session:
        connection = NodeConnection(node.address, session, Patience())
        with pytest.raises(NodeTroubleError) as lost:
            await connection.request("POST", "/v1/transactions", body=b"x")
        nobody = NodeConnection("http://127.0.0.1:9", session, Patience())
        with pytest.raises(NodeTroubleError) as refused:
            await nobody.request("POST", "/v1/transactions", body=b"x")
    assert lost.value.may_have_arrived
    assert not refused.value.may_have_arrived


async def test_what_a_request_says_is_what_the_contract_wants(ledger: Ledger) -> None:
    node = await ledger.node()
    seen: list[web.Request] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        assert await request.read() == b"body"
        return web.json_response({}, headers={"Retry-After": "7"})

    node.answer_next(look)
    async with ClientSession() as session:
        connection = NodeConnection(node.address, session, Patience())
        answer = await connection.request(
            "POST", "/v1/transactions", body=b"body", params={"a": "b c"}, wait_ms=20_999
        )
    (request,) = seen
    assert request.headers["Prefer"] == "wait=20"
    assert request.headers["Content-Type"] == "application/msgpack"
    assert request.query["a"] == "b c"
    assert answer.retry_after_ms == 7_000


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [("", 0), ("soon", 0), ("-1", 0), ("1.5", 0), ("3", 3_000), ("9" * 9, 60_000), ("9" * 40, 0)],
)
async def test_a_wait_that_a_node_asks_for_is_bounded(
    ledger: Ledger, text: str, expected_ms: int
) -> None:
    node = await ledger.node()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Retry-After": text})

    node.answer_next(answer)
    async with ClientSession() as session:
        connection = NodeConnection(node.address, session, Patience())
        assert (await connection.request("GET", "/v1/status")).retry_after_ms == expected_ms


@given(data=st.binary(max_size=60), status=st.sampled_from([400, 404, 422, 429, 500, 503]))
def test_any_bytes_are_a_problem_or_trouble(data: bytes, status: int) -> None:
    try:
        problem = problem_of(reply(status, data))
    except NodeTroubleError:
        return
    assert problem.status == status


def test_a_problem_keeps_everything_that_a_refusal_says() -> None:
    body = (
        b'{"type": "about:blank", "status": 422, "code": "quota_exceeded", "detail": "too much.",'
        b' "field": "elements", "record_index": 3, "figures": {"left": 5, "bucket": "rock"},'
        b' "height": 9, "more": [1]}'
    )
    problem = problem_of(reply(422, body))
    assert (problem.code, problem.field, problem.record_index) == ("quota_exceeded", "elements", 3)
    assert problem.figures == {"left": 5, "bucket": "rock"}
    assert problem.height == 9


def test_a_problem_without_a_field_or_record_is_one_too() -> None:
    problem = problem_of(reply(422, b'{"field": null, "record_index": null}'))
    assert (problem.field, problem.record_index, problem.code) == ("", None, "unknown")


@pytest.mark.parametrize("body", [b"[]", b"7", b"nonsense", b'"x"', b"\xff"])
def test_what_is_no_json_object_is_trouble(body: bytes) -> None:
    with pytest.raises(NodeTroubleError, match="damaged JSON"):
        json_of(reply(200, body, "application/json"))


async def test_troubles_are_told_by_node_and_busy_only_when_nobody_else_was_heard() -> None:
    async with ClientSession() as session:
        one, other = pool_of(session, "a", "b").in_order()
        troubles = Troubles()
        troubles.note(one, NodeTroubleError("full", busy=True, retry_after_ms=2_000))
        troubles.note(other, NodeTroubleError("down", may_have_arrived=False))
        assert isinstance(troubles.error("x"), Busy)
        assert troubles.retry_after_ms == 2_000
        troubles.note(other, NodeTroubleError("cut off"))
        error = troubles.error("the status")
    assert type(error) is Unreachable
    assert error.troubles == {"a": "full", "b": "cut off"}
    assert "for the status (a: full; b: cut off)" in str(error)
