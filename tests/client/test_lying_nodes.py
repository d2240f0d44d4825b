"""Nodes that answer anything but the truth. A client may be delayed by them, never deceived."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from client.errors import NotFound, StillPending, Unreachable, Unverified
from client.outbox import Outbox
from ledger.vocabulary import Role
from ledger.wire.certificate import Certificate, CertificateKind, point_body
from ledger.wire.codec import encode
from ledger.wire.receipt import Receipt
from ledger.wire.signing import SigningDomain
from tests.client.network import (
    RECEIPT_TYPE,
    Interceptor,
    Ledger,
    certificate_of,
    client_of,
    problem,
    receipt_response,
)
from tests.support.founding import FOUNDERS
from tests.support.keys import sign_of
from tests.support.trading import MINE, output

Forge = Callable[[Ledger, Receipt], Receipt]


def with_certificate(receipt: Receipt, certificate: Certificate) -> Receipt:
    anchor = msgspec.structs.replace(receipt.placement.anchor, certificate=certificate)
    placement = msgspec.structs.replace(receipt.placement, anchor=anchor)
    return msgspec.structs.replace(receipt, placement=placement)


def too_few_signers(_ledger: Ledger, receipt: Receipt) -> Receipt:
    return with_certificate(receipt, certificate_of(receipt.placement.header, signers=2))


def signed_by_wrong_keys(_ledger: Ledger, receipt: Receipt) -> Receipt:
    certificate = receipt.placement.anchor.certificate
    assert certificate.point is not None
    return with_certificate(
        receipt,
        msgspec.structs.replace(
            certificate,
            signatures=tuple(
                sign_of(member, Role.OPERATOR)(SigningDomain.FINALIZE, b"anything")
                for member in FOUNDERS[:3]
            ),
        ),
    )


def a_notarization_instead(ledger: Ledger, receipt: Receipt) -> Receipt:
    certificate = receipt.placement.anchor.certificate
    point = certificate.point
    assert point is not None
    body = point_body(ledger.world.chain_id, ledger.world.genesis.validators, point)
    return with_certificate(
        receipt,
        msgspec.structs.replace(
            certificate,
            kind=CertificateKind.NOTARIZATION,
            signatures=tuple(
                sign_of(member, Role.CONSENSUS)(SigningDomain.NOTARIZE, body)
                for member in FOUNDERS[:3]
            ),
        ),
    )


def of_another_transaction(ledger: Ledger, _receipt: Receipt) -> Receipt:
    other = ledger.world.transaction(MINE, output(code="C-other"))
    ledger.commit(other)
    return ledger.receipt(other.tx_id)


def in_another_block(ledger: Ledger, receipt: Receipt) -> Receipt:
    other = of_another_transaction(ledger, receipt)
    return msgspec.structs.replace(receipt, placement=other.placement)


def of_another_chain(_ledger: Ledger, receipt: Receipt) -> Receipt:
    header = msgspec.structs.replace(receipt.placement.header, chain_id=bytes(32))
    placement = msgspec.structs.replace(receipt.placement, header=header)
    return msgspec.structs.replace(receipt, placement=placement)


def with_another_record(_ledger: Ledger, receipt: Receipt) -> Receipt:
    transaction = msgspec.structs.replace(
        receipt.signed.transaction, records=(encode(output(code="C-2")),)
    )
    signed = msgspec.structs.replace(receipt.signed, transaction=transaction)
    return msgspec.structs.replace(receipt, signed=signed)


FORGERIES: list[Forge] = [
    too_few_signers,
    signed_by_wrong_keys,
    a_notarization_instead,
    of_another_transaction,
    in_another_block,
    of_another_chain,
    with_another_record,
]


def forging(ledger: Ledger, forge: Forge) -> Interceptor:
    """Admit what is posted, and answer with a forged receipt."""

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if request.method != "POST":
            return None
        parsed = ledger.admit(await request.read())
        return receipt_response(forge(ledger, ledger.receipt(parsed.tx_id)))

    return answer


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forged_receipt_of_the_only_node_is_named_and_the_outbox_keeps_the_transaction(
    ledger: Ledger, tmp_path: Path, forge: Forge
) -> None:
    node = await ledger.node()
    node.answer_always(forging(ledger, forge))
    async with client_of(ledger, node, outbox=tmp_path) as client:
        with pytest.raises(Unverified) as raised:
            await client.submit(output())
    assert raised.value.node == node.address
    assert len(Outbox(tmp_path).entries()) == 1


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forged_receipt_beside_an_honest_node_does_no_harm(
    ledger: Ledger, forge: Forge
) -> None:
    liar, honest = await ledger.node(), await ledger.node()
    liar.answer_always(forging(ledger, forge))
    async with client_of(ledger, liar, honest) as client:
        receipt = await client.submit(output())
    assert ledger.world.state.place_of(receipt.tx_id) == (receipt.height, receipt.index)


async def test_the_receipt_of_a_network_with_another_genesis_does_not_verify(
    ledger: Ledger,
) -> None:
    node = await ledger.node()
    other = ledger.genesis.replace(b"Beijing", b"Baotou1")
    async with client_of(ledger, node) as client:
        receipt = await client.submit(output())
    async with client_of(ledger, node, genesis=other) as client:
        with pytest.raises(Unverified, match="is for chain"):
            await client.receipt(receipt.tx_id)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x93\x01", b"\xc1", b"\xff" * 100])
async def test_bytes_that_are_no_receipt_do_not_verify(ledger: Ledger, body: bytes) -> None:
    node = await ledger.node()

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if request.method == "POST":
            return web.Response(body=body, content_type=RECEIPT_TYPE)
        return None

    node.answer_always(answer)
    async with client_of(ledger, node) as client:
        with pytest.raises(Unverified):
            await client.submit(output())


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Promise more bytes than are sent."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": RECEIPT_TYPE})
    await response.prepare(request)
    await response.write(b"\x93")
    assert request.transport is not None
    request.transport.close()
    return response


async def as_html(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>captive portal</html>", content_type="text/html")


async def internal(_request: web.Request) -> web.StreamResponse:
    return problem(500, "internal", "the node could not answer")


async def redirect(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://evil.example/")


async def broken_problem(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=422, body=b"{", content_type="application/problem+json")


async def odd_figures(_request: web.Request) -> web.StreamResponse:
    return problem(422, "quota_exceeded", "too much", figures={"left": [1, 2]})


async def no_content_type(_request: web.Request) -> web.StreamResponse:
    response = web.Response(status=400, body=b"?")
    del response.headers["Content-Type"]
    return response


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (cut_off, "cut off|closed the connection"),
        (as_html, "text/html"),
        (internal, "500 internal"),
        (redirect, "302"),
        (broken_problem, "damaged problem"),
        (odd_figures, "damaged problem"),
        (no_content_type, "is it a node"),
    ],
)
async def test_an_unusable_answer_is_trouble_with_that_node_and_another_one_is_asked(
    ledger: Ledger, answer: Interceptor, complaint: str
) -> None:
    node, honest = await ledger.node(), await ledger.node()
    node.answer_always(answer)
    async with client_of(ledger, node) as client:
        with pytest.raises(Unreachable, match=complaint):
            await client.submit(output())
        with pytest.raises(Unreachable):
            await client.status()
    async with client_of(ledger, node, honest) as client:
        await client.submit(output())
        assert (await client.lot("mine-a/C-1")).owner == MINE


async def test_an_endless_answer_is_cut_short(ledger: Ledger) -> None:
    node, honest = await ledger.node(), await ledger.node()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        try:
            for _ in range(1_000):
                await response.write(bytes(1024 * 1024))
        except ConnectionError:
            pass
        return response

    node.answer_next(endless)
    async with client_of(ledger, node, honest) as client:
        assert (await client.status()).height == ledger.world.height


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": "final"},
        {"state": 7},
        {"state": "unheard of"},
        {"state": "pending", "reason": 7},
    ],
)
async def test_an_odd_state_never_counts_as_an_end(ledger: Ledger, body: dict[str, object]) -> None:
    node = await ledger.node()
    ledger.is_held = True

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET" and not request.path.endswith("/receipt"):
            return web.json_response(body)
        return None

    node.answer_always(answer)
    async with client_of(ledger, node) as client:
        with pytest.raises(StillPending):
            await client.submit(output())


async def test_a_claimed_refusal_is_not_believed_while_the_transaction_may_still_be_included(
    ledger: Ledger,
) -> None:
    liar, honest = await ledger.node(), await ledger.node()
    ledger.is_held = True

    async def refuse(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET" and "/transactions/" in request.path:
            return web.json_response({"state": "refused", "code": "expired", "reason": "late."})
        return None

    async def release(_request: web.Request) -> None:
        ledger.release()

    liar.answer_always(refuse)
    honest.answer_next(release)
    async with client_of(ledger, liar, honest) as client:
        receipt = await client.submit(output())
    assert receipt.height == ledger.world.height


async def test_a_receipt_of_any_transaction_is_verified_before_it_is_returned(
    ledger: Ledger,
) -> None:
    liar, honest = await ledger.node(), await ledger.node()
    async with client_of(ledger, honest) as client:
        receipt = await client.submit(output())
    forged = of_another_chain(ledger, ledger.receipt(receipt.tx_id))

    async def lie(_request: web.Request) -> web.StreamResponse:
        return receipt_response(forged)

    liar.answer_always(lie)
    async with client_of(ledger, liar, honest) as client:
        assert (await client.receipt(receipt.tx_id)).data == receipt.data
    async with client_of(ledger, liar) as client:
        with pytest.raises(Unverified, match="another chain"):
            await client.receipt(receipt.tx_id)
    async with client_of(ledger, honest) as client:
        with pytest.raises(NotFound):
            await client.receipt("ab" * 32)


@pytest.mark.parametrize(
    "body",
    [
        {"lot": {}},
        {"lot": {"id": 7}},
        {"lot": None},
        {"lot": {"id": "x", "product": "P", "gross": "much"}},
        [],
        "text",
        {"lot": []},
    ],
)
async def test_an_odd_answer_to_a_question_is_trouble_and_not_a_crash(
    ledger: Ledger, body: object
) -> None:
    node = await ledger.node()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    node.answer_always(answer)
    async with client_of(ledger, node) as client:
        with pytest.raises(Unreachable, match="answered with"):
            await client.lot("mine-a/C-1")


async def test_a_list_whose_cursor_stands_still_ends(ledger: Ledger) -> None:
    node = await ledger.node()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"members": [], "next": "mine-a", "height": 1, "time_ms": 1})

    node.answer_always(answer)
    async with client_of(ledger, node) as client:
        assert [member async for member in client.members()] == []
    assert node.requests.count("GET /v1/members") == 2
