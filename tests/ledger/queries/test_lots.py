"""Where a lot is, whose it was, and what waits for whom."""

from __future__ import annotations

import pytest

from ledger.queries.lots import (
    lot_at,
    lot_by_id,
    lot_history,
    lots_by_code,
    lots_held_for_others,
    lots_of_owner,
    open_offers,
)
from ledger.queries.placed_records import RecordFinder
from ledger.records.accept_transfer import AcceptTransfer
from ledger.state.rows import RecordReference
from ledger.vocabulary import Purpose
from ledger.wire.scalars import CivilDate, Grams, Height, LotId, TxId
from tests.support.market import MEMBERS_OF_MARKET, seeded_market
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    TODAY,
    TRADER,
    accept,
    cancel,
    lot_of,
    lot_row,
    mined,
    offer,
    offer_part,
    offered,
    reject,
    split,
    trading_world,
    transfer_of,
)
from tests.support.world import World

UNKNOWN = LotId(bytes(16))


@pytest.fixture
def world() -> World:
    return trading_world()


def test_a_lot_is_found_by_its_id_live_or_exhausted(world: World) -> None:
    lot = mined(world)
    world.apply(MINE, split(lot, 500_000, 500_000))
    found = lot_by_id(world.store, lot)
    assert found is not None
    assert (found.id, found.row.gross) == (lot, 0)
    assert lot_by_id(world.store, UNKNOWN) is None


def test_a_lot_is_seen_as_it_was_at_any_height(world: World) -> None:
    before = world.height
    lot, transfer = offered(world)
    made, was_offered = Height(before + 1), Height(before + 2)
    world.apply(BUYER, accept(lot, transfer))
    assert lot_at(world.store, lot, before) is None
    then = lot_at(world.store, lot, made)
    assert then is not None
    assert (then.owner, then.transfer) == (MINE, None)
    then = lot_at(world.store, lot, was_offered)
    assert then is not None
    assert then.transfer is not None
    now = lot_at(world.store, lot, Height(10**6))
    assert now == lot_row(world, lot)


def test_all_lots_that_ever_carried_a_code_are_found_newest_first(world: World) -> None:
    first = mined(world)
    world.apply(MINE, split(first, 500_000, 500_000))
    second = mined(world)
    found = lots_by_code(world.store, MINE, "C-1")
    assert [lot.id for lot in found] == [second, first]
    assert lots_by_code(world.store, MINE, "C") == ()
    assert lots_by_code(world.store, BUYER, "C-1") == ()


