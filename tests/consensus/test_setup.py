from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.config import ConsensusConfig
from consensus.effects import Execute, Timer
from consensus.engine import Engine
from consensus.inputs import FinalizedTip
from consensus.journal import JournalError, RecordType, record
from consensus.messages import Proposal, Vote
from ledger.wire.scalars import Epoch, ValidatorIndex, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain, Rig


def voted() -> tuple[Rig, object]:
    """Return a rig that voted for a block in view 1."""
    rig = Rig.following()
    block = rig.chain.block(1)
    rig.hear(rig.chain.leader(1), rig.chain.proposal(block))
    rig.executed()
    return rig, block


def test_a_restart_goes_on_in_the_view_of_its_newest_vote() -> None:
    rig, _block = voted()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.work()
    rig.fire(Timer.LEAD)
    again = rig.restarted()
    assert again.state.view == 2
    assert again.engine.status().view == 2


def test_a_restart_goes_on_past_its_newest_certificate() -> None:
    rig = Rig.following()
    for view in range(1, 5):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    assert rig.restarted().state.view == 5


@given(st.randoms(use_true_random=False))
def test_replay_chooses_by_key_and_not_by_position(shuffler: random.Random) -> None:
    rig, _block = voted()
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 1))
    rig.work()
    rig.fire(Timer.LEAD)
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    records = list(rig.records())
    shuffler.shuffle(records)
    again = Rig(rig.own, journal=records + records[:2])
    assert again.state.view == 3
    assert again.state.own.vote(NOTARIZE, View(1)) is not None
    assert again.state.own.vote(NULLIFY, View(2)) is not None


def test_a_restart_in_a_nullified_view_arms_the_retry_timer() -> None:
    rig = Rig.following()
    rig.work()
    rig.fire(Timer.LEAD)
    again = rig.restarted()
    assert "retry" in again.armed()
    again.fire(Timer.RETRY)
    assert again.votes(NULLIFY) == rig.votes(NULLIFY)


def test_a_restarted_validator_does_not_vote_for_another_block() -> None:
    rig, _block = voted()
    again = rig.restarted()
    other = rig.chain.block(1, transactions=(b"other",))
    again.hear(rig.chain.leader(1), rig.chain.proposal(other))
    assert again.all(Execute) == []
    assert again.votes(NOTARIZE) == []


def test_a_restarted_validator_gives_the_finalize_vote_that_it_owes() -> None:
    rig, block = voted()
    point = rig.votes(NOTARIZE)[0].point
    assert point is not None
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    journal = [r for r in rig.records() if r[1][2:3] != b"\x03" or r[0] != RecordType.OWN_VOTE]
    assert len(journal) == len(rig.records()) - 1
    again = Rig(rig.own, journal=journal)
    assert [vote.point for vote in again.votes(FINALIZE)] == [point]
    assert block is not None


def test_blocks_of_the_journal_are_executed_anew_and_committed() -> None:
    rig, _block = voted()
    point = rig.votes(NOTARIZE)[0].point
    rig.hear_certificate(rig.chain.certificate(FINALIZE, 1, point))
    again = rig.restarted()
    again.executed()
    assert again.state.blocks.base.height == 1


def test_records_of_views_that_are_stored_are_left_out() -> None:
    rig, _block = voted()
    point = rig.votes(NOTARIZE)[0].point
    assert point is not None
    final = rig.chain.certificate(FINALIZE, 1, point)
    header = rig.all(Execute)[0].block.header
    again = Rig(rig.own, journal=rig.records(), final=FinalizedTip(point, header, final))
    assert again.state.view == 2
    assert again.state.blocks.all() == ()
    assert again.state.own.highest_view() == 1


def test_two_different_own_votes_in_one_place_are_fatal() -> None:
    rig = Rig.following()
    assert rig.own is not None
    points = [rig.chain.point(rig.chain.block(1, transactions=(t,))) for t in (b"1", b"2")]
    votes = [rig.chain.vote(NOTARIZE, 1, point, rig.own) for point in points]
    with pytest.raises(JournalError, match=r"record 1: two different own notarization votes"):
        Rig(rig.own, journal=[record(RecordType.OWN_VOTE, vote) for vote in votes])


@pytest.mark.parametrize("first", [NOTARIZE, NULLIFY])
def test_own_votes_that_contradict_each_other_are_fatal(first: object) -> None:
    rig = Rig.following()
    assert rig.own is not None
    one, two = (rig.chain.point(rig.chain.block(1, transactions=(t,))) for t in (b"1", b"2"))
    votes = [
        rig.chain.vote(first, 1, None if first is NULLIFY else one, rig.own),  # type: ignore[arg-type]
        rig.chain.vote(FINALIZE, 1, two, rig.own),
    ]
    with pytest.raises(JournalError, match="view 1"):
        Rig(rig.own, journal=[record(RecordType.OWN_VOTE, vote) for vote in votes])


