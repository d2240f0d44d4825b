"""Who buys: nobody twice, nobody beyond capacity, nobody without a use for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from node.demo.buyers import Buyers, draw_transit_days, intake_of, is_trader
from node.demo.draws import Draws
from node.demo.enterprises import SEPARATORS, TRADERS
from node.demo.history import generate
from node.demo.records import DemoHistory, LotName, Offer, Output, Receipt, Split

DAY = date(2023, 6, 15)
FEEDS = {plant.id: plant.feeds for plant in SEPARATORS}


def test_a_separator_buys_only_what_its_lines_take() -> None:
    buyers = Buyers(Draws(1, "buyers"))
    for product in ("ORE-MIX", "ORE-BAS", "ORE-ION"):
        drawn = {buyers.draw(product, 1, (), DAY) for _ in range(500)}
        plants = {buyer for buyer in drawn if buyer and not is_trader(buyer)}
        assert plants == {plant for plant, feeds in FEEDS.items() if product in feeds}
        assert any(buyer and is_trader(buyer) for buyer in drawn)


def test_who_is_excluded_is_never_drawn_and_nobody_may_be_left() -> None:
    buyers = Buyers(Draws(1, "buyers"))
    plants = [plant.id for plant in SEPARATORS]
    traders = [trader.id for trader in TRADERS]
    drawn = {buyers.draw("ORE-ION", 1, plants, DAY) for _ in range(200)}
    assert drawn == set(traders)
    assert buyers.draw("ORE-ION", 1, plants + traders, DAY) is None


def test_a_full_separator_is_passed_over_until_the_next_year_or_until_it_sells() -> None:
    buyers = Buyers(Draws(1, "buyers"))
    others = [buyer.id for buyer in (*SEPARATORS, *TRADERS) if buyer.id != "nine-bends"]
    december = date(2023, 12, 1)
    room_g = 9_000 * 1_000_000
    assert buyers.draw("ORE-ION", room_g, others, december) == "nine-bends"
    buyers.take_in("nine-bends", room_g, december)
    assert buyers.draw("ORE-ION", 1, others, december) is None
    assert buyers.draw("ORE-ION", 1, others, date(2024, 1, 1)) == "nine-bends"
    buyers.take_in("nine-bends", -1, december)
    assert buyers.draw("ORE-ION", 1, others, december) == "nine-bends"


def test_goods_travel_longer_between_provinces() -> None:
    draws = Draws(1, "days")
    near = {draw_transit_days("grey-crane", "blue-kiln", draws) for _ in range(200)}
    far = {draw_transit_days("grey-crane", "harbour-mist", draws) for _ in range(200)}
    assert near == {1, 2, 3}
    assert far == set(range(3, 10))


def test_every_buyer_takes_goods_in_at_a_facility_of_its_own(history: DemoHistory) -> None:
    owners = {facility.id: facility.owner for facility in history.facilities}
    for buyer in (*SEPARATORS, *TRADERS):
        assert owners[intake_of(buyer.id)] == buyer.id


def test_no_separator_orders_more_in_a_year_than_it_can_treat() -> None:
    for seed in (1, 2):
        capacity = {plant.id: plant.yearly_capacity_t * 1_000_000 for plant in SEPARATORS}
        for (buyer, year), grams in net_intake_g(generate(seed)).items():
            # What was ordered in December may arrive, and count here, in the next year.
            assert grams <= capacity[buyer] * 105 // 100, (seed, buyer, year)


def net_intake_g(history: DemoHistory) -> dict[tuple[str, int], int]:
    """REO that separators received less what they passed on, by year of the receipt."""
    grade: dict[LotName, tuple[int, int]] = {}
    intake: dict[tuple[str, int], int] = defaultdict(int)
    for sheet in history.sheets:
        for row in sheet.rows:
            if isinstance(row, Output):
                grade[LotName(sheet.member, row.code)] = (row.reo_g, row.gross_g)
            elif isinstance(row, Split):
                grade.update((LotName(sheet.member, code), grade[row.lot]) for code in row.codes)
            elif isinstance(row, Offer) and row.part:
                grade[LotName(sheet.member, row.part[1])] = grade[row.lot]
            elif isinstance(row, Receipt):
                reo_g, gross_g = grade[row.lot]
                grams = row.received_gross_g * reo_g // gross_g
                for member, signed in ((sheet.member, grams), (row.seller, -grams)):
                    if member in FEEDS:
                        intake[member, row.day.year] += signed
    return intake
