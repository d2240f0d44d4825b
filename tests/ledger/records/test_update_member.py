"""``UpdateMember``: what the register says from now on."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.update_member import UpdateMember
from ledger.refusal import RefusalCode
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBER_MONTHS, MEMBERS
from ledger.vocabulary import Activity, ExternalNumberKind, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import MemberId
from tests.support.founding import CUSTOMS, MINISTRY, NORTH, SOUTH
from tests.support.refusals import assert_refused
from tests.support.world import World

ENTRY = UpdateMember(
    member=NORTH,
    name="North Rare Earth",
    activities=(Activity.TRADE, Activity.EXPORT),
    group="big-group",
    province="Guangdong",
    licences=("TRADE-north-group", "EXPORT-1"),
    reason="merger",
    case="C-2024/20",
)
LICENCE = int(ExternalNumberKind.LICENCE)


def changed(**fields: object) -> UpdateMember:
    return msgspec.structs.replace(ENTRY, **fields)


def test_the_register_says_the_new_things_and_keeps_the_rest() -> None:
    world = World()
    before = world.expect(MEMBERS, NORTH)
    world.apply(MINISTRY, ENTRY)
    row = world.expect(MEMBERS, NORTH)
    assert (row.name, row.activities, row.group, row.province, row.licences) == (
        ENTRY.name, ENTRY.activities, ENTRY.group, ENTRY.province, ENTRY.licences,
    )  # fmt: skip
    for kept in ("kind", "office", "registration", "status", "admitted_ms", "admin_keys"):
        assert getattr(row, kept) == getattr(before, kept)
    number = world.expect(EXTERNAL_NUMBERS, LICENCE, "registry", "EXPORT-1")
    assert number.counterparty == NORTH
    assert world.expect(MEMBER_MONTHS, NORTH, 202401).count == 1


def test_a_licence_of_another_is_refused_and_a_dropped_one_comes_back_to_its_member_only() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, changed(licences=("TRADE-south-group",)))
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licences", member=SOUTH)
    world.apply(MINISTRY, changed(licences=()))
    assert world.expect(MEMBERS, NORTH).licences == ()
    stolen = changed(member=SOUTH, licences=("TRADE-north-group",))
    refusal = world.refusal(MINISTRY, stolen)
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licences", member=NORTH)
    world.apply(MINISTRY, changed(licences=("TRADE-north-group",)))
    assert world.expect(MEMBERS, NORTH).licences == ("TRADE-north-group",)
    refusal = world.refusal(MINISTRY, changed(licences=("L-1", "L-1")))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="licences")


def test_a_licence_that_serves_a_mine_stays() -> None:
    world = World()
    world.admit_mine("mine-a", "pit")
    entry = changed(member=MemberId("mine-a"), activities=(Activity.MINING,), licences=())
    refusal = world.refusal(MINISTRY, entry)
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licences", facility="pit")
    stopped = changed(member=MemberId("mine-a"), activities=(), licences=("LIC-pit",))
    world.apply(MINISTRY, stopped)


def test_activities_and_a_group_are_an_enterprises_and_stand_once() -> None:
    world = World()
    for fields, field in (({"group": ""}, "activities"), ({"activities": ()}, "group")):
        refusal = world.refusal(MINISTRY, changed(member=CUSTOMS, licences=(), **fields))
        assert_refused(refusal, RefusalCode.FIELD_INVALID, field=field)
    refusal = world.refusal(MINISTRY, changed(activities=(Activity.TRADE, Activity.TRADE)))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="activities")


def test_a_change_that_changes_nothing_is_refused() -> None:
    world = World()
    world.apply(MINISTRY, ENTRY)
    assert_refused(world.refusal(MINISTRY, ENTRY), RefusalCode.FIELD_INVALID, field="member")


def test_only_the_ministry_changes_an_admitted_member() -> None:
    world = World()
    assert_refused(world.refusal(NORTH, ENTRY), RefusalCode.NOT_THE_MINISTRY, field="")
    refusal = world.refusal(MINISTRY, changed(member=MemberId("nobody")))
    assert_refused(refusal, RefusalCode.MEMBER_UNKNOWN, field="member")
    refusal = world.refusal(MINISTRY, ENTRY, signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_64_licences_fit_and_65_are_no_record() -> None:
    world = World()
    licences = tuple(f"L-{number}" for number in range(64))
    world.apply(MINISTRY, changed(licences=licences))
    assert len(world.expect(MEMBERS, NORTH).licences) == 64
    with pytest.raises(NotCanonicalError):
        decode(UpdateMember, encode(changed(licences=(*licences, "L-64"))))