def test_two_own_proposals_in_one_view_are_fatal() -> None:
    own = int(Chain().leader(1))
    chain = Chain()
    proposals = [chain.proposal(chain.block(1, transactions=(t,))) for t in (b"1", b"2")]
    with pytest.raises(JournalError, match="two different own proposals in view 1"):
        Rig(own, journal=[record(RecordType.OWN_PROPOSE, p) for p in proposals])


def test_the_journal_of_another_validator_is_fatal() -> None:
    rig, _block = voted()
    with pytest.raises(JournalError, match="not signed by this validator's key"):
        Rig(rig.others[0], journal=rig.records())


def test_a_journal_of_a_later_epoch_is_fatal() -> None:
    rig, _block = voted()
    vote = msgspec.structs.replace(rig.votes(NOTARIZE)[0], epoch=Epoch(1))
    with pytest.raises(JournalError, match="epoch 1"):
        Rig(rig.own, journal=[record(RecordType.OWN_VOTE, vote)])


@pytest.mark.parametrize("entry", [(99, b""), (RecordType.OWN_VOTE, b"rubbish"), (1, b"\x90")])
def test_a_record_that_cannot_be_read_is_fatal(entry: tuple[int, bytes]) -> None:
    with pytest.raises(JournalError, match="journal record 0"):
        Rig(journal=[entry])


def test_an_observer_over_a_validators_journal_ignores_its_votes() -> None:
    rig, _block = voted()
    observer = Rig(None, journal=rig.records())
    assert observer.said(Vote) + observer.said(Proposal) == []
    assert observer.state.own.highest_view() == 0


def test_the_checkpoint_restores_the_same_state_with_no_more_records() -> None:
    rig = Rig.leading()
    rig.work()
    block = rig.built()
    point = rig.chain.point(block)
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, point))
    rig.hear_certificate(rig.chain.certificate(NULLIFY, 2))
    rig.hear_votes(NULLIFY, 3, None, rig.others)
    records = rig.engine.checkpoint_records()
    again = Rig(rig.own, journal=records)
    whole = rig.restarted()
    assert again.engine.checkpoint_records() == whole.engine.checkpoint_records() == records
    assert again.state.view == whole.state.view == rig.state.view
    everything = View(0), rig.state.view
    own_votes = rig.state.own.votes_between(*everything)
    assert len(own_votes) == 3
    assert again.state.own.votes_between(*everything) == own_votes
    assert again.state.own.proposal(View(1)) == rig.said(Proposal)[0]
    assert again.state.blocks.all()[0].block == block
    assert len(records) <= len(rig.records())


def test_the_checkpoint_after_a_commit_holds_only_the_floor_and_the_newest_finalization() -> None:
    rig = Rig.following()
    rig.finalize(rig.chain.block(1))
    records = rig.engine.checkpoint_records()
    assert [kind for kind, _body in records] == [RecordType.FLOOR, RecordType.CERTIFICATE]


def test_evidence_and_the_end_of_signing_survive_a_checkpoint() -> None:
    rig = Rig.following()
    assert rig.own is not None
    bad = rig.others[0]
    for text in (b"1", b"2"):
        point = rig.chain.point(rig.chain.block(1, transactions=(text,)))
        rig.hear(bad, rig.chain.vote(NOTARIZE, 1, point, bad))
    rig.hear(bad, rig.chain.vote(NULLIFY, 1, None, rig.own))
    again = Rig(rig.own, journal=rig.engine.checkpoint_records())
    assert again.engine.status().evidence_count == 1
    assert not again.engine.status().signing


def test_contradicting_arguments_are_refused() -> None:
    chain = Chain()
    with pytest.raises(ValueError, match="an observer has neither"):
        _engine(chain, own=4)
    with pytest.raises(ValueError, match="an observer has neither"):
        _engine(chain, own=None, key=0)
    wrong = msgspec.structs.replace(chain.origin, height=7)
    with pytest.raises(ValueError, match="does not name the header"):
        Rig(0, final=FinalizedTip(wrong, chain.genesis, None))
    with pytest.raises(ValueError, match="64 validators"):
        Rig(0, count=64)


def _engine(chain: Chain, own: int | None, key: int | None = None) -> object:
    return Engine(
        chain_id=chain.electorate.chain_id,
        epoch=chain.electorate.epoch,
        validators=chain.validators,
        own=None if own is None else ValidatorIndex(own),
        sign=None if key is None and own is None else chain.keys[key or 0],
        config=ConsensusConfig(),
        final=FinalizedTip(chain.origin, chain.genesis, None),
        journal=(),
    )
