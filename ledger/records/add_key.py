"""``AddKey``: a member enters another of its own public keys.

Signed by an admin key of the member itself; the new key proves possession. A key for votes or for node
identity may be entered ahead of its use: which keys the current validators use is a matter of
governance and does not change by this record. A member that has lost its last admin key cannot write
this record; a quorum of ballots replaces its keys (``ReplaceAdminKey`` in ``proposal_content``).
"""

from __future__ import annotations

import msgspec

from ledger.records.new_key import NewKey, register_key
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import ADMIN_KEYS_MAX
from ledger.state.tables import MEMBERS
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberIdField


class AddKey(Record, frozen=True, array_like=True, tag=5):
    """Enter another key of ``owner``."""

    owner: MemberIdField
    """The author."""
    new: NewKey


def apply_add_key(context: Context, record: AddKey) -> None:
    """Apply; refused unless the owner enters a new key, valid and in its possession."""
    require_owner(context, record.owner)
    row = context.member(record.owner, field="owner")
    register_key(context, record.owner, record.new, field="new")
    if record.new.role is not Role.ADMIN:
        return
    if len(row.admin_keys) == ADMIN_KEYS_MAX:
        context.refuse(
            RefusalCode.TOO_MANY_ADMIN_KEYS,
            f"{record.owner} has {ADMIN_KEYS_MAX} admin keys that are not revoked, no more are "
            "allowed; revoke one that is no longer used.",
            field="new.role",
            admin_keys=len(row.admin_keys),
        )
    extended = msgspec.structs.replace(row, admin_keys=(*row.admin_keys, record.new.key))
    context.state.put(MEMBERS, record.owner, row=extended)


def require_owner(context: Context, owner: MemberIdField) -> None:
    """Refuse unless the author acts on its own keys, and ask for its admin signature."""
    if context.author != owner:
        context.refuse(
            RefusalCode.KEY_OF_ANOTHER,
            f"the keys of {owner} are changed by {owner} only, the author is {context.author}.",
            field="owner",
            owner=owner,
            author=context.author,
        )
    context.require(owner, Role.ADMIN)
