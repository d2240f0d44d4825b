"""``FileMonth``: an enterprise declares a month and closes it.

The declaration has a line for each product that moved or lay with the enterprise, or none (*nil*), and the
count and digest of the month's records (D5). Lines must equal the running totals that the ledger has kept,
digest and count the ledger's, so a filing that applies is complete by construction: what the enterprise signs
is what the ledger knows, and neither can change afterwards. Who finds a difference has a record to enter or
to correct first.

A month is filed when it is over, and months are filed one after the other without gaps, because the opening
of each is the closing of the one before. The first is that of the admission, or the earliest in which the
enterprise moved goods when that is earlier. Until the deadline (parameter: a day of the next month, 00:00
civil time) a filing is on time; afterwards it is accepted and late for ever, which follows from the block's
time and nobody enters. The month takes no more records then: what is claimed for it is refused, and records
of others that touch it count in their block's month.

A suspended enterprise files like any other. Signed with a filing key.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.filing_deadlines import deadline_of, end_of_month, is_late
from ledger.month_totals import EMPTY_MONTH, NOTHING_FILED, Totals, carried, opened
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import PRODUCTS_PER_MONTH_MAX, FilingRow, MemberMonthRow, SignedGramsField
from ledger.state.tables import FILINGS, MEMBER_MONTHS
from ledger.vocabulary import MemberKind, Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CountField,
    DigestField,
    GramsField,
    Month,
    MonthField,
    ProductCodeField,
)

ALERT_LATE: Final = "filed-late"


class ProductLine(WireStruct, frozen=True, array_like=True):
    """The month of one product, in gross grams."""

    product: ProductCodeField
    opening: SignedGramsField
    incoming: GramsField
    produced: GramsField
    consumed: GramsField
    outgoing: GramsField
    lost: GramsField
    in_transit: SignedGramsField
    """Of the closing: offered, and not answered in the month."""
    closing: SignedGramsField
    """Below zero when a correction, which counts in a later month, brought goods that left in this one."""


class FileMonth(Record, frozen=True, array_like=True, tag=70):
    """Declare and close ``month`` of the author."""

    month: MonthField
    products: Annotated[tuple[ProductLine, ...], Meta(max_length=PRODUCTS_PER_MONTH_MAX)]
    """By ascending product code; empty is nil."""
    count: CountField
    """Records that touch the author in the month."""
    digest: DigestField
    """Their running digest; 32 zero bytes when there are none."""


def apply_file_month(context: Context, record: FileMonth) -> None:
    """Apply; refused unless the next unfiled month is over and everything equals the ledger's."""
    context.require(context.author, Role.FILING)
    _check_month(context, record)
    filing = context.state.get(FILINGS, context.author) or NOTHING_FILED
    _check_order(context, record, filing)
    row = context.state.get(MEMBER_MONTHS, context.author, record.month) or EMPTY_MONTH
    _check_lines(context, record, lines_of(row.totals))
    _check_digest(context, record, row)
    closed = msgspec.structs.replace(row, filed_ms=context.time_ms)
    context.state.put(MEMBER_MONTHS, context.author, record.month, row=closed)
    through = FilingRow(first_month=filing.first_month, filed_through=record.month)
    context.state.put(FILINGS, context.author, row=through)
    _open_next(context, record.month, row.totals)
    _alert_when_late(context, record)


def lines_of(totals: Totals) -> tuple[ProductLine, ...]:
    """Return the lines that a filing of these totals has: none for a product with zeros only."""
    lines = (
        ProductLine(
            product=entry.product,
            opening=entry.opening,
            incoming=entry.incoming,
            produced=entry.produced,
            consumed=entry.consumed,
            outgoing=entry.outgoing,
            lost=entry.lost,
            in_transit=entry.in_transit,
            closing=entry.closing,
        )
        for entry in totals
    )
    return tuple(line for line in lines if any(msgspec.structs.astuple(line)[1:]))


def _check_month(context: Context, record: FileMonth) -> None:
    """Refuse whoever does not file, what is no month, and a month that is not over."""
    member = context.member(context.author, field="author")
    if member.kind is not MemberKind.ENTERPRISE:
        context.refuse(
            RefusalCode.NOT_AN_ENTERPRISE,
            f"{context.author} is an {member.kind.name.lower()}; enterprises file.",
            field="author",
            author=context.author,
        )
    if not civil.is_month(record.month):
        context.refuse(
            RefusalCode.MONTH_INVALID,
            f"{record.month} is no month of the calendar; write YYYYMM.",
            field="month",
            month=record.month,
        )
    ends_ms = end_of_month(record.month, context.parameters)
    if context.time_ms < ends_ms:
        context.refuse(
            RefusalCode.MONTH_NOT_OVER,
            f"month {record.month} ends at {ends_ms} ms, {ends_ms - context.time_ms} ms after the "
            f"block's {context.time_ms} ms; file it then.",
            field="month",
            ends_ms=ends_ms,
            time_ms=context.time_ms,
        )


def _check_order(context: Context, record: FileMonth, filing: FilingRow) -> None:
    """Refuse a month that is filed, and one before which another is open."""
    if record.month <= filing.filed_through:
        context.refuse(
            RefusalCode.MONTH_FILED,
            f"{context.author} has filed up to {filing.filed_through}; month {record.month} changes "
            "only through corrections.",
            field="month",
            month=record.month,
            filed_through=filing.filed_through,
        )
    expected = next_to_file(context, filing)
    if record.month != expected:
        context.refuse(
            RefusalCode.MONTH_NOT_NEXT,
            f"the next month that {context.author} files is {expected}, not {record.month}: each "
            "opens with what the one before has closed with.",
            field="month",
            month=record.month,
            expected=expected,
        )


def next_to_file(context: Context, filing: FilingRow) -> Month:
    """Return the month that the author files next."""
    if filing.filed_through:
        return civil.next_month(Month(filing.filed_through))
    member = context.member(context.author, field="author")
    admitted = civil.date_of(member.admitted_ms, context.parameters.utc_offset_minutes)
    month = civil.month_of(admitted)
    return Month(min(month, filing.first_month)) if filing.first_month else month


def _check_lines(context: Context, record: FileMonth, expected: tuple[ProductLine, ...]) -> None:
    """Refuse lines that are not the ledger's, naming the first figure that differs."""
    if record.products == expected:
        return
    ours = {line.product: line for line in expected}
    theirs = {line.product: line for line in record.products}
    for product in sorted({*ours, *theirs}):
        known, said = ours.get(product), theirs.get(product)
        if known is None or said is None:
            there, not_there = ("filing", "ledger") if known is None else ("ledger", "filing")
            context.refuse(
                RefusalCode.TOTALS_DIFFER,
                f"product {product} is in the {there} of {record.month} and not in the {not_there}.",
                field="products",
                product=product,
            )
        for name in ProductLine.__struct_fields__[1:]:
            found, wanted = getattr(said, name), getattr(known, name)
            if found != wanted:
                context.refuse(
                    RefusalCode.TOTALS_DIFFER,
                    f"{name} of {product} in {record.month}: the filing says {found} g, the ledger "
                    f"{wanted} g, {abs(found - wanted)} g apart.",
                    field="products",
                    product=product,
                    filed=found,
                    ledger=wanted,
                )
    context.refuse(
        RefusalCode.TOTALS_DIFFER,
        "products stand once each, by ascending code.",
        field="products",
    )


def _check_digest(context: Context, record: FileMonth, row: MemberMonthRow) -> None:
    if (record.count, record.digest) != (row.count, row.digest):
        context.refuse(
            RefusalCode.DIGEST_DIFFERS,
            f"the filing is of {record.count} records with digest {record.digest.hex()}, the ledger "
            f"has {row.count} records of {context.author} in {record.month} with "
            f"{row.digest.hex()}; read the month again.",
            field="digest",
            filed=record.count,
            ledger=row.count,
        )


def _open_next(context: Context, month: Month, totals: Totals) -> None:
    """Carry the closing over."""
    opening = carried(totals)
    if not opening:
        return
    parts = (context.author, civil.next_month(month))
    row = context.state.get(MEMBER_MONTHS, *parts) or EMPTY_MONTH
    after = opened(row.totals, opening)
    if len(after) > PRODUCTS_PER_MONTH_MAX:
        context.refuse(
            RefusalCode.TOO_MANY_PRODUCTS,
            f"{len(after)} products would be in the next month, at most {PRODUCTS_PER_MONTH_MAX} are "
            "counted; the ministry has to move some of the goods first.",
            field="products",
            products=len(after),
        )
    context.state.put(MEMBER_MONTHS, *parts, row=msgspec.structs.replace(row, totals=after))


def _alert_when_late(context: Context, record: FileMonth) -> None:
    deadline_ms = deadline_of(record.month, context.parameters)
    if is_late(record.month, context.time_ms, context.parameters):
        context.alert(
            ALERT_LATE,
            context.author,
            f"{context.author} files {record.month} at {context.time_ms} ms; it was due before "
            f"{deadline_ms} ms.",
            month=record.month,
            deadline_ms=deadline_ms,
            late_ms=context.time_ms - deadline_ms,
        )
