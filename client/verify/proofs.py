"""Certificates and block proofs, against the validator set and nothing else.

A node keeps a ``BlockProof`` beside each block. Of it, everything is checked:

* the point must be where the block stood: its epoch, its view, its parent's view, its height and its id;
* a finalization must be one, for exactly this point, signed by a quorum of this chain's validators;
* each certificate of the justification must verify, and must be the notarization of the block or of its
  parent, or the nullification of a view between the two, each once.

Nodes may hold different, equally valid proofs, so copies of proofs are not compared. A proof without
finalization is good when a later certificate covers the block; that is decided in ``client.verify.window``.

Equal certificates come from several nodes, so verdicts about certificates are remembered, within a bound.
"""

from __future__ import annotations

from typing import Final

from ledger.wire.block import Header, Point
from ledger.wire.certificate import (
    BlockProof,
    Certificate,
    CertificateKind,
    certificate_signers,
    verify_certificate,
)
from ledger.wire.codec import decode
from ledger.wire.errors import InvalidCertificateError, WireError
from ledger.wire.scalars import BlockId, ChainId, Epoch, Height
from ledger.wire.validators import ValidatorSet

REMEMBERED_MAX: Final = 4_096


class BlockProofError(Exception):
    """A proof does not prove its block."""

    def __init__(self, reason: str, *, expected: str = "", found: str = "") -> None:
        self.reason = reason
        self.expected = expected
        self.found = found
        super().__init__(reason)


def decode_proof(data: bytes) -> BlockProof:
    """Decode what a node keeps as proof.

    Raises:
        BlockProofError: It is none.
    """
    if not data:
        raise BlockProofError("there is no proof", expected="a block proof", found="no bytes")
    try:
        return decode(BlockProof, data)
    except WireError as error:
        raise BlockProofError(f"the proof cannot be read: {error}") from error


class CertificateChecker:
    """Checks certificates of one epoch against its validators, each once."""

    def __init__(self, chain_id: ChainId, epoch: Epoch, validators: ValidatorSet) -> None:
        self.chain_id = chain_id
        self.epoch = epoch
        self.validators = validators
        self.verified_count = 0
        """How many certificates of good proofs were checked, counting those of each node."""
        self._reasons: dict[Certificate, str] = {}

    def reason_against(self, certificate: Certificate) -> str:
        """Return why a certificate proves nothing, empty when it is good."""
        reason = self._reasons.get(certificate)
        if reason is None:
            reason = self._examined(certificate)
            if len(self._reasons) >= REMEMBERED_MAX:
                self._reasons.clear()
            self._reasons[certificate] = reason
        return reason

    def _examined(self, certificate: Certificate) -> str:
        try:
            verify_certificate(
                certificate,
                chain_id=self.chain_id,
                epoch=self.epoch,
                validators=self.validators,
            )
        except InvalidCertificateError as error:
            return error.reason
        return ""

    def decided_id(self, proof: BlockProof, height: Height) -> BlockId | None:
        """Return which block at ``height`` the proof's finalization decides; None when none."""
        certificate = proof.finalization
        if (
            certificate is None
            or certificate.kind is not CertificateKind.FINALIZATION
            or certificate.point is None
            or certificate.point.height != height
            or self.reason_against(certificate)
        ):
            return None
        return certificate.point.block_id

    def check_proof(
        self, proof: BlockProof, block_id: BlockId, header: Header, below: Header
    ) -> None:
        """Check what a node keeps beside the block of ``header``, on top of ``below``.

        Raises:
            BlockProofError: Something in it does not belong to this block or does not verify.
        """
        point = Point(
            epoch=header.epoch,
            view=header.view,
            parent_view=below.view,
            height=header.height,
            block_id=block_id,
        )
        _check_point("the proof", proof.point, point)
        if proof.finalization is not None:
            self._check_finalization(proof.finalization, point)
        self._check_justification(proof, point, header, below)
        self.verified_count += len(proof.justification) + (proof.finalization is not None)

    def _check_finalization(self, certificate: Certificate, point: Point) -> None:
        if certificate.kind is not CertificateKind.FINALIZATION:
            raise BlockProofError(
                "the certificate is not one of finality",
                expected="finalization",
                found=certificate.kind.name.lower(),
            )
        if certificate.point is not None:
            _check_point("the certificate", certificate.point, point)
        reason = self.reason_against(certificate)
        if reason:
            raise BlockProofError(f"the certificate does not hold: {reason}", found=reason)

    def _check_justification(
        self, proof: BlockProof, point: Point, header: Header, below: Header
    ) -> None:
        seen: set[tuple[CertificateKind, int]] = set()
        for certificate in proof.justification:
            statement = (certificate.kind, certificate.view)
            if statement in seen:
                raise BlockProofError(f"the {_named(certificate)} stands twice")
            seen.add(statement)
            self._check_place(certificate, point, header, below)
            reason = self.reason_against(certificate)
            if reason:
                raise BlockProofError(
                    f"the {_named(certificate)} does not hold: {reason}", found=reason
                )

    def _check_place(
        self, certificate: Certificate, point: Point, header: Header, below: Header
    ) -> None:
        if certificate.kind is CertificateKind.NULLIFICATION:
            if not below.view < certificate.view < point.view:
                raise BlockProofError(
                    f"the {_named(certificate)} is not of a skipped view, "
                    f"{below.view + 1} to {point.view - 1}"
                )
            return
        stated = certificate.point
        if stated == point:
            return
        if stated is None or (stated.height, stated.view, stated.block_id) != (
            below.height,
            below.view,
            header.parent,
        ):
            raise BlockProofError(
                f"the {_named(certificate)} is neither of this block nor of its parent"
            )

    def names_of(self, certificate: Certificate) -> list[str]:
        """Return who signed a good certificate: the validators' names and members."""
        return [
            _named_validator(self.validators, index) for index in certificate_signers(certificate)
        ]

    def signed_both(self, first: Certificate, second: Certificate) -> list[str]:
        """Return who signed both of two good certificates."""
        both = set(certificate_signers(first)) & set(certificate_signers(second))
        return [_named_validator(self.validators, index) for index in sorted(both)]


def _named_validator(validators: ValidatorSet, index: int) -> str:
    validator = validators.validators[index]
    if validator.name == validator.member:
        return validator.name
    return f"{validator.name} ({validator.member})"


def _named(certificate: Certificate) -> str:
    return f"{certificate.kind.name.lower()} of view {certificate.view}"


def _check_point(whose: str, found: Point, expected: Point) -> None:
    for name in expected.__struct_fields__:
        wanted, stated = getattr(expected, name), getattr(found, name)
        if wanted != stated:
            raise BlockProofError(
                f"{whose} is for another {name.replace('_', ' ')}",
                expected=wanted.hex() if isinstance(wanted, bytes) else str(wanted),
                found=stated.hex() if isinstance(stated, bytes) else str(stated),
            )
