"""``ReinstateMember``: the ministry ends a suspension.

From the next record on the member may write everything again that its activities and keys allow. What was
held because of the suspension stays held until it is released case by case: a record does not walk a
member's lots. Keys, validators and ballots were never touched and are not now.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBERS
from ledger.vocabulary import MemberStatus
from ledger.wire.scalars import MemberIdField, NameField


class ReinstateMember(Record, frozen=True, array_like=True, tag=4):
    """End the suspension of ``member``."""

    member: MemberIdField
    reason: Annotated[str, Meta(min_length=1, max_length=800)]
    """In words."""
    case: NameField
    """Number of the ministry's file."""


def apply_reinstate_member(context: Context, record: ReinstateMember) -> None:
    """Apply; refused unless the ministry reinstates a member that is suspended."""
    context.require_ministry()
    row = context.member(record.member, field="member")
    if row.status is not MemberStatus.SUSPENDED:
        context.refuse(
            RefusalCode.MEMBER_NOT_SUSPENDED,
            f"{record.member} is not suspended; there is nothing to end.",
            field="member",
            member=record.member,
        )
    context.touch(record.member)
    active = msgspec.structs.replace(row, status=MemberStatus.ACTIVE, status_reason="")
    context.state.put(MEMBERS, record.member, row=active)
