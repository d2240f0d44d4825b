"""Who stands in the place of a member that another one has succeeded.

A succession moves everything that a member owns, holds, is promised and has in process, in one record and
without touching one lot: the rows keep the name under which they were written, and whoever reads them
through the rules reads the successor's name instead. A lot that changes is written under the present
names. The way from a name to the present one has at most ``SUCCESSION_STEPS_MAX`` steps, so that no look-up
grows with the age of the chain (D17).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger.records.record import Context
from ledger.state.rows import FacilityRow, LotRow
from ledger.state.tables import SUCCESSIONS
from ledger.wire.scalars import MemberId

SUCCESSION_STEPS_MAX: Final = 8


def present_name(context: Context, member: MemberId) -> MemberId:
    """Return the member that stands in the place of ``member`` now: itself when nobody succeeded it."""
    for _step in range(SUCCESSION_STEPS_MAX):
        row = context.state.get(SUCCESSIONS, member)
        if row is None or row.successor is None:
            break
        member = row.successor
    return member


def facility_under_present_name(context: Context, facility: FacilityRow) -> FacilityRow:
    """Return a facility's row with its present owner."""
    owner = present_name(context, facility.owner)
    if owner == facility.owner:
        return facility
    return msgspec.structs.replace(facility, owner=owner)


def lot_under_present_names(context: Context, lot: LotRow) -> LotRow:
    """Return a lot's row with its present owner and holder, and the present sides of its transfer."""
    owner = present_name(context, lot.owner)
    holder = owner if lot.holder == lot.owner else present_name(context, lot.holder)
    transfer = lot.transfer
    if transfer is not None:
        seller = present_name(context, transfer.seller)
        buyer = present_name(context, transfer.buyer)
        if (seller, buyer) != (transfer.seller, transfer.buyer):
            transfer = msgspec.structs.replace(transfer, seller=seller, buyer=buyer)
    if (owner, holder, transfer) == (lot.owner, lot.holder, lot.transfer):
        return lot
    return msgspec.structs.replace(lot, owner=owner, holder=holder, transfer=transfer)
