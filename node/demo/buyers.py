"""Who buys what, and how long goods are under way.

Separators buy the ores that their lines take, in proportion to capacity, and never more in a year than
they can treat; traders buy a little of everything. Goods travel a few days, longer between provinces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Final

from node.demo.draws import Draws
from node.demo.enterprises import MINES, SEPARATORS, TRADERS, intake_facility
from node.demo.tables import GRAMS_PER_TONNE

_TRADERS_PERMILLE: Final = 80
"""How much of each ore goes through the hands of traders."""
_DAYS_WITHIN_PROVINCE: Final = (1, 3)
_DAYS_BETWEEN_PROVINCES: Final = (3, 9)

_PROVINCES: Final = {member.id: member.province for member in (*MINES, *SEPARATORS, *TRADERS)}
_INTAKE: Final = {buyer.id: intake_facility(buyer) for buyer in (*SEPARATORS, *TRADERS)}
_TRADER_IDS: Final = frozenset(trader.id for trader in TRADERS)
_CAPACITY_G: Final = {plant.id: plant.yearly_capacity_t * GRAMS_PER_TONNE for plant in SEPARATORS}
_MONTHS_AHEAD: Final = 1
"""How many months' work a separator lays in beyond what it can have treated so far in the year."""


def is_trader(member: str) -> bool:
    """Say whether a member lives from buying and selling."""
    return member in _TRADER_IDS


def intake_of(buyer: str) -> str:
    """Give the id of the facility where the buyer takes goods in."""
    return _INTAKE[buyer]


def draw_transit_days(seller: str, buyer: str, draws: Draws) -> int:
    """Draw how many days goods need from seller to buyer."""
    if _PROVINCES[seller] == _PROVINCES[buyer]:
        return draws.between(*_DAYS_WITHIN_PROVINCE)
    return draws.between(*_DAYS_BETWEEN_PROVINCES)


class Buyers:
    """Draws buyers, and keeps how much REO each separator took in, or ordered, in a year."""

    __slots__ = ("_draws", "_intake_g")

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._intake_g: dict[tuple[str, int], int] = defaultdict(int)

    def draw(self, product: str, reo_g: int, closed_to: Collection[str], day: date) -> str | None:
        """Draw who buys a lot, outside ``closed_to``; None when nobody has room for it."""
        candidates = [
            (buyer, weight)
            for buyer, weight in _market(product)
            if buyer not in closed_to and self._has_room(buyer, reo_g, day)
        ]
        if not candidates:
            return None
        buyers = [buyer for buyer, _ in candidates]
        return self._draws.weighted(buyers, [weight for _, weight in candidates])

    def take_in(self, member: str, reo_g: int, day: date) -> None:
        """Count an order of that day; a negative quantity for one undone, or sold on."""
        self._intake_g[member, day.year] += reo_g

    def _has_room(self, buyer: str, reo_g: int, day: date) -> bool:
        if is_trader(buyer):
            return True
        months = min(day.month + _MONTHS_AHEAD, 12)
        return self._intake_g[buyer, day.year] + reo_g <= _CAPACITY_G[buyer] * months // 12


def _market(product: str) -> list[tuple[str, int]]:
    """Give everybody who buys ``product``, with a weight."""
    plants = [
        (plant.id, plant.yearly_capacity_t // len(plant.feeds))
        for plant in SEPARATORS
        if product in plant.feeds
    ]
    capacity_t = sum(weight for _, weight in plants)
    trader_weight = capacity_t * _TRADERS_PERMILLE // (1000 * len(TRADERS))
    return plants + [(trader.id, trader_weight) for trader in TRADERS]
