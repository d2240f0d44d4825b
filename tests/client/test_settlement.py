from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from client.errors import Busy, ClientRefusal, StillPending, Unreachable, UsageError
from client.outbox import Outbox
from client.timing import Patience
from ledger.parsed import parse_transaction
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from tests.client.network import (
    FakeTime,
    Interceptor,
    Ledger,
    busy,
    client_of,
    hang_up,
    keys_of,
    not_ready,
    problem,
    refusing,
)
from tests.support.founding import MINISTRY
from tests.support.trading import MINE, output

NOBODY = "http://127.0.0.1:9"
"""Nothing listens there."""


async def test_a_submission_returns_a_receipt_that_was_verified(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        receipt = await client.submit(output())
    assert receipt.height == ledger.world.height
    assert receipt.verify().tx_id == receipt.tx_id
    assert receipt.records == (output(),)
    assert ledger.world.state.place_of(receipt.tx_id) == (receipt.height, receipt.index)


async def test_the_bytes_are_in_the_outbox_before_they_leave_and_gone_when_it_is_final(
    ledger: Ledger, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path / "outbox")
    seen: list[bytes] = []

    async def look(request: web.Request) -> None:
        seen.extend(entry.signed_bytes for entry in outbox.entries())
        assert seen == [await request.read()]

    node = await ledger.node()
    node.answer_next(look)
    async with client_of(ledger, node, outbox=outbox.directory) as client:
        await client.submit(output())
    assert len(seen) == 1
    assert outbox.entries() == ()


async def test_a_node_that_is_down_is_passed_over(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, NOBODY, node) as client:
        receipt = await client.submit(output())
        await client.submit(output(code="C-2"))
    assert receipt.height
    assert node.posts() == 2


async def test_a_node_that_does_not_answer_in_time_is_passed_over(ledger: Ledger) -> None:
    silent, node = await ledger.node(), await ledger.node()
    never = asyncio.Event()

    async def keep_waiting(_request: web.Request) -> None:
        await never.wait()

    silent.answer_next(keep_waiting)
    patience = Patience(total_ms=20_000, wait_ms=0, request_ms=100)
    async with client_of(ledger, silent, node, patience=patience) as client:
        await client.submit(output())
    never.set()
    assert node.posts() == 1


async def test_a_connection_lost_after_admission_neither_loses_nor_doubles(ledger: Ledger) -> None:
    node = await ledger.node()

    async def admit_and_hang_up(request: web.Request) -> web.StreamResponse:
        ledger.admit(await request.read())
        return await hang_up(request)

    node.answer_next(admit_and_hang_up)
    async with client_of(ledger, node) as client:
        receipt = await client.submit(output())
    assert ledger.world.state.place_of(receipt.tx_id) == (receipt.height, receipt.index)
    assert receipt.height == ledger.world.height
    assert len(set(ledger.submissions)) == 1


async def test_when_every_node_is_busy_the_error_says_so_after_the_wait_that_they_asked_for(
    ledger: Ledger, tmp_path: Path
) -> None:
    node = await ledger.node()

    async def always_busy(request: web.Request) -> web.StreamResponse | None:
        return await busy(4)(request) if request.method == "POST" else None

    node.answer_always(always_busy)
    time = FakeTime(ledger.world.time_ms)
    async with client_of(ledger, node, time=time, outbox=tmp_path) as client:
        with pytest.raises(Busy, match=r"every node is busy.*stays in the outbox.*pool is full"):
            await client.submit(output())
    assert all(seconds >= 4 for seconds in time.pauses[:-1])
    assert len(Outbox(tmp_path).entries()) == 1


async def test_busy_after_admission_is_followed_to_the_receipt(ledger: Ledger) -> None:
    node = await ledger.node()

    async def admit_and_say_busy(request: web.Request) -> web.StreamResponse | None:
        ledger.admit(await request.read())
        return await busy()(request)

    node.answer_next(admit_and_say_busy)
    async with client_of(ledger, node) as client:
        receipt = await client.submit(output())
    assert receipt.height == ledger.world.height
    assert node.posts() == 1


async def test_a_refusal_after_busy_without_admission_is_final(ledger: Ledger) -> None:
    node = await ledger.node()
    node.answer_next(busy())
    async with client_of(ledger, node) as client:
        with pytest.raises(ClientRefusal, match="quota_exceeded"):
            await client.submit(output(**_too_much()))


async def test_a_node_that_is_not_ready_is_passed_over(ledger: Ledger) -> None:
    starting, node = await ledger.node(), await ledger.node()
    starting.answer_next(not_ready())
    async with client_of(ledger, starting, node) as client:
        await client.submit(output())
    assert node.posts() == 1


async def test_a_refusal_names_rule_field_record_and_figures_and_empties_the_outbox(
    ledger: Ledger, tmp_path: Path
) -> None:
    node = await ledger.node()
    async with client_of(ledger, node, outbox=tmp_path) as client:
        await client.submit(output())
        with pytest.raises(ClientRefusal) as raised:
            await client.submit(output(code="C-2"), output())
    refusal = raised.value
    assert refusal.refusal_code == RefusalCode.CODE_TAKEN
    assert (refusal.field, refusal.record_index) == ("code", 1)
    assert refusal.figures["container"] == "C-1"
    assert "another one" in refusal.sentence
    assert Outbox(tmp_path).entries() == ()


async def test_a_refusal_after_a_lost_connection_is_not_final(ledger: Ledger) -> None:
    first, second = await ledger.node(), await ledger.node()

    async def admit_and_hang_up(request: web.Request) -> web.StreamResponse:
        ledger.is_held = True
        ledger.admit(await request.read())
        return await hang_up(request)

    async def release(_request: web.Request) -> None:
        ledger.release()

    first.answer_next(admit_and_hang_up, release)
    second.answer_next(refusing(RefusalCode.LOT_NOT_FREE, "it is offered elsewhere."))
    async with client_of(ledger, first, second) as client:
        receipt = await client.submit(output())
    assert receipt.height == ledger.world.height


async def test_a_refusal_of_something_exposed_is_final_once_the_chain_is_past_its_validity(
    ledger: Ledger, tmp_path: Path
) -> None:
    node = await ledger.node()
    ledger.world.move_to(ledger.world.time_ms + 60_000)
    ledger.commit()
    node.answer_next(hang_up)
    time = FakeTime(ledger.world.time_ms - 30_000)
    async with client_of(ledger, node, time=time, outbox=tmp_path) as client:
        with pytest.raises(ClientRefusal, match="expired"):
            await client.submit(output(), valid_for_ms=10_000)
    assert Outbox(tmp_path).entries() == ()


async def test_a_refusal_of_something_exposed_is_not_final_while_it_may_still_be_included(
    ledger: Ledger, tmp_path: Path
) -> None:
    node = await ledger.node()
    node.answer_next(hang_up)
    async with client_of(ledger, node, outbox=tmp_path) as client:
        with pytest.raises(StillPending) as raised:
            await client.submit(output(**_too_much()))
    assert "grams" in raised.value.reason or " g" in raised.value.reason
    assert "do not write it anew" in str(raised.value)
    assert len(Outbox(tmp_path).entries()) == 1


async def test_what_is_not_decided_in_time_is_pending_and_resumed_later(
    ledger: Ledger, tmp_path: Path
) -> None:
    node = await ledger.node()
    ledger.is_held = True
    async with client_of(ledger, node, outbox=tmp_path) as client:
        with pytest.raises(StillPending, match="it waits"):
            await client.submit(output())
    assert node.posts() == 1, "a node that has it is asked, not sent to again"
    ledger.release()
    async with client_of(ledger, node, outbox=tmp_path) as client:
        (result,) = await client.resume_outbox()
        assert await client.resume_outbox() == []
    assert result.receipt is not None
    assert result.receipt.height == ledger.world.height


async def test_what_never_arrived_is_sent_when_the_outbox_is_resumed(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with client_of(ledger, NOBODY, outbox=tmp_path) as client:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9: no connection"):
            await client.submit(output())
    node = await ledger.node()
    async with client_of(ledger, node, outbox=tmp_path) as client:
        (result,) = await client.resume_outbox()
    assert result.is_final


async def test_a_node_that_was_restarted_and_forgot_gets_it_again(ledger: Ledger) -> None:
    node = await ledger.node()
    ledger.is_held = True

    async def restart(_request: web.Request) -> None:
        ledger.pending.clear()
        ledger.is_held = False

    async def pass_on(_request: web.Request) -> None:
        return

    node.answer_next(pass_on, restart)
    async with client_of(ledger, node) as client:
        await client.submit(output())
    assert node.posts() == 2


async def test_a_transaction_that_expired_in_the_pool_is_refused_with_the_rule_that_kept_it_out(
    ledger: Ledger,
) -> None:
    node = await ledger.node()
    ledger.is_held = True

    async def expire(request: web.Request) -> None:
        (parsed,) = ledger.pending.values()
        ledger.pending.clear()
        ledger.refused[parsed.tx_id] = ledger.world.refusal(MINE, output(**_too_much()))
        ledger.world.move_to(parsed.valid_until_ms + 1)
        ledger.commit()
        assert request.method == "GET"

    async def pass_on(_request: web.Request) -> None:
        return

    node.answer_next(pass_on, expire)
    async with client_of(ledger, node) as client:
        with pytest.raises(ClientRefusal, match="quota_exceeded"):
            await client.submit(output())


async def test_a_refusal_by_a_node_that_is_behind_is_not_believed(ledger: Ledger) -> None:
    good, behind = await ledger.node(), await ledger.node()
    behind.height_shown = 3

    async def stop(_request: web.Request) -> web.StreamResponse:
        return problem(503, "not_ready", "restarting")

    async with client_of(ledger, good, behind) as client:
        await client.submit(output())
        good.answer_next(stop)
        behind.answer_next(refusing(RefusalCode.LOT_UNKNOWN, "there is no such lot."))
        receipt = await client.submit(output(code="C-2"))
    assert receipt.height == ledger.world.height


async def test_an_answer_about_the_present_by_a_node_that_is_behind_is_not_believed(
    ledger: Ledger,
) -> None:
    good, behind = await ledger.node(), await ledger.node()
    async with client_of(ledger, good, behind) as client:
        receipt = await client.submit(output())
        good.answer_next(hang_up, hang_up)
        behind.answer_next(
            _json({"lot": {}, "height": receipt.height - 1, "time_ms": 0}),
        )
        lot = await client.lot("mine-a/C-1")
    assert lot.height == receipt.height


async def test_trouble_with_the_status_after_a_refusal_does_not_make_it_doubtful(
    ledger: Ledger,
) -> None:
    first, second = await ledger.node(), await ledger.node()
    async with client_of(ledger, first, second) as client:
        await client.submit(output())

        async def no_status(request: web.Request) -> web.StreamResponse | None:
            return await hang_up(request) if request.path == "/v1/status" else None

        first.answer_always(no_status)
        with pytest.raises(ClientRefusal, match="code_taken"):
            await client.submit(output())
    assert second.posts() == 1


async def test_a_session_that_is_not_open_says_so(ledger: Ledger) -> None:
    node = await ledger.node()
    client = client_of(ledger, node)
    with pytest.raises(UsageError, match="the session is not open"):
        await client.status()
    async with client:
        await client.status()
    with pytest.raises(UsageError, match="the session is not open"):
        await client.submit(output())


async def test_malformed_and_too_large_are_refusals_as_well(ledger: Ledger) -> None:
    node = await ledger.node()

    async def too_large(_request: web.Request) -> web.StreamResponse:
        return problem(413, "too_large", "262145 bytes, at most 262144 bytes are allowed")

    node.answer_next(too_large)
    async with client_of(ledger, node) as client:
        with pytest.raises(ClientRefusal, match="too_large"):
            await client.submit(output())


async def test_a_cancelled_submission_stays_in_the_outbox(ledger: Ledger, tmp_path: Path) -> None:
    node = await ledger.node()
    arrived, never = asyncio.Event(), asyncio.Event()

    async def keep_waiting(_request: web.Request) -> None:
        arrived.set()
        await never.wait()

    node.answer_next(keep_waiting)
    async with client_of(ledger, node, outbox=tmp_path) as client:
        task = asyncio.create_task(client.submit(output()))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(Outbox(tmp_path).entries()) == 1
        never.set()
        (result,) = await client.resume_outbox()
    assert result.is_final


async def test_another_party_signs_the_same_transaction(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        with pytest.raises(ClientRefusal, match="signature_not_needed"):
            await client.submit(
                output(), countersigners=[keys_of(MINISTRY, Role.OPERATOR)[Role.OPERATOR]]
            )
    parsed = parse_transaction(ledger.submissions[0])
    assert len(parsed.signed.signatures) == 2
    assert parsed.are_signatures_valid()


def _too_much() -> dict[str, object]:
    elements = tuple((element, grams * 10) for element, grams in output().elements)
    return {"gross": 10_000_000, "elements": elements}


def _json(body: dict[str, object]) -> Interceptor:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer
