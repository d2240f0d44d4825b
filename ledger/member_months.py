"""Member months: how many records touch a member in a month, and a running digest over them (D5).

Whoever wrote it, a record counts for its author and for every counterparty that its rule names: in the
month that the author claims while that month of the member is open, otherwise in the block's month.
The row in the state lets a node prove "these are all of X's records of March, as of height h": whoever
has the records computes the digest

    H(member-month, previous || tx_id || index u32 || height u64 || time_ms u64), from 32 zero bytes

and compares it with the row. The row also keeps the totals of what the member's records of the month did
to the goods that lie with it, product by product (``ledger.month_totals``). Beside each row stand index
entries that list the records.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ledger import civil
from ledger.month_totals import EMPTY_MONTH, NOTHING_FILED, Totals, no_totals
from ledger.records.record import Context, Flow
from ledger.refusal import RefusalCode
from ledger.state.rows import PRODUCTS_PER_MONTH_MAX, FilingRow, MemberMonthRow
from ledger.state.tables import FILINGS, MEMBER_MONTHS
from ledger.wire.hashing import Domain, digest
from ledger.wire.scalars import Height, MemberId, Month, TimeMs, TxId

MONTH_INDEX: Final = b"month-of"
"""Prefix of the index entries: member id, 0x00, month u32, number u64."""


def count_in_months(context: Context) -> None:
    """Extend the months of every member that the current record touches, with its totals."""
    block_month = civil.month_of(context.today)
    place = encode_month_place(context.tx_id, context.record_index, context.height)
    for holder, _product in context.flows:
        context.touched.setdefault(holder, None)
    for member, date in context.touched.items():
        month = block_month if date is None else civil.month_of(date)
        row = context.state.get(MEMBER_MONTHS, member, month) or EMPTY_MONTH
        filing = context.state.get(FILINGS, member) or NOTHING_FILED
        if month != block_month and (row.filed_ms or month <= filing.filed_through):
            month = block_month
            row = context.state.get(MEMBER_MONTHS, member, month) or EMPTY_MONTH
        context.state.put_index(month_index_key(member, month, row.count), place)
        counted = extended_month(row, place, context.time_ms)
        totals = _totals_after(context, member, row.totals)
        if totals is not row.totals:
            counted = msgspec.structs.replace(counted, totals=totals)
            _note_first_month(context, member, filing, month)
        context.state.put(MEMBER_MONTHS, member, month, row=counted)


def _note_first_month(context: Context, member: MemberId, filing: FilingRow, month: Month) -> None:
    """Keep the earliest month in which a member moved goods."""
    if not filing.first_month or month < filing.first_month:
        row = FilingRow(first_month=month, filed_through=filing.filed_through)
        context.state.put(FILINGS, member, row=row)


def _totals_after(context: Context, member: MemberId, totals: Totals) -> Totals:
    """Return the totals of a member's month with the current record's flows; the same when it has none."""
    changes = {
        product: counted
        for (holder, product), flow in context.flows.items()
        if holder == member and (counted := _counted(context, flow))
    }
    if not changes:
        return totals
    by_product = {entry.product: entry for entry in totals}
    for product, counted in changes.items():
        entry = by_product.get(product) or no_totals(product)
        sums: dict[str, Any] = {
            name: getattr(entry, name) + grams for name, grams in counted.items()
        }
        by_product[product] = msgspec.structs.replace(entry, **sums)
    if len(by_product) > PRODUCTS_PER_MONTH_MAX:
        context.refuse(
            RefusalCode.TOO_MANY_PRODUCTS,
            f"{member} has moved {PRODUCTS_PER_MONTH_MAX} products in the month, no more are counted; "
            "wait for the next month.",
            member=member,
            products=len(by_product),
        )
    return tuple(by_product[product] for product in sorted(by_product))


def _counted(context: Context, flow: Flow) -> dict[str, int]:
    """Return by how much which totals grow."""
    counted = {
        "incoming": flow.received,
        "outgoing": flow.handed_over,
        "lost": flow.lost,
        "transit_change": flow.transit,
    }
    if flow.net:
        name = context.gain_counts_as if flow.net > 0 else context.drop_counts_as
        counted[name] = counted.get(name, 0) + abs(flow.net)
    return {name: grams for name, grams in counted.items() if grams}


def extended_month(row: MemberMonthRow, place: bytes, time_ms: TimeMs) -> MemberMonthRow:
    """Return a month with one more record, which stands at ``place`` in a block of ``time_ms``."""
    return MemberMonthRow(
        count=row.count + 1,
        digest=digest(Domain.MEMBER_MONTH, row.digest, place, time_ms.to_bytes(8, "big")),
        filed_ms=row.filed_ms,
        totals=row.totals,
    )


def encode_month_place(tx_id: TxId, record_index: int, height: Height) -> bytes:
    """Return the name of a record as it is hashed and listed: 44 bytes."""
    return tx_id + record_index.to_bytes(4, "big") + height.to_bytes(8, "big")


def decode_month_place(place: bytes) -> tuple[TxId, int, Height]:
    """Return transaction id, record index and height from 44 bytes."""
    index = int.from_bytes(place[32:36], "big")
    return TxId(place[:32]), index, Height(int.from_bytes(place[36:], "big"))


def month_index_prefix(member: MemberId, month: Month) -> bytes:
    """Return the common prefix of the index entries of one month of ``member``."""
    return MONTH_INDEX + member.encode() + b"\0" + month.to_bytes(4, "big")


def month_index_key(member: MemberId, month: Month, number: int) -> bytes:
    """Return the index key of a record in a member's month; its value is the record's place."""
    return month_index_prefix(member, month) + number.to_bytes(8, "big")
