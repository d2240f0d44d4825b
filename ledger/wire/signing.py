"""Ed25519, one predicate everywhere: libsodium's, through PyNaCl.

Implementations disagree about odd signatures (a non-canonical ``S``, a point of small order). Two
predicates in one network can split it, so nodes, clients and auditors all call this module. What
is signed is always ``length byte || domain || body``, with a domain from ``SigningDomain``;
bodies are digests or fixed-width layouts. Signing is deterministic (RFC 8032), which evidence relies on.

Key files, X.509 and TLS are elsewhere (``client.keystore``, ``node.net.identity``); no private key is
ever part of a wire type.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from ledger.wire.errors import InvalidSignatureError
from ledger.wire.scalars import PublicKey, SignatureBytes


class SigningDomain(Enum):
    """What a signature is for. A signature of one kind is never valid as another."""

    TRANSACTION = b"monazite/sign/tx/1"
    POSSESSION = b"monazite/sign/possession/1"
    PROPOSE = b"monazite/consensus/1/propose"
    NOTARIZE = b"monazite/consensus/1/notarize"
    NULLIFY = b"monazite/consensus/1/nullify"
    FINALIZE = b"monazite/consensus/1/finalize"
    STATUS = b"monazite/consensus/1/status"


Sign: TypeAlias = Callable[[SigningDomain, bytes], SignatureBytes]
"""Signs a body with one key that the caller does not see."""


def signing_bytes(domain: SigningDomain, body: bytes) -> bytes:
    """Return the exact bytes that are signed for ``body`` in ``domain``."""
    return bytes([len(domain.value)]) + domain.value + body


def is_signature_valid(
    key: PublicKey, domain: SigningDomain, body: bytes, signature: SignatureBytes
) -> bool:
    """Tell whether ``signature`` by ``key`` covers ``body``; never raises for 32- and 64-byte input."""
    if len(key) != 32 or len(signature) != 64:
        return False
    try:
        crypto_sign_open(signature + signing_bytes(domain, body), key)
    except CryptoError:
        return False
    return True


def verify_signature(
    key: PublicKey, domain: SigningDomain, body: bytes, signature: SignatureBytes
) -> None:
    """Check a signature.

    Raises:
        InvalidSignatureError: It does not verify under libsodium's predicate.
    """
    if not is_signature_valid(key, domain, body, signature):
        raise InvalidSignatureError(domain.value.decode(), key)


def public_key_of(seed: bytes) -> PublicKey:
    """Return the public key of a 32-byte private seed (RFC 8032)."""
    public, _secret = crypto_sign_seed_keypair(seed)
    return PublicKey(public)


def signer(seed: bytes) -> Sign:
    """Return a function that signs with the key of the 32-byte private ``seed``."""
    _public, secret = crypto_sign_seed_keypair(seed)

    def sign(domain: SigningDomain, body: bytes) -> SignatureBytes:
        return SignatureBytes(crypto_sign(signing_bytes(domain, body), secret)[:64])

    return sign
