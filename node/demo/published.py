"""The published figures as values: what each one is, in which unit.

Masses are grams, shares permille, ratios ten-thousandths; all are integers. None is a figure
that was not published. ``node.demo.figures`` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

_Value = TypeVar("_Value")

ELEMENTS: Final = (
    "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y", "Sc",
)  # fmt: skip
"""Every element that a quantity counts, in the order of all tables."""
BY_ATOMIC_NUMBER: Final = ("Sc", "Y", *ELEMENTS[:-2])
IONIC_PRODUCTS: Final = ("ORE-ION",)
"""Ores that ionic mines make; every other ore comes from rock."""

OreKind = Literal["rock", "ionic"]
ProductClass = Literal["ore", "compound", "metal", "scrap", "magnet"]
QuotaStatus = Literal["undebited", "debited", "exempt"]


@dataclass(frozen=True, slots=True)
class YearQuota:
    """The national total of one year, in grams of REO."""

    year: int
    mining_g: int
    rock_mining_g: int | None
    ionic_mining_g: int | None
    separation_g: int | None
    source: str


@dataclass(frozen=True, slots=True)
class BatchQuota:
    """One batch of a year, national, in grams of REO."""

    year: int
    batch: int
    mining_g: int
    separation_g: int
    source: str


@dataclass(frozen=True, slots=True)
class PartialGroupQuota:
    """What was published of 2023 for one group: the sum over ``batches``, in grams of REO."""

    batches: tuple[int, ...]
    group: str
    mining_g: int
    separation_g: int
    source: str


@dataclass(frozen=True, slots=True)
class GroupQuota:
    """One group's part of the first batch of 2024, in grams of REO."""

    group: str
    rock_mining_g: int
    ionic_mining_g: int
    separation_g: int
    source: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalogue. The REO range is in grams per 1,000 g gross.

    ``elements`` stand by ascending atomic number; a mixed product names none, it may hold any.
    """

    code: str
    name: str
    product_class: ProductClass
    elements: tuple[str, ...]
    reo_permille_low: int
    reo_permille_high: int
    hs_codes: tuple[str, ...]
    note: str

    @property
    def is_mixed(self) -> bool:
        """Say whether it may hold any element."""
        return not self.elements

    @property
    def ore_kind(self) -> OreKind | Literal["none"]:
        """Say what kind of mine makes it; ``none`` for everything but ore."""
        if self.product_class != "ore":
            return "none"
        return "ionic" if self.code in IONIC_PRODUCTS else "rock"

    @property
    def status_at_origin(self) -> QuotaStatus:
        """Say how the separation quota sees it: ore and mixed compounds still owe it, scrap never."""
        if self.product_class == "scrap":
            return "exempt"
        if self.product_class == "ore" or (self.product_class == "compound" and self.is_mixed):
            return "undebited"
        return "debited"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Bounds for the share of one oxide, or of all light or heavy ones, in the REO of an ore."""

    ore: str
    kind: OreKind
    share_of: str
    low_permille: int
    high_permille: int
    source: str


@dataclass(frozen=True, slots=True)
class PlantFloor:
    """The smallest plausible yearly capacity of a kind of plant, in grams of REO."""

    plant: str
    yearly_capacity_g: int
    source: str


@dataclass(frozen=True, slots=True)
class OxideFactor:
    """Mass ratios of an oxide and its metal, in ten-thousandths."""

    oxide: str
    element: str
    metal_per_oxide: int
    oxide_per_metal: int


@dataclass(frozen=True, slots=True)
class RecoveryFloor:
    """The lowest plausible yield of a process step, in permille."""

    step: str
    floor_permille: int
    source: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything in ``node/demo/data``, in the order of the files' rows."""

    years: tuple[YearQuota, ...]
    batches: tuple[BatchQuota, ...]
    groups_2023: tuple[PartialGroupQuota, ...]
    groups_2024_batch_1: tuple[GroupQuota, ...]
    products: tuple[Product, ...]
    fingerprints: tuple[Fingerprint, ...]
    plant_floors: tuple[PlantFloor, ...]
    oxide_factors: tuple[OxideFactor, ...]
    recovery_floors: tuple[RecoveryFloor, ...]

    def year(self, year: int) -> YearQuota:
        """Give the totals of ``year``; raise LookupError when the file has none."""
        return _only(
            (row for row in self.years if row.year == year), f"quota_by_year.csv: no year {year}"
        )

    def batch(self, year: int, batch: int) -> BatchQuota:
        """Give one national batch; raise LookupError when the file has none."""
        return _only(
            (row for row in self.batches if (row.year, row.batch) == (year, batch)),
            f"quota_by_batch.csv: no batch {batch} of {year}",
        )

    def group_2023(self, group: str, batch: int) -> PartialGroupQuota:
        """Give what covers a group's batch of 2023; raise LookupError when the file has none."""
        return _only(
            (row for row in self.groups_2023 if row.group == group and batch in row.batches),
            f"quota_by_group_2023.csv: no batch {batch} of {group}",
        )

    def group_2024(self, group: str) -> GroupQuota:
        """Give a group's first batch of 2024; raise LookupError when the file has none."""
        return _only(
            (row for row in self.groups_2024_batch_1 if row.group == group),
            f"quota_by_group_2024_batch1.csv: no group {group}",
        )


def _only(found: Iterator[_Value], missing: str) -> _Value:
    value = next(found, None)
    if value is None:
        raise LookupError(missing)
    return value
