"""What was sent is shared out to the gram: seller, buyer, lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.quantity import merge, reo_of
from ledger.refusal import RefusalCode
from ledger.state.tables import LOSSES
from ledger.vocabulary import Purpose, Role
from ledger.wire.scalars import CivilDate, Grams
from tests.support.founding import MINISTRY
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    BOTH_SIDES,
    SHORT,
    disputed,
    hold,
    inspect,
    settle,
    supervised_world,
)
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    TRADER,
    alerts_of,
    lot_of,
    lot_row,
    mark_filed,
    offered,
    suspend,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return supervised_world()


def test_the_buyer_keeps_what_arrived_and_the_rest_is_lost(world: World) -> None:
    lot, transfer = disputed(world)
    world.apply(MINE, settle(lot, transfer), signers=BOTH_SIDES)
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.gross, row.transfer) == (BUYER, BUYER, SHORT, None)
    assert (row.reo, row.date, row.place) == (495_000, 20240328, "Ganzhou")
    loss = world.expect(LOSSES, 2024, BUYER)
    assert (loss.receipts, loss.sent, loss.gross) == (1, LOT_GROSS, 10_000)
    assert sum(grams for _element, grams in loss.grams) == 5_000


def test_both_may_keep_a_share(world: World) -> None:
    lot, transfer = disputed(world)
    record = settle(
        lot, transfer,
        seller_gross=Grams(300_000), buyer_gross=Grams(690_000), seller_code="BACK-1",
    )  # fmt: skip
    transaction = world.apply(BUYER, record, signers=BOTH_SIDES)
    kept, back = lot_row(world, lot), lot_row(world, lot_of(transaction))
    assert (kept.owner, kept.gross, back.owner, back.gross) == (BUYER, 690_000, MINE, 300_000)
    assert (back.creator, back.code, back.parents, back.transfer) == (MINE, "BACK-1", (lot,), None)
    assert reo_of(merge((kept.parcels, back.parcels))) == 495_000


def test_everything_can_go_back_or_be_lost(world: World) -> None:
    lot, transfer = disputed(world)
    nothing = settle(lot, transfer, buyer_gross=Grams(0), loss_gross=Grams(LOT_GROSS))
    world.build(world.transaction(MINISTRY, nothing))
    back = settle(
        lot, transfer, seller_gross=Grams(LOT_GROSS), buyer_gross=Grams(0), loss_gross=Grams(0)
    )
    world.apply(MINISTRY, back)
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.gross, row.transfer) == (MINE, MINE, LOT_GROSS, None)


def test_a_lot_that_is_lost_whole_is_used_up(world: World) -> None:
    lot, transfer = disputed(world)
    world.apply(MINISTRY, settle(lot, transfer, buyer_gross=Grams(0), loss_gross=Grams(LOT_GROSS)))
    assert lot_row(world, lot).gross == 0
    assert world.expect(LOSSES, 2024, BUYER).gross == LOT_GROSS


@pytest.mark.parametrize("difference", [-1, 1])
def test_one_gram_too_many_or_too_few_is_refused(world: World, difference: int) -> None:
    lot, transfer = disputed(world)
    record = settle(lot, transfer, loss_gross=Grams(LOT_GROSS - SHORT + difference))
    refused = world.refusal(MINE, record, signers=BOTH_SIDES)
    assert_refused(refused, RefusalCode.SETTLEMENT_DOES_NOT_ADD_UP, field="seller_gross")
    assert refused.figures["difference"] == difference


def test_one_side_alone_settles_nothing(world: World) -> None:
    lot, transfer = disputed(world)
    for side in (MINE, BUYER):
        refused = world.refusal(side, settle(lot, transfer))
        assert refused.code is RefusalCode.SIGNATURE_MISSING
    refused = world.refusal(TRADER, settle(lot, transfer))
    assert_refused(refused, RefusalCode.NOT_A_PARTY, field="transfer", author=TRADER)


def test_what_is_not_disputed_is_answered_and_not_settled(world: World) -> None:
    lot, transfer = offered(world)
    refused = world.refusal(MINE, settle(lot, transfer), signers=BOTH_SIDES)
    assert_refused(refused, RefusalCode.TRANSFER_NOT_DISPUTED, field="transfer")
    assert world.refusal(MINISTRY, settle(lot, transfer)).code is RefusalCode.TRANSFER_NOT_DISPUTED
    suspend(world, MINE)
    world.apply(MINISTRY, settle(lot, transfer))


def test_a_settled_transfer_is_closed(world: World) -> None:
    lot, transfer = disputed(world)
    world.apply(MINISTRY, settle(lot, transfer))
    assert world.refusal(MINISTRY, settle(lot, transfer)).code is RefusalCode.TRANSFER_UNKNOWN


def test_the_tolerance_is_the_edge_of_the_alert(world: World) -> None:
    lot, transfer = disputed(world)
    edge = settle(
        lot, transfer,
        buyer_gross=Grams(990_000), seller_gross=Grams(8_000), loss_gross=Grams(2_000),
        seller_code="B-1",
    )  # fmt: skip
    disputes = len(alerts_of(world))
    world.apply(MINISTRY, edge)
    assert len(alerts_of(world)) == disputes
    other = supervised_world()
    lot, transfer = disputed(other)
    over = settle(
        lot, transfer,
        buyer_gross=Grams(990_000), seller_gross=Grams(7_999), loss_gross=Grams(2_001),
        seller_code="B-1",
    )  # fmt: skip
    other.apply(MINISTRY, over)
    alert = next(alert for alert in alerts_of(other) if alert.code == "settled-loss")
    assert dict(alert.figures) == {"lost": 2_001, "sent": LOT_GROSS, "tolerated": 2_000}


def test_the_sellers_share_has_a_code_and_a_gram_of_oxide(world: World) -> None:
    lot, transfer = disputed(world)
    for changes in (
        {"seller_code": "B-1"},
        {"seller_gross": Grams(1_000), "buyer_gross": Grams(989_000)},
        {"seller_gross": Grams(1), "buyer_gross": Grams(989_999), "seller_code": "B-1"},
    ):
        refused = world.refusal(MINISTRY, settle(lot, transfer, **changes))
        assert refused.code is RefusalCode.FIELD_INVALID


def test_held_goods_are_not_settled(world: World) -> None:
    lot, transfer = disputed(world)
    inspect(world, hold(lot))
    assert world.refusal(MINISTRY, settle(lot, transfer)).code is RefusalCode.LOT_HELD


def test_goods_settled_to_a_suspended_buyer_are_held(world: World) -> None:
    lot, transfer = disputed(world)
    suspend(world, BUYER)
    world.apply(MINISTRY, settle(lot, transfer))
    assert [placed.case for placed in lot_row(world, lot).holds] == ["suspension"]


def test_the_claimed_day_lies_between_the_offer_and_today(world: World) -> None:
    lot, transfer = disputed(world)
    for date, code in (
        (2024_03_21, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
    ):
        record = settle(lot, transfer, date=CivilDate(date))
        assert world.refusal(MINISTRY, record).code is code
    mark_filed(world, MINE, 202403)
    refused = world.refusal(MINE, settle(lot, transfer), signers=BOTH_SIDES)
    assert refused.code is RefusalCode.MONTH_FILED


def test_goods_under_toll_stay_their_owners(world: World) -> None:
    lot, transfer = disputed(world, purpose=Purpose.TOLL)
    world.apply(MINE, settle(lot, transfer), signers=BOTH_SIDES)
    row = lot_row(world, lot)
    assert (row.owner, row.holder) == (MINE, BUYER)


def test_the_ministry_settles_with_its_operator_key(world: World) -> None:
    lot, transfer = disputed(world)
    refused = world.refusal(MINISTRY, settle(lot, transfer), signers=((MINISTRY, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING


@settings(max_examples=25, deadline=None)
@given(st.integers(0, LOT_GROSS), st.integers(0, LOT_GROSS))
def test_every_way_to_share_keeps_every_gram(one: int, other: int) -> None:
    world = supervised_world()
    lot, transfer = disputed(world)
    low, high = sorted((one, other))
    shares = {"seller_gross": low, "buyer_gross": high - low, "loss_gross": LOT_GROSS - high}
    code = "B-1" if shares["seller_gross"] and shares["buyer_gross"] else ""
    record = settle(lot, transfer, seller_code=code, **shares)
    built = world.commit(world.transaction(MINISTRY, record))
    if built.left_out:
        assert built.left_out[0][1].code is RefusalCode.FIELD_INVALID
        return
    rows = [lot_row(world, lot)]
    if code:
        rows.append(lot_row(world, lot_of(built.included[0])))
    loss = world.row(LOSSES, 2024, BUYER)
    lost = 0 if loss is None else sum(grams for _element, grams in loss.grams)
    assert sum(row.reo for row in rows) + lost == 500_000
    assert sum(row.gross for row in rows) + shares["loss_gross"] == LOT_GROSS
