"""Civil dates, against the standard library's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import civil
from ledger.wire.scalars import CivilDate, Month, TimeMs

OFFSETS = st.integers(-840, 840)
DATES = st.dates(date(1970, 1, 1), date(9999, 12, 31))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def digits(day: date) -> CivilDate:
    return CivilDate(day.year * 10_000 + day.month * 100 + day.day)


@given(st.integers(0, 253_402_300_799_999 - 840 * 60_000), OFFSETS)
def test_a_moment_falls_on_the_same_day_as_in_the_standard_library(
    time_ms: int, offset_minutes: int
) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    moment = (EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone)
    assert civil.date_of(TimeMs(time_ms), offset_minutes) == digits(moment.date())


@given(DATES, OFFSETS)
def test_a_day_starts_with_its_first_millisecond(day: date, offset_minutes: int) -> None:
    start_ms = civil.start_of(digits(day), offset_minutes)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH
    assert start_ms == midnight // timedelta(milliseconds=1) - offset_minutes * 60_000
    assert civil.date_of(start_ms, offset_minutes) == digits(day)
    assert civil.date_of(TimeMs(start_ms + civil.DAY_MS - 1), offset_minutes) == digits(day)
    assert civil.date_of(TimeMs(start_ms - 1), offset_minutes) != digits(day)


@given(st.integers(0, 99_999_999))
def test_digits_are_a_date_exactly_when_the_calendar_has_it(number: int) -> None:
    year, rest = divmod(number, 10_000)
    month, day = divmod(rest, 100)
    try:
        date(year, month, day)
    except ValueError:
        assert not civil.is_date(number)
    else:
        assert civil.is_date(number) == (year >= 1970)


@pytest.mark.parametrize("number", [-20240101, 20240230, 20230229, 21000229, 20241301, 20240100])
def test_days_that_no_calendar_has_are_no_dates(number: int) -> None:
    assert not civil.is_date(number)


@pytest.mark.parametrize("number", [20240229, 20000229, 19700101, 99991231])
def test_leap_days_and_the_ends_of_the_range_are_dates(number: int) -> None:
    assert civil.is_date(number)


@given(DATES)
def test_month_and_year_of_a_day(day: date) -> None:
    month = civil.month_of(digits(day))
    assert month == day.year * 100 + day.month
    assert civil.year_of(digits(day)) == day.year
    assert civil.is_month(month)
    last = civil.days_in_month(month)
    assert date(day.year, day.month, last).day == last
    with pytest.raises(ValueError, match="day"):
        date(day.year, day.month, last + 1)


@given(st.integers(1970, 9998), st.integers(1, 12))
def test_the_next_month_begins_where_this_one_ends(year: int, number: int) -> None:
    month = Month(year * 100 + number)
    following = civil.next_month(month)
    assert civil.is_month(following)
    length_ms = civil.days_in_month(month) * civil.DAY_MS
    assert civil.start_of_month(following, 480) == civil.start_of_month(month, 480) + length_ms


@given(st.integers(1970, 9998), OFFSETS)
def test_a_year_has_365_or_366_days(year: int, offset_minutes: int) -> None:
    start_ms = civil.start_of_year(year, offset_minutes)
    days = 366 if civil.is_leap_year(year) else 365
    assert civil.start_of_year(year + 1, offset_minutes) == start_ms + days * civil.DAY_MS


def test_the_year_ends_at_midnight_of_the_networks_time() -> None:
    end_ms = civil.start_of_year(2025, 480)
    assert end_ms == 1_735_660_800_000, "2024-12-31T16:00:00Z"
    assert civil.date_of(TimeMs(end_ms - 1), 480) == 20241231
    assert civil.date_of(end_ms, 480) == 20250101


@pytest.mark.parametrize("month", [196912, 202400, 202413, 0, 1_000_001])
def test_other_digits_are_no_month(month: int) -> None:
    assert not civil.is_month(month)
