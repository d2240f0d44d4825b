"""``AmendPlan``: the ministry changes the national total of one bucket and year.

The plan was set once (``SetPlan``); each change is a record of its own, with reason and notice, so that
every figure that ever held stays visible. The total never falls below what is already granted: quota that
was given out is taken back by name (``CutQuota``), not by a smaller plan.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.records.quota_account import refuse_no_grams
from ledger.records.record import Context, Record
from ledger.records.set_plan import check_year_not_over
from ledger.refusal import RefusalCode
from ledger.state.tables import PLANS
from ledger.vocabulary import Bucket
from ledger.wire.scalars import DigestField, GramsField, YearField


class AmendPlan(Record, frozen=True, array_like=True, tag=21):
    """Change the national total of ``bucket`` in ``year``."""

    year: YearField
    bucket: Bucket
    total: GramsField
    """Grams of oxide from now on, at least 1 and at least what is granted."""
    document: DigestField
    """SHA-256 of the ministry's notice."""
    reason: Annotated[str, Meta(min_length=1, max_length=800)]


def apply_amend_plan(context: Context, record: AmendPlan) -> None:
    """Apply; refused unless the ministry changes a plan that is set, in time, not below its grants."""
    context.require_ministry()
    check_year_not_over(context, record.year)
    refuse_no_grams(context, record.total, "the total", field="total")
    bucket = record.bucket.name.lower()
    plan = context.state.get(PLANS, record.year, int(record.bucket))
    if plan is None:
        context.refuse(
            RefusalCode.PLAN_UNKNOWN,
            f"no plan of {bucket} is set for {record.year}; set it first.",
            field="year",
            year=record.year,
            bucket=bucket,
        )
    if record.total < plan.granted:
        context.refuse(
            RefusalCode.PLAN_BELOW_GRANTED,
            f"a total of {record.total} g is {plan.granted - record.total} g below the "
            f"{plan.granted} g of {bucket} that are granted for {record.year}; cut quota first.",
            field="total",
            total=record.total,
            granted=plan.granted,
            missing=plan.granted - record.total,
        )
    amended = msgspec.structs.replace(
        plan, total=record.total, document=record.document, set_by=context.reference
    )
    context.state.put(PLANS, record.year, int(record.bucket), row=amended)
