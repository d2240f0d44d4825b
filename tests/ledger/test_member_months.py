"""Member months: complete and in order, whoever wrote the records (D5)."""

from __future__ import annotations

from ledger.genesis import EmptyState
from ledger.member_months import (
    count_in_months,
    decode_month_place,
    encode_month_place,
    extended_month,
    month_index_key,
)
from ledger.month_totals import EMPTY_MONTH
from ledger.records.record import Context
from ledger.state.rows import MemberMonthRow
from ledger.state.tables import MEMBER_MONTHS
from ledger.state.view import Overlay, StateView
from ledger.vocabulary import Bucket
from ledger.wire.scalars import (
    ChainId,
    CivilDate,
    Digest,
    Height,
    MemberId,
    Month,
    TimeMs,
    TxId,
)
from tests.support.founding import GENESIS_MS, MINISTRY, PARAMETERS
from tests.support.world import World, grant

MEMBER = MemberId("mine-a")
OTHER = MemberId("mine-b")
JANUARY, FEBRUARY = Month(202401), Month(202402)
IN_FEBRUARY_MS = TimeMs(GENESIS_MS + 31 * 86_400_000)


def context_at(time_ms: TimeMs) -> Context:
    return Context(
        state=StateView(Overlay(EmptyState(ChainId(bytes(32))))),
        parameters=PARAMETERS,
        author=MEMBER,
        tx_id=TxId(b"t" * 32),
        height=Height(5),
        time_ms=time_ms,
    )


def month_of(context: Context, member: MemberId, month: Month) -> MemberMonthRow:
    return context.state.get(MEMBER_MONTHS, member, month) or EMPTY_MONTH


def test_a_record_without_a_claimed_date_counts_in_the_blocks_month() -> None:
    context = context_at(IN_FEBRUARY_MS)
    context.begin_record(0)
    count_in_months(context)
    assert month_of(context, MEMBER, FEBRUARY).count == 1
    assert month_of(context, MEMBER, JANUARY).count == 0


def test_a_claimed_date_counts_in_its_month_while_that_is_open() -> None:
    context = context_at(IN_FEBRUARY_MS)
    context.begin_record(0)
    context.touch(MEMBER, CivilDate(20240131))
    context.touch(OTHER, CivilDate(20240131))
    count_in_months(context)
    for member in (MEMBER, OTHER):
        assert month_of(context, member, JANUARY).count == 1
        assert month_of(context, member, FEBRUARY).count == 0


def test_a_filed_month_takes_no_more_records() -> None:
    context = context_at(IN_FEBRUARY_MS)
    filed = MemberMonthRow(count=3, digest=Digest(b"d" * 32), filed_ms=TimeMs(9))
    context.state.put(MEMBER_MONTHS, MEMBER, JANUARY, row=filed)
    context.begin_record(0)
    context.touch(MEMBER, CivilDate(20240131))
    context.touch(OTHER, CivilDate(20240131))
    count_in_months(context)
    assert month_of(context, MEMBER, JANUARY) == filed
    assert month_of(context, MEMBER, FEBRUARY).count == 1
    assert month_of(context, OTHER, JANUARY).count == 1


def test_each_record_extends_the_digest_and_keeps_its_order() -> None:
    context = context_at(IN_FEBRUARY_MS)
    expected = EMPTY_MONTH
    for index in range(3):
        context.begin_record(index)
        count_in_months(context)
        place = encode_month_place(context.tx_id, index, context.height)
        expected = extended_month(expected, place, IN_FEBRUARY_MS)
        assert month_of(context, MEMBER, FEBRUARY) == expected
    assert expected.count == 3


def test_lateness_is_in_the_digest() -> None:
    place = encode_month_place(TxId(b"t" * 32), 0, Height(5))
    on_time = extended_month(EMPTY_MONTH, place, TimeMs(1))
    late = extended_month(EMPTY_MONTH, place, TimeMs(2))
    assert on_time.digest != late.digest


def test_a_place_is_read_back() -> None:
    place = encode_month_place(TxId(bytes(range(32))), 999, Height(2**40))
    assert len(place) == 44
    assert decode_month_place(place) == (bytes(range(32)), 999, 2**40)


def test_the_index_lists_every_record_of_the_month_in_order() -> None:
    world = World()
    world.admit_mine(MEMBER, "pit-a")
    world.plan(2024, Bucket.ROCK_MINING, 100)
    world.apply(MINISTRY, *(grant(2024, Bucket.ROCK_MINING, MEMBER, 1) for _ in range(3)))
    row = world.expect(MEMBER_MONTHS, MEMBER, JANUARY)
    digest = EMPTY_MONTH
    for number in range(row.count):
        place = world.state.index_entry(month_index_key(MEMBER, JANUARY, number))
        assert place is not None
        _tx_id, _index, height = decode_month_place(place)
        digest = extended_month(digest, place, TimeMs(GENESIS_MS + height))
    assert digest == row
    assert world.state.index_entry(month_index_key(MEMBER, JANUARY, row.count)) is None
