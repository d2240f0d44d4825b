"""``SplitQuota``: the holder of quota passes part of it on to a subsidiary of its own group.

The ministry grants to groups; the groups' plants produce. Quota is not traded, so both belong to one group in
the register. A holder splits only what came to it from the ministry and is still free: what it received
by a split it may not split on. Production counts against received quota first, so that the account's own
part stays free as long as possible. The tree of splits is therefore one step deep and a cut can follow it
(``CutQuota``) with bounded work.

Who owes quota in the bucket may not pass any on, and a subsidiary that owes pays its debt first. A
split later than 10 working days after the newest grant to the holder is allowed and raises an alert.
Working days are Monday to Friday in the network's civil time; holidays are not known to the ledger.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger import civil
from ledger.records.grant_quota import check_grantee
from ledger.records.quota_account import (
    account_of,
    check_no_debt,
    refuse_no_grams,
    write_account,
    write_credited,
)
from ledger.records.record import Context, Record
from ledger.records.set_plan import check_year_not_over
from ledger.refusal import RefusalCode
from ledger.state.rows import QuotaRow, SplitsRow
from ledger.state.tables import SPLITS
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import Grams, GramsField, MemberId, MemberIdField, TimeMs, YearField

SUBSIDIARIES_MAX: Final = 64
"""Subsidiaries that one account may have passed quota on to; bounds the work of a cut (D17)."""
SPLIT_WORKING_DAYS: Final = 10
"""Working days after a grant in which it is to be split."""
ALERT_SPLIT_LATE: Final = "split-late"


class SplitQuota(Record, frozen=True, array_like=True, tag=24):
    """Pass ``grams`` of the author's quota on to ``subsidiary``."""

    year: YearField
    bucket: Bucket
    subsidiary: MemberIdField
    grams: GramsField
    """Grams of oxide, at least 1."""


def apply_split_quota(context: Context, record: SplitQuota) -> None:
    """Apply; refused unless the holder passes free quota on within its group, in time."""
    holder, year, bucket = context.author, record.year, record.bucket
    context.require(holder, Role.OPERATOR)
    check_year_not_over(context, year)
    refuse_no_grams(context, record.grams, "the split")
    _check_group(context, record)
    check_grantee(context, record.subsidiary, bucket, field="subsidiary")
    check_no_debt(context, bucket, holder, field="bucket")
    account = account_of(context, year, bucket, holder)
    _check_free(context, record, account)
    context.touch(record.subsidiary)
    _note_split(context, record)
    given = msgspec.structs.replace(account, split_out=Grams(account.split_out + record.grams))
    write_account(context, year, bucket, holder, given, field="grams")
    target = account_of(context, year, bucket, record.subsidiary)
    grown = msgspec.structs.replace(target, split_in=Grams(target.split_in + record.grams))
    write_credited(context, year, bucket, record.subsidiary, grown, field="grams")
    _alert_if_late(context, record, account)


def splittable(account: QuotaRow) -> int:
    """Return what of an account may be split: what the ministry gave and nothing has used up."""
    own = account.granted - account.set_off + account.advanced
    own += account.debt - account.debt_paid - account.split_out - account.cut
    return max(0, min(account.left, own))


def _check_group(context: Context, record: SplitQuota) -> None:
    holder = context.active_member(context.author, field="author")
    other = context.member(record.subsidiary, field="subsidiary")
    if record.subsidiary == context.author or not holder.group or holder.group != other.group:
        context.refuse(
            RefusalCode.NOT_SAME_GROUP,
            f"{context.author} belongs to {holder.group or 'no group'} and {record.subsidiary} to "
            f"{other.group or 'no group'}; quota is passed on to another member of the same group only.",
            field="subsidiary",
            member=record.subsidiary,
            group=other.group,
            own_group=holder.group,
        )


def _check_free(context: Context, record: SplitQuota, account: QuotaRow) -> None:
    free = splittable(account)
    if record.grams > free:
        context.refuse(
            RefusalCode.QUOTA_EXCEEDED,
            f"the split of {record.grams} g is {record.grams - free} g more than the {free} g that are "
            f"free of the {record.bucket.name.lower()} quota of {context.author} for {record.year} "
            f"({account.left} g are left, what was received by a split is not split on).",
            field="grams",
            asked=record.grams,
            free=free,
            missing=record.grams - free,
            left=account.left,
        )


def _note_split(context: Context, record: SplitQuota) -> None:
    """Enter the split under its holder; the subsidiary that received last stands last."""
    parts = (record.year, int(record.bucket), context.author)
    row = context.state.get(SPLITS, *parts)
    before = () if row is None else row.parts
    others = tuple(part for part in before if part[0] != record.subsidiary)
    had = sum(grams for member, grams in before if member == record.subsidiary)
    if len(others) == SUBSIDIARIES_MAX:
        context.refuse(
            RefusalCode.SPLITS_TOO_MANY,
            f"{context.author} has passed this quota on to {SUBSIDIARIES_MAX} subsidiaries, no more "
            "are allowed.",
            field="subsidiary",
            subsidiaries=len(others),
        )
    entry: tuple[MemberId, Grams] = (record.subsidiary, Grams(had + record.grams))
    context.state.put(SPLITS, *parts, row=SplitsRow(parts=(*others, entry)))


def _alert_if_late(context: Context, record: SplitQuota, account: QuotaRow) -> None:
    if not account.granted_ms:
        return
    days = _working_days(context, account.granted_ms)
    if days > SPLIT_WORKING_DAYS:
        context.alert(
            ALERT_SPLIT_LATE,
            context.author,
            f"{record.grams:,} g were split to {record.subsidiary} {days} working days after the newest "
            f"grant, {days - SPLIT_WORKING_DAYS} more than the {SPLIT_WORKING_DAYS} in which a grant is "
            "to be split.",
            grams=record.grams,
            working_days=days,
            allowed=SPLIT_WORKING_DAYS,
        )


def _working_days(context: Context, since_ms: TimeMs) -> int:
    """Return how many working days have begun after the day of ``since_ms``, today included."""
    offset_ms = context.parameters.utc_offset_minutes * 60_000
    first, last = ((time + offset_ms) // civil.DAY_MS for time in (since_ms, context.time_ms))
    return _working_days_before(last + 1) - _working_days_before(first + 1)


def _working_days_before(day: int) -> int:
    """Return the Mondays to Fridays before a day; day 0 is 1970-01-01, a Thursday."""
    weeks, weekday = divmod(day + 3, 7)
    return weeks * 5 + min(weekday, 5)
