"""``SetPlan``: the ministry sets the national total of one bucket and calendar year.

Grants are taken out of the plan (``GrantQuota``). A plan may be set ahead of its year and at any
time until the year is over in civil time; it is set once. Changing it will be a record of its own
(``AmendPlan``), so that the first figure stays visible.
"""

from __future__ import annotations

from ledger import civil
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import PlanRow
from ledger.state.tables import PLANS
from ledger.vocabulary import Bucket
from ledger.wire.scalars import DigestField, Grams, GramsField, YearField


class SetPlan(Record, frozen=True, array_like=True, tag=20):
    """Set the national total of ``bucket`` in ``year``."""

    year: YearField
    bucket: Bucket
    total: GramsField
    """Grams of oxide, at least 1."""
    document: DigestField
    """SHA-256 of the ministry's notice."""


def apply_set_plan(context: Context, record: SetPlan) -> None:
    """Apply; refused unless the ministry sets the first plan of a year that is not over."""
    context.require_ministry()
    check_year_not_over(context, record.year)
    if record.total < 1:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the total is 0 grams, at least 1 gram is needed.",
            field="total",
            found=0,
            least=1,
        )
    known = context.state.get(PLANS, record.year, int(record.bucket))
    if known is not None:
        context.refuse(
            RefusalCode.PLAN_EXISTS,
            f"the plan of {record.bucket.name.lower()} for {record.year} is already set, "
            f"to {known.total} g.",
            field="year",
            year=record.year,
            bucket=record.bucket.name.lower(),
            total=known.total,
        )
    row = PlanRow(
        total=record.total,
        granted=Grams(0),
        document=record.document,
        set_by=context.reference,
    )
    context.state.put(PLANS, record.year, int(record.bucket), row=row)


def check_year_not_over(context: Context, year: int) -> None:
    """Refuse once the first millisecond of the next civil year has come."""
    end_ms = civil.start_of_year(year + 1, context.parameters.utc_offset_minutes)
    if context.time_ms >= end_ms:
        context.refuse(
            RefusalCode.YEAR_OVER,
            f"the year {year} ended at {end_ms} ms, {context.time_ms - end_ms} ms before "
            "the block; quota lapses with its year.",
            field="year",
            year=year,
            end_ms=end_ms,
            time_ms=context.time_ms,
        )
