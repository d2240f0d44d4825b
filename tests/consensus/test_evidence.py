from __future__ import annotations

import msgspec
import pytest

from consensus.evidence import (
    Evidence,
    EvidenceKind,
    InvalidEvidenceError,
    Signed,
    make_evidence,
    signed,
    verify_evidence,
)
from ledger.wire.certificate import CertificateKind
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import ChainId, Epoch, SignatureBytes, ValidatorIndex, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH

CHAIN = Chain()
POINTS = [CHAIN.point(CHAIN.block(1, transactions=(t,))) for t in (b"x", b"y")]


def statement(kind: CertificateKind, which: int) -> Signed:
    point = None if kind is NULLIFY else POINTS[which]
    return signed(point, CHAIN.vote(kind, 1, point, 2).signature)


def proposed(which: int) -> Signed:
    text = (b"x", b"y")[which]
    proposal = CHAIN.proposal(CHAIN.block(1, transactions=(text,)))
    return signed(proposal.point, proposal.signature)


STATEMENTS = {
    EvidenceKind.TWO_NOTARIZE: ((NOTARIZE, 0), (NOTARIZE, 1)),
    EvidenceKind.TWO_FINALIZE: ((FINALIZE, 0), (FINALIZE, 1)),
    EvidenceKind.NULLIFY_AND_FINALIZE: ((NULLIFY, 0), (FINALIZE, 0)),
    EvidenceKind.NOTARIZE_AND_FINALIZE: ((NOTARIZE, 0), (FINALIZE, 1)),
}


def evidence_of(kind: EvidenceKind) -> Evidence:
    if kind is EvidenceKind.TWO_PROPOSE:
        place = (EPOCH, View(1), CHAIN.leader(1))
        return make_evidence(kind, place, proposed(0), proposed(1))
    one, two = STATEMENTS[kind]
    place = (EPOCH, View(1), ValidatorIndex(2))
    return make_evidence(kind, place, statement(*one), statement(*two))


def verify(evidence: Evidence, **changes: object) -> None:
    where = {"chain_id": CHAIN_ID, "epoch": EPOCH, "validators": CHAIN.validators} | changes
    verify_evidence(evidence, **where)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(EvidenceKind))
def test_every_kind_of_evidence_holds_and_survives_the_wire(kind: EvidenceKind) -> None:
    evidence = evidence_of(kind)
    verify(evidence)
    assert decode(Evidence, encode(evidence)) == evidence


@pytest.mark.parametrize("kind", list(EvidenceKind))
def test_evidence_does_not_hold_for_anything_else(kind: EvidenceKind) -> None:
    evidence = evidence_of(kind)
    other_voter = ValidatorIndex((evidence.voter + 1) % 4)
    bad_signature = msgspec.structs.replace(evidence.first, signature=SignatureBytes(bytes(64)))
    for changed in (
        msgspec.structs.replace(evidence, voter=other_voter),
        msgspec.structs.replace(evidence, voter=ValidatorIndex(9)),
        msgspec.structs.replace(evidence, view=View(2)),
        msgspec.structs.replace(evidence, epoch=Epoch(1)),
        msgspec.structs.replace(evidence, first=bad_signature),
        msgspec.structs.replace(evidence, second=evidence.first),
        msgspec.structs.replace(evidence, first=evidence.second, second=evidence.first),
    ):
        with pytest.raises(InvalidEvidenceError):
            verify(changed)
    with pytest.raises(InvalidEvidenceError, match="does not verify"):
        verify(evidence, chain_id=ChainId(bytes(32)))


@pytest.mark.parametrize("kind", list(EvidenceKind))
def test_evidence_of_one_kind_is_none_of_another(kind: EvidenceKind) -> None:
    for other in EvidenceKind:
        if other is not kind:
            with pytest.raises(InvalidEvidenceError):
                verify(msgspec.structs.replace(evidence_of(kind), kind=other))


def test_notarize_and_nullify_in_one_view_prove_nothing() -> None:
    pair = statement(NULLIFY, 0), statement(NOTARIZE, 0)
    place = (EPOCH, View(1), ValidatorIndex(2))
    for kind in EvidenceKind:
        with pytest.raises(InvalidEvidenceError):
            verify(make_evidence(kind, place, *pair))
