"""A mine enters 1,000,000 g of March in May, as if it had been in time."""

from __future__ import annotations

from ledger import civil
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate
from tests.support.founding import MINISTRY
from tests.support.supervising import file_month, filing, forgotten, supervised_world
from tests.support.trading import BUYER, MINE, accept, alerts_of, mined, offered, output
from tests.support.world import World

FILING = ((MINE, Role.FILING),)


def in_may() -> World:
    """March was filed on 5 April; it is May."""
    world = supervised_world()
    mined(world)
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, MINE, 202403)
    world.move_to_date(2024_05_20)
    return world


def test_a_filed_month_takes_nothing_and_a_correction_takes_the_ministry_with_it() -> None:
    world = in_may()
    late = output(code="C-2")
    assert world.refusal(MINE, late).code is RefusalCode.MONTH_FILED
    assert world.refusal(MINE, forgotten(late)).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINE, forgotten(late), signers=((MINE, Role.OPERATOR), (MINISTRY, Role.OPERATOR)))
    assert "corrected-after-deadline" in {row.code for row in alerts_of(world)}


def test_what_is_entered_late_in_an_open_month_shows_its_block_time_in_the_digest() -> None:
    early, late = supervised_world(), supervised_world()
    mined(early)
    late.move_to_date(2024_05_20)
    mined(late)
    one, other = (world.expect(MEMBER_MONTHS, MINE, 202403) for world in (early, late))
    assert one.count == other.count
    assert one.digest != other.digest


def test_a_late_filing_is_late_for_ever() -> None:
    world = supervised_world()
    mined(world)
    world.move_to_date(2024_05_20)
    file_month(world, MINE, 202401, 202402, 202403)
    late = {dict(row.figures)["month"]: dict(row.figures) for row in alerts_of(world)}
    assert sorted(late) == [202401, 202402, 202403]
    due_ms = civil.start_of(CivilDate(2024_04_10), 480)
    assert late[202403]["deadline_ms"] == due_ms
    # Nothing that the mine can write later makes it an earlier one.
    again = filing(world, MINE, 202403)
    assert world.refusal(MINE, again, signers=FILING).code is RefusalCode.MONTH_FILED


def test_nothing_is_dated_before_what_it_builds_on_or_after_today() -> None:
    world = supervised_world()
    lot, transfer = offered(world)
    for date, code in (
        (2024_03_21, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        answer = accept(lot, transfer, date=CivilDate(date))
        assert world.refusal(BUYER, answer).code is code
