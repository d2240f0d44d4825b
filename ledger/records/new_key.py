"""A public key on its way into the register, and the checks that every new key passes.

Used wherever keys enter: ``AdmitMember``, ``AddKey`` and the founders in the genesis document. A key is new
(nobody ever had it, revoked or not), its validity is a window that is not already over, and its holder
has proven possession of the private half for this network, this member and this role.
"""

from __future__ import annotations

from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.indexes import member_key_entry
from ledger.state.rows import KeyRow
from ledger.state.tables import KEYS
from ledger.vocabulary import Role
from ledger.wire.codec import WireStruct
from ledger.wire.possession import is_possession_proven
from ledger.wire.scalars import (
    MemberId,
    NameField,
    PublicKeyField,
    SignatureField,
    TimeField,
    TimeMs,
)


class NewKey(WireStruct, frozen=True, array_like=True):
    """A key that is to be registered, with the proof that its holder has it."""

    key: PublicKeyField
    role: Role
    person: NameField
    """Who holds it, in words."""
    valid_from_ms: TimeField
    valid_until_ms: TimeField
    """First time at which it is no longer valid; later than ``valid_from_ms`` and than the block."""
    proof: SignatureField
    """By the new key itself (``ledger.wire.possession``)."""


def check_new_key(context: Context, owner: MemberId, new: NewKey, *, field: str) -> None:
    """Refuse a key that may not become one of ``owner``; ``field`` names it in the refusal."""
    window_name = f"{field}.valid_until_ms"
    if new.valid_until_ms <= new.valid_from_ms:
        context.refuse(
            RefusalCode.VALIDITY_WINDOW,
            f"the key would be valid from {new.valid_from_ms} ms until {new.valid_until_ms} ms, "
            "which is no time at all; the end must be later than the beginning.",
            field=window_name,
            valid_from_ms=new.valid_from_ms,
            valid_until_ms=new.valid_until_ms,
        )
    if new.valid_until_ms <= context.time_ms:
        context.refuse(
            RefusalCode.VALIDITY_WINDOW,
            f"the key's validity ends at {new.valid_until_ms} ms, "
            f"{context.time_ms - new.valid_until_ms} ms before the block; "
            "it would never be valid.",
            field=window_name,
            valid_until_ms=new.valid_until_ms,
            time_ms=context.time_ms,
        )
    known = context.state.get(KEYS, new.key)
    if known is not None:
        context.refuse(
            RefusalCode.KEY_EXISTS,
            f"key {new.key.hex()} already stands on the ledger as a key of {known.owner} "
            f"({known.role.name.lower()}); make a new key pair.",
            field=f"{field}.key",
            key=new.key.hex(),
            owner=known.owner,
        )
    if not is_possession_proven(
        new.proof, network=context.parameters.network, member=owner, role=new.role, key=new.key
    ):
        context.refuse(
            RefusalCode.POSSESSION_NOT_PROVEN,
            f"the proof is no signature by {new.key.hex()} for network "
            f"{context.parameters.network!r}, member {owner} and role {new.role.name.lower()}; "
            "have the holder of the key make it anew.",
            field=f"{field}.proof",
            key=new.key.hex(),
        )


def register_key(context: Context, owner: MemberId, new: NewKey, *, field: str) -> None:
    """Enter ``new`` as a key of ``owner``, or refuse; ``field`` names it in the refusal."""
    check_new_key(context, owner, new, field=field)
    row = KeyRow(
        owner=owner,
        role=new.role,
        person=new.person,
        valid_from_ms=new.valid_from_ms,
        valid_until_ms=new.valid_until_ms,
        revoked_ms=TimeMs(0),
    )
    context.state.put(KEYS, new.key, row=row)
    context.state.put_index(member_key_entry(owner, new.role, new.key), b"")
