"""The driver on a real event loop: order of effects, failures, waiters, and what peers may send."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import NoReturn

import pytest

from consensus.effects import Halt, HaltScope
from consensus.journal import RecordType
from consensus.messages import Proposal, Vote, decode_message
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.set_plan import SetPlan
from ledger.refusal import RefusalCode, Refused
from ledger.store import block_key
from ledger.vocabulary import Bucket
from ledger.wire.codec import encode
from ledger.wire.scalars import Digest, Grams, Height, SignatureBytes
from ledger.wire.transaction import KeySignature, SignedTransaction
from node.clock import SteppedClock
from node.effects import (
    Expired,
    Finalized,
    Forward,
    ReplicaEffect,
    Submission,
    joined_forwards,
)
from node.gossip import Channel, TransactionBatch, split_channel
from node.net.listener import PeerFaultError
from tests.support.driven import DrivenNode, driven, happens
from tests.support.founding import FOUNDERS, MINISTRY, sole_genesis
from tests.support.world import World


def plan(world: World, year: int = 2030, *, valid_until_ms: int | None = None) -> ParsedTransaction:
    record = SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(9), document=Digest(bytes(32))
    )
    made = world.transaction(MINISTRY, record, valid_until_ms=valid_until_ms)
    return parse_transaction(made.signed_bytes)


def badly_signed(parsed: ParsedTransaction) -> bytes:
    key = parsed.signed.signatures[0].key
    broken = KeySignature(key=key, signature=SignatureBytes(bytes(64)))
    return encode(SignedTransaction(transaction=parsed.signed.transaction, signatures=(broken,)))


def batch(*transactions: bytes) -> bytes:
    body = encode(TransactionBatch(transactions=transactions))
    return bytes([Channel.TRANSACTIONS]) + body


# ---- order


async def test_four_nodes_make_a_transaction_final(tmp_path: Path) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        parsed = plan(nodes[0].world)
        outcome = nodes[1].driver.waiters.wait_for(parsed.tx_id)
        assert await nodes[1].driver.submit(parsed) is Submission.ADMITTED
        finalized = await outcome
        assert isinstance(finalized, Finalized)
        await happens(
            lambda: all(node.driver.replica.state_of(parsed.tx_id) == 13 for node in nodes)
        )
        assert len({node.driver.replica.chain.tip for node in nodes}) == 1
        assert not any(node.driver.failure for node in nodes)


async def test_whatever_is_signed_is_durable_before_it_is_sent(tmp_path: Path) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        for year in range(2030, 2036):
            parsed = plan(nodes[0].world, year)
            outcome = nodes[0].driver.waiters.wait_for(parsed.tx_id)
            await nodes[0].driver.submit(parsed)
            await outcome
        for node in nodes:
            assert signed_messages_sent(node) > 6


def signed_messages_sent(node: DrivenNode) -> int:
    """Check each vote and proposal that was sent against what was synced before; return how many."""
    appended: set[bytes] = set()
    durable: set[bytes] = set()
    count = 0
    for kind, what in node.steps:
        if kind == "append":
            appended |= {body for type_, body in what if type_ in (1, 2)}
        elif kind == "sync":
            durable |= appended
        elif kind == "send":
            channel, content = split_channel(what[2])
            message = decode_message(content) if channel is Channel.CONSENSUS else None
            if isinstance(message, Vote | Proposal):
                assert encode(message) in durable
                count += 1
    return count


async def test_all_records_of_a_turn_are_one_write_and_one_flush(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        parsed = plan(node.world)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        await node.driver.submit(parsed)
        await outcome
        kinds = [kind for kind, _what in node.steps]
        assert ("append", "append") not in itertools.pairwise(kinds)
        assert {RecordType.OWN_PROPOSE, RecordType.OWN_VOTE} <= {
            RecordType(kind) for kind, _body in node.journal.records
        }


async def test_nobody_hears_that_a_block_is_final_before_it_is_stored(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        heard: list[bytes | None] = []
        node.driver.listeners.finalized.append(
            lambda final: heard.append(
                node.store.get(block_key(Height(final.final.block.header.height)))
            )
        )
        parsed = plan(node.world)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        await node.driver.submit(parsed)
        finalized = await outcome
        assert isinstance(finalized, Finalized)
        assert heard == [encode(finalized.executed.block)]
        assert [what for kind, what in node.steps if kind == "store"] == [True]


async def test_effects_of_a_submission_come_before_those_of_events_that_wait(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        node = nodes[0]
        await happens(lambda: not node.driver._inbox)
        node.steps.clear()
        parsed = plan(node.world)
        parsed.verify_signatures()
        node.driver._post(lambda: [Forward((b"an event that came first",))])
        await node.driver.submit(parsed)

        def forwarded() -> list[bytes]:
            return [what[2] for what in node.sent() if what[2][0] == Channel.TRANSACTIONS]

        await happens(lambda: len(forwarded()) >= 3)
        both = batch(parsed.signed_bytes, b"an event that came first")
        assert forwarded()[:3] == [both] * 3


async def test_what_arrives_before_the_start_waits_for_it(tmp_path: Path) -> None:
    world = World()
    clock = SteppedClock.create(tmp_path / "clock")
    clock.set_wall_ms(world.time_ms + 1_000)
    node = DrivenNode(world, "customs", clock)
    node.driver.on_connected("ministry")
    node.driver.on_frame("ministry", [batch(plan(world).signed_bytes)])
    await asyncio.sleep(0)
    assert node.steps == []
    node.driver.start(node.wire, ["ministry"])
    await happens(lambda: len(node.driver.replica.mempool) == 1)
    node.driver.stop()


# ---- failures


async def test_a_failed_flush_ends_the_node_and_nothing_is_sent(tmp_path: Path) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        await happens(lambda: not any(node.driver._inbox for node in nodes))
        node = next(node for node in nodes if leads(node))
        node.steps.clear()
        node.journal.fail = OSError("no space left on device")
        await node.driver.submit(plan(node.world))
        await node.driver.failed.wait()
        assert isinstance(node.driver.failure, OSError)
        assert [what for what in node.sent() if what[2][0] == Channel.CONSENSUS] == []
        before = len(node.steps)
        node.driver.on_connected("ministry")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(node.steps) == before


async def test_a_failed_write_ends_the_node_and_nobody_hears_of_the_block(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        heard: list[Finalized] = []
        node.driver.listeners.finalized.append(heard.append)
        node.store.fail = OSError("input/output error")
        parsed = plan(node.world)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        await node.driver.submit(parsed)
        await node.driver.failed.wait()
        assert isinstance(node.driver.failure, OSError)
        assert not outcome.done()
        assert heard == []


async def test_an_unforeseen_error_in_an_event_ends_the_node(tmp_path: Path) -> None:
    def broken() -> NoReturn:
        raise ZeroDivisionError

    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        node.driver._post(broken)
        await node.driver.failed.wait()
        assert isinstance(node.driver.failure, ZeroDivisionError)


async def test_an_unforeseen_error_in_a_submission_ends_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_parsed: object, _now: object) -> NoReturn:
        raise ZeroDivisionError

    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        monkeypatch.setattr(node.driver.replica, "submit", broken)
        with pytest.raises(ZeroDivisionError):
            await node.driver.submit(plan(node.world))
        assert isinstance(node.driver.failure, ZeroDivisionError)


async def test_a_transport_that_has_ended_does_not_hide_its_own_error(tmp_path: Path) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        nodes[0].wire.ended = True
        nodes[0].driver._post(lambda: [Forward((b"x",))])
        await happens(lambda: not nodes[0].driver._inbox)
        assert nodes[0].driver.failure is None


async def test_a_halt_is_kept_and_told(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        told: list[Halt] = []
        node.driver.listeners.halted.append(told.append)
        signing = Halt(HaltScope.SIGNING, "the key is in use elsewhere")
        engine = Halt(HaltScope.ENGINE, "two histories")
        node.driver._post(lambda: [signing, engine, signing])
        await happens(lambda: len(told) == 3)
        assert node.driver.halted == engine
        assert [event["event"] for event in node.events] == ["halted"] * 3


# ---- waiters


async def test_a_waiter_hears_that_a_transaction_has_expired(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        parsed = plan(node.world)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        refusal = Refused(RefusalCode.EXPIRED, "it was valid until 1 ms.")
        node.driver._post(lambda: [Expired(parsed.tx_id, refusal)])
        assert await outcome == Expired(parsed.tx_id, refusal)
        assert not len(node.driver.waiters)


async def test_cancelled_waiters_leave_nothing_behind(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        parsed = plan(node.world)
        waiters = [node.driver.waiters.wait_for(parsed.tx_id) for _ in range(3)]
        waiters[0].cancel()
        await asyncio.sleep(0)
        assert len(node.driver.waiters._of[parsed.tx_id]) == 2
        await node.driver.submit(parsed)
        assert isinstance(await waiters[1], Finalized)
        await asyncio.sleep(0)
        assert waiters[2].done()
        assert not len(node.driver.waiters)


async def test_nobody_waits_for_a_node_that_ends(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        waiter = node.driver.waiters.wait_for(plan(node.world).tx_id)
        node.driver.stop()
        assert await waiter is None
        assert await node.driver.waiters.wait_for(plan(node.world).tx_id) is None


# ---- submissions


async def test_a_transaction_with_a_bad_signature_is_refused(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        with pytest.raises(Refused) as caught:
            await node.driver.submit(parse_transaction(badly_signed(plan(node.world))))
        assert caught.value.code is RefusalCode.BAD_SIGNATURE
        assert node.driver.failure is None


async def test_many_submissions_at_once_share_blocks(tmp_path: Path) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        transactions = [plan(node.world, 2030 + number) for number in range(100)]
        outcomes = [node.driver.waiters.wait_for(parsed.tx_id) for parsed in transactions]
        await asyncio.gather(*(node.driver.submit(parsed) for parsed in transactions))
        await asyncio.gather(*outcomes)
        assert node.driver.replica.chain.tip.height - node.world.height < 20


# ---- peers


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\x00",
        b"\x03hello",
        b"\x01",
        b"\x01\xc1",
        b"\x01" + b"\x91" * 50_000,
        b"\x02",
        b"\x02\x91\x90",
        b"\x02\x91\x91\xc0",
        b"\x02\x91\x91\xc4\x00",
    ],
)
async def test_rubbish_from_a_peer_is_its_fault(tmp_path: Path, rubbish: bytes) -> None:
    async with driven(tmp_path, MINISTRY, genesis=sole_genesis()) as (node,):
        with pytest.raises(PeerFaultError):
            node.driver.on_frame("south-group", [rubbish])
        parsed = plan(node.world)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        await node.driver.submit(parsed)
        assert isinstance(await outcome, Finalized)


async def test_a_peer_that_sends_a_transaction_that_does_not_parse_is_refused(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        node = nodes[0]
        node.driver.on_frame("ministry", [batch(b"\xc1")])
        assert [peer for peer, _reason in node.wire.refused] == ["ministry"]
        assert "does not parse" in node.wire.refused[0][1]
        assert node.driver.intake.faults["ministry"] == 1


async def test_a_peer_that_sends_bad_signatures_is_refused_and_its_good_ones_are_kept(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        node = nodes[1]
        good, bad = plan(node.world), badly_signed(plan(node.world, 2031))
        node.driver.on_frame("south-group", [batch(good.signed_bytes, bad)])
        await happens(lambda: bool(node.wire.refused))
        assert node.wire.refused[0][0] == "south-group"
        await happens(lambda: node.driver.replica.state_of(good.tx_id) is not None)


async def test_a_transaction_from_a_peer_enters_the_pool_and_is_not_passed_on(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        await happens(lambda: not any(node.driver._inbox for node in nodes))
        node = next(node for node in nodes if not leads(node))
        sender = next(name for name in FOUNDERS if name != node.name)
        node.steps.clear()
        parsed = plan(node.world)
        node.driver.on_frame(sender, [batch(parsed.signed_bytes)])
        await happens(lambda: node.driver.replica.mempool.get(parsed.tx_id) is not None)
        assert [what for what in node.sent() if what[2][0] == Channel.TRANSACTIONS] == []


async def test_messages_to_nobody_who_can_be_dialled_go_nowhere(tmp_path: Path) -> None:
    async with driven(tmp_path, *FOUNDERS) as nodes:
        node = nodes[0]
        await happens(lambda: not node.driver._inbox)
        node.steps.clear()
        node.driver._post(lambda: [Forward((b"x",), "observer#1")])
        await happens(lambda: not node.driver._inbox)
        assert node.sent() == []


# ---- the journal is cut


async def test_a_long_journal_is_cut_to_what_must_still_be_known_and_can_be_replayed(
    tmp_path: Path,
) -> None:
    genesis = sole_genesis()
    async with driven(tmp_path, MINISTRY, genesis=genesis, journal_bytes_max=4_000) as (node,):
        for year in range(2030, 2050):
            parsed = plan(node.world, year)
            outcome = node.driver.waiters.wait_for(parsed.tx_id)
            await node.driver.submit(parsed)
            await outcome
        assert node.journal.first > 2
        assert len(node.journal.segments) == 1
        assert node.driver.journal_bytes < 12_000
        kept, values = tuple(node.journal.records), dict(node.store.scan(b""))
        height = node.driver.replica.chain.tip.height
        steps = [kind for kind, _what in node.steps if kind in ("append", "sync", "drop")]
        for number, kind in enumerate(steps):
            if kind == "drop":
                assert steps[number - 3 : number] == ["append", "sync", "sync"]
    again = tmp_path / "again"
    again.mkdir()
    async with driven(again, MINISTRY, genesis=genesis, journal=kept, values=values) as (node,):
        assert node.driver.replica.chain.tip.height == height
        parsed = plan(node.world, 2060)
        outcome = node.driver.waiters.wait_for(parsed.tx_id)
        await node.driver.submit(parsed)
        assert isinstance(await outcome, Finalized)


# ---- pieces


def leads(node: DrivenNode) -> bool:
    status = node.driver.replica.status
    return status.leader == status.own


def test_what_goes_to_all_validators_in_one_turn_is_one_message() -> None:
    stop = Halt(HaltScope.SIGNING, "a notice between them")
    alone = Forward((b"one",), "customs")
    effects: list[ReplicaEffect] = [
        Forward((b"one", b"two")),
        alone,
        stop,
        Forward((b"two", b"three")),
    ]
    assert joined_forwards(effects) == [Forward((b"one", b"two", b"three")), alone, stop]
    assert joined_forwards([stop, alone]) == [stop, alone]
