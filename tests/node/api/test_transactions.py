"""Submitting transactions over HTTP, and everything that can be wrong with one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from consensus.effects import Build
from consensus.inputs import Instant
from ledger.parsed import ParsedTransaction
from ledger.records import name_of
from ledger.records.mine_output import MineOutput
from ledger.records.set_plan import SetPlan
from ledger.refusal import RefusalCode
from ledger.vocabulary import Activity, Bucket, Role
from ledger.wire.codec import decode, encode
from ledger.wire.receipt import Receipt, RecordReceipt, verify_receipt
from ledger.wire.scalars import (
    RECORDS_PER_TRANSACTION_MAX,
    TRANSACTION_BYTES_MAX,
    VALIDITY_MS_MAX,
    ChainId,
    Digest,
    Grams,
    LotId,
    SignatureBytes,
)
from ledger.wire.transaction import (
    KeySignature,
    SignedTransaction,
    sign_transaction,
)
from node.api.context import NodeContext
from node.effects import ReplicaEffect
from tests.support.founding import MINISTRY
from tests.support.keys import key_of, sign_of
from tests.support.running_node import RunningNode, until
from tests.support.trading import (
    BUYER,
    MINE,
    ROCK,
    TRADER,
    lot_of,
    offer,
    output,
)
from tests.support.world import Signer, mine

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECEIPT = "application/vnd.monazite.receipt"
_years = iter(range(2100, 9_000))


def plan(
    node: RunningNode,
    count: int = 1,
    *,
    signers: Sequence[Signer] | None = None,
    valid_until_ms: int | None = None,
) -> ParsedTransaction:
    """Return a transaction of the ministry that applies once."""
    records = [
        SetPlan(
            year=next(_years), bucket=Bucket.ROCK_MINING, total=Grams(9), document=Digest(bytes(32))
        )
        for _ in range(count)
    ]
    return node.world.transaction(
        MINISTRY, *records, signers=signers, valid_until_ms=valid_until_ms
    )


def small_output(code: str) -> MineOutput:
    """Return an output of a tenth of the usual lot."""
    tenth = tuple((element, Grams(grams // 10)) for element, grams in ROCK)
    return output(code=code, gross=Grams(100_000), elements=tenth)


async def standing(node: RunningNode) -> tuple[Any, ...]:
    """Return what must not change when something is refused."""
    status = await (await node.get("/v1/status")).json()
    return status["height"], status["state_root"], status["mempool"]["transactions"]


async def assert_refused(
    node: RunningNode,
    body: ParsedTransaction | bytes,
    status: int,
    code: str,
    *words: str,
) -> dict[str, Any]:
    """Check that a body is answered with this problem, changes nothing, and the node goes on."""
    before = await standing(node)
    response = await node.post(body)
    problem: dict[str, Any] = await response.json(content_type=None)
    assert response.content_type == "application/problem+json"
    assert (response.status, problem["status"], problem["code"]) == (status, status, code), problem
    for word in words:
        assert word in problem["detail"], problem["detail"]
    assert await standing(node) == before
    assert not node.events_named("request_failed")
    await node.apply(plan(node))
    return problem


def resigned(parsed: ParsedTransaction, **changes: object) -> bytes:
    """Return the bytes of a transaction with other fields, signed anew by the ministry."""
    transaction = msgspec.structs.replace(parsed.signed.transaction, **changes)
    key, sign = key_of(MINISTRY, Role.OPERATOR), sign_of(MINISTRY, Role.OPERATOR)
    return encode(sign_transaction(transaction, {key: sign}))


# ---- good


async def test_a_transaction_that_is_waited_for_is_answered_with_its_receipt(
    node: RunningNode,
) -> None:
    parsed = plan(node)
    response = await node.post(parsed)
    assert (response.status, response.content_type) == (200, RECEIPT)
    genesis = node.place.genesis
    proven = verify_receipt(
        decode(Receipt, await response.read()),
        chain_id=genesis.chain_id,
        validators=genesis.validators,
    )
    assert proven.tx_id == parsed.tx_id


async def test_without_waiting_the_answer_says_where_to_ask(node: RunningNode) -> None:
    parsed = plan(node)
    response = await node.post(parsed, wait=None)
    body = await response.json()
    assert response.status == 202
    assert body == {"tx_id": parsed.tx_id.hex(), "state": "pending", "reason": "", "code": ""}
    answer = await (await node.get(response.headers["Location"], Prefer="wait=10")).json()
    assert answer["state"] == "final"
    assert answer["author"] == MINISTRY
    assert [record["type"] for record in answer["records"]] == [name_of(parsed.records[0])]
    assert answer["records"][0]["fields"]["bucket"] == "rock_mining"
    assert answer["height"] == node.driver.replica.state_of(parsed.tx_id)


async def test_a_transaction_submitted_again_is_answered_with_the_same_receipt(
    node: RunningNode,
) -> None:
    parsed = plan(node)
    first = await node.apply(parsed)
    before = await standing(node)
    assert await node.apply(parsed) == first
    assert await standing(node) == before


async def test_the_same_transaction_from_many_clients_at_once_is_one_on_the_ledger(
    node: RunningNode,
) -> None:
    parsed = plan(node)
    before = await standing(node)
    receipts = await asyncio.gather(*(node.apply(parsed) for _ in range(20)))
    assert len(set(receipts)) == 1
    assert (await standing(node))[0] == before[0] + 1


async def test_a_receipt_can_be_asked_for_later_also_for_one_record(node: RunningNode) -> None:
    parsed = plan(node, 3)
    await node.apply(parsed)
    path = f"/v1/transactions/{parsed.tx_id.hex()}/receipt"
    whole = await node.get(path)
    assert (whole.status, whole.content_type) == (200, RECEIPT)
    one = decode(RecordReceipt, await (await node.get(f"{path}?record=1")).read())
    genesis = node.place.genesis
    proven = verify_receipt(one, chain_id=genesis.chain_id, validators=genesis.validators)
    assert proven.tx_id == parsed.tx_id
    assert one.opening.record == parsed.signed.transaction.records[1]
    for hidden in (0, 2):
        assert parsed.signed.transaction.records[hidden] not in encode(one)
    missing = await node.get(f"{path}?record=3")
    assert missing.status == 404
    assert "3 records" in (await missing.json(content_type=None))["detail"]


async def test_a_transaction_with_as_many_records_as_possible_is_taken(node: RunningNode) -> None:
    document = Digest(bytes(32))
    records = [
        SetPlan(year=next(_years), bucket=Bucket.ROCK_MINING, total=Grams(9), document=document)
        for _ in range(RECORDS_PER_TRANSACTION_MAX)
    ]
    await node.apply(node.world.transaction(MINISTRY, *records))


async def test_an_unknown_transaction_is_not_found(node: RunningNode) -> None:
    for path in ("", "/receipt"):
        response = await node.get(f"/v1/transactions/{'ab' * 32}{path}")
        assert response.status == 404
        assert (await response.json(content_type=None))["code"] == "not_found"


@pytest.mark.parametrize("text", ["ab" * 31, "AB" * 32, "zz" * 32, "ab " * 22, "ab" * 33])
async def test_an_odd_transaction_id_is_a_bad_request(node: RunningNode, text: str) -> None:
    response = await node.get(f"/v1/transactions/{text}")
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (400, "bad_request")
    assert "64 lower-case hex digits" in problem["detail"]


# ---- bodies that are no transaction


async def test_an_empty_body_is_malformed(node: RunningNode) -> None:
    await assert_refused(node, b"", 400, "malformed", "SignedTransaction")


async def test_a_body_that_is_no_messagepack_is_malformed(node: RunningNode) -> None:
    await assert_refused(node, b'{"author": "mine-a"}', 400, "malformed", "SignedTransaction")


async def test_another_spelling_of_a_transaction_is_malformed(node: RunningNode) -> None:
    fields = msgspec.msgpack.decode(plan(node).signed_bytes)
    version = fields[0][0]
    spelled = msgspec.msgpack.encode(fields).replace(
        bytes([version]), b"\xcd\x00" + bytes([version]), 1
    )
    assert msgspec.msgpack.decode(spelled) == fields
    await assert_refused(node, spelled, 400, "malformed", "another spelling")


async def test_a_transaction_with_bytes_behind_it_is_malformed(node: RunningNode) -> None:
    await assert_refused(node, plan(node).signed_bytes + b"\x00", 400, "malformed")


async def test_a_transaction_that_is_cut_short_is_malformed(node: RunningNode) -> None:
    await assert_refused(node, plan(node).signed_bytes[:-1], 400, "malformed", "truncated")


@pytest.mark.parametrize("depth", [100, 10_000, 200_000])
async def test_a_bomb_of_nested_arrays_is_malformed(node: RunningNode, depth: int) -> None:
    await assert_refused(node, b"\x91" * depth + b"\xc0", 400, "malformed")


async def test_a_bomb_of_promised_elements_is_malformed(node: RunningNode) -> None:
    await assert_refused(node, b"\x92\x97\x01\xdd\xff\xff\xff\xff", 400, "malformed")


async def test_an_unknown_type_of_record_is_malformed(node: RunningNode) -> None:
    body = resigned(plan(node), records=(msgspec.msgpack.encode([9_999, 1]),))
    await assert_refused(node, body, 400, "malformed", "9999")


async def test_a_body_over_the_limit_is_too_large(node: RunningNode) -> None:
    body = b"\x00" * (TRANSACTION_BYTES_MAX + 1)
    await assert_refused(node, body, 413, "too_large")
    await assert_refused(node, body * 8, 413, "too_large")


async def test_too_many_records_are_malformed(node: RunningNode) -> None:
    record = encode(plan(node).records[0])
    body = resigned(plan(node), records=(record,) * (RECORDS_PER_TRANSACTION_MAX + 1))
    await assert_refused(node, body, 400, "malformed", str(RECORDS_PER_TRANSACTION_MAX))


# ---- transactions that the ledger does not admit


async def test_a_transaction_for_another_chain_is_refused(node: RunningNode) -> None:
    body = resigned(plan(node), chain_id=ChainId(bytes(32)))
    await assert_refused(
        node, body, 422, RefusalCode.WRONG_CHAIN, node.place.genesis.chain_id.hex()
    )


async def test_a_transaction_of_another_version_is_refused(node: RunningNode) -> None:
    body = resigned(plan(node), version=2)
    await assert_refused(node, body, 422, RefusalCode.UNSUPPORTED_VERSION, "version 2")


async def test_an_unknown_author_is_refused(node: RunningNode) -> None:
    body = resigned(plan(node), author="nobody")
    await assert_refused(node, body, 422, RefusalCode.UNKNOWN_AUTHOR, "nobody")


async def test_a_bad_signature_is_refused(node: RunningNode) -> None:
    signed = plan(node).signed
    broken = KeySignature(key=signed.signatures[0].key, signature=SignatureBytes(bytes(64)))
    body = encode(SignedTransaction(transaction=signed.transaction, signatures=(broken,)))
    await assert_refused(node, body, 422, RefusalCode.BAD_SIGNATURE, "does not belong")


async def test_a_signature_of_other_content_is_refused(node: RunningNode) -> None:
    one, other = plan(node).signed, plan(node).signed
    body = encode(SignedTransaction(transaction=one.transaction, signatures=other.signatures))
    await assert_refused(node, body, 422, RefusalCode.BAD_SIGNATURE, "does not belong")


async def test_a_missing_signature_is_refused(node: RunningNode) -> None:
    admission = node.world.admission(
        "mine-new", activities=(Activity.MINING,), licences=("LIC-pit-new",)
    )
    await node.apply(node.world.transaction(MINISTRY, admission))
    parsed = node.world.transaction("mine-new", mine("mine-new", "pit-new"))
    problem = await assert_refused(
        node, parsed, 422, RefusalCode.SIGNATURE_MISSING, MINISTRY, "operator"
    )
    assert problem["figures"] == {
        "member": MINISTRY,
        "role": "operator",
        "needed": 1,
        "found": 0,
    }


async def test_a_signature_that_is_not_needed_is_refused(node: RunningNode) -> None:
    signers = ((MINISTRY, Role.OPERATOR), (BUYER, Role.OPERATOR))
    parsed = plan(node, signers=signers)
    await assert_refused(node, parsed, 422, RefusalCode.SIGNATURE_NOT_NEEDED, BUYER)


async def test_a_key_of_the_wrong_role_is_refused(node: RunningNode) -> None:
    parsed = plan(node, signers=((MINISTRY, Role.FILING),))
    await assert_refused(node, parsed, 422, RefusalCode.SIGNATURE_MISSING, "operator", "filing")


async def test_an_unknown_key_is_refused(node: RunningNode) -> None:
    parsed = plan(node, signers=(("stranger", Role.OPERATOR),))
    key = key_of("stranger", Role.OPERATOR)
    await assert_refused(node, parsed, 422, RefusalCode.UNKNOWN_KEY, key.hex())


async def test_an_expired_transaction_is_refused(node: RunningNode) -> None:
    parsed = plan(node, valid_until_ms=node.world.time_ms)
    await assert_refused(node, parsed, 422, RefusalCode.EXPIRED, str(node.world.time_ms))


async def test_a_transaction_that_would_be_valid_too_long_is_refused(node: RunningNode) -> None:
    until = node.world.time_ms + 2 * VALIDITY_MS_MAX
    parsed = plan(node, valid_until_ms=until)
    await assert_refused(node, parsed, 422, RefusalCode.VALID_TOO_LONG, str(until))


async def test_an_output_over_quota_is_refused_with_its_figures(node: RunningNode) -> None:
    more = tuple((element, Grams(grams * 20)) for element, grams in ROCK)
    record = output(code="TOO-MUCH", gross=Grams(20_000_000), elements=more)
    parsed = node.world.transaction(MINE, record)
    problem = await assert_refused(node, parsed, 422, RefusalCode.QUOTA_EXCEEDED)
    assert problem["record_index"] == 0
    assert problem["field"]
    for figure in problem["figures"].values():
        assert (f"{figure:,}" if isinstance(figure, int) else figure) in problem["detail"]


async def test_a_lot_cannot_be_sold_twice(node: RunningNode) -> None:
    mined = node.world.transaction(MINE, small_output("TWICE"))
    await node.apply(mined)
    await node.apply(node.world.transaction(MINE, offer(lot_of(mined), invoice="T-1")))
    again = node.world.transaction(MINE, offer(lot_of(mined), buyer=TRADER, invoice="T-2"))
    await assert_refused(node, again, 422, RefusalCode.LOT_NOT_FREE)


async def test_a_lot_cannot_be_sold_twice_even_before_the_first_sale_is_final(
    node: RunningNode,
) -> None:
    mined = node.world.transaction(MINE, small_output("TWICE-AT-ONCE"))
    await node.apply(mined)
    sales = [
        node.world.transaction(MINE, offer(lot_of(mined), buyer=buyer, invoice=f"A-{buyer}"))
        for buyer in (BUYER, TRADER)
    ]
    answers = await asyncio.gather(*(node.post(sale) for sale in sales))
    assert sorted(answer.status for answer in answers) == [200, 422]
    refused = next(answer for answer in answers if answer.status == 422)
    assert (await refused.json(content_type=None))["code"] == RefusalCode.LOT_NOT_FREE


async def test_a_buyer_outside_the_register_is_refused(node: RunningNode) -> None:
    mined = node.world.transaction(MINE, small_output("NO-BUYER"))
    await node.apply(mined)
    sale = node.world.transaction(MINE, offer(lot_of(mined), buyer="nobody", invoice="N-1"))
    await assert_refused(node, sale, 422, RefusalCode.BUYER_UNKNOWN, "nobody")


async def test_a_lot_that_does_not_exist_is_refused(node: RunningNode) -> None:
    sale = node.world.transaction(MINE, offer(LotId(bytes(16)), invoice="L-1"))
    await assert_refused(node, sale, 422, RefusalCode.LOT_UNKNOWN)


async def test_of_a_transaction_with_one_bad_record_nothing_applies(node: RunningNode) -> None:
    good, bad = small_output("HALF-1"), small_output("HALF-1")
    problem = await assert_refused(
        node, node.world.transaction(MINE, good, bad), 422, RefusalCode.CODE_TAKEN, "HALF-1"
    )
    assert problem["record_index"] == 1
    assert (await node.get(f"/v1/lots/by-code/{MINE}/HALF-1")).status == 404


# ---- waiting


async def test_a_client_that_goes_away_leaves_no_waiter(node: RunningNode) -> None:
    held = hold_transactions(node)
    parsed = plan(node)
    posting = asyncio.create_task(node.post(parsed, wait=60))
    await until(lambda: context_of(node).waiting_requests == 1)
    posting.cancel()
    await until(lambda: context_of(node).waiting_requests == 0)
    assert not len(node.driver.waiters)
    held.release()
    answer = await node.get(f"/v1/transactions/{parsed.tx_id.hex()}", Prefer="wait=10")
    assert (await answer.json())["state"] == "final"


async def test_beyond_the_limit_of_waiting_requests_the_answer_comes_at_once(
    node: RunningNode,
) -> None:
    held = hold_transactions(node)
    context = context_of(node)
    context.waiting_requests_max, before = 1, context.waiting_requests_max
    parsed, other = plan(node), plan(node)
    first = asyncio.create_task(node.post(parsed, wait=60))
    await until(lambda: context.waiting_requests == 1)
    second = await node.post(other, wait=60)
    assert second.status == 202
    asked = await node.get(f"/v1/transactions/{other.tx_id.hex()}", Prefer="wait=60")
    assert (await asked.json())["state"] == "pending"
    held.release()
    assert (await first).status == 200
    context.waiting_requests_max = before
    assert context.waiting_requests == 0


async def test_waiting_ends_with_pending_when_its_time_is_up(node: RunningNode) -> None:
    held = hold_transactions(node)
    parsed = plan(node)
    response = await node.post(parsed, wait=1)
    assert response.status == 202
    held.release()
    assert (await node.post(parsed)).status == 200


@pytest.mark.parametrize("value", ["wait=soon", "wait", "wait=-1", "wait=1.5", "wait="])
async def test_a_wait_that_is_no_number_of_seconds_is_a_bad_request(
    node: RunningNode, value: str
) -> None:
    parsed = plan(node)
    response = await node.post(parsed, wait=None, Prefer=value)
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (400, "bad_request")
    assert node.driver.replica.state_of(parsed.tx_id) is None


@pytest.mark.parametrize("value", ['wait="10"', "respond-async, Wait = 10;x=1", "wait=99999999999"])
async def test_other_spellings_of_a_wait_are_understood(node: RunningNode, value: str) -> None:
    assert (await node.post(plan(node), wait=None, Prefer=value)).status == 200


@pytest.mark.parametrize("value", ["return=minimal", "await-me", ""])
async def test_other_preferences_are_ignored(node: RunningNode, value: str) -> None:
    assert (await node.post(plan(node), wait=None, Prefer=value)).status in (200, 202)


# ---- a transaction that expires


async def test_a_transaction_that_is_never_taken_is_refused_when_it_has_expired(
    node: RunningNode,
) -> None:
    held = hold_transactions(node)
    now_ms = node.driver._clock.now().wall_ms
    parsed = plan(node, valid_until_ms=now_ms + 500)
    posting = asyncio.create_task(node.post(parsed, wait=60))
    await until(lambda: context_of(node).waiting_requests == 1 and held.holds)
    assert len(node.driver.replica.mempool) == 1
    node.place.set_clock(now_ms + 60_000)
    held.give_up()
    response = await posting
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (422, "expired")
    assert "safe to correct and send again" in problem["detail"]
    asked = await (await node.get(f"/v1/transactions/{parsed.tx_id.hex()}")).json()
    assert (asked["state"], asked["code"]) == ("refused", "expired")
    assert asked["reason"] == problem["detail"]
    receipt = await node.get(f"/v1/transactions/{parsed.tx_id.hex()}/receipt")
    assert receipt.status == 404


# ---- pieces


class Held:
    """Keeps the driver from building blocks until it is released."""

    def __init__(self, node: RunningNode) -> None:
        self._driver = node.driver
        self._build = node.driver.replica.build
        self._requests: list[Build] = []
        node.driver.replica.build = self._hold  # type: ignore[method-assign,assignment]

    def _hold(self, request: Build, _now: Instant) -> list[ReplicaEffect]:
        self._requests.append(request)
        return []

    @property
    def holds(self) -> bool:
        return bool(self._requests)

    def release(self) -> None:
        """Build what was held, and whatever comes."""
        self._driver.replica.build = self._build  # type: ignore[method-assign]
        for request in self._requests:
            self._driver._post(partial(self._build, request, self._driver._clock.now()))

    def give_up(self) -> None:
        """Build nothing of what was held, and whatever comes."""
        replica, now = self._driver.replica, self._driver._clock.now()
        replica.build = self._build  # type: ignore[method-assign]
        for request in self._requests:
            answer = replica._engine.on_built(request, None, now)
            self._driver._post(partial(replica._follow, answer, now))


def hold_transactions(node: RunningNode) -> Held:
    return Held(node)


def context_of(node: RunningNode) -> NodeContext:
    assert node.service.context is not None
    return node.service.context
