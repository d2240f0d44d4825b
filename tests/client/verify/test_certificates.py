"""What an audit says about proofs and certificates that do not prove their block."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from client.verify.findings import FindingCode
from client.verify.verdict import AuditVerdict
from ledger.wire.certificate import BlockProof, Certificate, CertificateKind
from ledger.wire.codec import encode
from ledger.wire.scalars import ChainId, Epoch, Height, SignatureBytes, View
from tests.client.verify.auditing import audit_histories, expect_tampered, expect_verified
from tests.support.history import (
    BASE,
    History,
    blocks_of,
    certify,
    grow,
    make_history,
    make_world,
    point_of,
    prove,
    prove_blocks,
)

FINAL = CertificateKind.FINALIZATION


def below_quorum(history: History, proof: BlockProof) -> Certificate:
    return certify(history.genesis, FINAL, proof.point, signers=(0, 1))


def of_another_chain(history: History, proof: BlockProof) -> Certificate:
    return certify(history.genesis, FINAL, proof.point, chain_id=ChainId(bytes(32)))


def of_another_epoch(history: History, proof: BlockProof) -> Certificate:
    return certify(history.genesis, FINAL, proof.point, epoch=Epoch(1))


def of_another_kind(history: History, proof: BlockProof) -> Certificate:
    return certify(history.genesis, CertificateKind.NOTARIZATION, proof.point)


def notarization_called_final(history: History, proof: BlockProof) -> Certificate:
    return msgspec.structs.replace(of_another_kind(history, proof), kind=FINAL)


def one_signer_twice(history: History, proof: BlockProof) -> Certificate:
    good = certify(history.genesis, FINAL, proof.point)
    return msgspec.structs.replace(
        good, signatures=(good.signatures[0], good.signatures[0], good.signatures[2])
    )


def one_signer_more_than_signatures(history: History, proof: BlockProof) -> Certificate:
    return msgspec.structs.replace(certify(history.genesis, FINAL, proof.point), signers=0b1111)


def unknown_signer(history: History, proof: BlockProof) -> Certificate:
    return msgspec.structs.replace(certify(history.genesis, FINAL, proof.point), signers=0b10011)


def signers_exchanged(history: History, proof: BlockProof) -> Certificate:
    return msgspec.structs.replace(certify(history.genesis, FINAL, proof.point), signers=0b1110)


def signatures_of_zeros(history: History, proof: BlockProof) -> Certificate:
    good = certify(history.genesis, FINAL, proof.point)
    return msgspec.structs.replace(good, signatures=(SignatureBytes(bytes(64)),) * 3)


def of_another_view(history: History, proof: BlockProof) -> Certificate:
    point = msgspec.structs.replace(proof.point, view=View(proof.point.view + 100))
    return certify(history.genesis, FINAL, point)


def nullification(history: History, proof: BlockProof) -> Certificate:
    return certify(history.genesis, CertificateKind.NULLIFICATION, None, view=proof.point.view)


SPOILERS: tuple[Callable[[History, BlockProof], Certificate], ...] = (
    below_quorum,
    of_another_chain,
    of_another_epoch,
    of_another_kind,
    notarization_called_final,
    one_signer_twice,
    one_signer_more_than_signatures,
    unknown_signer,
    signers_exchanged,
    signatures_of_zeros,
    of_another_view,
    nullification,
)


@pytest.mark.parametrize("spoiler", SPOILERS, ids=lambda spoiler: spoiler.__name__)
@pytest.mark.parametrize("height", [BASE, make_history().tip], ids=["middle", "tip"])
def test_a_spoiled_certificate_is_an_invalid_proof_of_its_node(
    spoiler: Callable[[History, BlockProof], Certificate], height: int
) -> None:
    history = make_history()
    proof = history.proof(height)
    spoiled = history.with_proof(
        height,
        encode(msgspec.structs.replace(proof, finalization=spoiler(history, proof))),
    )
    (finding,) = expect_tampered(audit_histories(history, spoiled), FindingCode.PROOF_INVALID)
    assert (finding.node, finding.height) == ("node-b", height)
    alone = audit_histories(spoiled)
    assert alone.verdict is AuditVerdict.TAMPERED
    assert alone.findings[0].code is FindingCode.PROOF_INVALID


@pytest.mark.parametrize(
    "spoiler",
    [spoiler for spoiler in SPOILERS if spoiler is not of_another_view],
    ids=lambda spoiler: spoiler.__name__,
)
def test_a_history_with_only_spoiled_certificates_is_tampered(
    spoiler: Callable[[History, BlockProof], Certificate],
) -> None:
    spoiled = history = make_history()
    for height in range(1, history.tip + 1):
        proof = history.proof(height)
        spoiled = spoiled.with_proof(
            height, encode(msgspec.structs.replace(proof, finalization=spoiler(history, proof)))
        )
    report = audit_histories(spoiled, spoiled)
    findings = expect_tampered(report, FindingCode.PROOF_INVALID, FindingCode.PROOF_INVALID)
    assert {(finding.height, finding.until) for finding in findings} == {(1, history.tip)}
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == 0, "nothing that nobody decided is executed"


def test_blanked_proofs_are_invalid_proofs() -> None:
    history = make_history()
    spoiled = History(history.genesis, tuple((block, b"") for block, _proof in history.rows))
    (finding,) = expect_tampered(audit_histories(history, spoiled), FindingCode.PROOF_INVALID)
    assert (finding.height, finding.until) == (1, history.tip)
    expect_tampered(audit_histories(spoiled), FindingCode.PROOF_INVALID)


def test_a_proof_of_another_height_is_invalid() -> None:
    history = make_history()
    spoiled = history.with_proof(BASE, history.rows[BASE + 1][1])
    (finding,) = expect_tampered(audit_histories(history, spoiled), FindingCode.PROOF_INVALID)
    assert finding.what == "the proof is for another view"


def test_blocks_may_be_covered_by_a_later_certificate() -> None:
    world = make_world()
    grow(world, 4)
    history = prove_blocks(
        world.genesis, blocks_of(world), is_final=lambda height: height in (4, world.height)
    )
    expect_verified(audit_histories(history, history))


def test_nodes_may_hold_different_proofs() -> None:
    world = make_world()
    grow(world, 4)
    blocks = blocks_of(world)
    expect_verified(
        audit_histories(
            prove_blocks(world.genesis, blocks),
            prove_blocks(world.genesis, blocks, signers=lambda _height: (1, 2, 3)),
            prove_blocks(world.genesis, blocks, is_final=lambda height: height % 3 == 1),
        )
    )


def test_a_tip_without_certificate_is_not_certified() -> None:
    world = make_world()
    history = prove_blocks(
        world.genesis, blocks_of(world), is_final=lambda height: height < BASE - 1
    )
    (finding, *_others) = expect_tampered(
        audit_histories(history, history),
        FindingCode.NOT_CERTIFIED,
        FindingCode.NOT_CERTIFIED,
    )
    assert (finding.height, finding.until) == (BASE - 1, BASE)


def test_an_end_without_certificate_is_covered_by_another_node() -> None:
    world = make_world()
    blocks = blocks_of(world)
    bare = prove_blocks(world.genesis, blocks, is_final=lambda height: height < BASE - 1)
    expect_verified(audit_histories(bare, prove_blocks(world.genesis, blocks)))


def test_a_justification_that_does_not_belong_there_is_invalid() -> None:
    history = make_history()
    header, below = history.block(BASE).header, history.block(BASE - 1).header
    good = prove(history.genesis, header, below)
    strangers = (
        certify(history.genesis, CertificateKind.NULLIFICATION, None, view=header.view),
        certify(
            history.genesis,
            CertificateKind.NOTARIZATION,
            point_of(history.block(2).header, history.block(1).header),
        ),
        good.justification[0],
        msgspec.structs.replace(good.justification[0], signers=0b1110),
    )
    for stranger in strangers:
        proof = msgspec.structs.replace(good, justification=(*good.justification, stranger))
        expect_tampered(
            audit_histories(history, history.with_proof(BASE, encode(proof))),
            FindingCode.PROOF_INVALID,
        )


def test_the_parent_s_notarization_belongs_to_a_justification() -> None:
    history = make_history()
    below = history.proof(BASE - 1)
    good = history.proof(BASE)
    proof = msgspec.structs.replace(good, justification=(*good.justification, *below.justification))
    expect_verified(audit_histories(history, history.with_proof(BASE, encode(proof))))


def test_a_point_must_be_where_the_block_stood() -> None:
    history = make_history()
    good = history.proof(BASE)
    for change in (
        {"height": Height(BASE + 1)},
        {"view": View(99)},
        {"parent_view": View(0)},
        {"epoch": Epoch(1)},
    ):
        point = msgspec.structs.replace(good.point, **change)
        proof = msgspec.structs.replace(good, point=point, finalization=None)
        (finding,) = expect_tampered(
            audit_histories(history, history.with_proof(BASE, encode(proof))),
            FindingCode.PROOF_INVALID,
        )
        assert finding.what.startswith("the proof is for another ")
