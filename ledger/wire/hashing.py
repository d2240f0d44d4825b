"""Domain-separated SHA-256: every kind of digest has its own prefix, all in the table below.

``digest(domain, parts…)`` is SHA-256 over one length byte, the domain string, and the parts one after
the other. All parts but the last must be of fixed length, so that no two lists of parts give the
same bytes. The RFC 9162 trees (``ledger.wire.merkle``) keep that RFC's plain hashing, because
witnesses expect it; the state tree has byte prefixes of its own (``ledger.wire.state_proof``).
"""

from __future__ import annotations

import hashlib
from enum import Enum

from ledger.wire.scalars import Digest


class Domain(Enum):
    """Every domain string of the project. Changing one makes another network."""

    TRANSACTION = b"monazite/tx/1"
    RECORD_SALT = b"monazite/record-salt/1"
    SEALED = b"monazite/sealed/1"
    HEADER = b"monazite/header/1"
    VALIDATORS = b"monazite/validators/1"
    LOT = b"monazite/lot/1"
    MEMBER_MONTH = b"monazite/member-month/1"
    PROPOSAL_PAYLOAD = b"monazite/payload/1"
    FORMAL_CERTIFICATE_AUTHORITY = b"monazite/formal-ca/1"


_PREFIXES = {domain: bytes([len(domain.value)]) + domain.value for domain in Domain}


def digest(domain: Domain, *parts: bytes) -> Digest:
    """Return the SHA-256 digest of ``parts`` in ``domain``; all parts but the last fixed-length."""
    return Digest(hashlib.sha256(b"".join((_PREFIXES[domain], *parts))).digest())


def plain_digest(data: bytes) -> Digest:
    """Return SHA-256 without a domain: for files that people check with ``sha256sum``."""
    return Digest(hashlib.sha256(data).digest())
