from __future__ import annotations

import pytest

from consensus.config import ConsensusConfig
from consensus.effects import Build, ServeRange, Timer
from consensus.messages import (
    BlockReply,
    BlockRequest,
    Certificates,
    CertificatesRequest,
    RangeRequest,
)
from ledger.wire.block import Block, Point
from ledger.wire.scalars import Epoch, Height, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain, Rig


def line(chain: Chain, count: int) -> list[tuple[Block, Point]]:
    """Return blocks of the views 1 to ``count``, each on the one before."""
    found: list[tuple[Block, Point]] = []
    parent = chain.genesis
    for view in range(1, count + 1):
        block = chain.block(view, parent, time_ms=parent.time_ms + 10)
        found.append((block, chain.point(block, view - 1)))
        parent = block.header
    return found


def test_a_hole_below_the_view_is_asked_for_at_once_and_then_elsewhere() -> None:
    rig = Rig.following()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    first = rig.said(CertificatesRequest)
    assert [(r.from_view, r.to_view) for r in first] == [(1, 1)]
    asked = [rig.sent_to(voter, CertificatesRequest) != [] for voter in rig.others]
    rig.fire(Timer.REPAIR)
    assert len(rig.said(CertificatesRequest)) == 2
    again = [len(rig.sent_to(voter, CertificatesRequest)) for voter in rig.others]
    assert max(again) == 1, "another peer is asked"
    assert sum(asked) == 1
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    assert "repair" not in rig.armed()


def test_waiting_times_of_requests_grow_by_half_to_a_bound() -> None:
    config = ConsensusConfig(request_timeout_max_ms=1_000)
    rig = Rig.following(config=config)
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    waits = []
    for _ in range(4):
        waits.append(rig.armed()["repair"])
        rig.fire(Timer.REPAIR)
    assert waits == [500, 750, 1_000, 1_000]


def test_a_decided_block_that_is_missing_is_asked_of_its_leader_after_a_grace() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point), rig.others[2])
    assert rig.said(BlockRequest) == []
    rig.fire(Timer.REPAIR)
    (request,) = rig.sent_to(rig.chain.leader(1), BlockRequest)
    assert (request.block_id, request.height) == (point.block_id, 1)


def test_a_block_that_comes_within_the_grace_is_not_asked_for() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    rig.hear(rig.others[0], BlockReply(block=block))
    assert "repair" not in rig.armed()


def test_many_missing_final_blocks_are_asked_for_as_a_range() -> None:
    rig = Rig.following()
    blocks = line(rig.chain, 5)
    rig.hear(rig.others[1], rig.chain.status(rig.others[1], 6, blocks[-1][1]))
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 5, blocks[-1][1]))
    (request,) = rig.sent_to(rig.others[1], RangeRequest)
    assert request == RangeRequest(from_height=Height(1), max_blocks=64)
    assert len(rig.said(RangeRequest)) == 1


def test_few_missing_final_blocks_are_asked_for_one_by_one() -> None:
    rig = Rig.following()
    blocks = line(rig.chain, 2)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 2, blocks[1][1]))
    rig.fire(Timer.REPAIR)
    assert [request.height for request in rig.said(BlockRequest)] == [2]
    rig.hear(rig.others[0], BlockReply(block=blocks[1][0]))
    rig.fire(Timer.REPAIR)
    assert [request.height for request in rig.said(BlockRequest)] == [2, 1]


def test_the_missing_parent_of_the_current_proposal_is_asked_of_its_leader() -> None:
    rig = Rig.following()
    (one, point), (two, _) = line(rig.chain, 2)
    proof = rig.chain.certificate(NOTARIZE, 1, point)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(two, 1, (proof,)))
    rig.fire(Timer.REPAIR)
    assert [r.block_id for r in rig.said(BlockRequest)] == [one.header.block_id]


def test_no_more_certificates_than_one_reply_holds_are_asked_for_at_once() -> None:
    rig = Rig.following()
    far = 100
    rig.hear_certificate(rig.chain.certificate(NULLIFY, far))
    (request,) = rig.said(CertificatesRequest)
    assert (request.from_view, request.to_view) == (69, 99)


def test_a_block_in_memory_is_sent_and_a_stored_one_left_to_the_owner() -> None:
    rig = Rig.following()
    stored, known = rig.chain.block(1), rig.chain.block(2)
    rig.finalize(stored)
    child = rig.chain.block(2, stored.header)
    rig.hear(rig.chain.leader(2), rig.chain.proposal(child, 1))
    peer = rig.others[0]
    rig.hear(peer, BlockRequest(block_id=child.header.block_id, height=Height(2)))
    assert rig.sent_to(peer, BlockReply) == [BlockReply(block=child)]
    rig.hear(peer, BlockRequest(block_id=stored.header.block_id, height=Height(1)))
    assert rig.all(ServeRange) == [ServeRange(rig.chain.name(peer), Height(1), 1)]
    rig.hear(peer, BlockRequest(block_id=known.header.block_id, height=Height(2)))
    rig.hear(peer, BlockRequest(block_id=known.header.block_id, height=Height(0)))
    assert len(rig.all(ServeRange)) == 1
    assert len(rig.sent_to(peer, BlockReply)) == 1


def test_a_range_is_left_to_the_owner_within_the_stored_chain() -> None:
    rig = Rig.following(config=ConsensusConfig(range_blocks_max=10))
    rig.finalize(rig.chain.block(1))
    peer = rig.others[0]
    for height in (0, 1, 2):
        rig.hear(peer, RangeRequest(from_height=Height(height), max_blocks=200))
    assert rig.all(ServeRange) == [ServeRange(rig.chain.name(peer), Height(1), 10)]


def test_certificates_are_sent_as_far_as_they_are_held() -> None:
    rig = Rig.following()
    held = [rig.chain.certificate(NULLIFY, view) for view in (1, 2, 3)]
    for certificate in held:
        rig.hear_certificate(certificate)
    rig.forget()
    peer = rig.others[0]
    rig.hear(peer, CertificatesRequest(epoch=Epoch(0), from_view=View(2), to_view=View(9)))
    assert rig.sent_to(peer, Certificates) == [Certificates(tuple(held[1:]))]
    rig.hear(peer, CertificatesRequest(epoch=Epoch(1), from_view=View(2), to_view=View(9)))
    rig.hear(peer, CertificatesRequest(epoch=Epoch(0), from_view=View(9), to_view=View(1)))
    assert len(rig.sent_to(peer, Certificates)) == 1


def test_a_reply_holds_at_most_sixty_four_certificates_the_newest_finalization_first() -> None:
    rig = Rig.following()
    rig.finalize(rig.chain.block(1))
    for view in range(2, 90):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    rig.forget()
    peer = rig.others[0]
    every = CertificatesRequest(epoch=Epoch(0), from_view=View(0), to_view=View(2**62))
    rig.hear(peer, every)
    (reply,) = rig.sent_to(peer, Certificates)
    assert len(reply.certificates) == 64
    assert reply.certificates[0].kind is FINALIZE


@pytest.mark.parametrize("behind", [8, 9])
def test_a_leader_that_catches_up_does_not_build_and_far_behind_steps_aside(behind: int) -> None:
    rig = Rig.leading(behind + 1)
    blocks = line(rig.chain, behind)
    rig.hear_certificate(rig.chain.certificate(FINALIZE, behind, blocks[-1][1]))
    assert rig.state.view == behind + 1
    assert rig.votes(NULLIFY) == [], "an idle network is not woken"
    rig.work()
    assert rig.all(Build) == []
    assert len(rig.votes(NULLIFY)) == (1 if behind > 8 else 0)
