"""``UpdateMember``: the ministry changes what the register says about a member.

The record carries the whole new entry: name, activities, group, province and licences. Id, kind, office and
registration number identify the member and never change (another organisation is another member,
``Succeed``); keys have records of their own, and so has suspension, which this record neither begins nor
ends.

A licence that is added is unique on the ledger like one at admission. A licence that serves a mine is not
taken away: without it the mine's output would have no licence behind it; taking the activity away
stops the mine. A licence number stays the member's for ever, so it can come back.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.records.admit_member import (
    LICENCES_MAX,
    REGISTRY_ISSUER,
    check_activities,
    claim_number,
)
from ledger.records.record import Context, Record
from ledger.records.succession import present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import MemberRow
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBERS
from ledger.vocabulary import Activity, ExternalNumberKind
from ledger.wire.scalars import IDENTIFIER_PATTERN, CodeField, MemberId, MemberIdField, NameField


class UpdateMember(Record, frozen=True, array_like=True, tag=2):
    """Replace what the register says about ``member``."""

    member: MemberIdField
    name: NameField
    activities: Annotated[tuple[Activity, ...], Meta(max_length=len(Activity))]
    """All that it is approved to do from now on; empty for everybody but an enterprise."""
    group: Annotated[str, Meta(pattern=rf"^\Z|{IDENTIFIER_PATTERN}")]
    """Id of the group that it belongs to; empty when none."""
    province: Annotated[str, Meta(max_length=128)]
    licences: Annotated[tuple[CodeField, ...], Meta(max_length=LICENCES_MAX)]
    """All its licences from now on."""
    reason: Annotated[str, Meta(min_length=1, max_length=800)]
    case: NameField
    """Number of the ministry's file."""


def apply_update_member(context: Context, record: UpdateMember) -> None:
    """Apply; refused unless the ministry changes a member's entry into one that makes sense."""
    context.require_ministry()
    row = context.member(record.member, field="member")
    check_activities(context, row.kind, record.activities, record.group)
    changed = msgspec.structs.replace(
        row,
        name=record.name,
        activities=record.activities,
        group=record.group,
        province=record.province,
        licences=record.licences,
    )
    if changed == row:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"the register says exactly this about {record.member} already; nothing would change.",
            field="member",
            member=record.member,
        )
    _change_licences(context, record, row)
    context.touch(record.member)
    context.state.put(MEMBERS, record.member, row=changed)


def _change_licences(context: Context, record: UpdateMember, row: MemberRow) -> None:
    """Claim new licences, and refuse to drop one that serves a mine."""
    kind = ExternalNumberKind.LICENCE
    if len(set(record.licences)) != len(record.licences):
        context.refuse(RefusalCode.FIELD_INVALID, "a licence is named twice.", field="licences")
    for licence in record.licences:
        if licence in row.licences:
            continue
        known = context.state.get(EXTERNAL_NUMBERS, int(kind), REGISTRY_ISSUER, licence)
        if known is None or present_name(context, MemberId(known.counterparty)) != record.member:
            claim_number(context, record.member, kind, licence)
    for licence in row.licences:
        if licence in record.licences:
            continue
        known = context.state.get(EXTERNAL_NUMBERS, int(kind), REGISTRY_ISSUER, licence)
        if known is not None and known.facility:
            context.refuse(
                RefusalCode.LICENCE_TAKEN,
                f"licence {licence} serves the mine {known.facility} and stays; take the activity "
                "of mining away to stop the mine.",
                field="licences",
                licence=licence,
                facility=known.facility,
            )
