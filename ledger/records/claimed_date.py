"""The date that an author claims for a flow, and the four reasons why it is refused.

Block time says when a record entered the ledger; the claimed date says when the thing happened. It is a
day of the calendar, not after the block's civil day, not before what it builds on, and not in a month
that the author has filed: a filed month changes only through corrections. Late is never refused: it
is computed from the two times.
"""

from __future__ import annotations

from ledger import civil
from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.tables import FILINGS, MEMBER_MONTHS
from ledger.wire.scalars import CivilDate


def check_claimed_date(
    context: Context,
    date: CivilDate,
    *,
    field: str = "date",
    not_before: CivilDate | None = None,
    because: str = "",
) -> None:
    """Refuse a claimed date that the author may not claim.

    Args:
        context: Of the record.
        date: The date.
        field: The record's field that holds it.
        not_before: The earliest day that is allowed, if there is one.
        because: What happened on that day, completing "no earlier than the day on which ...".
    """
    check_is_date(context, date, field=field)
    today = context.today
    if date > today:
        context.refuse(
            RefusalCode.DATE_IN_FUTURE,
            f"{field} is {shown(date)}, the block's day is {shown(today)}.",
            field=field,
            date=date,
            today=today,
        )
    if not_before is not None and date < not_before:
        context.refuse(
            RefusalCode.DATE_BEFORE_INPUT,
            f"{field} is {shown(date)}, no earlier than {shown(not_before)} is possible, "
            f"the day on which {because}.",
            field=field,
            date=date,
            not_before=not_before,
        )
    if not context.is_correcting:
        _check_not_filed(context, date, field)


def check_is_date(context: Context, date: CivilDate, *, field: str) -> None:
    """Refuse digits that name no day."""
    if not civil.is_date(date):
        context.refuse(
            RefusalCode.DATE_INVALID,
            f"{field} is {date}, which is no day of the calendar; write YYYYMMDD.",
            field=field,
            date=date,
        )


def shown(date: CivilDate) -> str:
    """Return a date as people write it: ``2026-03-31``."""
    digits = str(date)
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _check_not_filed(context: Context, date: CivilDate, field: str) -> None:
    month = civil.month_of(date)
    row = context.state.get(MEMBER_MONTHS, context.author, month)
    filing = context.state.get(FILINGS, context.author)
    filed_ms = 0 if row is None else row.filed_ms
    if filed_ms or (filing is not None and month <= filing.filed_through):
        when = (
            f"filed the month of {shown(date)} at {filed_ms} ms"
            if filed_ms
            else (f"began to file after the month of {shown(date)}")
        )
        context.refuse(
            RefusalCode.MONTH_FILED,
            f"{context.author} {when}; a filed month changes only through corrections.",
            field=field,
            date=date,
            filed_ms=filed_ms,
        )
