"""Acceptance moves the goods, books a small loss, and calls a large one a dispute."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.quantity import add_compositions, merge, totals_of
from ledger.records.accept_transfer import AcceptTransfer
from ledger.refusal import RefusalCode
from ledger.state.rows import Hold
from ledger.state.tables import LOSSES, MEMBER_MONTHS
from ledger.vocabulary import Purpose, Role, TransferState
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, Grams, LotId
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    ROCK,
    TODAY,
    TRADER,
    accept,
    alerts_of,
    cancel,
    lot_row,
    mark_filed,
    mined,
    offer,
    offered,
    place_hold,
    reject,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World

TOLERATED = LOT_GROSS * 20 // 10_000
"""0.2 % of a lot."""


@pytest.fixture
def world() -> World:
    return trading_world()


def test_a_sale_moves_owner_holder_place_and_date(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.place, row.date) == (BUYER, BUYER, "Ganzhou", 20240325)
    assert (row.transfer, row.gross, row.parcels[0].grams) == (None, LOT_GROSS, ROCK)
    assert (row.creator, row.code) == (MINE, "C-1")
    assert world.row(LOSSES, 2024, BUYER) is None


@pytest.mark.parametrize("purpose", [Purpose.TOLL, Purpose.CONSIGNMENT])
def test_toll_and_consignment_move_the_holder_only(world: World, purpose: Purpose) -> None:
    lot, transfer = offered(world, purpose=purpose)
    world.apply(BUYER, accept(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.holder) == (MINE, BUYER)


def test_nothing_grows_on_the_way(world: World) -> None:
    lot, transfer = offered(world)
    refused = world.refusal(BUYER, accept(lot, transfer, received_gross=Grams(LOT_GROSS + 1)))
    assert refused.code is RefusalCode.RECEIVED_MORE_THAN_SENT
    assert (refused.field, refused.figures["excess"]) == ("received_gross", 1)


def test_a_difference_at_the_tolerance_is_booked_as_loss_in_the_lots_composition(
    world: World,
) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer, received_gross=Grams(LOT_GROSS - TOLERATED)))
    row = lot_row(world, lot)
    assert (row.gross, row.owner, row.transfer) == (LOT_GROSS - TOLERATED, BUYER, None)
    loss = world.expect(LOSSES, 2024, BUYER)
    assert (loss.receipts, loss.sent, loss.gross) == (1, LOT_GROSS, TOLERATED)
    assert add_compositions(loss.grams, totals_of(row.parcels)) == ROCK
    assert sum(grams for _element, grams in loss.grams) == TOLERATED // 2
    assert alerts_of(world) == []


def test_one_gram_beyond_the_tolerance_is_a_dispute_and_the_lot_stays_locked(world: World) -> None:
    lot, transfer = offered(world)
    before = lot_row(world, lot)
    received = Grams(LOT_GROSS - TOLERATED - 1)
    world.apply(BUYER, accept(lot, transfer, received_gross=received))
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.gross, row.parcels) == (
        MINE,
        MINE,
        LOT_GROSS,
        before.parcels,
    )
    assert row.transfer is not None
    assert (row.transfer.state, row.transfer.received) == (TransferState.DISPUTED, received)
    assert world.row(LOSSES, 2024, BUYER) is None
    (alert,) = alerts_of(world)
    assert alert.code == "transfer-disputed"
    assert dict(alert.figures)["missing"] == TOLERATED + 1
    for author, record in (
        (BUYER, accept(lot, transfer)),
        (BUYER, reject(lot, transfer)),
        (MINE, cancel(lot, transfer, date=CivilDate(2024_03_25))),
    ):
        assert world.refusal(author, record).code is RefusalCode.TRANSFER_NOT_OPEN
    refused = world.refusal(MINE, offer(lot, buyer=TRADER, invoice="INV-2", date=TODAY))
    assert refused.code is RefusalCode.LOT_NOT_FREE


def test_the_tolerance_is_compared_exactly_and_never_rounded_up(world: World) -> None:
    # 0.2 % of 499 g is 0.998 g: the loss of one gram is a dispute.
    for gross, code in ((499, "C-1"), (500, "C-2")):
        half = (ROCK[1][0], Grams(gross // 2))
        lot = mined(world, gross=Grams(gross), elements=(half,), code=code)
        transfer = transfer_of(world.apply(MINE, offer(lot)))
        world.apply(BUYER, accept(lot, transfer, received_gross=Grams(gross - 1)))
        assert (lot_row(world, lot).transfer is None) == (gross == 500)


def test_receiving_nothing_is_a_rejection_and_not_an_acceptance(world: World) -> None:
    lot, transfer = offered(world)
    refused = world.refusal(BUYER, accept(lot, transfer, received_gross=Grams(0)))
    assert (refused.code, refused.field) == (RefusalCode.FIELD_INVALID, "received_gross")


def test_losses_of_a_year_add_up(world: World) -> None:
    for number in range(3):
        lot = mined(world, code=f"C-{number}")
        transfer = transfer_of(world.apply(MINE, offer(lot)))
        world.apply(BUYER, accept(lot, transfer, received_gross=Grams(LOT_GROSS - 100)))
    loss = world.expect(LOSSES, 2024, BUYER)
    assert (loss.receipts, loss.sent, loss.gross) == (3, 3 * LOT_GROSS, 300)


@pytest.mark.parametrize(("short_g", "alerts"), [(15, 1), (14, 0)])
def test_always_losing_nearly_all_of_the_tolerance_raises_an_alert(
    world: World, short_g: int, alerts: int
) -> None:
    # The tolerance of 10,000 g is 20 g; three quarters of it are 15 g.
    for number in range(10):
        assert not alerts_of(world)
        half = (ROCK[1][0], Grams(2_500))
        other = (ROCK[0][0], Grams(2_500))
        lot = mined(world, gross=Grams(10_000), elements=(other, half), code=f"C-{number}")
        transfer = transfer_of(world.apply(MINE, offer(lot)))
        world.apply(BUYER, accept(lot, transfer, received_gross=Grams(10_000 - short_g)))
    found = alerts_of(world)
    assert [(alert.code, alert.member) for alert in found] == [("transit-losses", BUYER)] * alerts
    if found:
        assert dict(found[0].figures) == {
            "receipts": 10, "lost": 150, "sent": 100_000, "tolerated": 200,
        }  # fmt: skip


def test_only_the_buyer_accepts(world: World) -> None:
    lot, transfer = offered(world)
    for author in (MINE, TRADER):
        refused = world.refusal(author, accept(lot, transfer))
        assert (refused.code, refused.figures["buyer"]) == (RefusalCode.NOT_THE_BUYER, BUYER)
    refused = world.refusal(BUYER, accept(lot, transfer), signers=((MINE, Role.OPERATOR),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING


def test_a_transfer_is_answered_once(world: World) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    refused = world.refusal(BUYER, accept(lot, transfer))
    assert (refused.code, refused.field) == (RefusalCode.TRANSFER_UNKNOWN, "transfer")


def test_an_answer_to_an_earlier_offer_does_not_close_a_later_one(world: World) -> None:
    lot, first = offered(world)
    world.apply(MINE, cancel(lot, first))
    second = transfer_of(world.apply(MINE, offer(lot, date=CivilDate(2024_03_24))))
    assert world.refusal(BUYER, accept(lot, first)).code is RefusalCode.TRANSFER_UNKNOWN
    world.apply(BUYER, accept(lot, second))


def test_an_unknown_lot_and_an_unoffered_one_are_told_apart(world: World) -> None:
    lot = mined(world)
    unknown = LotId(bytes(16))
    assert world.refusal(BUYER, accept(unknown, unknown)).code is RefusalCode.LOT_UNKNOWN
    assert world.refusal(BUYER, accept(lot, unknown)).code is RefusalCode.TRANSFER_UNKNOWN


def test_acceptance_is_dated_between_the_offer_and_today_in_an_open_month(world: World) -> None:
    lot, transfer = offered(world)
    for date, code in (
        (2024_03_21, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
        (2024_13_01, RefusalCode.DATE_INVALID),
    ):
        assert world.refusal(BUYER, accept(lot, transfer, date=CivilDate(date))).code is code
    for date in (2024_03_22, 2024_03_31):
        record = accept(lot, transfer, date=CivilDate(date))
        assert world.build(world.transaction(BUYER, record)).included
    mark_filed(world, BUYER, 202403)
    assert world.refusal(BUYER, accept(lot, transfer)).code is RefusalCode.MONTH_FILED


def test_acceptance_counts_in_the_claimed_month_of_both(world: World) -> None:
    lot, transfer = offered(world)
    counts = [world.expect(MEMBER_MONTHS, member, 202403).count for member in (MINE, BUYER)]
    world.apply(BUYER, accept(lot, transfer))
    after = [world.expect(MEMBER_MONTHS, member, 202403).count for member in (MINE, BUYER)]
    assert after == [count + 1 for count in counts]


def test_a_receipt_for_a_month_that_the_seller_has_filed_counts_in_the_blocks_month(
    world: World,
) -> None:
    lot, transfer = offered(world)
    world.move_to_date(20240405)
    mark_filed(world, MINE, 202403)
    before = world.expect(MEMBER_MONTHS, MINE, 202403)
    world.apply(BUYER, accept(lot, transfer))
    assert world.expect(MEMBER_MONTHS, MINE, 202403) == before
    assert world.expect(MEMBER_MONTHS, MINE, 202404).count == 1


def test_a_held_lot_cannot_be_accepted_and_goes_back_with_its_hold(world: World) -> None:
    lot, transfer = offered(world)
    place_hold(world, lot)
    assert world.refusal(BUYER, accept(lot, transfer)).code is RefusalCode.LOT_HELD
    world.apply(BUYER, reject(lot, transfer))
    row = lot_row(world, lot)
    assert (row.transfer, row.holds) == (None, (Hold(case="2024-9"),))


def test_a_suspended_buyer_accepts_into_a_hold(world: World) -> None:
    lot, transfer = offered(world)
    suspend(world, BUYER)
    world.apply(BUYER, accept(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.holds) == (BUYER, (Hold(case="suspension"),))


def test_acceptance_from_a_seller_that_was_suspended_meanwhile_raises_an_alert(
    world: World,
) -> None:
    lot, transfer = offered(world)
    suspend(world, MINE)
    world.apply(BUYER, accept(lot, transfer))
    assert [(alert.code, alert.member) for alert in alerts_of(world)] == [
        ("seller-suspended", MINE)
    ]
    assert lot_row(world, lot).owner == BUYER


def test_negative_and_absurd_quantities_are_no_record() -> None:
    lot = LotId(bytes(16))
    for grams in (-1, 10**12 + 1):
        with pytest.raises(NotCanonicalError):
            decode(AcceptTransfer, encode(accept(lot, lot, received_gross=Grams(grams))))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10_000), st.data())
def test_what_was_sent_is_what_arrived_and_what_was_lost(gross: int, data: st.DataObject) -> None:
    world = trading_world()
    reo = data.draw(st.integers(max(1, -(-gross * 3 // 10)), max(1, gross * 6 // 10)))
    if not gross * 300 <= reo * 1_000 <= gross * 600:
        return
    cerium = reo - reo // 3
    elements = tuple(
        (element, Grams(grams))
        for element, grams in ((ROCK[0][0], reo // 3), (ROCK[1][0], cerium))
        if grams
    )
    lot = mined(world, gross=Grams(gross), elements=elements)
    sent = lot_row(world, lot)
    transfer = transfer_of(world.apply(MINE, offer(lot)))
    received = data.draw(st.integers(max(1, gross - gross // 250), gross))
    world.apply(BUYER, accept(lot, transfer, received_gross=Grams(received)))
    row, loss = lot_row(world, lot), world.row(LOSSES, 2024, BUYER)
    if (gross - received) * 10_000 > gross * 20:
        assert row.transfer is not None
        assert (row.gross, row.parcels) == (sent.gross, sent.parcels)
        return
    lost = () if loss is None else loss.grams
    assert row.gross + (0 if loss is None else loss.gross) == gross
    assert add_compositions(totals_of(merge([row.parcels])), lost) == totals_of(sent.parcels)
