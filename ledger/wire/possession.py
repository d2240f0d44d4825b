"""Proof of possession: whoever registers a public key shows that it holds the private one.

Without it a member could register somebody else's key as its own: it could not sign with it, but it
could keep the owner from registering it, or claim authorship of what that key has signed. The new
key signs, in the domain ``POSSESSION``, one fixed layout:

    u16 length || network name (UTF-8) || u8 length || member id (ASCII) || u8 role || key[32]

The network is named by its name and not by its chain id, because the chain id is the digest of the
genesis document, which holds the founders' proofs. The same layout serves genesis and records.
"""

from __future__ import annotations

from ledger.wire.errors import InvalidSignatureError
from ledger.wire.scalars import MemberId, PublicKey, SignatureBytes
from ledger.wire.signing import Sign, SigningDomain, is_signature_valid


def possession_body(network: str, member: MemberId, role: int, key: PublicKey) -> bytes:
    """Return what ``key`` signs to become a key of ``member`` in ``role`` (``vocabulary.Role``)."""
    network_bytes, member_bytes = network.encode(), member.encode()
    return b"".join(
        (
            len(network_bytes).to_bytes(2, "big"),
            network_bytes,
            len(member_bytes).to_bytes(1, "big"),
            member_bytes,
            role.to_bytes(1, "big"),
            key,
        )
    )


def prove_possession(
    sign: Sign, *, network: str, member: MemberId, role: int, key: PublicKey
) -> SignatureBytes:
    """Return the proof for ``key``, whose private half ``sign`` signs with."""
    return sign(SigningDomain.POSSESSION, possession_body(network, member, role, key))


def is_possession_proven(
    proof: SignatureBytes, *, network: str, member: MemberId, role: int, key: PublicKey
) -> bool:
    """Tell whether ``proof`` was signed by ``key`` for exactly this network, member and role."""
    body = possession_body(network, member, role, key)
    return is_signature_valid(key, SigningDomain.POSSESSION, body, proof)


def verify_possession(
    proof: SignatureBytes, *, network: str, member: MemberId, role: int, key: PublicKey
) -> None:
    """Check a proof of possession.

    Raises:
        InvalidSignatureError: It is not one by this key for this network, member and role.
    """
    if not is_possession_proven(proof, network=network, member=member, role=role, key=key):
        raise InvalidSignatureError("proof of possession", key)
