"""What the records of supervision have in common: who the authorities are, and two inspectors.

An *authority* is a member of that kind that is active: the ministry, customs, tax, a province, an
inspectorate. Where the rule book says *inspectors*, two different persons' operator keys of the authority
that writes the record sign. Persons are told apart by the name that stands with their keys in the
register, as it is spelled: one person with two keys signs once.
"""

from __future__ import annotations

from typing import Final

from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.rows import MemberRow
from ledger.vocabulary import MemberKind, Role
from ledger.wire.scalars import MemberId

INSPECTORS: Final = 2
"""Persons who sign together where inspectors do."""


def authority(context: Context, member: MemberId, *, field: str) -> MemberRow:
    """Return the row of an active authority, or refuse."""
    row = context.active_member(member, field=field)
    if row.kind is not MemberKind.AUTHORITY:
        context.refuse(
            RefusalCode.NOT_AN_AUTHORITY,
            f"{member} is an {row.kind.name.lower()}; only an authority signs this.",
            field=field,
            member=member,
        )
    return row


def require_inspectors(context: Context) -> None:
    """Refuse unless an authority is the author, and ask for two of its persons."""
    authority(context, context.author, field="author")
    context.require(context.author, Role.OPERATOR, persons=INSPECTORS)
