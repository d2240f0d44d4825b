"""A filed month equals what the ledger knows, is on time or late to the millisecond, and is closed."""

from __future__ import annotations

import msgspec
import pytest

from ledger import civil
from ledger.civil import DAY_MS
from ledger.filing_deadlines import deadline_of, is_late
from ledger.records.file_month import ProductLine
from ledger.refusal import RefusalCode
from ledger.state.tables import FILINGS, MEMBER_MONTHS
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate, Digest, Grams, Month, TimeMs
from tests.support.founding import MINISTRY, PARAMETERS, UTC_OFFSET_MINUTES
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    SHORT,
    disputed,
    file_month,
    filing,
    hold,
    inspect,
    seize,
    settle,
    supervised_world,
)
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    TRADER,
    accept,
    alerts_of,
    cancel,
    lot_of,
    mined,
    offer_part,
    offered,
    output,
    split,
    suspend,
    transfer_of,
)
from tests.support.world import World

FILING = ((MINE, Role.FILING),)
END_OF_MARCH_MS = civil.start_of(CivilDate(2024_04_01), UTC_OFFSET_MINUTES)
DUE_MS = civil.start_of(CivilDate(2024_04_10), UTC_OFFSET_MINUTES)


@pytest.fixture
def world() -> World:
    return supervised_world()


def line(world: World, member: str, month: int) -> ProductLine:
    (only,) = filing(world, member, month).products  # type: ignore[arg-type]
    return only


def file_nil(world: World, member: str = MINE) -> None:
    """File January and February, in which nothing moved."""
    file_month(world, member, 202401, 202402)  # type: ignore[arg-type]


def test_a_month_that_the_ledger_knows_is_filed_and_closed(world: World) -> None:
    lot = mined(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS)
    file_month(world, MINE, 202403)
    row = world.expect(MEMBER_MONTHS, MINE, 202403)
    assert row.filed_ms == END_OF_MARCH_MS
    assert world.expect(FILINGS, MINE).filed_through == 202403
    refused = world.refusal(MINE, split(lot, 500_000, 500_000))
    assert_refused(refused, RefusalCode.MONTH_FILED, field="date")


def test_a_month_is_filed_from_its_first_millisecond_after(world: World) -> None:
    mined(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS - 1)
    refused = world.refusal(MINE, filing(world, MINE, 202403), signers=FILING)
    assert_refused(refused, RefusalCode.MONTH_NOT_OVER, field="month", ends_ms=END_OF_MARCH_MS)
    world.move_to(END_OF_MARCH_MS)
    world.build(world.transaction(MINE, filing(world, MINE, 202403), signers=FILING))


def test_the_last_millisecond_before_the_tenth_is_on_time_and_the_next_is_late(
    world: World,
) -> None:
    mined(world)
    file_nil(world)
    before = [alert for alert in alerts_of(world) if alert.code == "filed-late"]
    for time_ms, late in ((DUE_MS - 1, False), (DUE_MS, True)):
        world.move_to(time_ms)
        built = world.build(world.transaction(MINE, filing(world, MINE, 202403), signers=FILING))
        found = [
            row for row in built.overlay.rows.values() if getattr(row, "code", "") == "filed-late"
        ]
        assert bool(found) is late
    file_month(world, MINE, 202403)
    (alert,) = (row for row in alerts_of(world) if row.code == "filed-late" and row not in before)
    assert dict(alert.figures) == {"month": 202403, "deadline_ms": DUE_MS, "late_ms": 0}
    assert world.expect(MEMBER_MONTHS, MINE, 202403).filed_ms == DUE_MS


@pytest.mark.parametrize(
    ("month", "utc_ms"),
    [
        # 2024-12-10, 2025-01-10 and 2025-02-10 at 00:00 in UTC+8.
        (202411, 1_733_760_000_000),
        (202412, 1_736_438_400_000),
        (202501, 1_739_116_800_000),
    ],
)
def test_the_deadline_is_the_tenth_in_civil_time_on_both_sides_of_a_years_end(
    month: int, utc_ms: int
) -> None:
    assert deadline_of(Month(month), PARAMETERS) == utc_ms
    assert not is_late(Month(month), TimeMs(utc_ms - 1), PARAMETERS)
    assert is_late(Month(month), TimeMs(utc_ms), PARAMETERS)


