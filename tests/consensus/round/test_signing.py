from __future__ import annotations

from consensus.effects import Broadcast, Effect, Persist, Send, Timer
from consensus.journal import RecordType
from consensus.messages import Proposal, Vote
from ledger.wire.codec import encode
from tests.consensus.rig import NOTARIZE, NULLIFY, Rig


def assert_durable_before_sent(rig: Rig, effects: list[Effect]) -> int:
    """Assert that a synced record of each own statement stands before it; return how many."""
    durable: set[bytes] = set()
    pending: set[bytes] = set()
    count = 0
    for effect in effects:
        if isinstance(effect, Persist):
            pending |= {body for _kind, body in effect.records}
            if effect.sync:
                durable |= pending
        if isinstance(effect, Send | Broadcast) and isinstance(effect.message, Vote | Proposal):
            assert encode(effect.message) in durable
            count += 1
    return count


def test_a_vote_is_durable_before_it_is_sent() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.work()
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    rig.hear_votes(NOTARIZE, 1, rig.chain.point(block), rig.others)
    rig.fire(Timer.ADVANCE)
    assert len(rig.votes(NULLIFY)) == 1
    assert assert_durable_before_sent(rig, rig.effects) == 3


def test_a_proposal_is_durable_before_it_is_sent() -> None:
    rig = Rig.leading()
    rig.work()
    rig.built()
    assert assert_durable_before_sent(rig, rig.effects) == 2


def test_the_block_is_recorded_no_later_than_the_notarize_vote_for_it() -> None:
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    persist = rig.last[0]
    assert isinstance(persist, Persist)
    assert persist.sync
    assert [kind for kind, _ in persist.records] == [RecordType.BLOCK, RecordType.OWN_VOTE]
    assert persist.records[0][1] == encode(block)


def test_a_certificate_alone_is_recorded_without_waiting_for_the_disk() -> None:
    rig = Rig.following()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    persist = rig.last[0]
    assert isinstance(persist, Persist)
    assert not persist.sync


def test_all_records_of_an_event_come_in_one_persist_before_everything_else() -> None:
    rig = Rig.leading()
    rig.work()
    rig.built()
    assert [isinstance(effect, Persist) for effect in rig.last] == [True] + [False] * (
        len(rig.last) - 1
    )
