"""Certificates: a quorum's signatures over one statement, and every way to fall short of it."""

from __future__ import annotations

import msgspec
import pytest

from ledger.vocabulary import Role
from ledger.wire.block import Point
from ledger.wire.certificate import (
    DOMAIN_OF_KIND,
    Certificate,
    CertificateKind,
    certificate_signers,
    nullify_body,
    point_body,
    verify_certificate,
)
from ledger.wire.errors import InvalidCertificateError
from ledger.wire.scalars import BlockId, ChainId, Epoch, Height, View
from ledger.wire.validators import ValidatorSet
from tests.support.founding import FOUNDERS, open_test_genesis
from tests.support.keys import sign_of

CHAIN = ChainId(b"c" * 32)
EPOCH = Epoch(0)
VALIDATORS = open_test_genesis().validators
POINT = Point(
    epoch=EPOCH, view=View(9), parent_view=View(8), height=Height(5), block_id=BlockId(b"b" * 32)
)
KINDS = tuple(CertificateKind)


def body_of(kind: CertificateKind, chain: ChainId = CHAIN) -> bytes:
    if kind is CertificateKind.NULLIFICATION:
        return nullify_body(chain, VALIDATORS, EPOCH, POINT.view)
    return point_body(chain, VALIDATORS, POINT)


def certificate(
    kind: CertificateKind, signers: tuple[int, ...] = (0, 2, 3), *, body: bytes | None = None
) -> Certificate:
    signed = body_of(kind) if body is None else body
    return Certificate(
        kind=kind,
        epoch=EPOCH,
        view=POINT.view,
        point=None if kind is CertificateKind.NULLIFICATION else POINT,
        signers=sum(1 << index for index in signers),
        signatures=tuple(
            sign_of(FOUNDERS[index], Role.CONSENSUS)(DOMAIN_OF_KIND[kind], signed)
            for index in signers
        ),
    )


def verify(given: Certificate, validators: ValidatorSet = VALIDATORS) -> None:
    verify_certificate(given, chain_id=CHAIN, epoch=EPOCH, validators=validators)


def refused(given: Certificate, reason: str) -> None:
    with pytest.raises(InvalidCertificateError, match=reason):
        verify(given)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signers", [(0, 1, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_a_quorum_is_enough(kind: CertificateKind, signers: tuple[int, ...]) -> None:
    given = certificate(kind, signers)
    assert certificate_signers(given) == signers
    verify(given)


@pytest.mark.parametrize("kind", KINDS)
def test_one_signature_fewer_is_not(kind: CertificateKind) -> None:
    refused(certificate(kind, (1, 3)), "2 signers, 3 are needed")


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_and_signers_agree_in_number(kind: CertificateKind) -> None:
    given = certificate(kind)
    for signatures in (given.signatures[:2], (*given.signatures, given.signatures[0])):
        changed = msgspec.structs.replace(given, signatures=signatures)
        refused(changed, "signatures for 3 signers")


@pytest.mark.parametrize("kind", KINDS)
def test_a_signer_outside_the_set_is_refused(kind: CertificateKind) -> None:
    given = msgspec.structs.replace(certificate(kind), signers=0b10101)
    refused(given, "signed by validator 4, the set has only 4")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_bad_signature_is_named(kind: CertificateKind, position: int) -> None:
    given = certificate(kind)
    signatures = list(given.signatures)
    signatures[position] = signatures[position - 1]
    signer = FOUNDERS[(0, 2, 3)[position]]
    changed = msgspec.structs.replace(given, signatures=tuple(signatures))
    refused(changed, f"the signature of {signer} does not verify")


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_for_another_chain_or_kind_do_not_verify(kind: CertificateKind) -> None:
    refused(certificate(kind, body=body_of(kind, ChainId(b"d" * 32))), "does not verify")
    for other in KINDS:
        if other is not kind:
            borrowed = msgspec.structs.replace(
                certificate(kind), signatures=certificate(other).signatures
            )
            refused(borrowed, "does not verify")


@pytest.mark.parametrize(
    ("name", "value"),
    [("parent_view", 7), ("height", 6), ("block_id", b"x" * 32)],
)
def test_every_field_of_the_point_is_signed(name: str, value: object) -> None:
    for kind in (CertificateKind.NOTARIZATION, CertificateKind.FINALIZATION):
        point = msgspec.structs.replace(POINT, **{name: value})
        refused(msgspec.structs.replace(certificate(kind), point=point), "does not verify")


def test_the_view_of_a_nullification_is_signed() -> None:
    given = certificate(CertificateKind.NULLIFICATION)
    refused(msgspec.structs.replace(given, view=View(10)), "does not verify")


@pytest.mark.parametrize("name", ["epoch", "view"])
def test_point_and_certificate_name_one_epoch_and_view(name: str) -> None:
    point = msgspec.structs.replace(POINT, **{name: getattr(POINT, name) + 1})
    given = msgspec.structs.replace(certificate(CertificateKind.NOTARIZATION), point=point)
    refused(given, "but its point is epoch")


def test_a_nullification_names_no_block_and_the_others_name_one() -> None:
    nullification = certificate(CertificateKind.NULLIFICATION)
    refused(msgspec.structs.replace(nullification, point=POINT), "nullification names a block")
    for kind in (CertificateKind.NOTARIZATION, CertificateKind.FINALIZATION):
        refused(msgspec.structs.replace(certificate(kind), point=None), "names no block")


def test_a_certificate_of_another_epoch_is_refused() -> None:
    with pytest.raises(InvalidCertificateError, match="epoch 0, expected 1"):
        verify_certificate(
            certificate(CertificateKind.FINALIZATION),
            chain_id=CHAIN,
            epoch=Epoch(1),
            validators=VALIDATORS,
        )


def test_a_certificate_of_another_validator_set_is_refused() -> None:
    fewer = ValidatorSet(validators=VALIDATORS.validators[:3])
    with pytest.raises(InvalidCertificateError):
        verify(certificate(CertificateKind.FINALIZATION), fewer)
    with pytest.raises(InvalidCertificateError, match="does not verify"):
        verify(certificate(CertificateKind.FINALIZATION, (0, 1, 2)), fewer)


def test_bodies_have_a_fixed_width() -> None:
    assert len(point_body(CHAIN, VALIDATORS, POINT)) == 32 + 8 + 32 + 8 + 8 + 8 + 32
    assert len(nullify_body(CHAIN, VALIDATORS, EPOCH, POINT.view)) == 32 + 8 + 32 + 8
