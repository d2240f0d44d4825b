"""``ToReserve`` and its end: goods are put aside for the state, where they are, and stay on the books.

The owner, who also holds the lot, puts it whole into the reserve, and an authority signs. The lot then
carries the hold ``reserve`` of that authority, which never lapses: it moves nowhere and is counted where
it stands. Who wants to put a part aside divides the lot first. ``ReleaseReserve`` ends it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    ReasonField,
    change_lot,
    check_free,
    check_owned_and_held,
    live_lot,
    with_hold,
)
from ledger.records.record import Context, Record
from ledger.records.sink_rules import require_authority
from ledger.state.rows import Hold
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDateField, DigestField, LotIdField, MemberIdField

RESERVE_CASE: Final = "reserve"
"""Case of the hold on a lot that is in the reserve."""


class ToReserve(Record, frozen=True, array_like=True, tag=61):
    """Put ``lot`` into the reserve."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    reason: ReasonField
    evidence: DigestField
    """SHA-256 of the order."""
    authority: MemberIdField
    """Signs, and signs again for the release."""


def apply_to_reserve(context: Context, record: ToReserve) -> None:
    """Apply; refused unless owner and authority put a free lot aside."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    check_owned_and_held(context, record.lot, lot, "put aside")
    check_free(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    require_authority(context, record.authority)
    hold = Hold(case=RESERVE_CASE, by=record.authority)
    after = msgspec.structs.replace(lot, holds=with_hold(context, lot, hold), date=record.date)
    change_lot(context, record.lot, lot, after)
    context.touch(context.author, record.date)
