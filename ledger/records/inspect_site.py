"""``Inspect``: inspectors write down what they have found at a facility or about a lot.

The record changes nothing: it stands in the months of whom it is about, for ever, with the digest of the
evidence. What follows from a finding (a hold, a seizure, a cut, a penalty) is a record of its own.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger.records.lot_rules import ReasonField, live_lot
from ledger.records.record import Context, Record
from ledger.records.succession import facility_under_present_name
from ledger.records.supervision_rules import require_inspectors
from ledger.refusal import RefusalCode
from ledger.state.tables import FACILITIES
from ledger.wire.scalars import DigestField, LotIdField


class Inspect(Record, frozen=True, array_like=True, tag=75):
    """Write down a finding at ``facility`` or about ``lot``, exactly one of the two."""

    facility: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9-]{0,31})?\Z")]
    """Empty when it is about a lot."""
    lot: LotIdField | None
    finding: ReasonField
    evidence: DigestField
    """SHA-256 of protocol and pictures."""


def apply_inspect(context: Context, record: Inspect) -> None:
    """Apply; refused unless inspectors write about one facility or one lot that there is."""
    require_inspectors(context)
    if bool(record.facility) == (record.lot is not None):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "an inspection is of a facility or of a lot, exactly one of the two.",
            field="facility",
        )
    if record.lot is not None:
        lot = live_lot(context, record.lot)
        context.touch(lot.owner)
        context.touch(lot.holder)
        return
    facility = context.state.get(FACILITIES, record.facility)
    if facility is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"there is no facility {record.facility}.",
            field="facility",
            facility=record.facility,
        )
    context.touch(facility_under_present_name(context, facility).owner)
