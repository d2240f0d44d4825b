"""Inspections, penalties and reports: what they say stays, and changes nothing else."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.inspect_site import Inspect
from ledger.records.penalise import Penalise
from ledger.records.record import Record
from ledger.records.report_lot import ReportLot
from ledger.refusal import RefusalCode
from ledger.state.tables import MEMBER_MONTHS
from ledger.wire.scalars import Grams, LotId, MemberId
from tests.support.founding import MINISTRY
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    ONE_PERSON_TWICE,
    inspect,
    supervised_world,
)
from tests.support.trading import BUYER, MINE, PIT, TRADER, alerts_of, lot_row, mined, split
from tests.support.world import World, digest_of

AT_PIT = Inspect(
    facility=PIT, lot=None, finding="a second conveyor", evidence=digest_of("pictures")
)
FINE = Penalise(member=TRADER, case="2024-7", article="31", amount=500_000, quota_cut=Grams(0))
SEEN = ReportLot(creator=MINE, code="C-1", place="Ganzhou", finding="the seal is cut")


@pytest.fixture
def world() -> World:
    return supervised_world()


def touched(world: World, member: str) -> int:
    row = world.row(MEMBER_MONTHS, member, 202403)
    return 0 if row is None else row.count


def about(lot: LotId) -> Inspect:
    return msgspec.structs.replace(AT_PIT, facility="", lot=lot)


def test_a_finding_stands_with_the_owner_and_changes_nothing(world: World) -> None:
    lot = mined(world)
    row, before = lot_row(world, lot), touched(world, MINE)
    inspect(world, AT_PIT, about(lot))
    assert (lot_row(world, lot), touched(world, MINE)) == (row, before + 2)


def test_an_inspection_is_of_one_thing_that_there_is_by_two_persons(world: World) -> None:
    lot = mined(world)
    both = msgspec.structs.replace(about(lot), facility=PIT)
    neither = msgspec.structs.replace(AT_PIT, facility="")
    gone = mined(world, code="C-2")
    world.apply(MINE, split(gone, 500_000, 500_000))
    cases: tuple[tuple[Record, RefusalCode, str], ...] = (
        (both, RefusalCode.FIELD_INVALID, "facility"),
        (neither, RefusalCode.FIELD_INVALID, "facility"),
        (
            msgspec.structs.replace(AT_PIT, facility="pit-z"),
            RefusalCode.FACILITY_UNKNOWN,
            "facility",
        ),
        (about(LotId(bytes(16))), RefusalCode.LOT_UNKNOWN, "lot"),
        (about(gone), RefusalCode.LOT_EXHAUSTED, "lot"),
    )
    for record, code, field in cases:
        assert_refused(world.refusal(INSPECTORATE, record, signers=INSPECTORS), code, field=field)
    refused = world.refusal(INSPECTORATE, AT_PIT, signers=ONE_PERSON_TWICE)
    assert refused.code is RefusalCode.SAME_PERSON
    assert world.refusal(MINE, AT_PIT).code is RefusalCode.NOT_AN_AUTHORITY


def test_the_ministry_penalises_members_and_not_itself(world: World) -> None:
    before = touched(world, TRADER)
    world.apply(MINISTRY, FINE)
    assert touched(world, TRADER) == before + 1
    for member, code in (
        ("nobody", RefusalCode.MEMBER_UNKNOWN),
        (MINISTRY, RefusalCode.FIELD_INVALID),
    ):
        record = msgspec.structs.replace(FINE, member=MemberId(member))
        assert_refused(world.refusal(MINISTRY, record), code, field="member")
    assert world.refusal(MINE, FINE).code is RefusalCode.NOT_THE_MINISTRY


def test_a_label_on_no_live_lot_is_an_alert_and_one_on_a_lot_another(world: World) -> None:
    world.apply(BUYER, SEEN)
    lot = mined(world)
    before = touched(world, MINE)
    world.apply(BUYER, SEEN)
    assert touched(world, MINE) == before + 1
    assert lot_row(world, lot).holds == ()
    unknown, reported = alerts_of(world)
    assert (unknown.code, unknown.member) == ("label-unknown", MINE)
    assert (reported.code, dict(reported.figures)) == ("lot-reported", {"gross": 1_000_000})


def test_a_label_names_an_admitted_member(world: World) -> None:
    record = msgspec.structs.replace(SEEN, creator=MemberId("nobody"))
    assert_refused(world.refusal(BUYER, record), RefusalCode.MEMBER_UNKNOWN, field="creator")
