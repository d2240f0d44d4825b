"""``RegisterFacility``: sites of enterprises, and the licence that each works under."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.register_facility import RegisterFacility
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode, Refused
from ledger.state.tables import FACILITIES, MEMBER_MONTHS
from ledger.vocabulary import Activity, OreKind, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from tests.support.founding import MINISTRY, NORTH
from tests.support.refusals import assert_refused
from tests.support.world import World, mine

BOTH = (("mine-a", Role.OPERATOR), (MINISTRY, Role.OPERATOR))


def licensed_world() -> World:
    world = World()
    world.admit(
        "mine-a",
        activities=(Activity.MINING, Activity.TRADE),
        licences=("LIC-pit-a", "LIC-pit-b", "LIC-depot"),
    )
    return world


def pit(**fields: object) -> RegisterFacility:
    return msgspec.structs.replace(mine("mine-a", "pit-a"), **fields)


def depot(**fields: object) -> RegisterFacility:
    plain = pit(
        id="depot-a", activity=Activity.TRADE, ore="", ore_kind=OreKind.NONE, licence="LIC-depot"
    )
    return msgspec.structs.replace(plain, **fields)


def refused(world: World, record: RegisterFacility) -> Refused:
    return world.refusal("mine-a", record, signers=BOTH)


def test_a_registered_facility_says_what_it_may_do() -> None:
    world = licensed_world()
    world.apply("mine-a", pit(), signers=BOTH)
    row = world.expect(FACILITIES, "pit-a")
    assert (row.owner, row.activity, row.ore, row.ore_kind, row.licence) == (
        "mine-a", Activity.MINING, "Bayan Obo", OreKind.ROCK, "LIC-pit-a",
    )  # fmt: skip
    assert world.expect(MEMBER_MONTHS, "mine-a", 202401).count == 2
    assert world.expect(MEMBER_MONTHS, MINISTRY, 202401).count == 2


def test_owner_and_ministry_sign_both() -> None:
    world = licensed_world()
    for signer in BOTH:
        refusal = world.refusal("mine-a", pit(), signers=(signer,))
        assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_the_owner_is_the_author() -> None:
    world = licensed_world()
    refusal = world.refusal(MINISTRY, pit(), signers=BOTH)
    assert_refused(refusal, RefusalCode.FACILITY_OF_ANOTHER, field="owner", owner="mine-a")


def test_a_suspended_owner_registers_nothing() -> None:
    world = licensed_world()
    world.apply(MINISTRY, SuspendMember(member=pit().owner, reason="for a test", case="C-1"))
    refusal = refused(world, pit())
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")


def test_a_facility_id_is_taken_once_whoever_has_it() -> None:
    world = licensed_world()
    world.apply("mine-a", pit(), signers=BOTH)
    refusal = refused(world, pit(licence="LIC-pit-b"))
    assert_refused(refusal, RefusalCode.FACILITY_EXISTS, field="id", facility="pit-a")


def test_the_owner_is_approved_for_the_activity() -> None:
    world = licensed_world()
    refusal = refused(world, depot(activity=Activity.SEPARATION))
    assert_refused(refusal, RefusalCode.ACTIVITY_MISSING, field="activity", activity="separation")


def test_a_mining_licence_serves_one_facility() -> None:
    world = licensed_world()
    world.apply("mine-a", pit(), signers=BOTH)
    refusal = refused(world, pit(id="pit-b"))
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licence", facility="pit-a")
    refusal = refused(world, depot(licence="LIC-pit-a"))
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licence", facility="pit-a")
    world.apply("mine-a", pit(id="pit-b", licence="LIC-pit-b"), signers=BOTH)


def test_another_licence_serves_several_facilities() -> None:
    world = licensed_world()
    world.apply("mine-a", depot(), signers=BOTH)
    world.apply("mine-a", depot(id="depot-b"), signers=BOTH)


@pytest.mark.parametrize("licence", ["LIC-none", f"TRADE-{NORTH}", "REG-mine-a"])
def test_the_licence_is_one_of_the_owners(licence: str) -> None:
    refusal = refused(licensed_world(), pit(licence=licence))
    assert_refused(refusal, RefusalCode.LICENCE_UNKNOWN, field="licence", licence=licence)


def test_a_mine_has_a_kind_of_ore_and_nothing_else_has() -> None:
    world = licensed_world()
    for record in (pit(ore="", ore_kind=OreKind.NONE), depot(ore_kind=OreKind.ROCK)):
        assert_refused(refused(world, record), RefusalCode.FIELD_INVALID, field="ore_kind")


def test_only_a_mine_names_an_ore() -> None:
    refusal = refused(licensed_world(), depot(ore="Bayan Obo"))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="ore")


@pytest.mark.parametrize(
    ("ore", "kind"),
    [("Longnan", OreKind.ROCK), ("Bayan Obo", OreKind.IONIC), ("Atlantis", OreKind.ROCK)],
)
def test_an_ore_has_a_published_fingerprint_of_that_kind(ore: str, kind: OreKind) -> None:
    refusal = refused(licensed_world(), pit(ore=ore, ore_kind=kind))
    assert_refused(refusal, RefusalCode.ORE_UNKNOWN, field="ore", ore=ore)


@pytest.mark.parametrize(
    ("ore", "kind"), [("Longnan", OreKind.IONIC), ("", OreKind.ROCK), ("", OreKind.IONIC)]
)
def test_a_mine_without_a_published_ore_names_its_kind_only(ore: str, kind: OreKind) -> None:
    world = licensed_world()
    world.apply("mine-a", pit(ore=ore, ore_kind=kind), signers=BOTH)


def test_a_capacity_of_one_gram_is_one_and_none_is_refused() -> None:
    world = licensed_world()
    refusal = refused(world, pit(yearly_capacity=0))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="yearly_capacity", found=0, least=1)
    world.apply("mine-a", pit(yearly_capacity=1), signers=BOTH)


@pytest.mark.parametrize("lines", [0, 1_001])
def test_lines_out_of_range_are_no_record_at_all(lines: int) -> None:
    with pytest.raises(NotCanonicalError):
        decode(RegisterFacility, encode(pit(lines=lines)))
