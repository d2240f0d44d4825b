"""Certificates: a quorum of one epoch's validators signed one statement.

There are three statements: a block was *notarized* in a view, a view was *nullified* (it ended
without a notarization that must be built on), a block is *final*. What is signed is a fixed-width
big-endian layout without optional fields:

    body(notarize | finalize | propose) = chain_id || epoch u64 || validators_digest
                                          || view u64 || parent_view u64 || height u64 || block_id
    body(nullify)                       = chain_id || epoch u64 || validators_digest || view u64

under the signing domain of its kind. ``chain_id`` stops replay between networks, epoch and validator
digest between validator sets, the domain between kinds of vote.

A finality proof is a tagged union (D12); this engine's certificate is its first kind, tag 1.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from ledger.wire.block import Point
from ledger.wire.codec import WireStruct
from ledger.wire.errors import InvalidCertificateError
from ledger.wire.scalars import (
    VALIDATORS_MAX,
    ChainId,
    Epoch,
    EpochField,
    SignatureField,
    View,
    ViewField,
)
from ledger.wire.signing import SigningDomain, is_signature_valid
from ledger.wire.validators import ValidatorSet

PROOF_CERTIFICATES_MAX: Final = 1_024
"""Most certificates that a block's proof holds; of more skipped views, the newest are kept."""


class CertificateKind(IntEnum):
    """What a certificate proves."""

    NOTARIZATION = 1
    NULLIFICATION = 2
    FINALIZATION = 3


DOMAIN_OF_KIND = {
    CertificateKind.NOTARIZATION: SigningDomain.NOTARIZE,
    CertificateKind.NULLIFICATION: SigningDomain.NULLIFY,
    CertificateKind.FINALIZATION: SigningDomain.FINALIZE,
}


class Certificate(WireStruct, frozen=True, array_like=True, tag=1):
    """Signatures of at least ``n - f`` distinct validators over one statement."""

    kind: CertificateKind
    epoch: EpochField
    view: ViewField
    point: Point | None
    """The block and where it stands; None exactly for a nullification."""
    signers: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    """Bit i is set when validator i signed."""
    signatures: Annotated[tuple[SignatureField, ...], Meta(min_length=1, max_length=VALIDATORS_MAX)]
    """One signature for each set bit, in ascending order of index."""


FinalityProof: TypeAlias = Certificate
"""Everything that can prove a block final: so far, this engine's finalization certificate."""


class BlockProof(WireStruct, frozen=True, array_like=True):
    """What a node keeps beside a block: why it is final, and why the views before it were skipped.

    A block without a finalization of its own is final through the next block above that has one.
    Nodes may hold different, equally valid proofs for the same block.
    """

    point: Point
    """Where the block stood when it was decided."""
    finalization: FinalityProof | None
    justification: Annotated[tuple[Certificate, ...], Meta(max_length=PROOF_CERTIFICATES_MAX)]
    """The parent's notarization and the nullification of each skipped view, for accountability."""


def point_body(chain_id: ChainId, validators: ValidatorSet, point: Point) -> bytes:
    """Return the body that a proposal, a notarize or a finalize vote signs."""
    return b"".join(
        (
            chain_id,
            point.epoch.to_bytes(8, "big"),
            validators.digest,
            point.view.to_bytes(8, "big"),
            point.parent_view.to_bytes(8, "big"),
            point.height.to_bytes(8, "big"),
            point.block_id,
        )
    )


def nullify_body(chain_id: ChainId, validators: ValidatorSet, epoch: Epoch, view: View) -> bytes:
    """Return the body that a nullify vote signs."""
    return b"".join(
        (chain_id, epoch.to_bytes(8, "big"), validators.digest, view.to_bytes(8, "big"))
    )


def certificate_signers(certificate: Certificate) -> tuple[int, ...]:
    """Return the indices of the validators that signed, ascending."""
    bits = certificate.signers
    return tuple(index for index in range(bits.bit_length()) if bits >> index & 1)


def verify_certificate(
    certificate: Certificate, *, chain_id: ChainId, epoch: Epoch, validators: ValidatorSet
) -> None:
    """Check a certificate against the validator set of its epoch.

    Raises:
        InvalidCertificateError: Wrong epoch, wrong shape, too few or unknown signers, or a
            signature that does not verify (its validator is named).
    """
    if certificate.epoch != epoch:
        raise InvalidCertificateError(f"epoch {certificate.epoch}, expected {epoch}")
    body = _checked_body(certificate, chain_id, validators)
    signers = certificate_signers(certificate)
    if signers[-1] >= len(validators):
        raise InvalidCertificateError(
            f"signed by validator {signers[-1]}, the set has only {len(validators)}"
        )
    if len(signers) < validators.quorum:
        raise InvalidCertificateError(f"{len(signers)} signers, {validators.quorum} are needed")
    if len(signers) != len(certificate.signatures):
        raise InvalidCertificateError(
            f"{len(certificate.signatures)} signatures for {len(signers)} signers"
        )
    domain = DOMAIN_OF_KIND[certificate.kind]
    for index, signature in zip(signers, certificate.signatures, strict=True):
        validator = validators.validators[index]
        if not is_signature_valid(validator.consensus_key, domain, body, signature):
            raise InvalidCertificateError(f"the signature of {validator.name} does not verify")


def _checked_body(certificate: Certificate, chain_id: ChainId, validators: ValidatorSet) -> bytes:
    point = certificate.point
    if certificate.kind is CertificateKind.NULLIFICATION:
        if point is not None:
            raise InvalidCertificateError("a nullification names a block")
        return nullify_body(chain_id, validators, certificate.epoch, certificate.view)
    if point is None:
        raise InvalidCertificateError("names no block")
    if (point.epoch, point.view) != (certificate.epoch, certificate.view):
        raise InvalidCertificateError(
            f"for epoch {certificate.epoch} view {certificate.view}, "
            f"but its point is epoch {point.epoch} view {point.view}"
        )
    return point_body(chain_id, validators, point)
