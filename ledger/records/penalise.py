"""``Penalise``: the ministry penalises a member, on the ledger, where everybody it concerns sees it.

It changes no balance. A cut of quota that goes with the penalty is a ``CutQuota`` of the same case; the
penalty says that one follows, so that its absence shows.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.wire.scalars import I64_MAX, GramsField, MemberIdField, NameField


class Penalise(Record, frozen=True, array_like=True, tag=76):
    """Penalise ``member`` under ``article``."""

    member: MemberIdField
    case: NameField
    """Number of the ministry's file."""
    article: NameField
    """Of the law."""
    amount: Annotated[int, Meta(ge=0, le=I64_MAX)]
    """Fine in the smallest unit of the currency; 0 for a warning."""
    quota_cut: GramsField
    """Grams of quota that a ``CutQuota`` of the same case takes away; 0 when none follows."""


def apply_penalise(context: Context, record: Penalise) -> None:
    """Apply; refused unless the ministry penalises an admitted member other than itself."""
    context.require_ministry()
    context.member(record.member, field="member")
    if record.member == context.author:
        context.refuse(
            RefusalCode.FIELD_INVALID, "the ministry cannot penalise itself.", field="member"
        )
    context.touch(record.member)
