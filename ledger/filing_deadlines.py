"""When a month is over and until when it is filed, in the network's civil time, to the millisecond."""

from __future__ import annotations

from ledger import civil
from ledger.state.rows import ParametersRow
from ledger.wire.scalars import CivilDate, Month, TimeMs


def end_of_month(month: Month, parameters: ParametersRow) -> TimeMs:
    """Return the first millisecond after a month."""
    return civil.start_of_month(civil.next_month(month), parameters.utc_offset_minutes)


def deadline_of(month: Month, parameters: ParametersRow) -> TimeMs:
    """Return the first millisecond at which a filing of ``month`` is late."""
    day = CivilDate(civil.next_month(month) * 100 + parameters.filing_deadline_day)
    return civil.start_of(day, parameters.utc_offset_minutes)


def is_late(month: Month, filed_ms: TimeMs, parameters: ParametersRow) -> bool:
    """Tell whether a filing of ``month`` in a block of ``filed_ms`` has missed the deadline."""
    return filed_ms >= deadline_of(month, parameters)
