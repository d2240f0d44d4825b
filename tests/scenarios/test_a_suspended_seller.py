"""A suspended seller: it tries to sell off its stock, and to be back before anybody looks."""

from __future__ import annotations

from ledger.records.reinstate_member import ReinstateMember
from ledger.refusal import RefusalCode
from tests.support.founding import MINISTRY
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    MINE,
    accept,
    alerts_of,
    cancel,
    lot_row,
    mined,
    offer,
    offered,
    output,
    suspend,
    trading_world,
)


def test_it_sells_splits_and_produces_nothing() -> None:
    world = trading_world()
    lot = mined(world)
    suspend(world, MINE)
    for record in (offer(lot), output(code="C-2")):
        refusal = world.refusal(MINE, record)
        assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")


def test_what_it_had_offered_before_is_accepted_with_an_alert_and_not_taken_back() -> None:
    world = trading_world()
    lot, transfer = offered(world)
    suspend(world, MINE)
    refusal = world.refusal(MINE, cancel(lot, transfer))
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")
    world.apply(BUYER, accept(lot, transfer))
    assert lot_row(world, lot).owner == BUYER
    assert "seller-suspended" in [alert.code for alert in alerts_of(world)]


def test_it_does_not_reinstate_itself_and_sells_again_only_after_the_ministry_has() -> None:
    world = trading_world()
    lot = mined(world)
    suspend(world, MINE)
    record = ReinstateMember(member=MINE, reason="settled", case="2024-8")
    refusal = world.refusal(MINE, record, offer(lot))
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author")
    refusal = world.refusal(BUYER, record)
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")
    world.apply(MINISTRY, record)
    world.apply(MINE, offer(lot))
