"""Plans and grants of 2023 and 2024, from the published figures.

The ministry plans a year per bucket and grants every mine and every separator its part, batch by
batch. What a year's notices did not publish is filled in here, and nowhere else:

- 2023, ore kinds of a batch: ionic mining is granted in two equal halves with batches 1 and 2; the
  third batch is rock only.
- 2023, batches 1 and 2 by group: only one group's sum over both was published; half of it goes to
  each batch, and the other group gets the rest of the nation (there were four groups then).
- 2024, batch 2: equal to batch 1 in every cell, which its published national totals allow.
- Dates of plans and grants: invented, each before the first month that draws on it.

Within a group, grants follow the weights of its enterprises, to the gram.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.demo.draws import apportion, digest_of
from node.demo.enterprises import GROUPS, MINES, SEPARATORS
from node.demo.published import Figures
from node.demo.records import Bucket, Grant, Plan

BUCKETS: Final[tuple[Bucket, ...]] = ("rock_mining", "ionic_mining", "separation")

PLAN_DAYS: Final = {2023: date(2023, 1, 2), 2024: date(2024, 1, 2)}
GRANT_DAYS: Final = {
    (2023, 1): date(2023, 1, 2),
    (2023, 2): date(2023, 6, 26),
    (2023, 3): date(2023, 11, 27),
    (2024, 1): date(2024, 1, 2),
    (2024, 2): date(2024, 6, 24),
}


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one group gets of one bucket in one batch."""

    year: int
    batch: int
    group: str
    bucket: Bucket
    grams: int


def plans(figures: Figures) -> tuple[Plan, ...]:
    """Give the plans of both years; a year's plan is the sum of all its batches."""
    cells = tuple(_cells(figures))
    made = []
    for year, day in PLAN_DAYS.items():
        for bucket in BUCKETS:
            total_g = sum(c.grams for c in cells if (c.year, c.bucket) == (year, bucket))
            made.append(Plan(year, bucket, total_g, digest_of("plan", year, bucket), day))
    return tuple(made)


def grants(figures: Figures) -> tuple[Grant, ...]:
    """Give every grant of both years, in the order of their dates."""
    made: list[Grant] = []
    for cell in _cells(figures):
        grantees = _grantees(cell.group, cell.bucket)
        parts = apportion(cell.grams, [weight for _, weight in grantees])
        digest = digest_of("grant", cell.year, cell.batch)
        day = GRANT_DAYS[cell.year, cell.batch]
        made += (
            Grant(cell.year, cell.bucket, cell.batch, grantee, grams, digest, day)
            for (grantee, _), grams in zip(grantees, parts, strict=True)
        )
    return tuple(made)


def _grantees(group: str, bucket: Bucket) -> list[tuple[str, int]]:
    """Give who of a group gets a bucket's grants, each with its weight."""
    if bucket == "separation":
        return [(plant.id, plant.weight) for plant in SEPARATORS if plant.group == group]
    return [
        (mine.id, mine.weight) for mine in MINES if (mine.group, mine.bucket) == (group, bucket)
    ]


def _cells(figures: Figures) -> Iterator[_Cell]:
    """Give every batch, by group and bucket, without empty cells."""
    for year, batch in GRANT_DAYS:
        by_bucket = _cells_2023(figures, batch) if year == 2023 else _cells_2024(figures)
        for bucket in BUCKETS:
            for group, grams in zip(GROUPS, by_bucket[bucket], strict=True):
                if grams:
                    yield _Cell(year, batch, group.id, bucket, grams)


def _cells_2024(figures: Figures) -> dict[Bucket, tuple[int, ...]]:
    """Give one batch of 2024 by group, as published for the first."""
    rows = [figures.group_2024(group.standin_for) for group in GROUPS]
    return {
        "rock_mining": tuple(row.rock_mining_g for row in rows),
        "ionic_mining": tuple(row.ionic_mining_g for row in rows),
        "separation": tuple(row.separation_g for row in rows),
    }


def _cells_2023(figures: Figures, batch: int) -> dict[Bucket, tuple[int, ...]]:
    """Give one batch of 2023 by group: the published group, and the rest of the nation."""
    national = figures.batch(2023, batch)
    north = figures.group_2023(GROUPS[0].standin_for, batch)
    position = north.batches.index(batch)
    north_mining_g = _equal_part(north.mining_g, len(north.batches), position)
    north_separation_g = _equal_part(north.separation_g, len(north.batches), position)
    year_ionic_g = figures.year(2023).ionic_mining_g or 0
    ionic_g = _equal_part(year_ionic_g, 2, batch - 1) if batch in {1, 2} else 0
    return {
        "rock_mining": (north_mining_g, national.mining_g - north_mining_g - ionic_g),
        "ionic_mining": (0, ionic_g),
        "separation": (north_separation_g, national.separation_g - north_separation_g),
    }


def _equal_part(total_g: int, count: int, position: int) -> int:
    return apportion(total_g, (1,) * count)[position]
