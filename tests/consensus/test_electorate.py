from __future__ import annotations

import msgspec
import pytest

from consensus.electorate import Electorate
from ledger.wire.certificate import DOMAIN_OF_KIND, CertificateKind
from ledger.wire.scalars import ChainId, Epoch, SignatureBytes, ValidatorIndex, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain

CHAIN = Chain()
ELECTORATE = CHAIN.electorate
POINT = CHAIN.point(CHAIN.block(1))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 10, 32, 63])
def test_a_quorum_is_all_but_f(count: int) -> None:
    electorate = Chain(count).electorate
    assert electorate.fault_limit == (count - 1) // 3
    assert electorate.quorum == count - electorate.fault_limit
    assert 2 * electorate.quorum - count > electorate.fault_limit, "two share a correct validator"


@pytest.mark.parametrize("kind", list(CertificateKind))
def test_a_vote_holds_for_its_kind_chain_epoch_and_set_only(kind: CertificateKind) -> None:
    vote = CHAIN.vote(kind, 1, None if kind is NULLIFY else POINT, 2)
    assert ELECTORATE.is_vote_valid(vote)
    validators = CHAIN.validators
    others = [
        Electorate(ChainId(bytes(32)), Epoch(0), validators, None),
        Electorate(ELECTORATE.chain_id, Epoch(1), validators, None),
        Electorate(ELECTORATE.chain_id, Epoch(0), Chain(5).validators, None),
    ]
    assert not any(other.is_vote_valid(vote) for other in others)
    for other_kind in CertificateKind:
        changed = msgspec.structs.replace(
            vote, kind=other_kind, point=None if other_kind is NULLIFY else POINT
        )
        assert ELECTORATE.is_vote_valid(changed) == (other_kind is kind)


def test_a_vote_that_is_not_well_formed_does_not_hold() -> None:
    vote = CHAIN.vote(NOTARIZE, 1, POINT, 2)
    for changed in (
        msgspec.structs.replace(vote, point=None),
        msgspec.structs.replace(vote, view=View(2)),
        msgspec.structs.replace(vote, voter=ValidatorIndex(4)),
        msgspec.structs.replace(CHAIN.vote(NULLIFY, 1, None, 2), point=POINT),
    ):
        assert not ELECTORATE.is_vote_shaped(changed)
        assert not ELECTORATE.is_vote_valid(changed)


def test_every_field_of_a_point_is_signed() -> None:
    vote = CHAIN.vote(FINALIZE, 1, POINT, 2)
    for field in ("parent_view", "height"):
        point = msgspec.structs.replace(POINT, **{field: getattr(POINT, field) + 1})
        assert not ELECTORATE.is_vote_signed(msgspec.structs.replace(vote, point=point))
    point = msgspec.structs.replace(POINT, block_id=bytes(32))
    assert not ELECTORATE.is_vote_signed(msgspec.structs.replace(vote, point=point))


def test_a_proposal_holds_only_if_its_leader_signed_it() -> None:
    proposal = CHAIN.proposal(CHAIN.block(1))
    assert ELECTORATE.is_proposal_signed(proposal)
    body = ELECTORATE.statement_body(proposal.point.view, proposal.point)
    as_vote = CHAIN.keys[CHAIN.leader(1)](DOMAIN_OF_KIND[NOTARIZE], body)
    assert not ELECTORATE.is_proposal_signed(msgspec.structs.replace(proposal, signature=as_vote))
    other = msgspec.structs.replace(proposal.point, view=View(2))
    assert not ELECTORATE.is_proposal_signed(msgspec.structs.replace(proposal, point=other))


def test_a_status_holds_only_with_a_voter_that_signed_every_field() -> None:
    status = CHAIN.status(1, 4)
    assert ELECTORATE.is_status_signed(status)
    for changes in (
        {"view": 5},
        {"final_view": 1},
        {"final_height": 1},
        {"started_ms": 1},
        {"final_block_id": bytes(32)},
        {"voter": ValidatorIndex(2)},
        {"voter": ValidatorIndex(40)},
        {"voter": None},
        {"signature": None},
        {"signature": SignatureBytes(bytes(64))},
    ):
        assert not ELECTORATE.is_status_signed(msgspec.structs.replace(status, **changes))


def test_what_is_wrong_with_a_certificate_is_said() -> None:
    assert ELECTORATE.certificate_fault(CHAIN.certificate(NULLIFY, 1)) is None
    fault = ELECTORATE.certificate_fault(CHAIN.certificate(NULLIFY, 1, None, (0, 1)))
    assert fault is not None
    assert "2 signers, 3 are needed" in fault


def test_peers_are_known_by_their_validators_names() -> None:
    assert [ELECTORATE.index_of(name) for name in ELECTORATE.names] == [0, 1, 2, 3]
    assert ELECTORATE.index_of("observer") is None
