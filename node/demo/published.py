"""The published figures as values: what each one is, in which unit.

Masses are grams, shares permille, ratios ten-thousandths; all are integers. None is a figure that was
not published. ``node.demo.figures`` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ELEMENTS: Final = (
    "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y", "Sc",
)  # fmt: skip
"""Every element that a quantity counts, in the order of all tables."""

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
    """A product of the catalogue. The REO range is in grams per 1,000 g gross."""

    code: str
    name: str
    product_class: ProductClass
    elements: tuple[str, ...]
    is_mixed: bool
    reo_permille_low: int
    reo_permille_high: int
    hs_codes: tuple[str, ...]
    note: str

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
        """Give the totals of ``year``; raise KeyError when none were published."""
        for quota in self.years:
            if quota.year == year:
                return quota
        raise KeyError(year)
