from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consensus.leader import leader_of
from ledger.wire.scalars import Epoch, View
from tests.consensus.rig import Chain

CHAIN = Chain()
ELECTORATE = CHAIN.electorate


def test_validators_lead_by_turns_from_a_place_that_the_set_determines() -> None:
    turns = [ELECTORATE.leader(View(view)) for view in range(8)]
    assert sorted(turns[:4]) == [0, 1, 2, 3]
    assert turns[:4] == turns[4:]
    assert turns == [leader_of(CHAIN.validators, Epoch(0), View(view)) for view in range(8)]
    later = [leader_of(CHAIN.validators, Epoch(1), View(view)) for view in range(3)]
    assert later == turns[1:4]


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_every_view_of_every_epoch_has_a_leader(epoch: int, view: int) -> None:
    seven = Chain(7).validators
    turns = {leader_of(seven, Epoch(epoch), View(view + turn)) for turn in range(7)}
    assert turns == set(range(7))
