"""A member's month: every record that touches it, complete, with the digest that says so (D5)."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.member_months import decode_month_place, month_index_prefix
from ledger.queries.rows import PAGE_SIZE_MAX, Listing, row_of, scan_page
from ledger.state.rows import MemberMonthRow
from ledger.state.tables import MEMBER_MONTHS
from ledger.store import INDEX, Reader
from ledger.wire.scalars import Height, MemberId, Month, TxId


@dataclass(frozen=True, slots=True)
class MonthEntry:
    """One record that touches a member's month."""

    number: int
    """Its place in the running digest, from 0."""
    tx_id: TxId
    record_index: int
    height: Height


def member_month(reader: Reader, member: MemberId, month: Month) -> MemberMonthRow | None:
    """Return count and digest of a member's month, or None when nothing touches it."""
    return row_of(reader, MEMBER_MONTHS, member, month)


def month_entries(
    reader: Reader,
    member: MemberId,
    month: Month,
    *,
    after: int | None = None,
    limit: int = PAGE_SIZE_MAX,
) -> Listing[MonthEntry]:
    """Return one page of the records of a month, by number, beginning behind number ``after``."""
    page = scan_page(
        reader,
        INDEX + month_index_prefix(member, month),
        after=None if after is None else after.to_bytes(8, "big"),
        limit=limit,
    )
    items = tuple(
        MonthEntry(int.from_bytes(rest, "big"), *decode_month_place(place))
        for rest, place in page.items
    )
    return Listing(items, page.next_after)
