"""Index entries: what queries look up beside the state.

Rules write them and never read them; they are not part of the state root and can be rebuilt from the
blocks. Each begins with a word of its own, so that one kind can be scanned without the others:

====================  ======================================================  =========================
entry                 key after the word                                      value
====================  ======================================================  =========================
key of a member       member id, 0x00, role u8, public key                    empty
facility of an owner  owner id, 0x00, facility id                             empty
====================  ======================================================  =========================

Entries about lots are in ``ledger.state.lot_indexes``, those behind a member's months in
``ledger.member_months``.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import Role
from ledger.wire.scalars import FacilityId, MemberId, PublicKey

MEMBER_KEY_INDEX: Final = b"key-of"
FACILITY_INDEX: Final = b"facility-of"


def member_key_prefix(member: MemberId) -> bytes:
    """Return the common prefix of the index entries of all keys of ``member``."""
    return MEMBER_KEY_INDEX + member.encode() + b"\0"


def member_key_entry(member: MemberId, role: Role, key: PublicKey) -> bytes:
    """Return the index key of one key of ``member``."""
    return member_key_prefix(member) + bytes((role,)) + key


def facility_prefix(owner: MemberId) -> bytes:
    """Return the common prefix of the index entries of all facilities of ``owner``."""
    return FACILITY_INDEX + owner.encode() + b"\0"


def facility_entry(owner: MemberId, facility: FacilityId) -> bytes:
    """Return the index key of one facility of ``owner``."""
    return facility_prefix(owner) + facility.encode()
