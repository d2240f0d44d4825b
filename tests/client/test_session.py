from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from client.composing import batch, combine, load_signed, save_signed
from client.errors import NotFound, ProfileError, Unreachable, UsageError
from client.keystore import write_key_file
from client.outbox import Outbox
from client.session import Client
from client.submission import Submission
from ledger.records.record import Record
from ledger.vocabulary import Activity, Bucket, Role
from tests.client.network import FakeTime, Ledger, client_of, hang_up, keys_of
from tests.support.founding import MINISTRY, genesis_bytes
from tests.support.keys import seed_of
from tests.support.trading import BUYER, MINE, accept, offer, offer_part, output
from tests.support.world import mine


def newcomer(ledger: Ledger) -> None:
    """Admit an enterprise whose mine is not registered yet."""
    admission = ledger.world.admission(
        "newcomer", activities=(Activity.MINING,), licences=("LIC-pit-new",)
    )
    ledger.world.apply(MINISTRY, admission)


async def test_questions_are_answered_with_typed_values_and_their_height(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        made = await client.submit(output())
        offered = await client.submit(offer_part(made.lot_id(), 400_000))
        lot = await client.lot("mine-a/P-1")
        offers = await client.offers(BUYER)
        quota = await client.quota(2024, Bucket.ROCK_MINING, MINE)
        member = await client.member(MINE)
        product = await client.product("ORE-MIX")
        state = await client.transaction(offered.tx_id)
        block = await client.block(offered.height)
        status = await client.status()
        genesis = await client.genesis()
        ids = [entry.id async for entry in client.members()]
    assert lot.lot_id == offered.lot_id()
    assert (lot.gross, lot.reo, lot.height) == (400_000, 200_000, offered.height)
    assert lot.grams_by_element["Ce"] == 100_000
    assert [offer.name for offer in offers] == ["mine-a/P-1"]
    assert len(offers) == 1
    assert offers.height == offered.height
    assert (quota.granted, quota.used, quota.left) == (2_000_000, 500_000, 1_500_000)
    assert [facility.id for facility in member.facilities] == ["pit-a"]
    assert {key.role for key in member.keys} == {"admin", "operator", "filing"}
    assert product.name == "Ore ORE-MIX"
    assert (state.state, state.height) == ("final", offered.height)
    assert block["header"]["height"] == offered.height
    assert status.height == offered.height
    assert genesis == ledger.genesis
    assert ids == sorted(ids)
    assert MINE in ids


async def test_a_trace_leads_back_to_mine_and_quota(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        made = await client.submit(output())
        offered = await client.submit(offer(made.lot_id()))
        transfer = offered.lot_id(part=1_000)
    async with client_of(ledger, node, member=BUYER) as buyer:
        await buyer.submit(accept(made.lot_id(), transfer))
        trace = await buyer.trace("mine-a/C-1")
    assert trace.lot.lot.holder == BUYER
    (origin,) = trace.origins
    assert origin.facility is not None
    assert origin.facility.licence == "LIC-pit-a"
    assert origin.account is not None
    assert (origin.account.year, origin.account.used) == (2024, 500_000)
    (handing,) = trace.transfers
    assert (handing.seller, handing.state) == (MINE, "accepted")


async def test_what_is_not_there_is_not_found(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        for question in (
            client.lot("mine-a/NONE"),
            client.lot("ab" * 16),
            client.member("nobody"),
            client.quota(1999, "separation", MINE),
            client.product("GOLD"),
            client.transaction("ab" * 32),
            client.block(10_000),
            client.trace("mine-a/NONE"),
        ):
            with pytest.raises(NotFound, match="asked: http"):
                await question


@pytest.mark.parametrize("lot", ["", "mine", "xyz", "ab" * 15, "a/" + "b" * 300, "../status"])
async def test_what_names_no_lot_is_a_usage_error_or_not_found(ledger: Ledger, lot: str) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        with pytest.raises((UsageError, NotFound)):
            await client.lot(lot)


async def test_a_question_that_a_node_cannot_answer_is_asked_of_the_next(ledger: Ledger) -> None:
    broken, node = await ledger.node(), await ledger.node()
    broken.answer_next(hang_up)
    async with client_of(ledger, broken, node) as client:
        assert (await client.status()).height == ledger.world.height


async def test_many_batches_are_submitted_side_by_side_and_refusals_are_results(
    ledger: Ledger,
) -> None:
    node = await ledger.node()
    under_way = highest = 0

    async def count(_request: web.Request) -> None:
        nonlocal under_way, highest
        under_way += 1
        highest = max(highest, under_way)

    async def leave(request: web.Request) -> web.StreamResponse | None:
        nonlocal under_way
        if request.method == "POST":
            await count(request)
            under_way -= 1
        return None

    node.answer_always(leave)
    told: list[Submission] = []
    records = [
        output(code=f"C-{number}", gross=1_000, elements=((output().elements[0][0], 500),))
        for number in range(10)
    ]
    batches: list[Sequence[Record]] = [*batch(records, records_max=3), [records[0]]]
    async with client_of(ledger, node) as client:
        results = await client.submit_many(batches, concurrency=1, on_result=told.append)
    assert [result.position for result in results] == [0, 1, 2, 3, 4]
    assert [result.is_final for result in results] == [True, True, True, True, False]
    assert results[4].refusal is not None
    assert results[4].refusal.refusal_code == "code_taken"
    assert sorted(told, key=lambda result: result.position) == results
    assert highest == 1


async def test_a_failure_among_many_stops_the_rest_and_the_outbox_keeps_what_was_sent(
    ledger: Ledger, tmp_path: Path
) -> None:
    taken: list[int] = []

    def batches() -> Iterator[list[Record]]:
        for number in range(100):
            taken.append(number)
            yield [output(code=f"C-{number}")]

    async with client_of(ledger, "http://127.0.0.1:9", outbox=tmp_path) as client:
        with pytest.raises(Unreachable):
            await client.submit_many(batches(), concurrency=4)
    assert len(taken) <= 8
    assert len(Outbox(tmp_path).entries()) <= 4


async def test_two_parties_sign_one_transaction_as_a_file(ledger: Ledger, tmp_path: Path) -> None:
    node = await ledger.node()
    newcomer(ledger)
    path = tmp_path / "facility.tx"
    async with client_of(ledger, node, member="newcomer") as owner:
        save_signed(path, owner.sign(owner.prepare(mine("newcomer", "pit-new"))))
    async with client_of(ledger, node, member=MINISTRY) as ministry:
        received = load_signed(path)
        save_signed(path, combine(received, ministry.sign(received.transaction)))
    async with client_of(ledger, node, member=BUYER) as anybody:
        receipt = await anybody.submit_signed(load_signed(path))
    assert receipt.author == "newcomer"
    assert len(load_signed(path).signatures) == 2


async def test_countersigners_sign_with_their_keys(ledger: Ledger) -> None:
    node = await ledger.node()
    newcomer(ledger)
    async with client_of(ledger, node, member="newcomer") as client:
        receipt = await client.submit(
            mine("newcomer", "pit-new"),
            countersigners=[keys_of(MINISTRY)[Role.OPERATOR]],
        )
    assert receipt.author == "newcomer"


async def test_a_client_without_a_genesis_can_read_and_cannot_write(ledger: Ledger) -> None:
    node = await ledger.node()
    async with Client([node.address]) as client:
        assert (await client.status()).network
        with pytest.raises(UsageError, match="no genesis is pinned"):
            await client.submit(output())
        with pytest.raises(UsageError, match="nobody is named who writes"):
            _ = client.author
        with pytest.raises(UsageError, match="no outbox"):
            await client.resume_outbox()


async def test_a_missing_role_is_named_with_the_roles_that_there_are(ledger: Ledger) -> None:
    node = await ledger.node()
    keys = keys_of(MINE, Role.FILING)
    async with client_of(ledger, node, keys=keys) as client:
        with pytest.raises(UsageError, match=r"needs its operator key.*has filing"):
            await client.submit(output())
    assert node.posts() == 0


async def test_key_files_are_opened_only_to_sign(ledger: Ledger, tmp_path: Path) -> None:
    node = await ledger.node()
    path = tmp_path / "operator.pem"
    async with client_of(ledger, node, keys={Role.OPERATOR: path}) as client:
        await client.status()
        write_key_file(path, seed_of(MINE, Role.OPERATOR), None)
        await client.submit(output())


async def test_a_transaction_for_another_chain_is_not_signed_and_not_sent(ledger: Ledger) -> None:
    node = await ledger.node()
    other = ledger.genesis.replace(b"Beijing", b"Baotou1")
    async with client_of(ledger, node, genesis=other) as client:
        signed = client.sign(client.prepare(output()))
    async with client_of(ledger, node) as client:
        with pytest.raises(UsageError, match="Nothing was sent"):
            await client.submit_signed(signed)
        with pytest.raises(UsageError, match="is for chain"):
            client.sign(signed.transaction)
    assert node.posts() == 0


@pytest.mark.parametrize("valid_for_ms", [0, -1, 24 * 3_600_000])
async def test_a_validity_that_the_ledger_would_refuse_is_refused_at_once(
    ledger: Ledger, valid_for_ms: int
) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        with pytest.raises(UsageError, match="valid for"):
            client.prepare(output(), valid_for_ms=valid_for_ms)


async def test_the_clock_of_the_caller_dates_the_validity(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node, clock=lambda: 1_000_000) as client:
        assert client.prepare(output(), valid_for_ms=500).valid_until_ms == 1_000_500
        assert client.today() == 1970_01_01


def test_arguments_that_contradict_each_other_are_named() -> None:
    with pytest.raises(UsageError, match="keys are given and no member"):
        Client(["http://127.0.0.1:9"], keys=keys_of(MINE))
    with pytest.raises(UsageError, match="nodes is a list"):
        Client("http://127.0.0.1:9")
    with pytest.raises(ProfileError, match="is not an address"):
        Client(["127.0.0.1"])
    with pytest.raises(UsageError, match="genesis is not usable"):
        Client(["http://127.0.0.1:9"], genesis=b"{}")
    assert Client(["http://127.0.0.1:9"], genesis=genesis_bytes()).trust.network


async def test_a_client_without_nodes_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="no node is named"):
        async with Client([]):
            pass


async def test_a_session_is_opened_once(ledger: Ledger) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        with pytest.raises(UsageError, match="open already"):
            await client.__aenter__()


async def test_time_that_runs_out_while_nobody_answers_is_bounded(ledger: Ledger) -> None:
    time = FakeTime(ledger.world.time_ms)
    async with client_of(ledger, "http://127.0.0.1:9", time=time) as client:
        with pytest.raises(Unreachable):
            await client.submit(output())
    assert sum(time.pauses) <= 20
    assert time.pauses[0] < time.pauses[3]


async def test_a_receipt_shows_itself_in_a_notebook(ledger: Ledger, tmp_path: Path) -> None:
    node = await ledger.node()
    async with client_of(ledger, node) as client:
        receipt = await client.submit(output())
        lot = await client.lot(receipt.lot_id())
    assert receipt.tx_id.hex() in receipt._repr_html_()
    assert "<table>" in lot._repr_html_()
    receipt.save(tmp_path / "receipt.bin")
    assert (tmp_path / "receipt.bin").read_bytes() == receipt.data
    with pytest.raises(UsageError, match=r"receipt .*: No such file"):
        receipt.save(tmp_path / "no" / "receipt.bin")
