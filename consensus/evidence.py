"""Proof that a validator broke a rule of the protocol: two signatures that no correct node gives.

Same chain, epoch, signer and view, both signatures valid; nothing else is needed to check it.

    E1  notarize x and notarize y          E4  nullify and finalize anything
    E2  propose x and propose y            E5  notarize x and finalize y
    E3  finalize x and finalize y

with x and y different points. A notarize and a nullify vote in one view are normal behaviour, and
silence, lateness and votes in different views prove nothing. Two conflicting finalizations always
expose at least ``n - 2f`` validators by these pairs.

Evidence never changes what is final; what is done about it is for people to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from ledger.wire.block import Point
from ledger.wire.certificate import nullify_body, point_body
from ledger.wire.codec import WireStruct, encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import (
    ChainId,
    Epoch,
    EpochField,
    SignatureBytes,
    SignatureField,
    ValidatorIndex,
    ValidatorIndexField,
    View,
    ViewField,
)
from ledger.wire.signing import SigningDomain, is_signature_valid
from ledger.wire.validators import ValidatorSet


class EvidenceKind(IntEnum):
    """Which two statements contradict each other."""

    TWO_NOTARIZE = 1
    TWO_PROPOSE = 2
    TWO_FINALIZE = 3
    NULLIFY_AND_FINALIZE = 4
    NOTARIZE_AND_FINALIZE = 5


DOMAINS_OF_KIND: Final[Mapping[EvidenceKind, tuple[SigningDomain, SigningDomain]]] = (
    MappingProxyType(
        {
            EvidenceKind.TWO_NOTARIZE: (SigningDomain.NOTARIZE, SigningDomain.NOTARIZE),
            EvidenceKind.TWO_PROPOSE: (SigningDomain.PROPOSE, SigningDomain.PROPOSE),
            EvidenceKind.TWO_FINALIZE: (SigningDomain.FINALIZE, SigningDomain.FINALIZE),
            EvidenceKind.NULLIFY_AND_FINALIZE: (SigningDomain.NULLIFY, SigningDomain.FINALIZE),
            EvidenceKind.NOTARIZE_AND_FINALIZE: (SigningDomain.NOTARIZE, SigningDomain.FINALIZE),
        }
    )
)
"""What the first and the second signature of each kind are for."""


class InvalidEvidenceError(WireError):
    """The two statements do not prove a fault."""


class Signed(WireStruct, frozen=True, array_like=True):
    """One signed statement: a point, or the nullification of the view (None)."""

    point: Point | None
    signature: SignatureField


class Evidence(WireStruct, frozen=True, array_like=True):
    """Two statements of one validator that contradict each other."""

    kind: EvidenceKind
    epoch: EpochField
    view: ViewField
    voter: ValidatorIndexField
    first: Signed
    second: Signed
    """Of two statements of one kind, the one with the larger encoding."""


def make_evidence(
    kind: EvidenceKind,
    place: tuple[Epoch, View, ValidatorIndex],
    first: Signed,
    second: Signed,
) -> Evidence:
    """Return the evidence with its two statements in canonical order; nothing is verified."""
    domains = DOMAINS_OF_KIND[kind]
    if domains[0] is domains[1] and encode(first) > encode(second):
        first, second = second, first
    epoch, view, voter = place
    return Evidence(kind=kind, epoch=epoch, view=view, voter=voter, first=first, second=second)


def verify_evidence(
    evidence: Evidence, *, chain_id: ChainId, epoch: Epoch, validators: ValidatorSet
) -> None:
    """Check that the evidence proves a fault of its validator.

    Raises:
        InvalidEvidenceError: It does not; the message says why.
    """
    if evidence.epoch != epoch or evidence.voter >= len(validators):
        raise InvalidEvidenceError(
            f"evidence: epoch {evidence.epoch} validator {evidence.voter}, "
            f"expected epoch {epoch} and a validator below {len(validators)}"
        )
    first_domain, second_domain = DOMAINS_OF_KIND[evidence.kind]
    if evidence.first.point == evidence.second.point:
        raise InvalidEvidenceError("evidence: both statements are the same")
    if first_domain is second_domain and encode(evidence.first) > encode(evidence.second):
        raise InvalidEvidenceError("evidence: the statements are not in canonical order")
    for signed, domain in ((evidence.first, first_domain), (evidence.second, second_domain)):
        body = _body(evidence, signed, domain, chain_id, validators)
        key = validators.key_of(evidence.voter)
        if not is_signature_valid(key, domain, body, signed.signature):
            raise InvalidEvidenceError(
                f"evidence: the {domain.name.lower()} signature of "
                f"{validators.validators[evidence.voter].name} does not verify"
            )


def _body(
    evidence: Evidence,
    signed: Signed,
    domain: SigningDomain,
    chain_id: ChainId,
    validators: ValidatorSet,
) -> bytes:
    point = signed.point
    if (point is None) != (domain is SigningDomain.NULLIFY):
        raise InvalidEvidenceError(f"evidence: wrong statement for {domain.name.lower()}")
    if point is None:
        return nullify_body(chain_id, validators, evidence.epoch, evidence.view)
    if (point.epoch, point.view) != (evidence.epoch, evidence.view):
        raise InvalidEvidenceError(
            f"evidence: a statement of epoch {point.epoch} view {point.view}, "
            f"expected epoch {evidence.epoch} view {evidence.view}"
        )
    return point_body(chain_id, validators, point)


def signed(point: Point | None, signature: SignatureBytes) -> Signed:
    """Return one signed statement."""
    return Signed(point=point, signature=signature)