def test_december_is_filed_in_january_and_opens_the_new_year(world: World) -> None:
    world.move_to_date(2024_12_31)
    mined(world, period_from=CivilDate(2024_12_01), period_to=CivilDate(2024_12_31))
    file_month(world, MINE, *range(202401, 202412))
    world.move_to(civil.start_of(CivilDate(2025_01_01), UTC_OFFSET_MINUTES))
    file_month(world, MINE, 202412)
    (entry,) = world.expect(MEMBER_MONTHS, MINE, 202501).totals
    assert (entry.opening, entry.produced) == (LOT_GROSS, 0)


def test_months_are_filed_in_order_and_once(world: World) -> None:
    refused = world.refusal(MINE, filing(world, MINE, 202402), signers=FILING)
    assert_refused(refused, RefusalCode.MONTH_NOT_NEXT, field="month", expected=202401)
    file_month(world, MINE, 202401)
    refused = world.refusal(MINE, filing(world, MINE, 202401), signers=FILING)
    assert_refused(refused, RefusalCode.MONTH_FILED, field="month", filed_through=202401)
    invalid = msgspec.structs.replace(filing(world, MINE, 202402), month=Month(202400))
    assert world.refusal(MINE, invalid, signers=FILING).code is RefusalCode.MONTH_INVALID


def test_the_first_month_is_the_earliest_in_which_goods_moved(world: World) -> None:
    mined(world, period_from=CivilDate(2024_01_01), period_to=CivilDate(2024_01_01))
    assert world.expect(FILINGS, MINE).first_month == 202401
    file_nil(world)
    # A month before the first filed one is not open either.
    refused = world.refusal(
        MINE, output(code="C-2", period_from=CivilDate(2023_12_01), period_to=CivilDate(2023_12_31))
    )
    assert refused.code is RefusalCode.MONTH_FILED


@pytest.mark.parametrize("name", ProductLine.__struct_fields__[1:])
def test_every_figure_of_a_line_is_compared_to_the_gram(world: World, name: str) -> None:
    mined(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS)
    right = filing(world, MINE, 202403)
    (only,) = right.products
    wrong = msgspec.structs.replace(only, **{name: Grams(getattr(only, name) + 1)})
    record = msgspec.structs.replace(right, products=(wrong,))
    refused = world.refusal(MINE, record, signers=FILING)
    assert_refused(
        refused, RefusalCode.TOTALS_DIFFER, field="products",
        filed=getattr(wrong, name), ledger=getattr(only, name),
    )  # fmt: skip


def test_a_line_too_few_too_many_or_twice_is_refused(world: World) -> None:
    mined(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS)
    right = filing(world, MINE, 202403)
    (only,) = right.products
    stranger = msgspec.structs.replace(only, product="ORE-ZZZ")
    for products in ((), (only, stranger), (only, only)):
        record = msgspec.structs.replace(right, products=products)
        assert world.refusal(MINE, record, signers=FILING).code is RefusalCode.TOTALS_DIFFER


def test_a_filing_names_all_records_of_the_month(world: World) -> None:
    mined(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS)
    for changes in ({"count": 1}, {"digest": Digest(bytes(32))}):
        refused = world.refusal(MINE, filing(world, MINE, 202403, **changes), signers=FILING)
        assert refused.code is RefusalCode.DIGEST_DIFFERS


def test_who_moved_nothing_files_nil(world: World) -> None:
    record = filing(world, TRADER, 202401)
    assert record.products == ()
    world.apply(TRADER, record, signers=((TRADER, Role.FILING),))
    assert world.expect(MEMBER_MONTHS, TRADER, 202401).filed_ms == world.time_ms
    record = filing(world, TRADER, 202402)
    assert (record.count, record.digest) == (0, bytes(32))
    world.apply(TRADER, record, signers=((TRADER, Role.FILING),))


def test_enterprises_file_with_a_filing_key_also_suspended(world: World) -> None:
    record = filing(world, MINE, 202401)
    assert world.refusal(MINE, record).code is RefusalCode.SIGNATURE_MISSING
    refused = world.refusal(MINISTRY, record, signers=((MINISTRY, Role.FILING),))
    assert refused.code is RefusalCode.NOT_AN_ENTERPRISE
    suspend(world, MINE)
    world.apply(MINE, filing(world, MINE, 202401), signers=FILING)


