"""Admission: no wrong refusal from a stale trial, and no way to make a node busy with trials."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commit import open_committed
from ledger.parsed import ParsedTransaction
from ledger.records.mine_output import MineOutput
from ledger.records.record import Record
from ledger.refusal import RefusalCode, Refused
from ledger.transition import BlockExecution
from ledger.vocabulary import Role
from ledger.wire.scalars import VALIDITY_MS_MAX, Grams, LotId, MemberId, TimeMs
from node.admission import (
    CLOCK_TOLERANCE_MS,
    SPARE_APPLIED,
    Admission,
    AuthorBusyError,
    PendingOf,
    check_sender,
    is_ever_valid,
)
from node.mempool import Mempool, MempoolLimits
from tests.support.founding import MINISTRY
from tests.support.trading import (
    BUYER,
    MINE,
    ROCK,
    TRADER,
    accept,
    lot_of,
    mined,
    offer,
    output,
    reject,
    split,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World


class Desk:
    """A world, a pool and an admission over both."""

    def __init__(self) -> None:
        self.world = trading_world()
        self.mempool = Mempool(MempoolLimits())
        self.committed = self.world.state
        self.admission = Admission(
            self.committed, PendingOf(self.mempool.of_author, self.mempool.count_of)
        )
        self.now_ms = TimeMs(self.world.time_ms + 10)

    def submit(self, parsed: ParsedTransaction) -> None:
        self.admission.check(parsed, self.now_ms)
        self.mempool.add(parsed, submitted_here=True)

    def refusal(self, parsed: ParsedTransaction) -> Refused:
        with pytest.raises(Refused) as caught:
            self.submit(parsed)
        return caught.value

    def commit(self, *transactions: ParsedTransaction) -> None:
        """Make a block, as the network does, while the admission looks on."""
        built = self.world.commit(*transactions)
        assert not built.left_out
        for parsed in transactions:
            self.mempool.remove(parsed.tx_id)
        self.admission.forget_idle(parsed.author for parsed in transactions)
        self.now_ms = TimeMs(max(self.now_ms, self.world.time_ms + 10))

    def transaction(self, author: str, *records: Record) -> ParsedTransaction:
        return self.world.transaction(author, *records)


def small(code: str) -> MineOutput:
    tenth = tuple((element, Grams(grams // 10)) for element, grams in ROCK)
    return output(code=code, gross=Grams(100_000), elements=tenth)


# ---- what is tried


def test_a_transaction_is_tried_after_what_its_author_has_pending() -> None:
    desk = Desk()
    dug = desk.transaction(MINE, output())
    desk.submit(dug)
    desk.submit(desk.transaction(MINE, split(lot_of(dug), 400_000, 600_000)))
    again = desk.refusal(desk.transaction(MINE, split(lot_of(dug), 500_000, 500_000)))
    assert again.code is RefusalCode.LOT_EXHAUSTED


def test_what_others_have_pending_does_not_count() -> None:
    desk = Desk()
    lot = mined(desk.world)
    sale = desk.transaction(MINE, offer(lot))
    desk.submit(sale)
    acceptance = desk.transaction(BUYER, accept(lot, transfer_of(sale)))
    assert desk.refusal(acceptance).code is RefusalCode.TRANSFER_UNKNOWN
    desk.commit(sale)
    desk.submit(acceptance)


def test_a_refused_transaction_leaves_nothing_behind() -> None:
    desk = Desk()
    too_much = tuple((element, Grams(grams * 9)) for element, grams in ROCK)
    refused = desk.transaction(
        MINE, small("A"), output(code="B", gross=Grams(9_000_000), elements=too_much)
    )
    assert desk.refusal(refused).code is RefusalCode.QUOTA_EXCEEDED
    desk.submit(desk.transaction(MINE, small("A")))


# ---- staleness


def test_a_trial_that_has_grown_stale_does_not_refuse_what_applies() -> None:
    desk = Desk()
    lot = mined(desk.world)
    waits = desk.transaction(MINE, small("KEEPS-A-TRIAL"))
    sale = desk.transaction(MINE, offer(lot))
    desk.submit(waits)
    desk.submit(sale)
    desk.commit(sale)
    desk.commit(desk.transaction(BUYER, reject(lot, transfer_of(sale), date=2024_03_22)))
    # In the kept trial the lot is still offered; on the tip it is free again.
    desk.submit(desk.transaction(MINE, offer(lot, buyer=TRADER, invoice="INV-2", date=2024_03_22)))


def test_a_transaction_that_a_peer_brought_makes_the_trial_stale() -> None:
    desk = Desk()
    first, second = (desk.transaction(MINE, small(code)) for code in ("A", "B"))
    desk.submit(first)
    desk.mempool.add(second, submitted_here=False)
    desk.admission.note_others(MINE)
    desk.submit(desk.transaction(MINE, split(lot_of(second), 50_000, 50_000)))


def test_a_transaction_that_expired_makes_room_at_the_next_tip() -> None:
    desk = Desk()
    lot = mined(desk.world)
    until = desk.world.time_ms + 1_000
    sale = desk.world.transaction(MINE, offer(lot), valid_until_ms=until)
    waits = desk.transaction(MINE, small("KEEPS-A-TRIAL"))
    desk.submit(waits)
    desk.submit(sale)
    other = desk.transaction(MINE, offer(lot, buyer=TRADER, invoice="INV-2"))
    assert desk.refusal(other).code is RefusalCode.LOT_NOT_FREE
    desk.world.move_to(until + 1)
    desk.commit()
    for pending in desk.mempool.take_expired(TimeMs(until + 1)):
        desk.admission.forget_idle([pending.parsed.author])
    desk.now_ms = TimeMs(until + 60_000)
    desk.submit(other)


# ---- cost


def count_applied(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that grows with every transaction that is tried."""
    applied: list[bytes] = []
    apply = BlockExecution.apply

    def counting(self: BlockExecution, transaction: ParsedTransaction) -> None:
        applied.append(transaction.tx_id)
        apply(self, transaction)

    monkeypatch.setattr(BlockExecution, "apply", counting)
    return applied


