"""``Propose``: what may be put to the vote, and by whom."""

from __future__ import annotations

import msgspec
import pytest

from ledger import civil
from ledger.parameters_in_force import changeable_parameters
from ledger.records.proposal_content import Content, SwitchRules
from ledger.records.revoke_key import RevokeKey
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Role
from ledger.wire.scalars import Height
from tests.support.founding import CUSTOMS, FOUNDERS, MINISTRY, NORTH, SOUTH, validator
from tests.support.governing import (
    Governed,
    admit_operator,
    changing,
    proposing,
    replacing,
    setting,
    validators,
)
from tests.support.keys import FOREVER_MS, key_of
from tests.support.refusals import assert_refused
from tests.support.world import World

TOLERANCE = setting("transit_tolerance_basis_points", 30)


def refused(world: World, content: Content, author: str = NORTH) -> RefusalCode:
    return world.refusal(author, proposing(content)).code


def test_a_proposal_is_open_for_thirty_days_with_its_proposers_ballot() -> None:
    governed = Governed()
    row = governed.proposal(governed.propose(NORTH, TOLERANCE))
    assert (row.yes, row.no, row.proposer, row.state) == ((NORTH,), (), NORTH, 1)
    assert row.expires_ms == governed.world.time_ms + 30 * civil.DAY_MS


def test_operators_and_the_ministry_propose_also_while_suspended_and_nobody_else() -> None:
    world = World()
    world.admit("trader")
    refusal = world.refusal("trader", proposing(TOLERANCE))
    assert_refused(refusal, RefusalCode.NOT_AN_OPERATOR, field="author")
    world.apply(MINISTRY, SuspendMember(member=NORTH, reason="test", case="C-1"))
    for member in FOUNDERS:
        world.apply(member, proposing(TOLERANCE))
    refusal = world.refusal(NORTH, proposing(TOLERANCE), signers=((NORTH, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_a_parameter_has_a_name_and_a_value_of_its_type_within_its_range() -> None:
    world = World()
    for name in ("network", "ministry", "utc_offset_minutes", "gravity"):
        refusal = world.refusal(NORTH, proposing(setting(name, 1)))
        assert_refused(refusal, RefusalCode.PARAMETER_INVALID, field="content.name", parameter=name)
    for value, fits in ((0, True), (10_000, True), (10_001, False), (-1, False), ("30", False)):
        content = setting("transit_tolerance_basis_points", value)
        if fits:
            world.apply(NORTH, proposing(content))
        else:
            refusal = world.refusal(NORTH, proposing(content))
            assert_refused(refusal, RefusalCode.PARAMETER_INVALID, field="content.value")
    two_spellings = msgspec.structs.replace(TOLERANCE, value=b"\xcd\x00\x1e")
    assert refused(world, two_spellings) is RefusalCode.PARAMETER_INVALID


@pytest.mark.parametrize("name", changeable_parameters())
def test_every_changeable_parameter_may_be_set_to_what_it_is(name: str) -> None:
    governed = Governed()
    governed.decide(setting(name, getattr(governed.parameters(), name)))
    assert governed.parameters() == governed.world.genesis.document.parameters


def test_the_next_version_of_the_rules_is_proposed_and_no_other() -> None:
    world = World()
    for version in (1, 3):
        content = SwitchRules(version=version, from_height=Height(100))
        refusal = world.refusal(NORTH, proposing(content))
        assert_refused(refusal, RefusalCode.PARAMETER_INVALID, field="content.version", expected=2)
    world.apply(NORTH, proposing(SwitchRules(version=2, from_height=Height(100))))


def test_a_set_has_at_least_four_validators_in_order_with_keys_of_their_own() -> None:
    world = World()
    east = admit_operator(world, "east")
    three = changing(*validators(*FOUNDERS[:3]))
    refusal = world.refusal(NORTH, proposing(three))
    assert_refused(
        refusal, RefusalCode.VALIDATORS_INVALID, field="content.validators", found=3, least=4
    )
    world.apply(NORTH, proposing(changing(*validators(CUSTOMS, MINISTRY, NORTH, east))))
    world.apply(NORTH, proposing(changing(*validators(*FOUNDERS, east))))
    backwards = changing(*reversed(validators(*FOUNDERS, east)))
    borrowed = msgspec.structs.replace(validator(east), node_key=key_of(SOUTH, Role.NODE))
    own_name = msgspec.structs.replace(validator(east), consensus_key=key_of(SOUTH, Role.CONSENSUS))
    stranger = validator(east)
    stranger = msgspec.structs.replace(stranger, consensus_key=key_of("x", Role.CONSENSUS))
    for content in (
        backwards,
        changing(*validators(*FOUNDERS)),
        changing(borrowed, *validators(*FOUNDERS)),
        changing(*validators(CUSTOMS), own_name, *validators(MINISTRY, NORTH)),
        changing(*validators(CUSTOMS), stranger, *validators(MINISTRY, NORTH)),
    ):
        assert refused(world, content) is RefusalCode.VALIDATORS_INVALID


def test_a_key_that_was_revoked_is_no_validators_key() -> None:
    world = World()
    east = admit_operator(world, "east")
    record = RevokeKey(owner=east, key=key_of(east, Role.NODE), reason="lost")
    world.apply(east, record, signers=((east, Role.ADMIN),))
    content = changing(*validators(*FOUNDERS, east))
    assert refused(world, content) is RefusalCode.VALIDATORS_INVALID


def test_as_many_validators_change_as_may_fail_and_not_one_more() -> None:
    world = World()
    east, west = admit_operator(world, "east"), admit_operator(world, "west")
    two_new = changing(*validators(*FOUNDERS, east, west))
    refusal = world.refusal(NORTH, proposing(two_new))
    assert_refused(
        refusal, RefusalCode.VALIDATORS_INVALID, field="content.validators", changed=2, most=1
    )
    two_gone = changing(*validators(CUSTOMS, MINISTRY, east, west))
    assert refused(world, two_gone) is RefusalCode.VALIDATORS_INVALID


def test_a_new_admin_key_is_one_and_proves_possession() -> None:
    world = World()
    for content, code in (
        (replacing(SOUTH, 0), RefusalCode.KEY_EXISTS),
        (replacing(SOUTH, valid_until_ms=world.time_ms), RefusalCode.VALIDITY_WINDOW),
        (replacing(SOUTH, proof=replacing(NORTH).new.proof), RefusalCode.POSSESSION_NOT_PROVEN),
        (replacing(SOUTH, role=Role.OPERATOR), RefusalCode.FIELD_INVALID),
        (replacing("nobody"), RefusalCode.MEMBER_UNKNOWN),
    ):
        assert refused(world, content) is code
    assert replacing(SOUTH).new.valid_until_ms == FOREVER_MS
    world.apply(NORTH, proposing(replacing(SOUTH)))
    assert world.expect(MEMBER_MONTHS, SOUTH, 202401).count == 1
