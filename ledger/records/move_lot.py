"""``MoveLot``: who holds a lot takes it to another place, and keeps it.

Owner, holder, content and code stay. A lot that is offered, disputed or held does not move: somebody else
counts on where it is. The owner of goods under toll or consignment is told, in its month.
"""

from __future__ import annotations

import msgspec

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import change_lot, check_free, live_lot
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, LotIdField, NameField


class MoveLot(Record, frozen=True, array_like=True, tag=39):
    """Take ``lot`` to ``place``."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    place: NameField


def apply_move_lot(context: Context, record: MoveLot) -> None:
    """Apply; refused unless the author holds the lot and nothing keeps it where it is."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    if lot.holder != context.author:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {record.lot.hex()} lies with {lot.holder}; only who holds it may move it.",
            field="lot",
            lot=record.lot.hex(),
            holder=lot.holder,
        )
    check_free(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    if record.place == lot.place:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"lot {record.lot.hex()} is at {lot.place} already.",
            field="place",
        )
    moved = msgspec.structs.replace(lot, place=record.place, date=record.date)
    change_lot(context, record.lot, lot, moved)
    context.touch(context.author, record.date)
    if lot.owner != context.author:
        context.touch(lot.owner, record.date)
