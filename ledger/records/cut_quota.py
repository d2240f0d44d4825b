"""``CutQuota``: the ministry takes quota away, in a case, also from who has passed it on.

The grams are taken from the target's account. What its balance does not cover is taken back from the
subsidiaries that it has split quota to, the one that received last first: from each at most what is
left there and at most what the target gave it. Passing quota on therefore saves nothing from a cut. What is
still missing then has been used up; it becomes a debt of the target (``quota_account``), which blocks its
production in the bucket and outlives the year.

A cut has no end with the year: what is found out in February about last year's quota is cut from last
year's account. Of a balance that has lapsed nothing is left to use, but it still covers its part of the
cut, because it was not used. A cut does not enlarge the room of the plan: the grant was made.
"""

from __future__ import annotations

import msgspec

from ledger.records.quota_account import (
    account_of,
    refuse_no_grams,
    write_account,
    write_below_zero,
)
from ledger.records.record import Context, Record
from ledger.records.succession import present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import QuotaRow, SplitsRow
from ledger.state.tables import QUOTAS, SPLITS
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Grams, GramsField, MemberId, MemberIdField, NameField, YearField


class CutQuota(Record, frozen=True, array_like=True, tag=25):
    """Take ``grams`` of the quota of ``bucket`` and ``year`` away from ``target``."""

    year: YearField
    bucket: Bucket
    target: MemberIdField
    grams: GramsField
    """Grams of oxide, at least 1."""
    case: NameField
    """Number of the ministry's file."""


def apply_cut_quota(context: Context, record: CutQuota) -> None:
    """Apply; refused unless the ministry cuts an account that exists."""
    context.require_ministry()
    refuse_no_grams(context, record.grams, "the cut")
    context.member(record.target, field="target")
    year, bucket, target = record.year, record.bucket, record.target
    account = context.state.get(QUOTAS, year, int(bucket), target)
    if account is None:
        context.refuse(
            RefusalCode.QUOTA_UNKNOWN,
            f"{target} has no account of {bucket.name.lower()} quota for {year}; there is nothing to cut.",
            field="target",
            member=target,
            year=year,
        )
    context.touch(target)
    taken_back = _take_back(context, record, record.grams - account.left)
    cut = msgspec.structs.replace(
        account,
        cut=Grams(account.cut + record.grams),
        split_out=Grams(account.split_out - taken_back),
    )
    write_below_zero(context, year, bucket, target, cut, field="grams")


def _take_back(context: Context, record: CutQuota, missing: int) -> int:
    """Take up to ``missing`` grams back from subsidiaries, newest first; return the grams taken."""
    parts = (record.year, int(record.bucket), record.target)
    row = context.state.get(SPLITS, *parts)
    if row is None or missing <= 0:
        return 0
    taken = 0
    kept: list[tuple[MemberId, Grams]] = []
    for written, given in reversed(row.parts):
        member = _account_holder(context, record, written)
        account = account_of(context, record.year, record.bucket, member)
        grams = min(missing - taken, given, _reachable(account))
        if grams:
            context.touch(member)
            smaller = msgspec.structs.replace(account, split_in=Grams(account.split_in - grams))
            write_account(context, record.year, record.bucket, member, smaller, field="grams")
            taken += grams
        if given > grams:
            kept.append((written, Grams(given - grams)))
    if taken:
        context.state.put(SPLITS, *parts, row=SplitsRow(parts=tuple(reversed(kept))))
    return taken


def _account_holder(context: Context, record: CutQuota, member: MemberId) -> MemberId:
    """Return under whose name the account of a subsidiary stands: a successor has taken over newer ones."""
    if context.state.get(QUOTAS, record.year, int(record.bucket), member) is not None:
        return member
    return present_name(context, member)


def _reachable(account: QuotaRow) -> int:
    """Return what a cut of the holder may take from a subsidiary's account."""
    return max(0, min(account.left, account.split_in))
