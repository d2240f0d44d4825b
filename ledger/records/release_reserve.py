"""``ReleaseReserve``: goods come back from the reserve; their owner may move them again.

The owner writes it and the authority that put the lot aside signs. Other holds on the lot stay.
"""

from __future__ import annotations

import msgspec

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import ReasonField, change_lot, check_owned_and_held, live_lot
from ledger.records.record import Context, Record
from ledger.records.sink_rules import require_authority
from ledger.records.to_reserve import RESERVE_CASE
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, LotIdField, MemberIdField


class ReleaseReserve(Record, frozen=True, array_like=True, tag=62):
    """Take ``lot`` out of the reserve."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    reason: ReasonField
    authority: MemberIdField
    """The one that signed when it was put aside."""


def apply_release_reserve(context: Context, record: ReleaseReserve) -> None:
    """Apply; refused unless the owner and the same authority release a lot in the reserve."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    check_owned_and_held(context, record.lot, lot, "release")
    hold = next((hold for hold in lot.holds if hold.case == RESERVE_CASE), None)
    if hold is None:
        context.refuse(
            RefusalCode.HOLD_UNKNOWN,
            f"lot {record.lot.hex()} of {lot.gross:,} g is not in the reserve.",
            field="lot",
            lot=record.lot.hex(),
        )
    if hold.by != record.authority:
        context.refuse(
            RefusalCode.HOLD_OF_ANOTHER,
            f"{hold.by} has put the lot aside and releases it, not {record.authority}.",
            field="authority",
            by=hold.by,
        )
    check_claimed_date(context, record.date, not_before=lot.date, because="the lot was put aside")
    require_authority(context, record.authority)
    left = tuple(kept for kept in lot.holds if kept is not hold)
    after = msgspec.structs.replace(lot, holds=left, date=record.date)
    change_lot(context, record.lot, lot, after)
    context.touch(context.author, record.date)
