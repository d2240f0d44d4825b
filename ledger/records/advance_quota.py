"""``AdvanceQuota``: the ministry lets an enterprise produce before the year's first batch is granted.

Mines run in January, the first batch comes in spring. An advance may be given while nothing of that
bucket and year has been granted to anybody; it needs no plan, because none may be set yet. The grants that
follow are set off against it: they replace advanced grams until none are left, and only what is over
adds to the account. So an advance never makes anybody's year larger than its grants, unless those
stay smaller than the advance: then the difference stands in the account (``advanced`` less ``set_off``)
for everybody to see.
"""

from __future__ import annotations

import msgspec

from ledger.records.grant_quota import check_grantee
from ledger.records.quota_account import account_of, refuse_no_grams, write_credited
from ledger.records.record import Context, Record
from ledger.records.set_plan import check_year_not_over
from ledger.refusal import RefusalCode
from ledger.state.tables import PLANS
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Grams, GramsField, MemberIdField, YearField


class AdvanceQuota(Record, frozen=True, array_like=True, tag=23):
    """Let ``grantee`` produce up to ``grams`` in ``bucket`` before the first batch of ``year``."""

    year: YearField
    bucket: Bucket
    grantee: MemberIdField
    grams: GramsField
    """Grams of oxide, at least 1."""


def apply_advance_quota(context: Context, record: AdvanceQuota) -> None:
    """Apply; refused unless the ministry advances, before the first batch, to who may produce."""
    context.require_ministry()
    check_year_not_over(context, record.year)
    refuse_no_grams(context, record.grams, "the advance")
    check_grantee(context, record.grantee, record.bucket)
    plan = context.state.get(PLANS, record.year, int(record.bucket))
    if plan is not None and plan.granted:
        bucket = record.bucket.name.lower()
        context.refuse(
            RefusalCode.FIRST_BATCH_GRANTED,
            f"{plan.granted} g of {bucket} quota for {record.year} are granted already; an advance is for "
            "production before the first batch, grant quota instead.",
            field="year",
            year=record.year,
            bucket=bucket,
            granted=plan.granted,
        )
    context.touch(record.grantee)
    account = account_of(context, record.year, record.bucket, record.grantee)
    grown = msgspec.structs.replace(account, advanced=Grams(account.advanced + record.grams))
    write_credited(context, record.year, record.bucket, record.grantee, grown, field="grams")
