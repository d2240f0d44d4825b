"""What the mines of the demo make: several lots a month, each year exactly its grants.

A mine spreads a year's grants over the months by a season, and never has more out than was
granted by the first of the month: what a late batch keeps it from making is made up in the
following months. The year's last month takes what is left, so that the national totals are met
to the gram.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.demo.draws import Draws, apportion, digest_of
from node.demo.enterprises import MINES, Mine, Pit
from node.demo.ores import gross_g, oxides_g
from node.demo.records import Grant, Output

_SEASON: Final = (60, 50, 70, 78, 84, 86, 92, 94, 98, 100, 96, 92)
"""Weight of each month: little in winter and around the spring festival."""
_SEASON_VARIATION_PERMILLE: Final = 40
_PIT_VARIATION_PERMILLE: Final = 30
_LOT_VARIATION_PERMILLE: Final = 150
_FIRST_WORKING_DAY: Final = 3
"""January's first lot begins on the 3rd, after the day of plans and grants."""


@dataclass(frozen=True, slots=True)
class MinedLot:
    """An output with the mine that reports it."""

    mine: Mine
    output: Output


def mined_lots(
    seed: int, months: Sequence[date], grants: Sequence[Grant], lots_a_month: tuple[int, int]
) -> Iterator[MinedLot]:
    """Draw every output of ``months`` (given as their first days), month by month.

    ``lots_a_month`` is the least and the most lots that one pit makes in a month. What a mine makes
    in a month depends on the seed, not on how many months are asked for.
    """
    by_mine = {mine.id: _month_amounts(seed, mine, months, grants) for mine in MINES}
    for position, month in enumerate(months):
        for mine in MINES:
            draws = Draws(seed, f"mining/{mine.id}/{month:%Y-%m}")
            amount_g = by_mine[mine.id][position]
            yield from _mine_month(mine, month, amount_g, lots_a_month, draws)


def _month_amounts(
    seed: int, mine: Mine, months: Sequence[date], grants: Sequence[Grant]
) -> list[int]:
    """Draw how many grams of REO the mine makes in each month."""
    own = [grant for grant in grants if (grant.grantee, grant.bucket) == (mine.id, mine.bucket)]
    amounts: list[int] = []
    for year in sorted({month.year for month in months}):
        draws = Draws(seed, f"season/{mine.id}/{year}")
        batches = [grant for grant in own if grant.year == year]
        wished = apportion(
            sum(grant.grams for grant in batches),
            [draws.around(weight, _SEASON_VARIATION_PERMILLE) for weight in _SEASON],
        )
        wished_so_far = used = 0
        for month in (month for month in months if month.year == year):
            start = date(year, month.month, _first_day(month))
            granted = sum(grant.grams for grant in batches if grant.day < start)
            wished_so_far += wished[month.month - 1]
            amounts.append(min(wished_so_far, granted) - used)
            used += amounts[-1]
    return amounts


def _first_day(month: date) -> int:
    return _FIRST_WORKING_DAY if month.month == 1 else 1


def _mine_month(
    mine: Mine, month: date, amount_g: int, lots_a_month: tuple[int, int], draws: Draws
) -> Iterator[MinedLot]:
    """Draw one month of one mine: periods and lots of all its pits, in the order of dates."""
    weights = [draws.around(pit.weight * 1000, _PIT_VARIATION_PERMILLE) for pit in mine.pits]
    drawn: list[tuple[date, date, Pit, int]] = []
    for pit, pit_g in zip(mine.pits, apportion(amount_g, weights), strict=True):
        count = draws.between(*lots_a_month)
        lot_weights = [draws.around(1000, _LOT_VARIATION_PERMILLE) for _ in range(count)]
        for (start, end), lot_g in zip(
            _periods(month, count), apportion(pit_g, lot_weights), strict=True
        ):
            drawn.append((start, end, pit, lot_g))
    drawn.sort(key=lambda lot: (lot[1], lot[2].id))
    for number, (start, end, pit, lot_g) in enumerate(drawn, 1):
        code = f"{mine.tag}-{month:%y%m}-{number:03}"
        yield MinedLot(mine, _output(mine, pit, code, (start, end), lot_g, draws))


def _periods(month: date, count: int) -> Iterator[tuple[date, date]]:
    """Cut a month into ``count`` periods that follow each other and fill it."""
    first, last = _first_day(month), monthrange(month.year, month.month)[1]
    start = first
    for length in apportion(last - first + 1, (1,) * count):
        yield month.replace(day=start), month.replace(day=start + length - 1)
        start += length


def _output(
    mine: Mine, pit: Pit, code: str, period: tuple[date, date], reo_g: int, draws: Draws
) -> Output:
    return Output(
        period_from=period[0],
        period_to=period[1],
        facility=pit.id,
        product=pit.ore.product,
        code=code,
        gross_g=gross_g(pit.ore, reo_g, draws),
        oxides_g=oxides_g(pit.ore, reo_g, draws),
        assay_digest=digest_of("assay", mine.id, code),
    )
