"""Civil days as people write them: ``2024-03-05``."""

from __future__ import annotations

import re
from typing import Final

from ledger import civil
from ledger.wire.scalars import CivilDate

_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z")


def parse_date(text: str) -> CivilDate | None:
    """Return the day that ``2024-03-05`` names, or None if it names none."""
    found = _DATE.match(text)
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    date = year * 10_000 + month * 100 + day
    return CivilDate(date) if civil.is_date(date) else None


def written_date(date: int) -> str:
    """Return a day as ``2024-03-05``."""
    return f"{date // 10_000:04}-{date // 100 % 100:02}-{date % 100:02}"
