"""Plans and quota accounts, with the records and the blocks behind their figures."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.queries.rows import (
    PAGE_SIZE_MAX,
    Listing,
    list_rows,
    row_at,
    row_of,
    text_part,
    versions_of,
)
from ledger.state.rows import PlanRow, QuotaRow, RecordReference
from ledger.state.tables import DEBTS, PLANS, QUOTAS, SPLITS
from ledger.store import Reader
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Height, MemberId


@dataclass(frozen=True, slots=True)
class QuotaMovement:
    """What one block changed in a quota account, in grams of oxide."""

    height: Height
    granted: int
    """Grams granted by the block."""
    used: int
    """Grams used by the block; negative when a correction gave some back."""


@dataclass(frozen=True, slots=True)
class QuotaAccount:
    """One member's account of a bucket and year, and why it stands where it stands."""

    row: QuotaRow
    grants: tuple[RecordReference, ...]
    """Every grant behind the account, oldest first, also those that the row no longer keeps. Of more
    than 64 grants that one block made to one account, only the newest 64 are named."""
    movements: tuple[QuotaMovement, ...]
    """Every block that changed the account, oldest first; they add up to the row."""


@dataclass(frozen=True, slots=True)
class ListedQuota:
    """A quota account with its member."""

    member: MemberId
    row: QuotaRow


def plan(reader: Reader, year: int, bucket: Bucket) -> PlanRow | None:
    """Return the plan of a bucket and year, or None."""
    return row_of(reader, PLANS, year, int(bucket))


def quota(
    reader: Reader, year: int, bucket: Bucket, member: MemberId, *, height: Height | None = None
) -> QuotaRow | None:
    """Return a quota account as of the tip, or as it was at ``height``; None when there is none."""
    if height is None:
        return row_of(reader, QUOTAS, year, int(bucket), member)
    return row_at(reader, QUOTAS, year, int(bucket), member, height=height)


def quotas(
    reader: Reader,
    year: int,
    bucket: Bucket,
    *,
    after: MemberId | None = None,
    limit: int = PAGE_SIZE_MAX,
) -> Listing[ListedQuota]:
    """Return one page of the accounts of a bucket and year, by member, beginning behind ``after``."""
    page = list_rows(
        reader,
        QUOTAS,
        year,
        int(bucket),
        after=None if after is None else after.encode() + b"\0",
        limit=limit,
    )
    items = tuple(ListedQuota(MemberId(text_part(rest)[0]), row) for rest, row in page.items)
    return Listing(items, None if page.next_after is None else page.next_after.rstrip(b"\0"))


def owed(reader: Reader, bucket: Bucket, member: MemberId) -> int:
    """Return what a member owes in a bucket, in grams, over all years."""
    row = row_of(reader, DEBTS, int(bucket), member)
    return 0 if row is None else row.grams


def passed_on(
    reader: Reader, year: int, bucket: Bucket, member: MemberId
) -> tuple[tuple[MemberId, int], ...]:
    """Return to whom a member has split its quota: subsidiary and grams, the newest last."""
    row = row_of(reader, SPLITS, year, int(bucket), member)
    return () if row is None else row.parts


def quota_account(
    reader: Reader, year: int, bucket: Bucket, member: MemberId
) -> QuotaAccount | None:
    """Return a quota account with everything behind it, or None. Walks the account's history."""
    row = quota(reader, year, bucket, member)
    if row is None:
        return None
    grants: dict[RecordReference, None] = {}
    movements: list[QuotaMovement] = []
    granted = used = 0
    for version in versions_of(reader, QUOTAS, year, int(bucket), member):
        if version.row is None:
            continue
        grants.update(dict.fromkeys(version.row.grants))
        movements.append(
            QuotaMovement(version.height, version.row.granted - granted, version.row.used - used)
        )
        granted, used = version.row.granted, version.row.used
    return QuotaAccount(row, tuple(grants), tuple(movements))
