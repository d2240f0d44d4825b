"""``RevokeKey``: a member ends the validity of one of its keys, at once and for ever.

A revoked key is never entered again, and what it has signed before stays valid. Two keys cannot be
revoked by this record: the member's last admin key that is valid at the block's time (only a quorum of
ballots could enter another one, ``proposal_content``), and a key with which a current validator votes or its
node identifies itself, because a revoked key must not stop the network; that is a change of validators,
which is a matter of governance.
"""

from __future__ import annotations

import msgspec

from ledger.records.add_key import require_owner
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import KeyRow
from ledger.state.tables import KEYS, MEMBERS, VALIDATORS
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberIdField, PublicKeyField, TextField


class RevokeKey(Record, frozen=True, array_like=True, tag=6):
    """End the validity of a key of ``owner``."""

    owner: MemberIdField
    """The author."""
    key: PublicKeyField
    reason: TextField


def apply_revoke_key(context: Context, record: RevokeKey) -> None:
    """Apply; refused for a key of another, a revoked one, the last admin key, or a validator's."""
    require_owner(context, record.owner)
    row = _own_key(context, record)
    _check_not_validating(context, record)
    context.state.put(
        KEYS, record.key, row=msgspec.structs.replace(row, revoked_ms=context.time_ms)
    )
    if row.role is Role.ADMIN:
        _remove_admin_key(context, record)


def _own_key(context: Context, record: RevokeKey) -> KeyRow:
    row = context.state.get(KEYS, record.key)
    if row is None:
        context.refuse(
            RefusalCode.KEY_UNKNOWN,
            f"key {record.key.hex()} does not stand on the ledger.",
            field="key",
            key=record.key.hex(),
        )
    if row.owner != record.owner:
        context.refuse(
            RefusalCode.KEY_OF_ANOTHER,
            f"key {record.key.hex()} belongs to {row.owner}, not to {record.owner}.",
            field="key",
            key=record.key.hex(),
            owner=row.owner,
        )
    if row.revoked_ms:
        context.refuse(
            RefusalCode.KEY_REVOKED,
            f"key {record.key.hex()} was already revoked at {row.revoked_ms} ms.",
            field="key",
            key=record.key.hex(),
            revoked_ms=row.revoked_ms,
        )
    return row


def _check_not_validating(context: Context, record: RevokeKey) -> None:
    current = context.state.get(VALIDATORS)
    for validator in current.validators if current is not None else ():
        if record.key in (validator.consensus_key, validator.node_key):
            context.refuse(
                RefusalCode.KEY_OF_VALIDATOR,
                f"key {record.key.hex()} is in use by validator {validator.name}; it is replaced "
                "by a change of validators, not by this record.",
                field="key",
                key=record.key.hex(),
                validator=validator.name,
            )


def _remove_admin_key(context: Context, record: RevokeKey) -> None:
    """Take the key off the member's admin keys, unless no valid one would be left."""
    member = context.member(record.owner, field="owner")
    left = tuple(key for key in member.admin_keys if key != record.key)
    valid = 0
    for key in left:
        row = context.state.get(KEYS, key)
        if row is not None and row.valid_from_ms <= context.time_ms < row.valid_until_ms:
            valid += 1
    if not valid:
        context.refuse(
            RefusalCode.LAST_ADMIN_KEY,
            f"it is the last valid admin key of {record.owner} ({len(left)} others are expired or "
            "not valid yet); add another one first.",
            field="key",
            key=record.key.hex(),
            others=len(left),
        )
    context.state.put(MEMBERS, record.owner, row=msgspec.structs.replace(member, admin_keys=left))
