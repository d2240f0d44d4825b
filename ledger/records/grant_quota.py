"""``GrantQuota``: the ministry gives an enterprise part of a year's plan.

Quota is not traded and lapses with its year. The account that grows here is debited by production,
atomically, in the record that makes the lot. All grants of a bucket and year together never
exceed the plan.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.records.record import Context, Record
from ledger.records.set_plan import check_year_not_over
from ledger.refusal import RefusalCode
from ledger.state.rows import PlanRow, QuotaRow
from ledger.state.tables import PLANS, QUOTAS
from ledger.vocabulary import Activity, Bucket
from ledger.wire.scalars import DigestField, Grams, GramsField, MemberIdField, YearField

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
    _check_grantee(context, record)
    plan = _plan_with_room(context, record)
    context.touch(record.grantee)
    plan_parts = (record.year, int(record.bucket))
    granted = msgspec.structs.replace(plan, granted=Grams(plan.granted + record.grams))
    context.state.put(PLANS, *plan_parts, row=granted)
    account = context.state.get(QUOTAS, *plan_parts, record.grantee)
    if account is None:
        account = QuotaRow(granted=Grams(0), used=Grams(0), grants=())
    grown = msgspec.structs.replace(
        account,
        granted=Grams(account.granted + record.grams),
        grants=(*account.grants, context.reference)[-GRANTS_KEPT:],
    )
    context.state.put(QUOTAS, *plan_parts, record.grantee, row=grown)


def _check_grantee(context: Context, record: GrantQuota) -> None:
    grantee = context.active_member(record.grantee, field="grantee")
    activity = ACTIVITY_OF_BUCKET[record.bucket]
    if activity not in grantee.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{record.grantee} is not approved for {activity.name.lower()}, which "
            f"{record.bucket.name.lower()} quota is for.",
            field="grantee",
            member=record.grantee,
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