def test_out_in_loss_and_transit_follow_a_transfer(world: World) -> None:
    lot, transfer = offered(world)
    assert (line(world, MINE, 202403).in_transit, line(world, MINE, 202403).closing) == (
        LOT_GROSS, LOT_GROSS,
    )  # fmt: skip
    world.apply(BUYER, accept(lot, transfer, received_gross=Grams(999_000)))
    sent, came = line(world, MINE, 202403), line(world, BUYER, 202403)
    assert (sent.produced, sent.outgoing, sent.in_transit, sent.closing) == (
        LOT_GROSS,
        LOT_GROSS,
        0,
        0,
    )
    assert (came.incoming, came.lost, came.closing) == (LOT_GROSS, 1_000, 999_000)


def test_an_answer_after_the_sellers_filing_counts_in_the_month_of_the_block(world: World) -> None:
    lot, transfer = offered(world)
    file_nil(world)
    world.move_to(END_OF_MARCH_MS)
    file_month(world, MINE, 202403)
    world.apply(BUYER, accept(lot, transfer))
    (april,) = world.expect(MEMBER_MONTHS, MINE, 202404).totals
    assert (april.opening, april.transit_opening, april.outgoing, april.transit_change) == (
        LOT_GROSS, LOT_GROSS, LOT_GROSS, -LOT_GROSS,
    )  # fmt: skip
    world.move_to_date(2024_05_01)
    assert line(world, MINE, 202404).closing == 0
    file_month(world, MINE, 202404)
    assert line(world, BUYER, 202403).incoming == LOT_GROSS


def test_dividing_and_a_cancelled_part_change_no_total(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, offer_part(lot, 400_000))
    assert line(world, MINE, 202403).in_transit == 400_000
    part = lot_of(transaction)
    world.apply(MINE, cancel(part, transfer_of(transaction)), split(lot, 300_000, 300_000))
    entry = line(world, MINE, 202403)
    assert (entry.produced, entry.consumed, entry.in_transit) == (LOT_GROSS, 0, 0)
    assert entry.closing == LOT_GROSS


def test_a_settlement_counts_what_each_side_has(world: World) -> None:
    lot, transfer = disputed(world)
    record = settle(
        lot, transfer, seller_gross=Grams(300_000), buyer_gross=Grams(SHORT - 300_000),
        seller_code="B-1",
    )  # fmt: skip
    world.apply(MINISTRY, record)
    sent, came = line(world, MINE, 202403), line(world, BUYER, 202403)
    assert (sent.outgoing, sent.in_transit, sent.closing) == (700_000, 0, 300_000)
    assert (came.incoming, came.lost, came.closing) == (700_000, 10_000, SHORT - 300_000)


def test_a_settlement_that_leaves_the_buyer_nothing_is_a_loss_of_the_sellers(world: World) -> None:
    lot, transfer = disputed(world)
    record = settle(lot, transfer, buyer_gross=Grams(0), seller_gross=Grams(SHORT))
    world.apply(MINISTRY, record)
    entry = line(world, MINE, 202403)
    assert (entry.lost, entry.outgoing, entry.closing) == (10_000, 0, SHORT)


def test_seized_goods_have_gone_out_and_held_ones_have_not(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot))
    assert line(world, MINE, 202403).closing == LOT_GROSS
    inspect(world, seize(lot))
    assert (line(world, MINE, 202403).outgoing, line(world, MINE, 202403).closing) == (LOT_GROSS, 0)


def test_a_late_month_is_accepted_years_after(world: World) -> None:
    mined(world)
    world.move_to_date(2026_05_01)
    file_month(world, MINE, 202401, 202402, 202403)
    (alert,) = (
        row
        for row in alerts_of(world)
        if row.code == "filed-late" and dict(row.figures)["month"] == 202403
    )
    assert dict(alert.figures)["late_ms"] > 700 * DAY_MS
    april = output(code="C-9", period_from=CivilDate(2024_04_01), period_to=CivilDate(2024_04_30))
    world.apply(MINE, april)
