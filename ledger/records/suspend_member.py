"""``SuspendMember``: the ministry stops a member from writing anything but filings and answers.

Suspension never touches ballots, validators or their keys: a suspended member's node keeps voting.
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


class SuspendMember(Record, frozen=True, array_like=True, tag=3):
    """Stop ``member`` from producing and trading until it is reinstated."""

    member: MemberIdField
    reason: Annotated[str, Meta(max_length=800)]
    """In words; the member is shown it with every refusal. With the case it fits the member's row."""
    case: NameField
    """Number of the ministry's file."""


def apply_suspend_member(context: Context, record: SuspendMember) -> None:
    """Apply; refused unless the ministry suspends an active member other than itself."""
    context.require_ministry()
    row = context.active_member(record.member, field="member")
    if record.member == context.parameters.ministry:
        context.refuse(
            RefusalCode.FIELD_INVALID, "the ministry cannot suspend itself.", field="member"
        )
    context.touch(record.member)
    suspended = msgspec.structs.replace(
        row, status=MemberStatus.SUSPENDED, status_reason=f"{record.reason} (case {record.case})"
    )
    context.state.put(MEMBERS, record.member, row=suspended)
