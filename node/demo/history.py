"""The demo history: two years of a network that never was, from one seed.

``generate`` puts together members, facilities, catalogue, plans, grants, outputs and everything
that happened to the lots. The same arguments give an equal history on every machine; fewer
months give its beginning. Nothing is read but the published figures.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.demo.enterprises import (
    MINES,
    SEPARATORS,
    TRADERS,
    VALIDATORS,
    facilities,
    members,
)
from node.demo.figures import load_figures
from node.demo.mining import mined_lots
from node.demo.published import Figures
from node.demo.quotas import grants, plans
from node.demo.records import DemoHistory
from node.demo.sheets import SheetBook
from node.demo.trade import Market

FIRST_YEAR: Final = 2023
MONTHS_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class Scale:
    """How finely mines cut their output: the least and the most lots of one pit in a month."""

    lots_a_month_min: int
    lots_a_month_max: int

    def __post_init__(self) -> None:
        if not 1 <= self.lots_a_month_min <= self.lots_a_month_max <= LOTS_A_MONTH_MAX:
            raise ValueError(
                f"lots a month from {self.lots_a_month_min} to {self.lots_a_month_max}: "
                f"needed is 1 <= least <= most <= {LOTS_A_MONTH_MAX}"
            )


LOTS_A_MONTH_MAX: Final = 28
FULL: Final = Scale(3, 5)
"""The demo: with 24 months, between 5,400 and 6,500 records."""
SMALL: Final = Scale(1, 1)
"""For tests: the same quantities in a quarter of the lots."""


def generate(
    seed: int = 1, months: int = MONTHS_MAX, scale: Scale = FULL, figures: Figures | None = None
) -> DemoHistory:
    """Invent the first ``months`` months from January 2023, by default on the packaged figures.

    Raises:
        ValueError: when ``months`` is not between 1 and 24.
        FiguresError: when the packaged figures cannot be read.
    """
    if not 1 <= months <= MONTHS_MAX:
        raise ValueError(f"{months} months: the demo has 1 to {MONTHS_MAX}")
    figures = figures or load_figures()
    firsts = [date(FIRST_YEAR + i // 12, i % 12 + 1, 1) for i in range(months)]
    last_day = firsts[-1].replace(day=monthrange(firsts[-1].year, firsts[-1].month)[1])
    all_grants = grants(figures)
    book = SheetBook()
    tags = {member.id: member.tag for member in (*MINES, *SEPARATORS, *TRADERS)}
    market = Market(seed, last_day, tags, book)
    lots_a_month = (scale.lots_a_month_min, scale.lots_a_month_max)
    for mined in mined_lots(seed, firsts, all_grants, lots_a_month):
        market.expect(mined)
    market.run()
    return DemoHistory(
        members=members(),
        validators=VALIDATORS,
        facilities=facilities(),
        products=figures.products,
        plans=tuple(plan for plan in plans(figures) if plan.day <= last_day),
        grants=tuple(grant for grant in all_grants if grant.day <= last_day),
        sheets=book.sheets(),
    )
