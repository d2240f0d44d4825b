"""An offer locks the goods and names the buyer; nobody can sell the same gram twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.quantity import merge
from ledger.records.offer_transfer import OfferTransfer
from ledger.refusal import RefusalCode
from ledger.state.rows import OpenTransfer
from ledger.state.tables import EXTERNAL_NUMBERS, LOTS, MEMBER_MONTHS
from ledger.vocabulary import Element, ExternalNumberKind, Purpose, Role, TransferState
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, Grams, LotId, MemberId
from ledger.wire.transaction import sealed_digest
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    OTHER_MINE,
    TODAY,
    TRADER,
    accept,
    cancel,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    offer,
    offer_part,
    offered,
    place_hold,
    reject,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World, digest_of


@pytest.fixture
def world() -> World:
    return trading_world()


def entrusted(world: World, purpose: Purpose) -> LotId:
    """A lot of the mine that lies with the buyer."""
    lot, transfer = offered(world, purpose=purpose)
    world.apply(BUYER, accept(lot, transfer))
    return lot


def test_a_whole_lot_is_locked_by_the_transfer_in_its_row(world: World) -> None:
    lot = mined(world)
    before = lot_row(world, lot)
    transaction = world.apply(MINE, offer(lot, terms=digest_of("terms")))
    after = lot_row(world, lot)
    assert after.transfer == OpenTransfer(
        transfer=transfer_of(transaction),
        seller=MINE,
        buyer=BUYER,
        purpose=Purpose.SALE,
        invoice="INV-1",
        terms=digest_of("terms"),
        offered=CivilDate(2024_03_22),
        state=int(TransferState.OPEN),
        received=Grams(0),
    )
    assert (after.owner, after.holder, after.gross, after.parcels, after.date) == (
        before.owner, before.holder, before.gross, before.parcels, before.date,
    )  # fmt: skip


def test_a_part_becomes_a_lot_of_its_own_and_the_rest_stays_free(world: World) -> None:
    lot = mined(world)
    whole = lot_row(world, lot)
    transaction = world.apply(MINE, offer_part(lot, 333_333))
    part_id = lot_of(transaction)
    part, rest = lot_row(world, part_id), lot_row(world, lot)
    assert (part.gross, rest.gross) == (333_333, LOT_GROSS - 333_333)
    assert merge((part.parcels, rest.parcels)) == whole.parcels
    assert part.reo == 500_000 * 333_333 // LOT_GROSS
    assert (part.code, part.creator, part.parents, part.date) == ("P-1", MINE, (lot,), 20240322)
    assert part.transfer is not None
    assert part.transfer.transfer == transfer_of(transaction) != part_id
    assert (rest.transfer, rest.date) == (None, whole.date)


def test_the_same_lot_is_not_sold_twice(world: World) -> None:
    lot, transfer = offered(world)
    refused = world.refusal(MINE, offer(lot, buyer=TRADER, invoice="INV-2"))
    assert (refused.code, refused.figures["buyer"]) == (RefusalCode.LOT_NOT_FREE, BUYER)
    assert refused.figures["transfer"] == transfer.hex()
    assert world.refusal(MINE, offer_part(lot, 1_000)).code is RefusalCode.LOT_NOT_FREE
    world.apply(BUYER, accept(lot, transfer))
    refused = world.refusal(MINE, offer(lot, buyer=TRADER, invoice="INV-2", date=TODAY))
    assert refused.code is RefusalCode.LOT_OF_ANOTHER


def test_of_two_offers_of_one_lot_in_one_block_exactly_one_wins(world: World) -> None:
    lot = mined(world)
    one = world.transaction(MINE, offer(lot))
    other = world.transaction(MINE, offer(lot, buyer=TRADER, invoice="INV-2"))
    for first, second in ((one, other), (other, one)):
        built = world.build(first, second)
        assert built.included == (first,)
        assert built.left_out[0][1].code is RefusalCode.LOT_NOT_FREE


def test_parts_cannot_be_sold_beyond_the_lot(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, offer_part(lot, LOT_GROSS + 1))
    assert (refused.code, refused.figures["missing"]) == (RefusalCode.QUANTITY_EXCEEDED, 1)
    world.apply(MINE, offer_part(lot, LOT_GROSS - 2))
    refused = world.refusal(MINE, offer_part(lot, 3, part_code="P-2"))
    assert (refused.code, refused.figures["left"]) == (RefusalCode.QUANTITY_EXCEEDED, 2)


def test_a_part_is_less_than_the_lot_and_has_a_code(world: World) -> None:
    lot = mined(world)
    assert world.refusal(MINE, offer_part(lot, LOT_GROSS)).field == "part_gross"
    refused = world.refusal(MINE, offer(lot, part_gross=Grams(1_000)))
    assert (refused.code, refused.field) == (RefusalCode.FIELD_INVALID, "part_code")
    refused = world.refusal(MINE, offer(lot, part_code="P-1"))
    assert (refused.code, refused.field) == (RefusalCode.FIELD_INVALID, "part_code")
    refused = world.refusal(MINE, offer_part(lot, 1_000, part_code="C-1"))
    assert (refused.code, refused.field) == (RefusalCode.CODE_TAKEN, "part_code")


def test_a_part_holds_at_least_one_gram_of_oxide(world: World) -> None:
    lot = mined(world)
    assert world.refusal(MINE, offer_part(lot, 1)).code is RefusalCode.FIELD_INVALID
    part = lot_of(world.apply(MINE, offer_part(lot, 2)))
    assert lot_row(world, part).reo == 1


def test_the_buyer_is_in_the_register_active_and_somebody_else(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, offer(lot, buyer=MemberId("nobody")))
    assert (refused.code, refused.field) == (RefusalCode.BUYER_UNKNOWN, "buyer")
    assert world.refusal(MINE, offer(lot, buyer=MINE)).code is RefusalCode.BUYER_IS_SELLER
    suspend(world, BUYER)
    refused = world.refusal(MINE, offer(lot))
    assert refused.code is RefusalCode.BUYER_NOT_ACTIVE
    assert "false figures" in refused.sentence


def test_a_suspended_seller_offers_nothing(world: World) -> None:
    lot = mined(world)
    suspend(world, MINE)
    assert world.refusal(MINE, offer(lot)).code is RefusalCode.AUTHOR_SUSPENDED


def test_only_who_owns_and_holds_a_lot_sells_it(world: World) -> None:
    lot = mined(world)
    assert world.refusal(TRADER, offer(lot)).code is RefusalCode.LOT_OF_ANOTHER
    assert world.refusal(MINE, offer(LotId(bytes(16)))).code is RefusalCode.LOT_UNKNOWN


@pytest.mark.parametrize("purpose", [Purpose.TOLL, Purpose.CONSIGNMENT])
def test_entrusted_goods_stay_the_owners_and_the_holder_can_only_return_them(
    world: World, purpose: Purpose
) -> None:
    lot = entrusted(world, purpose)
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.place) == (MINE, BUYER, "Ganzhou")
    later: dict[str, object] = {"date": TODAY, "invoice": ""}
    for other in (Purpose.SALE, Purpose.TOLL, Purpose.CONSIGNMENT):
        refused = world.refusal(BUYER, offer(lot, buyer=TRADER, purpose=other, **later))
        assert refused.code is RefusalCode.LOT_OF_ANOTHER
    refused = world.refusal(BUYER, offer(lot, buyer=TRADER, purpose=Purpose.RETURN, **later))
    assert (refused.code, refused.field) == (RefusalCode.PURPOSE_MISMATCH, "purpose")
    back = world.apply(BUYER, offer(lot, buyer=MINE, purpose=Purpose.RETURN, **later))
    world.apply(MINE, accept(lot, transfer_of(back), date=TODAY, place="Baotou"))
    row = lot_row(world, lot)
    assert (row.owner, row.holder, row.place) == (MINE, MINE, "Baotou")


def test_the_owner_sells_entrusted_goods_to_who_holds_them_and_to_nobody_else(
    world: World,
) -> None:
    lot = entrusted(world, Purpose.CONSIGNMENT)
    refused = world.refusal(MINE, offer(lot, buyer=TRADER, date=TODAY, invoice=""))
    assert refused.code is RefusalCode.LOT_OF_ANOTHER
    refused = world.refusal(MINE, offer(lot, purpose=Purpose.TOLL, date=TODAY, invoice=""))
    assert refused.code is RefusalCode.LOT_OF_ANOTHER
    sale = world.apply(MINE, offer_part(lot, 400_000, date=TODAY, invoice=""))
    part = lot_of(sale)
    assert lot_row(world, part).holder == BUYER
    world.apply(BUYER, accept(part, transfer_of(sale), date=TODAY, received_gross=Grams(400_000)))
    assert (lot_row(world, part).owner, lot_row(world, lot).owner) == (BUYER, MINE)


def test_nothing_is_returned_to_somebody_who_does_not_own_it(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, offer(lot, purpose=Purpose.RETURN))
    assert refused.code is RefusalCode.PURPOSE_MISMATCH
    refused = world.refusal(TRADER, offer(lot, buyer=MINE, purpose=Purpose.RETURN))
    assert refused.code is RefusalCode.LOT_OF_ANOTHER


def test_a_held_or_exhausted_lot_is_not_offered(world: World) -> None:
    lot = mined(world)
    place_hold(world, lot)
    refused = world.refusal(MINE, offer(lot))
    assert (refused.code, refused.figures["cases"]) == (RefusalCode.LOT_HELD, "2024-9")
    assert world.refusal(MINE, offer_part(lot, 1_000)).code is RefusalCode.LOT_HELD


def test_one_invoice_covers_several_transfers_between_the_same_two(world: World) -> None:
    lots = [mined(world, code=f"C-{number}", gross=Grams(1_000_000)) for number in range(3)]
    world.apply(MINE, offer(lots[0]))
    world.apply(MINE, offer(lots[1]))
    refused = world.refusal(MINE, offer(lots[2], buyer=TRADER))
    assert (refused.code, refused.figures["counterparty"]) == (RefusalCode.INVOICE_USED, BUYER)
    row = world.expect(EXTERNAL_NUMBERS, int(ExternalNumberKind.INVOICE), MINE, "INV-1")
    assert row.counterparty == BUYER


@pytest.mark.parametrize("answer", ["cancelled", "rejected"])
def test_an_invoice_stays_bound_to_its_buyer_when_nothing_came_of_the_offer(
    world: World, answer: str
) -> None:
    lot, transfer = offered(world)
    if answer == "cancelled":
        world.apply(MINE, cancel(lot, transfer))
    else:
        world.apply(BUYER, reject(lot, transfer))
    assert (
        world.refusal(MINE, offer(lot, buyer=TRADER, date=TODAY)).code is RefusalCode.INVOICE_USED
    )
    world.apply(MINE, offer(lot, date=TODAY))


def test_invoice_numbers_of_different_sellers_have_nothing_to_do_with_each_other(
    world: World,
) -> None:
    lot, transfer = offered(world)
    world.apply(BUYER, accept(lot, transfer))
    world.apply(BUYER, offer(lot, buyer=TRADER, date=TODAY))


def test_an_invoice_that_follows_binds_nothing(world: World) -> None:
    lot = mined(world)
    transaction = world.transaction(MINE, offer(lot, invoice=""))
    built = world.build(transaction)
    prefix = EXTERNAL_NUMBERS.prefix
    assert not [key for key in built.overlay.rows if key.startswith(prefix)]


def test_an_offer_is_dated_between_the_lot_and_today_in_an_open_month(world: World) -> None:
    lot = mined(world)
    for date, code in (
        (2024_03_19, RefusalCode.DATE_BEFORE_INPUT),
        (2024_04_01, RefusalCode.DATE_IN_FUTURE),
        (2023_02_29, RefusalCode.DATE_INVALID),
    ):
        assert world.refusal(MINE, offer(lot, date=CivilDate(date))).code is code
    for date in (2024_03_20, 2024_03_31):
        assert world.build(world.transaction(MINE, offer(lot, date=CivilDate(date)))).included
    mark_filed(world, BUYER, 202403)
    assert world.build(world.transaction(MINE, offer(lot))).included
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, offer(lot)).code is RefusalCode.MONTH_FILED


def test_an_offer_counts_in_the_claimed_month_of_both(world: World) -> None:
    lot = mined(world, period_from=CivilDate(2024_02_01), period_to=CivilDate(2024_02_10))
    before = world.row(MEMBER_MONTHS, BUYER, 202402)
    assert before is None
    world.apply(MINE, offer(lot, date=CivilDate(2024_02_29)))
    assert world.expect(MEMBER_MONTHS, MINE, 202402).count == 2
    assert world.expect(MEMBER_MONTHS, BUYER, 202402).count == 1


def test_sealed_terms_are_attached_only_if_the_offer_names_them(world: World) -> None:
    lot = mined(world)
    sealed = b"ciphertext of price and contract"
    record = offer(lot, terms=sealed_digest(sealed))
    world.commit(world.transaction(MINE, record, sealed=(sealed,)))
    assert lot_row(world, lot).transfer is not None
    other = mined(world, code="C-2")
    unnamed = world.transaction(MINE, offer(other, terms=None), sealed=(sealed,))
    assert world.refusal_of(unnamed).code is RefusalCode.SEALED_NOT_NAMED


def test_the_sellers_operator_signs_and_the_buyer_need_not(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, offer(lot), signers=((BUYER, Role.OPERATOR),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING


def test_strange_numbers_and_codes_are_no_record() -> None:
    lot = LotId(bytes(16))
    for strange in (
        offer(lot, invoice="INV 1"),
        offer(lot, invoice="-1"),
        offer(lot, part_code="ü"),
        offer(lot, part_gross=Grams(-1)),
        offer(lot, part_gross=Grams(10**12 + 1)),
        offer(LotId(bytes(15))),
    ):
        with pytest.raises(NotCanonicalError):
            decode(OfferTransfer, encode(strange))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=8))
def test_parts_and_rest_are_always_the_whole(parts: list[int]) -> None:
    world = trading_world()
    lot = mined(world)
    whole = lot_row(world, lot).parcels
    transactions = [
        world.transaction(MINE, offer_part(lot, gross, part_code=f"P-{number}"))
        for number, gross in enumerate(parts)
    ]
    built = world.commit(*transactions)
    taken = [lot_row(world, lot_of(transaction)) for transaction in built.included]
    rest = lot_row(world, lot)
    assert sum(part.gross for part in taken) + rest.gross == LOT_GROSS
    assert merge([rest.parcels, *(part.parcels for part in taken)]) == whole
    assert rest.gross > 0


def test_a_part_of_a_toll_lot_that_comes_back_is_a_lot_of_its_own(world: World) -> None:
    lot = entrusted(world, Purpose.TOLL)
    back = world.apply(
        BUYER, offer_part(lot, 250_000, buyer=MINE, purpose=Purpose.RETURN, invoice="", date=TODAY)
    )
    part = lot_of(back)
    assert (lot_row(world, part).creator, lot_row(world, part).owner) == (BUYER, MINE)
    world.apply(MINE, accept(part, transfer_of(back), date=TODAY, received_gross=Grams(250_000)))
    assert (lot_row(world, part).holder, lot_row(world, lot).holder) == (MINE, BUYER)
    assert lot_row(world, part).parcels[0].grams[0][0] is Element.LA


def test_a_mine_without_business_cannot_touch_the_lot(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(OTHER_MINE, offer_part(lot, 1_000))
    assert refused.code is RefusalCode.LOT_OF_ANOTHER
    assert world.row(LOTS, lot) is not None
