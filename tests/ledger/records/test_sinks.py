"""What leaves the traced world: within the allowance alone, above it with an authority."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.records.consume import Consume
from ledger.records.incident import Incident
from ledger.records.write_off import WriteOff
from ledger.refusal import RefusalCode
from ledger.state.tables import SINKS, SMALL_LOSSES
from ledger.vocabulary import Activity, IncidentKind, Purpose, Role, SinkKind
from ledger.wire.scalars import CivilDate, Grams, MemberId
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    consume,
    filing,
    hold,
    incident,
    inspect,
    supervised_world,
    write_off,
)
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    TODAY,
    TRADER,
    accept,
    alerts_of,
    lot_row,
    mark_filed,
    mined,
    offer,
    offered,
    suspend,
    transfer_of,
)
from tests.support.world import Signer, World

CERIUM_EDGE = 40_000
"""Gross grams that hold exactly the 10,000 g of cerium that a year allows."""
WITH_AUTHORITY: tuple[Signer, ...] = ((MINE, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR))


@pytest.fixture
def world() -> World:
    return supervised_world()


def test_the_allowance_is_used_to_the_gram_and_not_one_beyond(world: World) -> None:
    lot = mined(world)
    world.build(world.transaction(MINE, write_off(lot, CERIUM_EDGE)))
    # Four grams of this ore hold one of cerium.
    refused = world.refusal(MINE, write_off(lot, CERIUM_EDGE + 4))
    assert_refused(refused, RefusalCode.AUTHORITY_NEEDED, field="authority", excess=1)
    assert refused.figures["element"] == "Ce"
    world.apply(MINE, write_off(lot, CERIUM_EDGE))
    row = world.expect(SMALL_LOSSES, 2024, MINE)
    assert dict(row.grams) == {57: 5_000, 58: 10_000, 59: 1_000, 60: 4_000}
    assert lot_row(world, lot).gross == LOT_GROSS - CERIUM_EDGE


def test_what_an_authority_signs_does_not_count(world: World) -> None:
    lot = mined(world)
    record = write_off(lot, 500_000, authority=INSPECTORATE)
    assert world.refusal(MINE, record).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINE, record, signers=WITH_AUTHORITY)
    assert world.row(SMALL_LOSSES, 2024, MINE) is None
    sunk = world.expect(SINKS, 2024, int(SinkKind.WRITTEN_OFF), MINE)
    assert (sunk.records, sunk.gross) == (1, 500_000)
    world.apply(MINE, write_off(lot, CERIUM_EDGE))


@pytest.mark.parametrize("signer", [TRADER, MemberId("nobody")])
def test_only_an_authority_signs_for_a_loss(world: World, signer: MemberId) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, write_off(lot, 10, authority=signer))
    assert refused.code in (RefusalCode.NOT_AN_AUTHORITY, RefusalCode.MEMBER_UNKNOWN)


def test_a_new_year_has_a_new_allowance(world: World) -> None:
    lot = mined(world)
    world.apply(MINE, write_off(lot, CERIUM_EDGE))
    world.move_to_date(2025_01_01)
    world.apply(MINE, write_off(lot, CERIUM_EDGE, date=CivilDate(2025_01_01)))
    assert world.expect(SINKS, 2025, int(SinkKind.WRITTEN_OFF), MINE).gross == CERIUM_EDGE


def test_a_theft_needs_an_authority_for_the_first_gram(world: World) -> None:
    lot = mined(world)
    record = incident(lot, 10, kind=IncidentKind.THEFT)
    refused = world.refusal(MINE, record)
    assert_refused(refused, RefusalCode.AUTHORITY_NEEDED, field="authority", gross=10)
    signed = incident(lot, 10, kind=IncidentKind.THEFT, authority=INSPECTORATE)
    world.apply(MINE, signed, signers=WITH_AUTHORITY)
    world.apply(MINE, incident(lot, 10))
    assert [row.code for row in alerts_of(world)] == ["incident", "incident"]
    assert world.expect(SINKS, 2024, int(SinkKind.INCIDENT), MINE).records == 2


def test_fires_and_write_offs_share_one_allowance(world: World) -> None:
    lot = mined(world)
    world.apply(MINE, write_off(lot, CERIUM_EDGE // 2))
    world.apply(MINE, incident(lot, CERIUM_EDGE // 2))
    assert world.refusal(MINE, incident(lot, 4)).code is RefusalCode.AUTHORITY_NEEDED


def test_end_users_use_up_alone_and_others_with_an_authority(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, consume(lot, 10))
    assert_refused(refused, RefusalCode.AUTHORITY_NEEDED, field="authority", gross=10)
    world.apply(MINE, consume(lot, 10, authority=INSPECTORATE), signers=WITH_AUTHORITY)
    user = world.admit("maker-f", activities=(Activity.END_USE,))
    transfer = transfer_of(world.apply(MINE, offer(lot, buyer=user)))
    world.apply(user, accept(lot, transfer, received_gross=Grams(LOT_GROSS - 10)))
    world.apply(user, consume(lot, LOT_GROSS - 10, date=TODAY))
    assert lot_row(world, lot).gross == 0
    assert world.expect(SINKS, 2024, int(SinkKind.CONSUMED), user).gross == LOT_GROSS - 10


def test_goods_of_another_are_not_used_up(world: World) -> None:
    lot, transfer = offered(world, purpose=Purpose.TOLL)
    world.apply(BUYER, accept(lot, transfer))
    signers = ((BUYER, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR))
    record = consume(lot, 10, date=TODAY, authority=INSPECTORATE)
    assert world.refusal(BUYER, record, signers=signers).code is RefusalCode.LOT_OF_ANOTHER
    assert world.refusal(MINE, write_off(lot, 10, date=TODAY)).code is RefusalCode.LOT_OF_ANOTHER
    world.apply(BUYER, write_off(lot, 10, date=TODAY))


@pytest.mark.parametrize("make", [write_off, incident, consume])
def test_one_gram_more_than_there_is_does_not_leave(world: World, make: type) -> None:
    lot = mined(world)
    record: WriteOff | Incident | Consume = make(lot, LOT_GROSS + 1, authority=INSPECTORATE)
    refused = world.refusal(MINE, record, signers=WITH_AUTHORITY)
    assert_refused(refused, RefusalCode.QUANTITY_EXCEEDED, field="gross")
    assert refused.figures["missing"] == 1
    world.apply(MINE, make(lot, LOT_GROSS, authority=INSPECTORATE), signers=WITH_AUTHORITY)
    assert lot_row(world, lot).parcels == ()


def test_what_is_offered_held_or_filed_does_not_leave(world: World) -> None:
    lot, _transfer = offered(world)
    assert world.refusal(MINE, write_off(lot, 10, date=TODAY)).code is RefusalCode.LOT_NOT_FREE
    held = mined(world, code="C-2")
    inspect(world, hold(held))
    assert world.refusal(MINE, write_off(held, 10)).code is RefusalCode.LOT_HELD
    free = mined(world, code="C-3")
    assert world.refusal(MINE, write_off(free, 1)).code is RefusalCode.FIELD_INVALID
    suspend(world, TRADER)
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, write_off(free, 10)).code is RefusalCode.MONTH_FILED


def test_losses_and_use_stand_in_the_months_totals(world: World) -> None:
    lot = mined(world)
    world.apply(MINE, write_off(lot, 10), incident(lot, 20))
    world.apply(MINE, consume(lot, 40, authority=INSPECTORATE), signers=WITH_AUTHORITY)
    (line,) = filing(world, MINE, 202403).products
    assert (line.lost, line.consumed, line.closing) == (30, 40, LOT_GROSS - 70)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(8, 60_000), min_size=1, max_size=8))
def test_no_series_of_write_offs_exceeds_the_allowance(grosses: list[int]) -> None:
    world = supervised_world()
    lot = mined(world)
    for gross in grosses:
        world.commit(world.transaction(MINE, write_off(lot, gross)))
    row = world.row(SMALL_LOSSES, 2024, MINE)
    written_off = {} if row is None else dict(row.grams)
    assert all(grams <= 10_000 for grams in written_off.values())
    assert lot_row(world, lot).reo == 500_000 - sum(written_off.values())
