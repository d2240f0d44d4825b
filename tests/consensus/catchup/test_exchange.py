from __future__ import annotations

import msgspec

from consensus.effects import Suspect, Timer
from consensus.messages import Certificates, CertificatesRequest, Proposal, Status, Vote
from ledger.wire.scalars import Epoch, Height, SignatureBytes
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig


def test_a_node_says_where_it_stands_at_the_start_and_to_each_new_peer() -> None:
    rig = Rig.following()
    (status,) = rig.said(Status)
    assert (status.view, status.final_height) == (1, 0)
    assert rig.state.electorate.is_status_signed(status)
    rig.note(rig.engine.on_connected(rig.chain.name(rig.others[0]), rig.now))
    assert len(rig.sent_to(rig.others[0], Status)) == 1


def test_statuses_come_often_with_work_and_seldom_without() -> None:
    rig = Rig.following()
    assert rig.armed()["status"] == 10_000
    rig.work()
    assert rig.armed()["status"] == 1_000
    rig.fire(Timer.STATUS)
    assert len(rig.said(Status)) == 2
    rig.work(pending=False)
    rig.fire(Timer.STATUS)
    assert rig.armed()["status"] == 10_000


def test_a_peer_behind_gets_the_newest_finalization_and_what_ended_the_views_after_it() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    point = rig.chain.point(block)
    rig.finalize(block)
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    rig.forget()
    rig.hear(rig.others[0], rig.chain.status(rig.others[0], 1))
    (message,) = rig.sent_to(rig.others[0], Certificates)
    assert [(c.kind, c.view) for c in message.certificates] == [(FINALIZE, 1), (NULLIFY, 2)]
    assert point == message.certificates[0].point


def test_a_peer_in_an_earlier_view_gets_what_ended_it() -> None:
    rig = Rig.following()
    for view in (1, 2):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    rig.forget()
    rig.hear(rig.others[0], rig.chain.status(rig.others[0], 2))
    (message,) = rig.sent_to(rig.others[0], Certificates)
    assert [c.view for c in message.certificates] == [2]


def test_a_peer_in_the_same_view_gets_the_own_votes_and_proposal_again() -> None:
    rig = Rig.leading()
    rig.work()
    rig.built()
    rig.forget()
    one, two = rig.others[:2]
    rig.hear(one, rig.chain.status(one, 1))
    assert len(rig.sent_to(one, Proposal)) == 1
    assert [vote.kind for vote in rig.sent_to(one, Vote)] == [NOTARIZE]
    point = rig.votes(NOTARIZE)[0].point
    rig.hear(two, rig.chain.vote(NOTARIZE, 1, point, two))
    rig.hear(two, rig.chain.status(two, 1))
    assert rig.sent_to(two, Proposal) == [], "whoever voted for it has it"


def test_a_peer_that_lacks_a_finalization_gets_the_own_finalize_vote_again() -> None:
    rig = Rig.following()
    point = rig.chain.point(rig.chain.block(1))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    rig.forget()
    rig.hear(rig.others[0], rig.chain.status(rig.others[0], 2))
    assert [vote.point for vote in rig.sent_to(rig.others[0], Vote)] == [point]


def test_a_peer_ahead_is_asked_for_what_it_is_ahead_by() -> None:
    rig = Rig.following()
    ahead = rig.others[0]
    rig.hear(ahead, rig.chain.status(ahead, 9))
    (request,) = rig.sent_to(ahead, CertificatesRequest)
    assert (request.from_view, request.to_view) == (1, 31)


def test_equal_peers_say_nothing_more() -> None:
    rig = Rig.following()
    rig.forget()
    for voter in rig.others:
        rig.hear(voter, rig.chain.status(voter, 1))
    assert rig.said(object) == []


def test_a_status_that_its_peer_did_not_sign_changes_nothing() -> None:
    rig = Rig.following()
    one, two = rig.others[:2]
    status = rig.chain.status(one, 9)
    rig.hear(two, status)
    rig.hear(one, msgspec.structs.replace(status, signature=SignatureBytes(bytes(64))))
    rig.hear(one, msgspec.structs.replace(status, signature=None))
    assert len(rig.all(Suspect)) == 3
    assert rig.said(CertificatesRequest) == []
    rig.hear(one, msgspec.structs.replace(status, epoch=Epoch(3)))
    assert len(rig.all(Suspect)) == 3


def test_an_observers_unsigned_status_is_answered() -> None:
    rig = Rig.following()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.hear("observer", rig.chain.status(0, 1, signed=False))
    sent = [e for e in rig.effects if getattr(e, "peer", "") == "observer"]
    assert len(sent) == 1


def test_a_peer_that_asks_without_end_is_rationed_and_served_again_later() -> None:
    rig = Rig.following()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.forget()
    peer = rig.others[0]
    for _ in range(100):
        rig.hear(peer, rig.chain.status(peer, 1))
    assert len(rig.sent_to(peer, Certificates)) == 16
    rig.wait(1_000)
    rig.hear(peer, rig.chain.status(peer, 1))
    assert len(rig.sent_to(peer, Certificates)) == 17


def test_a_flood_of_statuses_is_dropped_before_any_signature_is_checked() -> None:
    rig = Rig.following()
    peer = rig.others[0]
    status = rig.chain.status(peer, view=1)
    for _ in range(200):
        rig.hear(peer, status)
    forged = msgspec.structs.replace(status, final_height=Height(7))
    rig.hear(peer, forged)
    assert rig.all(Suspect) == []
    rig.wait(60_000)
    rig.hear(peer, forged)
    assert len(rig.all(Suspect)) == 1
