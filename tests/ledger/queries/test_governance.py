"""Questions about proposals: what they want, how they stand, what is decided for later."""

from __future__ import annotations

from ledger.queries import governance, members
from ledger.records.proposal_content import SwitchRules
from ledger.wire.scalars import Height
from tests.support.founding import CUSTOMS, MINISTRY, NORTH, SOUTH
from tests.support.governing import (
    Governed,
    admit_operator,
    changing,
    replacing,
    setting,
    validators,
)


def test_proposals_are_listed_by_height_with_what_they_want() -> None:
    governed = Governed()
    contents = (
        setting("filing_deadline_day", 12, from_height=9),
        SwitchRules(version=2, from_height=Height(99)),
        replacing(SOUTH),
    )
    names = [governed.propose(NORTH, content) for content in contents]
    page = governance.proposals(governed.world.store, limit=2)
    assert [entry.proposal for entry in page.items] == names[:2]
    rest = governance.proposals(governed.world.store, after=page.next_after)
    assert ([entry.proposal for entry in rest.items], rest.next_after) == (names[2:], None)
    wishes = [governance.wish_of(content) for content in contents]
    assert wishes[0] == "set filing_deadline_day from height 9 on"
    assert wishes[1] == "switch to version 2 of the rules from height 99 on"
    assert wishes[2].startswith("replace the admin keys of south-group by ")
    assert governance.content_of(page.items[0].row) == contents[0]


def test_a_proposal_stands_open_decided_or_lapsed() -> None:
    governed = Governed()
    name = governed.propose(NORTH, setting("filing_deadline_day", 12, from_height=9))
    governed.vote(name, SOUTH, agrees=False)
    row = governed.proposal(name)
    now, end = governed.world.time_ms, row.expires_ms
    assert governance.standing_of(row, now).startswith(f"open until {end} ms: north-group agreed")
    assert governance.standing_of(row, end).startswith(f"lapsed at {end} ms")
    governed.vote(name, MINISTRY, CUSTOMS)
    decided = governance.standing_of(governed.proposal(name), now)
    assert decided.startswith("decided at height 4: north-group, ministry, customs agreed")
    assert [entry.height for entry in governance.scheduled(governed.world.store)] == [9]


def test_decided_validators_are_said_not_to_vote_yet() -> None:
    governed = Governed()
    east = admit_operator(governed.world, "east")
    governed = Governed(governed.world)
    content = changing(*validators(CUSTOMS, MINISTRY, NORTH, east))
    name = governed.decide(content)
    sentence = governance.standing_of(governed.proposal(name), governed.world.time_ms)
    assert "the present validators go on voting" in sentence
    assert governance.wish_of(content).endswith("customs, east, ministry, north-group")


def test_the_parameters_are_those_of_the_next_block() -> None:
    governed = Governed()
    governed.decide(setting("filing_deadline_day", 12, from_height=5))
    shown = []
    for _ in range(2):
        row = members.parameters(governed.world.store)
        assert row is not None
        shown.append((governed.world.height + 1, row.filing_deadline_day))
        governed.commit()
    assert shown == [(4, 10), (5, 12)]
