"""``GrantQuota``: the ministry gives an enterprise part of a year's plan.

Quota is not traded and lapses with its year. The account that grows here is debited by production,
atomically, in the record that makes the lot. All grants of a bucket and year together never
exceed the plan. What was advanced to the grantee before its first batch (``AdvanceQuota``) is set off against
the grants that follow, until all of it is; what the grantee owes is paid out of the rest
(``quota_account``).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.records.quota_account import account_of, write_credited
from ledger.records.record import Context, Record
from ledger.records.set_plan import check_year_not_over
from ledger.refusal import RefusalCode
from ledger.state.rows import PlanRow
from ledger.state.tables import PLANS
from ledger.vocabulary import Activity, Bucket
from ledger.wire.scalars import DigestField, Grams, GramsField, MemberId, MemberIdField, YearField

GRANTS_KEPT: Final = 64
"""References to grants that an account keeps; older ones are found in the row's history."""

ACTIVITY_OF_BUCKET: Final = {
    Bucket.ROCK_MINING: Activity.MINING,
    Bucket.IONIC_MINING: Activity.MINING,
    Bucket.SEPARATION: Activity.SEPARATION,
}


class GrantQuota(Record, frozen=True, array_like=True, tag=22):
    """Give ``grantee`` a part of the plan of ``bucket`` in ``year``."""

    year: YearField
    bucket: Bucket
    batch: Annotated[int, Meta(ge=1, le=1_000)]
    """Number of the ministry's batch in the year."""
    grantee: MemberIdField
    grams: GramsField
    """Grams of oxide, at least 1."""
    document: DigestField
    """SHA-256 of the ministry's notice."""


def apply_grant_quota(context: Context, record: GrantQuota) -> None:
    """Apply; refused unless the ministry grants within the plan, in time, to who may produce."""
    context.require_ministry()
    check_year_not_over(context, record.year)
    check_grantee(context, record.grantee, record.bucket)
    plan = _plan_with_room(context, record)
    context.touch(record.grantee)
    plan_parts = (record.year, int(record.bucket))
    granted = msgspec.structs.replace(plan, granted=Grams(plan.granted + record.grams))
    context.state.put(PLANS, *plan_parts, row=granted)
    account = account_of(context, record.year, record.bucket, record.grantee)
    set_off = min(record.grams, account.advanced - account.set_off)
    grown = msgspec.structs.replace(
        account,
        granted=Grams(account.granted + record.grams),
        set_off=Grams(account.set_off + set_off),
        grants=(*account.grants, context.reference)[-GRANTS_KEPT:],
        granted_ms=context.time_ms,
    )
    write_credited(context, record.year, record.bucket, record.grantee, grown, field="grams")


def check_grantee(
    context: Context, member: MemberId, bucket: Bucket, *, field: str = "grantee"
) -> None:
    """Refuse a receiver of quota that is suspended or not approved to produce in the bucket."""
    grantee = context.active_member(member, field=field)
    activity = ACTIVITY_OF_BUCKET[bucket]
    if activity not in grantee.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{member} is not approved for {activity.name.lower()}, which "
            f"{bucket.name.lower()} quota is for.",
            field=field,
            member=member,
            activity=activity.name.lower(),
        )


def _plan_with_room(context: Context, record: GrantQuota) -> PlanRow:
    """Return the plan, or refuse when it is not set or has no room for the grant."""
    if record.grams < 1:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the grant is of 0 grams, at least 1 gram is needed.",
            field="grams",
            found=0,
            least=1,
        )
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
    room = plan.total - plan.granted
    if record.grams > room:
        context.refuse(
            RefusalCode.PLAN_EXCEEDED,
            f"the grant of {record.grams} g is {record.grams - room} g more than the {room} g left "
            f"of the plan of {bucket} for {record.year} ({plan.granted} g of {plan.total} g "
            "are granted).",
            field="grams",
            grams=record.grams,
            left=room,
            excess=record.grams - room,
            total=plan.total,
        )
    return plan
