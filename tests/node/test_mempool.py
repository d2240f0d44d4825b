"""The pool against a naive model, and what a leader takes from it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import lru_cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.parsed import ParsedTransaction
from ledger.refusal import RefusalCode, Refused
from ledger.wire.scalars import Height, MemberId, TimeMs, TxId
from node.mempool import (
    RETRY_BLOCKS_MAX,
    SIGNATURE_FAULTS,
    Mempool,
    MempoolFullError,
    MempoolLimits,
    PendingTransaction,
)
from tests.support.trading import BUYER, MINE, OTHER_MINE, output
from tests.support.world import World

AUTHORS = (MINE, OTHER_MINE, BUYER)
NOTHING: frozenset[TxId] = frozenset()
RULE = Refused(RefusalCode.LOT_NOT_FREE, "the lot is offered already.")


@lru_cache(maxsize=1)
def _world() -> World:
    return World()


@lru_cache(maxsize=512)
def transaction(
    author: MemberId = MINE, number: int = 0, until_ms: int = 1_000
) -> ParsedTransaction:
    """Return a transaction; one for each author, number and end of validity."""
    return _world().transaction(author, output(code=f"C-{number}"), valid_until_ms=until_ms)


def other_form(parsed: ParsedTransaction, mark: bytes = b"?") -> ParsedTransaction:
    """Return the same wish with other bytes around it."""
    return dataclasses.replace(parsed, signed_bytes=parsed.signed_bytes + mark)


def pool(**limits: int) -> Mempool:
    return Mempool(MempoolLimits(**limits))


def taken(mempool: Mempool, height: int = 1, but: frozenset[TxId] = NOTHING) -> list[TxId]:
    return [parsed.tx_id for parsed in mempool.candidates(Height(height), but)]


# ---- against a model


class ModelPool:
    """What the pool means, without any index."""

    def __init__(self, limits: MempoolLimits) -> None:
        self.limits = limits
        self.waiting: list[PendingTransaction] = []

    def find(self, tx_id: TxId) -> PendingTransaction | None:
        return next((p for p in self.waiting if p.parsed.tx_id == tx_id), None)

    def add(self, parsed: ParsedTransaction, *, here: bool) -> bool:
        known = self.find(parsed.tx_id)
        if known is not None and known.parsed.signed_bytes == parsed.signed_bytes:
            known.submitted_here |= here
            return False
        if known is not None:
            faulty = known.refusal is not None and known.refusal.code in SIGNATURE_FAULTS
            if known.submitted_here or not (here or faulty):
                return False
        others = [p for p in self.waiting if p is not known]
        own = [p for p in others if p.parsed.author == parsed.author]
        size = len(parsed.signed_bytes)
        if (
            self.size(others) + size > self.limits.bytes_max
            or self.size(own) + size > self.limits.author_bytes_max
            or len(own) >= self.limits.author_transactions_max
        ):
            raise MempoolFullError("model", found=0, limit=0)
        self.waiting = [*others, PendingTransaction(parsed, here)]
        return True

    @staticmethod
    def size(entries: list[PendingTransaction]) -> int:
        return sum(len(p.parsed.signed_bytes) for p in entries)


class PoolMachine(RuleBasedStateMachine):
    numbers = st.integers(0, 5)
    authors = st.sampled_from(AUTHORS)

    @initialize()
    def begin(self) -> None:
        size = len(transaction().signed_bytes)
        limits = MempoolLimits(
            bytes_max=8 * size, author_bytes_max=4 * size, author_transactions_max=3
        )
        self.mempool = Mempool(limits)
        self.model = ModelPool(limits)
        self.height = 1

    @rule(
        author=authors,
        number=numbers,
        until_ms=st.sampled_from([50, 100, 150]),
        here=st.booleans(),
        mark=st.sampled_from([b"", b"?", b"!"]),
    )
    def add(self, author: MemberId, number: int, until_ms: int, here: bool, mark: bytes) -> None:  # noqa: FBT001
        parsed = other_form(transaction(author, number, until_ms), mark)
        try:
            expected: bool | None = self.model.add(parsed, here=here)
        except MempoolFullError:
            expected = None
        try:
            found: bool | None = self.mempool.add(parsed, submitted_here=here)
        except MempoolFullError:
            found = None
        assert found is expected

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if not self.model.waiting:
            assert self.mempool.remove(transaction().tx_id) is None
            return
        entry = data.draw(st.sampled_from(self.model.waiting))
        self.model.waiting.remove(entry)
        removed = self.mempool.remove(entry.parsed.tx_id)
        assert removed is not None
        assert removed.parsed is entry.parsed

    @rule(data=st.data(), code=st.sampled_from([RULE.code, RefusalCode.SIGNATURE_NOT_NEEDED]))
    def leave_out(self, data: st.DataObject, code: RefusalCode) -> None:
        if self.model.waiting:
            entry = data.draw(st.sampled_from(self.model.waiting))
            refusal = Refused(code, "no.")
            self.mempool.note_left_out(entry.parsed.tx_id, refusal, Height(self.height))
            entry.refusal = refusal
            entry.retry_height = Height(self.height + min(2**entry.attempts, RETRY_BLOCKS_MAX))
            entry.attempts += 1

    @rule(blocks=st.integers(1, 5))
    def grow(self, blocks: int) -> None:
        self.height += blocks

    @rule(time_ms=st.sampled_from([49, 50, 99, 100, 149]))
    def expire(self, time_ms: int) -> None:
        gone = [p.parsed for p in self.model.waiting if p.parsed.valid_until_ms <= time_ms]
        found = [p.parsed for p in self.mempool.take_expired(TimeMs(time_ms))]
        assert Counter(p.tx_id for p in found) == Counter(p.tx_id for p in gone)
        self.model.waiting = [p for p in self.model.waiting if p.parsed not in gone]

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        waiting = self.model.waiting
        excluded = frozenset(
            data.draw(st.sets(st.sampled_from([p.parsed.tx_id for p in waiting])))
            if waiting
            else ()
        )
        ready = [
            p.parsed
            for p in waiting
            if p.retry_height <= self.height and p.parsed.tx_id not in excluded
        ]
        height = Height(self.height)
        assert self.mempool.has_candidate(height, excluded) == bool(ready)
        found = list(self.mempool.candidates(height, excluded))
        assert Counter(p.tx_id for p in found) == Counter(p.tx_id for p in ready)
        for author in AUTHORS:
            assert [p for p in found if p.author == author] == [
                p for p in ready if p.author == author
            ]
        # In turn: nobody gets an n-th transaction before everybody had the chance of n - 1.
        given_so_far: Counter[MemberId] = Counter()
        left = Counter(p.author for p in ready)
        for parsed in found:
            given_so_far[parsed.author] += 1
            left[parsed.author] -= 1
            for author in AUTHORS:
                assert not left[author] or given_so_far[author] >= given_so_far[parsed.author] - 1

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        waiting = self.model.waiting
        assert len(self.mempool) == len(waiting)
        assert self.mempool.bytes_count == ModelPool.size(waiting)
        for entry in waiting:
            found = self.mempool.get(entry.parsed.tx_id)
            assert found is not None
            assert (found.parsed, found.submitted_here) == (entry.parsed, entry.submitted_here)
            assert self.mempool.parsed_from(entry.parsed.signed_bytes) is entry.parsed
        for author in AUTHORS:
            assert self.mempool.count_of(author) == sum(p.parsed.author == author for p in waiting)
        here = {p.parsed.signed_bytes for p in waiting if p.submitted_here}
        assert set(self.mempool.offers(count_max=99, bytes_max=10**9)) == here
        for time_ms in (49, 50, 100):
            assert self.mempool.has_expired(TimeMs(time_ms)) == any(
                p.parsed.valid_until_ms <= time_ms for p in waiting
            )
            assert self.mempool.has_expired(TimeMs(time_ms), after_ms=TimeMs(50)) == any(
                50 < p.parsed.valid_until_ms <= time_ms for p in waiting
            )


PoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
test_the_pool_does_what_a_naive_one_does = PoolMachine.TestCase


# ---- fairness and order


def test_authors_take_turns_and_one_authors_flood_delays_others_by_one() -> None:
    mempool = pool()
    for number in range(50):
        mempool.add(transaction(MINE, number), submitted_here=True)
    late = transaction(BUYER)
    mempool.add(late, submitted_here=True)
    assert taken(mempool).index(late.tx_id) <= 1


def test_nobody_comes_first_for_ever() -> None:
    mempool = pool()
    for author in AUTHORS:
        for number in range(3):
            mempool.add(transaction(author, number), submitted_here=True)
    firsts = [taken(mempool)[0] for _ in range(6)]
    assert Counter(firsts) == Counter(dict.fromkeys(firsts, 2))
    assert len(set(firsts)) == 3


def test_an_author_keeps_its_order() -> None:
    mempool = pool()
    numbers = [3, 1, 4, 5, 2]
    for number in numbers:
        mempool.add(transaction(MINE, number), submitted_here=True)
    assert taken(mempool) == [transaction(MINE, number).tx_id for number in numbers]


# ---- limits


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"bytes_max": 1}, "bytes: 0 of at most 1"),
        ({"author_bytes_max": 1}, f"bytes of {MINE}"),
        ({"author_transactions_max": 1}, f"transactions of {MINE}: 1 of at most 1"),
    ],
)
def test_what_does_not_fit_is_answered_with_the_limit_and_changes_nothing(
    limits: dict[str, int], words: str
) -> None:
    mempool = pool(**limits)
    if "author_transactions_max" in limits:
        mempool.add(transaction(MINE, 1), submitted_here=True)
    before = (len(mempool), mempool.bytes_count, mempool.generation)
    with pytest.raises(MempoolFullError, match=words) as caught:
        mempool.add(transaction(MINE, 2), submitted_here=True)
    assert caught.value.retry_ms > 0
    assert (len(mempool), mempool.bytes_count, mempool.generation) == before


def test_a_full_author_does_not_keep_others_out() -> None:
    mempool = pool(author_transactions_max=1)
    mempool.add(transaction(MINE, 1), submitted_here=True)
    assert mempool.add(transaction(BUYER, 1), submitted_here=True)


# ---- trying again


def test_the_wait_doubles_with_each_attempt_up_to_a_bound() -> None:
    mempool = pool()
    parsed = transaction()
    mempool.add(parsed, submitted_here=True)
    height, waits = 10, []
    for _ in range(10):
        mempool.note_left_out(parsed.tx_id, RULE, Height(height))
        pending = mempool.get(parsed.tx_id)
        assert pending is not None
        waits.append(pending.retry_height - height)
        assert not mempool.has_candidate(Height(pending.retry_height - 1), NOTHING)
        assert mempool.has_candidate(pending.retry_height, NOTHING)
        height = pending.retry_height
    assert waits == [1, 2, 4, 8, 16, 32, 64, 64, 64, 64]


def test_that_it_came_too_late_does_not_hide_why_it_was_left_out() -> None:
    mempool = pool()
    parsed = transaction()
    mempool.add(parsed, submitted_here=True)
    mempool.note_left_out(parsed.tx_id, RULE, Height(1))
    mempool.note_left_out(parsed.tx_id, Refused(RefusalCode.EXPIRED, "late."), Height(2))
    (gone,) = mempool.take_expired(TimeMs(1_000))
    refusal = gone.final_refusal(TimeMs(1_001))
    assert refusal.code is RULE.code
    assert refusal.sentence.startswith(RULE.sentence)
    assert "valid until 1000 ms" in refusal.sentence


def test_what_was_never_tried_is_refused_as_expired() -> None:
    pending = PendingTransaction(transaction(), submitted_here=True)
    refusal = pending.final_refusal(TimeMs(1_001))
    assert (refusal.code, refusal.field) == (RefusalCode.EXPIRED, "valid_until_ms")
    assert refusal.figures == {"valid_until_ms": 1_000, "time_ms": 1_001}


# ---- offers


def test_offers_come_round_oldest_first_within_limits() -> None:
    mempool = pool()
    transactions = [transaction(MINE, number) for number in range(5)]
    for parsed in transactions:
        mempool.add(parsed, submitted_here=True, offered_ms=0)
    mempool.add(transaction(BUYER), submitted_here=False)
    everything = [parsed.signed_bytes for parsed in transactions]
    assert mempool.take_due_offers(-1, 0, count_max=9, bytes_max=10**9) == []
    assert mempool.take_due_offers(0, 10, count_max=3, bytes_max=10**9) == everything[:3]
    assert mempool.take_due_offers(0, 10, count_max=3, bytes_max=10**9) == everything[3:]
    assert mempool.take_due_offers(0, 10, count_max=3, bytes_max=10**9) == []
    assert mempool.take_due_offers(10, 20, count_max=9, bytes_max=1) == everything[:1]
    assert mempool.offers(count_max=2, bytes_max=10**9) == everything[1:3]
    assert mempool.offers(count_max=9, bytes_max=1) == everything[1:2]


# ---- two forms of one wish


def test_what_a_client_submitted_here_is_never_given_up_for_another_form() -> None:
    mempool = pool()
    parsed = transaction()
    mempool.add(parsed, submitted_here=True)
    mempool.note_left_out(
        parsed.tx_id, Refused(RefusalCode.SIGNATURE_MISSING, "one lacks."), Height(1)
    )
    assert not mempool.add(other_form(parsed), submitted_here=True)
    pending = mempool.get(parsed.tx_id)
    assert pending is not None
    assert pending.parsed is parsed


def test_a_peers_form_gives_way_to_a_clients_and_to_another_once_its_signatures_failed() -> None:
    mempool = pool()
    useless, true = other_form(transaction()), transaction()
    mempool.add(useless, submitted_here=False)
    assert not mempool.add(true, submitted_here=False)
    mempool.note_left_out(
        true.tx_id, Refused(RefusalCode.SIGNATURE_NOT_NEEDED, "one too many."), Height(1)
    )
    assert mempool.add(true, submitted_here=False)
    assert mempool.parsed_from(useless.signed_bytes) is None
    assert mempool.has_candidate(Height(1), NOTHING)
    other = pool()
    other.add(useless, submitted_here=False)
    assert other.add(true, submitted_here=True)
    assert len(other) == 1


def test_the_heap_of_validities_does_not_grow_with_what_has_left() -> None:
    mempool = pool()
    parsed = transaction(until_ms=10**9)
    for _ in range(10_000):
        mempool.add(parsed, submitted_here=False)
        mempool.remove(parsed.tx_id)
    assert len(mempool._validity) < 2_000
