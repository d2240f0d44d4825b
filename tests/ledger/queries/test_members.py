"""The public register."""

from __future__ import annotations

from ledger.queries import members
from ledger.records.add_key import AddKey
from ledger.records.revoke_key import RevokeKey
from ledger.vocabulary import Activity, Role
from ledger.wire.scalars import FacilityId, MemberId
from tests.support.founding import FOUNDERS, MINISTRY, NORTH, PARAMETERS
from tests.support.keys import key_of, new_key
from tests.support.world import World, mine


def test_the_register_comes_in_pages_by_id() -> None:
    world = World()
    for number in range(5):
        world.admit(f"mine-{number}")
    expected = sorted([*FOUNDERS, *(f"mine-{number}" for number in range(5))])
    found: list[MemberId] = []
    after: MemberId | None = None
    while True:
        page = members.members(world.store, after=after, limit=2)
        found += [listed.id for listed in page.items]
        if page.next_after is None:
            break
        after = MemberId(page.next_after.decode())
        assert after == found[-1]
    assert found == expected


def test_a_member_whose_id_begins_another_is_not_skipped() -> None:
    world = World()
    for member in ("mine", "mine-a"):
        world.admit(member)
    page = members.members(world.store, after=MemberId("mine"), limit=1)
    assert [listed.id for listed in page.items] == ["mine-a"]


def test_a_member_is_found_with_all_keys_it_ever_had() -> None:
    world = World()
    world.apply(
        NORTH,
        AddKey(owner=NORTH, new=new_key(world.network, NORTH, Role.OPERATOR, 1)),
        RevokeKey(owner=NORTH, key=key_of(NORTH, Role.OPERATOR), reason="lost"),
        signers=((NORTH, Role.ADMIN),),
    )
    keys = members.keys_of(world.store, NORTH)
    assert [listed.row.role for listed in keys] == [
        Role.ADMIN, Role.OPERATOR, Role.OPERATOR, Role.FILING, Role.NODE, Role.CONSENSUS,
    ]  # fmt: skip
    revoked = {listed.key for listed in keys if listed.row.revoked_ms}
    assert revoked == {key_of(NORTH, Role.OPERATOR)}
    assert members.member(world.store, NORTH) is not None
    assert members.member(world.store, MemberId("nobody")) is None
    assert members.keys_of(world.store, MemberId("north")) == ()


def test_a_key_leads_to_its_owner() -> None:
    world = World()
    row = members.key(world.store, key_of(MINISTRY, Role.ADMIN))
    assert row is not None
    assert row.owner == MINISTRY
    assert members.key(world.store, key_of("nobody", Role.ADMIN)) is None


def test_facilities_are_listed_by_owner() -> None:
    world = World()
    world.admit(
        "mine-a", activities=(Activity.MINING,), licences=tuple(f"LIC-pit-{n}" for n in range(5))
    )
    signers = (("mine-a", Role.OPERATOR), (MINISTRY, Role.OPERATOR))
    for number in range(5):
        world.apply("mine-a", mine("mine-a", f"pit-{number}"), signers=signers)
    page = members.facilities_of(world.store, MemberId("mine-a"), limit=3)
    assert [listed.id for listed in page.items] == ["pit-0", "pit-1", "pit-2"]
    rest = members.facilities_of(world.store, MemberId("mine-a"), after=FacilityId("pit-2"))
    assert [listed.id for listed in rest.items] == ["pit-3", "pit-4"]
    assert rest.next_after is None
    assert members.facilities_of(world.store, NORTH).items == ()
    facility = members.facility(world.store, FacilityId("pit-4"))
    assert facility is not None
    assert facility == rest.items[-1].row


def test_parameters_and_validators_are_those_of_the_genesis() -> None:
    world = World()
    assert members.parameters(world.store) == PARAMETERS
    assert members.validators(world.store) == world.genesis.document.validators
