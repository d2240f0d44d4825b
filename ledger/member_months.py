"""Member months: how many records touch a member in a month, and a running digest over them (D5).

Whoever wrote it, a record counts for its author and for every counterparty that its rule names: in the
month that the author claims while that month of the member is open, otherwise in the block's month.
The row in the state lets a node prove "these are all of X's records of March, as of height h": whoever
has the records computes the digest

    H(member-month, previous || tx_id || index u32 || height u64 || time_ms u64), from 32 zero bytes

and compares it with the row. Beside each row stand index entries that list the records.
"""

from __future__ import annotations

from typing import Final

from ledger import civil
from ledger.records.record import Context
from ledger.state.rows import MemberMonthRow
from ledger.state.tables import MEMBER_MONTHS
from ledger.wire.hashing import Domain, digest
from ledger.wire.scalars import Digest, Height, MemberId, Month, TimeMs, TxId

MONTH_INDEX: Final = b"month-of"
"""Prefix of the index entries: member id, 0x00, month u32, number u64."""
EMPTY_MONTH: Final = MemberMonthRow(count=0, digest=Digest(bytes(32)), filed_ms=TimeMs(0))
"""A month without records; it has no row."""


def count_in_months(context: Context) -> None:
    """Extend the months of every member that the current record touches."""
    block_month = civil.month_of(context.today)
    place = encode_month_place(context.tx_id, context.record_index, context.height)
    for member, date in context.touched.items():
        month = block_month if date is None else civil.month_of(date)
        row = context.state.get(MEMBER_MONTHS, member, month) or EMPTY_MONTH
        if row.filed_ms and month != block_month:
            month = block_month
            row = context.state.get(MEMBER_MONTHS, member, month) or EMPTY_MONTH
        context.state.put_index(month_index_key(member, month, row.count), place)
        context.state.put(
            MEMBER_MONTHS, member, month, row=extended_month(row, place, context.time_ms)
        )


def extended_month(row: MemberMonthRow, place: bytes, time_ms: TimeMs) -> MemberMonthRow:
    """Return a month with one more record, which stands at ``place`` in a block of ``time_ms``."""
    return MemberMonthRow(
        count=row.count + 1,
        digest=digest(Domain.MEMBER_MONTH, row.digest, place, time_ms.to_bytes(8, "big")),
        filed_ms=row.filed_ms,
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
