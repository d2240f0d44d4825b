"""Index entries: what queries look up beside the state.

Rules write them and never read them; they are not part of the state root and can be rebuilt from the
blocks. Each begins with a word of its own, so that one kind can be scanned without the others:

====================  ======================================================  =========================
entry                 key after the word                                      value
====================  ======================================================  =========================
key of a member       member id, 0x00, role u8, public key                    empty
facility of an owner  owner id, 0x00, facility id                             empty
proposal              height u64, transaction id, record index u32            empty
predecessor           successor id, 0x00, predecessor id                      empty
====================  ======================================================  =========================

Entries about lots are in ``ledger.state.lot_indexes``, those behind a member's months in
``ledger.member_months``.
"""

from __future__ import annotations

from typing import Final

from ledger.state.rows import RecordReference
from ledger.vocabulary import Role
from ledger.wire.scalars import FacilityId, Height, MemberId, PublicKey

MEMBER_KEY_INDEX: Final = b"key-of"
FACILITY_INDEX: Final = b"facility-of"
PROPOSAL_INDEX: Final = b"proposal-at"
PREDECESSOR_INDEX: Final = b"predecessor-of"


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


def predecessor_prefix(successor: MemberId) -> bytes:
    """Return the common prefix of the index entries of all members that ``successor`` succeeded."""
    return PREDECESSOR_INDEX + successor.encode() + b"\0"


def predecessor_entry(successor: MemberId, predecessor: MemberId) -> bytes:
    """Return the index key of one succession."""
    return predecessor_prefix(successor) + predecessor.encode()


def proposal_entry(height: Height, proposal: RecordReference) -> bytes:
    """Return the index key of one proposal."""
    place = height.to_bytes(8, "big") + proposal.tx_id + proposal.index.to_bytes(4, "big")
    return PROPOSAL_INDEX + place
