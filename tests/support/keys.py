"""Keys for tests: one per member, role and number, the same in every run."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ledger.records.new_key import NewKey
from ledger.vocabulary import Role
from ledger.wire.possession import prove_possession
from ledger.wire.scalars import MemberId, PublicKey, TimeMs
from ledger.wire.signing import Sign, public_key_of, signer

FOREVER_MS = TimeMs(4_102_444_800_000)
"""2100-01-01T00:00:00Z, when test keys expire."""


@lru_cache(maxsize=4096)
def seed_of(member: str, role: Role, number: int = 0) -> bytes:
    return hashlib.sha256(f"monazite test key {member} {role.name} {number}".encode()).digest()


@lru_cache(maxsize=4096)
def key_of(member: str, role: Role, number: int = 0) -> PublicKey:
    return public_key_of(seed_of(member, role, number))


@lru_cache(maxsize=4096)
def sign_of(member: str, role: Role, number: int = 0) -> Sign:
    return signer(seed_of(member, role, number))


@lru_cache(maxsize=4096)
def new_key(
    network: str,
    member: str,
    role: Role,
    number: int = 0,
    *,
    valid_from_ms: int = 0,
    valid_until_ms: int = FOREVER_MS,
) -> NewKey:
    key = key_of(member, role, number)
    return NewKey(
        key=key,
        role=role,
        person=f"{member} {role.name.lower()} {number}",
        valid_from_ms=TimeMs(valid_from_ms),
        valid_until_ms=TimeMs(valid_until_ms),
        proof=prove_possession(
            sign_of(member, role, number),
            network=network,
            member=MemberId(member),
            role=role,
            key=key,
        ),
    )
