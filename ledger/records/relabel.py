"""``Relabel``: a lot gets another container code.

By who both owns and holds it, while it is free and not held: a hold names a container that an inspector
will look for. The new code is the author's; the old one is free again afterwards.
The lot stays the same lot: its id, content, parents and history do not change.
"""

from __future__ import annotations

import msgspec

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    check_free,
    check_owned_and_held,
    live_lot,
    relabel_lot,
)
from ledger.records.record import Context, Record
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, CodeField, LotIdField


class Relabel(Record, frozen=True, array_like=True, tag=38):
    """Give ``lot`` the container code ``code``."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    code: CodeField


def apply_relabel(context: Context, record: Relabel) -> None:
    """Apply; refused unless the author owns and holds the lot free and the code is free."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    check_owned_and_held(context, record.lot, lot, "relabel")
    check_free(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    after = msgspec.structs.replace(lot, code=record.code, creator=context.author, date=record.date)
    relabel_lot(context, record.lot, lot, after, field="code")
    context.touch(context.author, record.date)
