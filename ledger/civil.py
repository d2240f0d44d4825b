"""Civil dates without a clock and without a time-zone database.

The network's civil time is UTC plus a fixed number of minutes, a parameter; deadlines must be the
same on every node for ever. Dates are integers YYYYMMDD, months YYYYMM. The day arithmetic is the
proleptic Gregorian calendar in integers (Howard Hinnant, "chrono-Compatible Low-Level Date
Algorithms", 2013).
"""

from __future__ import annotations

from typing import Final

from ledger.wire.scalars import CivilDate, Month, TimeMs

DAY_MS: Final = 86_400_000
_DAYS_IN_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap_year(year: int) -> bool:
    """Tell whether a year of the Gregorian calendar has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(month: Month) -> int:
    """Return the number of days of a month."""
    year, number = divmod(month, 100)
    return 29 if number == 2 and is_leap_year(year) else _DAYS_IN_MONTH[number - 1]


def is_month(month: int) -> bool:
    """Tell whether the digits YYYYMM name a month from 1970 to 9999."""
    return 1970 <= month // 100 <= 9999 and 1 <= month % 100 <= 12


def is_date(date: int) -> bool:
    """Tell whether the digits YYYYMMDD name a day from 1970 to 9999."""
    month, day = divmod(date, 100)
    return is_month(month) and 1 <= day <= days_in_month(Month(month))


def month_of(date: CivilDate) -> Month:
    """Return the month of a day."""
    return Month(date // 100)


def year_of(date: CivilDate) -> int:
    """Return the year of a day."""
    return date // 10_000


def next_month(month: Month) -> Month:
    """Return the month after ``month``."""
    return Month(month + 1 if month % 100 < 12 else month + 89)


def date_of(time_ms: TimeMs, utc_offset_minutes: int) -> CivilDate:
    """Return the civil day in which a moment falls."""
    days = (time_ms + utc_offset_minutes * 60_000) // DAY_MS + 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return CivilDate(year * 10_000 + month * 100 + day)


def start_of(date: CivilDate, utc_offset_minutes: int) -> TimeMs:
    """Return the first millisecond of a civil day."""
    year, rest = divmod(date, 10_000)
    month, day = divmod(rest, 100)
    year -= 1 if month <= 2 else 0
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days = era * 146_097 + day_of_era - 719_468
    return TimeMs(days * DAY_MS - utc_offset_minutes * 60_000)


def start_of_month(month: Month, utc_offset_minutes: int) -> TimeMs:
    """Return the first millisecond of a civil month."""
    return start_of(CivilDate(month * 100 + 1), utc_offset_minutes)


def start_of_year(year: int, utc_offset_minutes: int) -> TimeMs:
    """Return the first millisecond of a civil year."""
    return start_of(CivilDate(year * 10_000 + 101), utc_offset_minutes)