def test_an_offer_waits_for_its_buyer_until_it_is_answered(world: World) -> None:
    lot, transfer = offered(world)
    assert [each.id for each in open_offers(world.store, BUYER).lots] == [lot]
    assert open_offers(world.store, TRADER).lots == ()
    world.apply(MINE, cancel(lot, transfer))
    assert open_offers(world.store, BUYER).lots == ()
    again = transfer_of(world.apply(MINE, offer(lot, date=CivilDate(2024_03_24))))
    world.apply(BUYER, accept(lot, again, received_gross=Grams(LOT_GROSS // 2)))
    # A disputed transfer is not closed.
    assert [each.id for each in open_offers(world.store, BUYER).lots] == [lot]


def test_the_list_of_an_owner_follows_every_change_of_hands(world: World) -> None:
    lot, transfer = offered(world)
    assert [each.id for each in lots_of_owner(world.store, MINE).lots] == [lot]
    world.apply(BUYER, accept(lot, transfer))
    assert lots_of_owner(world.store, MINE).lots == ()
    assert [each.id for each in lots_of_owner(world.store, BUYER).lots] == [lot]
    world.apply(BUYER, split(lot, 500_000, 500_000, date=TODAY))
    assert lot not in [each.id for each in lots_of_owner(world.store, BUYER).lots]


def test_entrusted_goods_stand_in_the_list_of_who_holds_them(world: World) -> None:
    lot, transfer = offered(world, purpose=Purpose.TOLL)
    world.apply(BUYER, accept(lot, transfer))
    assert [each.id for each in lots_held_for_others(world.store, BUYER).lots] == [lot]
    assert [each.id for each in lots_of_owner(world.store, MINE).lots] == [lot]
    back = world.apply(
        BUYER, offer(lot, buyer=MINE, purpose=Purpose.RETURN, invoice="", date=TODAY)
    )
    world.apply(MINE, accept(lot, transfer_of(back), date=TODAY))
    assert lots_held_for_others(world.store, BUYER).lots == ()


def test_a_list_is_read_page_by_page_without_gaps_or_doubles(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, split(lot, *[LOT_GROSS // 10] * 10))
    expected = sorted(lot_of(transaction, number) for number in range(10))
    seen: list[LotId] = []
    after: LotId | None = None
    pages = 0
    while pages == 0 or after is not None:
        page = lots_of_owner(world.store, MINE, after=after, limit=3)
        seen.extend(each.id for each in page.lots)
        after = page.next_after
        pages += 1
    assert seen == expected
    assert pages == 4
    assert lots_of_owner(world.store, MINE, limit=10).next_after is None
    assert len(lots_of_owner(world.store, MINE, limit=0).lots) == 1


def test_a_history_shows_every_record_and_every_tenure_in_order(world: World) -> None:
    lot, first = offered(world)
    world.apply(BUYER, reject(lot, first))
    second = transfer_of(world.apply(MINE, offer(lot, date=CivilDate(2024_03_26))))
    world.apply(BUYER, accept(lot, second, date=CivilDate(2024_03_27)))
    history = lot_history(world.store, lot)
    assert history is not None
    assert [event.placed.name for event in history.events] == [
        "MineOutput", "OfferTransfer", "RejectTransfer", "OfferTransfer", "AcceptTransfer",
    ]  # fmt: skip
    assert [event.transfer for event in history.events] == [None, first, None, second, None]
    assert [(each.owner, each.since_date, each.transfer) for each in history.tenures] == [
        (MINE, 20240320, None), (BUYER, 20240327, second),
    ]  # fmt: skip
    assert not history.is_cut
    assert [event.placed.author for event in history.events] == [MINE, MINE, BUYER, MINE, BUYER]


def test_a_lot_that_changes_hands_twice_in_one_block_keeps_both_in_its_history(
    world: World,
) -> None:
    lot, transfer = offered(world)
    taking = world.transaction(BUYER, accept(lot, transfer))
    passing = world.transaction(BUYER, offer(lot, buyer=TRADER, date=CivilDate(2024_03_26)))
    world.commit(taking, passing)
    onward = world.transaction(
        TRADER, accept(lot, transfer_of(passing), date=CivilDate(2024_03_27))
    )
    back = world.transaction(
        TRADER, offer(lot, buyer=BUYER, date=CivilDate(2024_03_28), invoice="CREDIT-1")
    )
    world.commit(onward, back)
    again = world.transaction(BUYER, accept(lot, transfer_of(back), date=CivilDate(2024_03_28)))
    more = world.transaction(BUYER, offer(lot, buyer=TRADER, date=TODAY, invoice="INV-3"))
    last = world.transaction(TRADER, accept(lot, transfer_of(more), date=TODAY))
    world.commit(again, more, last)
    history = lot_history(world.store, lot)
    assert history is not None
    assert [each.owner for each in history.tenures] == [MINE, BUYER, TRADER, BUYER, TRADER]
    places = [event.placed.place for event in history.events]
    assert places == sorted(places)


def test_a_long_history_is_cut_and_says_so(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    history = lot_history(world.store, lot, limit=2)
    assert history is not None
    assert (len(history.events), history.is_cut) == (2, True)
    whole = lot_history(world.store, lot, limit=3)
    assert whole is not None
    assert not whole.is_cut
    assert lot_history(world.store, UNKNOWN) is None


def test_a_part_begins_its_own_history(world: World) -> None:
    lot = mined(world)
    transaction = world.apply(MINE, offer_part(lot, 400_000))
    part = lot_history(world.store, lot_of(transaction))
    rest = lot_history(world.store, lot)
    assert part is not None
    assert rest is not None
    assert [event.placed.name for event in part.events] == ["OfferTransfer"]
    assert [event.gross for event in rest.events] == [LOT_GROSS, 600_000]


def test_a_record_is_found_by_its_name_and_a_strange_name_is_not(world: World) -> None:
    lot, transfer = offered(world)
    transaction = world.apply(BUYER, accept(lot, transfer))
    finder = RecordFinder(world.store)
    placed = finder.find(RecordReference(tx_id=transaction.tx_id, index=0))
    assert placed is not None
    assert isinstance(placed.record, AcceptTransfer)
    assert (placed.date, placed.time_ms, placed.author) == (20240325, world.time_ms, BUYER)
    assert finder.find(RecordReference(tx_id=TxId(bytes(32)), index=0)) is None


def test_the_lists_agree_with_the_rows_after_a_long_history() -> None:
    market, _findings = seeded_market(21, 25, 10)
    store = market.world.store
    rows = dict(market.lots())
    assert any(not row.gross for row in rows.values())
    for member in MEMBERS_OF_MARKET:
        owned = {lot for lot, row in rows.items() if row.gross and row.owner == member}
        kept = {lot for lot, row in rows.items() if row.gross and row.holder == member != row.owner}
        waiting = {
            lot for lot, row in rows.items() if row.transfer and row.transfer.buyer == member
        }
        assert {lot.id for lot in lots_of_owner(store, member, limit=1_000).lots} == owned
        assert {lot.id for lot in lots_held_for_others(store, member, limit=1_000).lots} == kept
        assert {lot.id for lot in open_offers(store, member, limit=1_000).lots} == waiting
    for lot, row in rows.items():
        assert lot in [each.id for each in lots_by_code(store, row.creator, row.code)]
        history = lot_history(store, lot)
        assert history is not None
        last = history.events[-1]
        assert (last.owner, last.holder, last.gross) == (row.owner, row.holder, row.gross)
