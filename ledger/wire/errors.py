"""What can be wrong with bytes that somebody sent, as exceptions.

    WireError                      the sender's bytes are at fault
    ├── NotCanonicalError          not the one encoding that a value has
    ├── LimitExceededError         larger than a consensus limit allows
    ├── InvalidSignatureError      a signature does not belong to key and message
    ├── InvalidCertificateError    a certificate does not prove what it says
    ├── InvalidReceiptError        a receipt does not, in ``ledger.wire.receipt``
    └── ProofError                 a tree proof does not, in ``ledger.wire.merkle``

Every message says what was expected and what was found. A refusal by the rules of the ledger is
not an error of this family: see ``ledger.refusal``.
"""

from __future__ import annotations


class WireError(Exception):
    """Bytes from outside are not what they claim to be."""


class NotCanonicalError(WireError):
    """The bytes do not decode to the type, or are not the canonical encoding of what they hold."""

    def __init__(self, what: str, reason: str) -> None:
        self.what = what
        self.reason = reason
        super().__init__(f"{what}: {reason}")


class LimitExceededError(WireError):
    """A size or count is over a consensus limit."""

    def __init__(self, what: str, *, found: int, limit: int, unit: str) -> None:
        self.what = what
        self.found = found
        self.limit = limit
        self.unit = unit
        super().__init__(f"{what}: {found} {unit}, at most {limit} {unit} are allowed")


class InvalidSignatureError(WireError):
    """A signature does not verify."""

    def __init__(self, what: str, key: bytes) -> None:
        self.what = what
        self.key = key
        super().__init__(f"{what}: the signature by key {key.hex()} does not verify")


class InvalidCertificateError(WireError):
    """A certificate does not prove finality (or notarization, or nullification)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"certificate: {reason}")
