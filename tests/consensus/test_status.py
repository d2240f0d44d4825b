from __future__ import annotations

from consensus.effects import Timer
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig


def test_the_status_tells_where_the_engine_stands() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(block)))
    status = rig.engine.status()
    assert (status.view, status.tip_height, status.tip_view, status.depth) == (2, 1, 1, 1)
    assert (status.final_height, status.committed_height, status.journal_floor) == (0, 0, 0)
    assert status.signing
    assert status.halted is None
    assert status.leader == rig.chain.leader(2)
    assert {peer.peer for peer in status.peers} == {rig.chain.name(v) for v in rig.others}
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, rig.chain.point(block)))
    rig.committed(1)
    status = rig.engine.status()
    assert (status.final_height, status.committed_height, status.journal_floor) == (1, 1, 1)
    assert status.depth == 0


def test_the_status_tells_what_is_armed_missing_and_stopped() -> None:
    rig = Rig.following()
    assert rig.own is not None
    rig.work()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    status = rig.engine.status()
    assert status.work
    assert status.tip_height is None
    assert {name for name, _at in status.timers} >= {"lead", "advance", "repair"}
    assert len(status.requests) == 1
    assert "CertificatesRequest" in status.requests[0]
    rig.hear(rig.others[0], rig.chain.vote(NULLIFY, 3, None, rig.own))
    status = rig.engine.status()
    assert not status.signing
    assert "journal" in (status.halted or "")


def test_the_status_tells_what_peers_said_and_when() -> None:
    rig = Rig.following()
    voter = rig.others[0]
    assert {peer.heard_ms for peer in rig.engine.status().peers} == {None}
    rig.fire(Timer.STATUS)
    rig.hear(voter, rig.chain.status(voter, 5))
    (peer,) = [p for p in rig.engine.status().peers if p.peer == rig.chain.name(voter)]
    assert (peer.heard_ms, peer.view, peer.final_height) == (rig.steady_ms, 5, 0)
