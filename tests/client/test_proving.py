from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web
from msgspec.structs import replace

from client.errors import NotFound, Unverified
from client.proving import prove_trace, records_of
from client.tracing import Trace
from tests.client.network import Ledger, client_of
from tests.support.trading import BUYER, accept, offer_part, output


async def story(ledger: Ledger) -> Trace:
    """Mine a lot, offer a part, accept it, and ask for the story of the part."""
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        made = await client.submit(output())
        offered = await client.submit(offer_part(made.lot_id(), 400_000))
    async with client_of(ledger, node, member=BUYER) as client:
        part = offered.lot_id()
        await client.submit(accept(part, offered.lot_id(part=1_000), received_gross=400_000))
        return await client.trace(part)


async def test_every_record_of_a_story_is_proven_by_its_receipt(ledger: Ledger) -> None:
    trace = await story(ledger)
    async with client_of(ledger, await ledger.node()) as client:
        proven = await prove_trace(client, trace)
    assert (proven.records_count, proven.transactions_count) == (3, 3)
    assert {placed.record.type for placed in records_of(trace)} == {
        *("MineOutput", "OfferTransfer", "AcceptTransfer")
    }


def another_author(trace: Trace) -> Trace:
    made = trace.origins[0].placed
    return replace(
        trace, origins=(replace(trace.origins[0], placed=replace(made, author="mine-b")),)
    )


def another_height(trace: Trace) -> Trace:
    (transfer,) = trace.transfers
    place = replace(transfer.offer.place, height=3)
    return replace(
        trace, transfers=(replace(transfer, offer=replace(transfer.offer, place=place)),)
    )


def another_quantity(trace: Trace) -> Trace:
    (transfer,) = trace.transfers
    assert transfer.answer is not None
    record = transfer.answer.record
    fields = {**record.fields, "received_gross": 1}
    answer = replace(transfer.answer, record=replace(record, fields=fields))
    return replace(trace, transfers=(replace(transfer, answer=answer),))


def a_record_that_is_not_there(trace: Trace) -> Trace:
    made = trace.origins[0].placed
    placed = replace(made, place=replace(made.place, record_index=5))
    return replace(trace, origins=(replace(trace.origins[0], placed=placed),))


@pytest.mark.parametrize(
    "forge", [another_author, another_height, another_quantity, a_record_that_is_not_there]
)
async def test_a_story_with_one_false_detail_is_not_proven(
    ledger: Ledger, forge: Callable[[Trace], Trace]
) -> None:
    trace = forge(await story(ledger))
    async with client_of(ledger, await ledger.node()) as client:
        with pytest.raises(Unverified, match="the node that told the story"):
            await prove_trace(client, trace)


async def test_an_invented_transaction_has_no_receipt(ledger: Ledger) -> None:
    trace = await story(ledger)
    made = replace(trace.origins[0].placed, tx_id="ab" * 32)
    forged = replace(trace, origins=(replace(trace.origins[0], placed=made),))
    async with client_of(ledger, await ledger.node()) as client:
        with pytest.raises(NotFound):
            await prove_trace(client, forged)


async def test_a_node_cannot_prove_an_invented_story_with_forged_receipts(ledger: Ledger) -> None:
    trace = await story(ledger)
    node = await ledger.node()

    async def lie(request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith("/receipt"):
            return None
        return web.Response(body=b"\x00" * 40, content_type="application/vnd.monazite.receipt")

    node.answer_always(lie)
    async with client_of(ledger, node) as client:
        with pytest.raises(Unverified):
            await prove_trace(client, trace)