def test_admitting_costs_one_trial_each(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    transactions = [desk.transaction(MINE, small(f"A-{number}")) for number in range(15)]
    applied = count_applied(monkeypatch)
    for parsed in transactions:
        desk.submit(parsed)
    assert applied == [parsed.tx_id for parsed in transactions]


def test_refusals_on_one_tip_cost_one_trial_each(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for number in range(15):
        desk.submit(desk.transaction(MINE, small(f"A-{number}")))
    applied = count_applied(monkeypatch)
    for _ in range(10):
        assert desk.refusal(desk.transaction(MINE, small("A-1"))).code is RefusalCode.CODE_TAKEN
    assert len(applied) == 10


def test_an_author_with_much_pending_cannot_keep_a_node_busy_by_refusals_at_every_tip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    for number in range(15):
        desk.submit(desk.transaction(MINE, small(f"A-{number}")))
    bad = [desk.transaction(MINE, small("A-1")) for _ in range(50)]
    applied = count_applied(monkeypatch)
    answers: list[Exception] = []
    for parsed in bad:
        desk.commit()
        desk.now_ms = TimeMs(desk.now_ms + 1)
        with pytest.raises((AuthorBusyError, Refused)) as caught:
            desk.submit(parsed)
        answers.append(caught.value)
    busy = [answer for answer in answers if isinstance(answer, AuthorBusyError)]
    assert all(answer.retry_ms > 0 and "15 transactions" in str(answer) for answer in busy)
    assert {answer.code for answer in answers if isinstance(answer, Refused)} == {
        RefusalCode.CODE_TAKEN
    }
    # 15 pending of 12 units each cost 1.8 ms, so one trial anew is allowed every 36 ms.
    assert len(busy) >= 45
    assert len(applied) < 2 * len(bad) + 3 * 16
    desk.now_ms = TimeMs(desk.now_ms + 10_000)
    assert desk.refusal(desk.transaction(MINE, small("A-1"))).code is RefusalCode.CODE_TAKEN


def test_a_clock_that_jumps_back_does_not_lock_an_author_out() -> None:
    desk = Desk()
    for number in range(15):
        desk.submit(desk.transaction(MINE, small(f"A-{number}")))
    desk.commit()
    assert desk.refusal(desk.transaction(MINE, small("A-1"))).code is RefusalCode.CODE_TAKEN
    desk.commit()
    desk.now_ms = TimeMs(desk.world.time_ms - 10 * CLOCK_TOLERANCE_MS)
    assert desk.refusal(desk.transaction(MINE, small("A-1"))).code is RefusalCode.CODE_TAKEN


def test_invented_authors_leave_nothing_in_memory() -> None:
    desk = Desk()
    for number in range(300):
        parsed = desk.world.transaction(
            f"nobody-{number}", small("A"), signers=((MINE, Role.OPERATOR),)
        )
        assert desk.refusal(parsed).code is RefusalCode.UNKNOWN_AUTHOR
    assert len(desk.admission) == 0


def test_a_trial_does_not_grow_for_as_long_as_a_load_lasts_and_nobody_has_to_wait() -> None:
    desk = Desk()
    desk.submit(desk.transaction(MINE, small("KEEPS-A-TRIAL")))
    for round_number in range(3):
        trial = desk.admission._trials[MINE]
        trial.applied = SPARE_APPLIED + 10
        desk.submit(desk.transaction(MINE, small(f"A-{round_number}")))
        assert desk.admission._trials[MINE] is not trial
        assert desk.admission._trials[MINE].applied == 2 + round_number


def test_trials_are_forgotten_with_the_last_pending_transaction() -> None:
    desk = Desk()
    parsed = desk.transaction(MINE, small("A"))
    desk.submit(parsed)
    assert len(desk.admission) == 1
    desk.commit(parsed)
    assert len(desk.admission) == 0
    desk.submit(desk.transaction(MINE, small("B")))
    desk.admission.forget(MINE)
    assert len(desk.admission) == 0


# ---- what peers bring


def refused_sender(world: World, parsed: ParsedTransaction) -> Refused:
    with pytest.raises(Refused) as caught:
        check_sender(parsed, open_committed(world.store), TimeMs(world.time_ms + 1))
    return caught.value


def test_a_sender_is_known_by_a_key_of_the_author() -> None:
    world = trading_world()
    committed = open_committed(world.store)
    check_sender(world.transaction(MINE, output()), committed, TimeMs(world.time_ms + 1))
    impossible = world.transaction(MINE, split(LotId(bytes(16)), 1, 2))
    check_sender(impossible, committed, TimeMs(world.time_ms + 1))


@pytest.mark.parametrize(
    ("signers", "code"),
    [
        ((("stranger", Role.OPERATOR),), RefusalCode.UNKNOWN_KEY),
        (((MINISTRY, Role.OPERATOR),), RefusalCode.SIGNATURE_MISSING),
        (((MINE, Role.OPERATOR), ("stranger", Role.OPERATOR)), RefusalCode.UNKNOWN_KEY),
    ],
)
def test_others_cannot_speak_for_an_author(
    signers: tuple[tuple[str, Role], ...], code: RefusalCode
) -> None:
    world = trading_world()
    refusal = refused_sender(world, world.transaction(MINE, output(), signers=signers))
    assert refusal.code is code
    assert refusal.sentence.endswith(".")


def test_unknown_and_suspended_authors_are_no_senders() -> None:
    world = trading_world()
    stranger = world.transaction("nobody", output(), signers=((MINE, Role.OPERATOR),))
    assert refused_sender(world, stranger).code is RefusalCode.UNKNOWN_AUTHOR
    suspend(world, MINE)
    refusal = refused_sender(world, world.transaction(MINE, output()))
    assert refusal.code is RefusalCode.AUTHOR_SUSPENDED


@given(
    tip_ms=st.integers(10**12, 10**12 + 10**9),
    clock_ms=st.integers(-(10**9), 10**9),
    until_ms=st.integers(10**12 - 10**9, 10**12 + 3 * 10**9),
)
def test_validity_is_judged_by_tip_and_clock(tip_ms: int, clock_ms: int, until_ms: int) -> None:
    world = World()
    parsed = _with_validity(world, until_ms)
    now_ms = tip_ms + clock_ms
    expected = (
        until_ms > tip_ms and until_ms <= max(tip_ms, now_ms) + VALIDITY_MS_MAX + CLOCK_TOLERANCE_MS
    )
    assert is_ever_valid(parsed, TimeMs(tip_ms), TimeMs(now_ms)) == expected


_TEMPLATE: list[ParsedTransaction] = []


def _with_validity(world: World, until_ms: int) -> ParsedTransaction:
    if not _TEMPLATE:
        _TEMPLATE.append(world.transaction(MemberId("mine-a"), output()))
    signed = _TEMPLATE[0].signed
    transaction = msgspec.structs.replace(signed.transaction, valid_until_ms=TimeMs(until_ms))
    return dataclasses.replace(
        _TEMPLATE[0], signed=msgspec.structs.replace(signed, transaction=transaction)
    )
