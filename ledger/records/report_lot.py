"""``ReportLot``: somebody has seen a container and says what the label is and what is wrong with it.

Any admitted member may report. The label is the creator's name and the code. When no live lot carries it, the
label is false, old or copied, and that is an alert; when one does, its owner and its holder are told and the
authorities see the report as an alert of another name. Nothing is held: that takes inspectors.
"""

from __future__ import annotations

from typing import Final

from ledger.records.lot_rules import ReasonField
from ledger.records.record import Context, Record
from ledger.records.succession import present_name
from ledger.state.tables import EXTERNAL_NUMBERS, LOTS
from ledger.vocabulary import ExternalNumberKind, Role
from ledger.wire.scalars import CodeField, MemberIdField, NameField

ALERT_UNKNOWN_LABEL: Final = "label-unknown"
ALERT_REPORTED: Final = "lot-reported"


class ReportLot(Record, frozen=True, array_like=True, tag=77):
    """Report a container with the label ``code`` of ``creator``, seen at ``place``."""

    creator: MemberIdField
    code: CodeField
    place: NameField
    finding: ReasonField


def apply_report_lot(context: Context, record: ReportLot) -> None:
    """Apply; refused unless the label names an admitted member."""
    context.require(context.author, Role.OPERATOR)
    context.member(record.creator, field="creator")
    context.touch(record.creator)
    kind = int(ExternalNumberKind.CONTAINER_CODE)
    number = context.state.get(EXTERNAL_NUMBERS, kind, record.creator, record.code)
    lot = None if number is None or number.lot is None else context.state.get(LOTS, number.lot)
    if lot is None:
        context.alert(
            ALERT_UNKNOWN_LABEL,
            record.creator,
            f"{context.author} has seen the label {record.code} of {record.creator} at {record.place}; "
            "no live lot carries it.",
        )
        return
    owner, holder = present_name(context, lot.owner), present_name(context, lot.holder)
    context.touch(owner)
    context.touch(holder)
    context.alert(
        ALERT_REPORTED,
        holder,
        f"{context.author} reports {lot.gross:,} g of {lot.product} with the label {record.code} at "
        f"{record.place}.",
        gross=lot.gross,
    )
