from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.journal import JournalError, RecordType, SigningStop, record, replay
from ledger.wire.codec import encode
from ledger.wire.scalars import Epoch, View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain

CHAIN = Chain()
ME = CHAIN.electorate.__class__(
    CHAIN.electorate.chain_id, CHAIN.electorate.epoch, CHAIN.validators, CHAIN.leader(1)
)


def test_each_record_comes_back_under_its_key() -> None:
    block = CHAIN.block(1)
    point = CHAIN.point(block)
    proposal = CHAIN.proposal(block)
    vote = CHAIN.vote(NOTARIZE, 1, point, CHAIN.leader(1))
    certificate = CHAIN.certificate(NOTARIZE, 1, point)
    other = CHAIN.block(2)
    stop = SigningStop(epoch=Epoch(0), reason="elsewhere")
    records = [
        record(RecordType.OWN_PROPOSE, proposal),
        record(RecordType.OWN_VOTE, vote),
        record(RecordType.CERTIFICATE, certificate),
        record(RecordType.BLOCK, other),
        record(RecordType.SIGNING_STOPPED, stop),
    ]
    result = replay(records, ME, View(0))
    assert result.proposals == {1: proposal}
    assert result.votes == {(NOTARIZE, 1): vote}
    assert result.certificates == [certificate]
    assert set(result.blocks.values()) == {block, other}
    assert result.stopped == "elsewhere"


@given(st.integers(0, 4))
def test_nothing_at_or_below_the_stored_view_comes_back(floor: int) -> None:
    votes = [CHAIN.vote(NULLIFY, view, None, CHAIN.leader(1)) for view in range(1, 5)]
    certificates = [CHAIN.certificate(NULLIFY, view) for view in range(1, 5)]
    records = [record(RecordType.OWN_VOTE, vote) for vote in votes]
    records += [record(RecordType.CERTIFICATE, c) for c in certificates]
    records += [record(RecordType.BLOCK, CHAIN.block(view)) for view in range(1, 5)]
    result = replay(records, ME, View(floor))
    above = list(range(floor + 1, 5))
    assert [view for _kind, view in result.votes] == above
    assert [c.view for c in result.certificates] == above
    assert sorted(b.header.view for b in result.blocks.values()) == above


def test_a_record_of_an_older_epoch_is_left_out_whatever_its_view() -> None:
    old = record(RecordType.SIGNING_STOPPED, SigningStop(epoch=Epoch(0), reason="old"))
    vote = record(RecordType.OWN_VOTE, CHAIN.vote(NULLIFY, 9, None, CHAIN.leader(1)))
    later = CHAIN.electorate.__class__(
        CHAIN.electorate.chain_id, Epoch(1), CHAIN.validators, CHAIN.leader(1)
    )
    result = replay([old, vote], later, View(0))
    assert result.stopped is None
    assert result.votes == {}


def test_the_same_record_twice_is_harmless() -> None:
    vote = record(RecordType.OWN_VOTE, CHAIN.vote(NULLIFY, 1, None, CHAIN.leader(1)))
    assert len(replay([vote, vote], ME, View(0)).votes) == 1


def test_contradicting_votes_below_the_stored_view_are_fatal_too() -> None:
    point = CHAIN.point(CHAIN.block(1))
    records = [
        record(RecordType.OWN_VOTE, CHAIN.vote(NULLIFY, 1, None, CHAIN.leader(1))),
        record(RecordType.OWN_VOTE, CHAIN.vote(FINALIZE, 1, point, CHAIN.leader(1))),
    ]
    with pytest.raises(JournalError, match="nullify and finalize votes in view 1"):
        replay(records, ME, View(50))


@given(st.integers(0, 8), st.binary(max_size=60))
def test_any_record_is_read_or_refused_as_a_journal_error(kind: int, body: bytes) -> None:
    with contextlib.suppress(JournalError):
        replay([(kind, body)], ME, View(0))


def test_a_record_is_its_type_and_the_canonical_bytes() -> None:
    vote = CHAIN.vote(NULLIFY, 1, None, 0)
    assert record(RecordType.OWN_VOTE, vote) == (2, encode(vote))
