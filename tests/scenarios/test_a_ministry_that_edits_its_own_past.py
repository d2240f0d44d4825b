"""A ministry that edits its own past: it wants a grant never to have been, and who remembers gone."""

from __future__ import annotations

import msgspec
import pytest

from ledger.errors import InvalidBlockError
from ledger.parsed import parse_transaction
from ledger.queries.rows import versions_of
from ledger.records.ballot import Ballot
from ledger.records.cut_quota import CutQuota
from ledger.records.set_plan import SetPlan
from ledger.refusal import RefusalCode
from ledger.state.tables import PLANS, QUOTAS, SCHEDULE, VALIDATORS
from ledger.store import block_key
from ledger.transition import apply_block, current_parameters
from ledger.vocabulary import BallotChoice
from ledger.wire.block import decode_block
from ledger.wire.codec import encode
from ledger.wire.scalars import Grams, Height
from tests.support.founding import CUSTOMS, MINISTRY, NORTH
from tests.support.governing import (
    Governed,
    admit_operator,
    changing,
    replacing,
    setting,
    validators,
)
from tests.support.quotas import HOLDING, ROCK, account, amending, group_world, produce
from tests.support.refusals import assert_refused
from tests.support.world import World, digest_of


def test_a_plan_is_not_set_a_second_time_and_an_amended_one_keeps_its_first_figure() -> None:
    world = group_world(total=1_000_000, granted=600_000)
    again = SetPlan(year=2024, bucket=ROCK, total=Grams(5), document=digest_of("other"))
    refusal = world.refusal(MINISTRY, again)
    assert_refused(refusal, RefusalCode.PLAN_EXISTS, field="year", total=1_000_000)
    refusal = world.refusal(MINISTRY, amending(599_999))
    assert_refused(refusal, RefusalCode.PLAN_BELOW_GRANTED, field="total", missing=1)
    world.apply(MINISTRY, amending(700_000))
    totals = [
        version.row.total
        for version in versions_of(world.store, PLANS, 2024, int(ROCK))
        if version.row
    ]
    assert totals == [1_000_000, 1_000_000, 700_000]


def test_a_grant_does_not_vanish_it_is_cut_and_both_stay_in_the_account() -> None:
    world = group_world(granted=600_000)
    world.apply(HOLDING, produce(100_000, HOLDING, "C-1"))
    record = CutQuota(year=2024, bucket=ROCK, target=HOLDING, grams=Grams(600_000), case="C-7")
    world.apply(MINISTRY, record)
    row = account(world)
    assert (row.granted, row.cut, row.used, row.debt) == (600_000, 600_000, 100_000, 100_000)
    assert len(row.grants) == 1
    versions = list(versions_of(world.store, QUOTAS, 2024, int(ROCK), HOLDING))
    assert [version.row.granted for version in versions if version.row] == [600_000] * 3


def test_a_block_without_the_grant_no_longer_follows_from_its_parent() -> None:
    world, fresh = World(), World()
    world.admit("mine-z")
    world.define_ore()
    blocks = []
    for height in range(1, world.height + 1):
        data = world.store.get(block_key(Height(height)))
        assert data is not None
        blocks.append(decode_block(data))
    emptied = msgspec.structs.replace(blocks[0], transactions=())
    with pytest.raises(InvalidBlockError):
        apply_block(fresh.state, emptied, [])
    honest = [parse_transaction(data) for data in blocks[0].transactions]
    assert apply_block(fresh.state, blocks[0], honest).header == blocks[0].header
    assert encode(emptied) != encode(blocks[0])


def test_it_cannot_remove_a_validator_on_its_own() -> None:
    world = World()
    east = admit_operator(world, "east")
    governed = Governed(world)
    before = world.expect(VALIDATORS)
    proposal = governed.propose(MINISTRY, changing(*validators(CUSTOMS, MINISTRY, NORTH, east)))
    refusal = world.refusal(MINISTRY, Ballot(proposal=proposal, choice=BallotChoice.YES))
    assert_refused(refusal, RefusalCode.BALLOT_EXISTS, field="proposal")
    governed.vote(proposal, CUSTOMS)
    assert governed.proposal(proposal).decided_height == 0
    assert world.expect(VALIDATORS) == before


def test_it_takes_over_nobodys_keys_without_a_quorum() -> None:
    governed = Governed()
    proposal = governed.propose(MINISTRY, replacing(NORTH))
    governed.vote(proposal, CUSTOMS)
    assert governed.proposal(proposal).decided_height == 0


def test_it_changes_no_parameter_for_blocks_that_were() -> None:
    governed = Governed()
    governed.decide(setting("filing_deadline_day", 28, from_height=0))
    entry = governed.world.expect(SCHEDULE).entries[0]
    assert entry.height == governed.world.height + 1
    for height in range(governed.world.height + 1):
        assert current_parameters(governed.world.state, height).filing_deadline_day == 10
    assert governed.parameters().filing_deadline_day == 28
