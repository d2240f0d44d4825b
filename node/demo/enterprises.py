"""The members of the demo network. Every enterprise here is invented.

Two authorities and two enterprise groups run the validators. Eleven mines and twelve separators
belong to the groups; five traders belong to none. The groups take over the published quota of a
real group each (``standin_for``); within a group a weight says how much of its quota an
enterprise gets, the same in every batch. Provinces are those where such ore is really mined or
treated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.demo.ores import BAYAN_OBO, LONGNAN, MIANNING, WEISHAN, XUNWU, Ore
from node.demo.records import Activity, Bucket, Facility, Member
from node.demo.tables import GRAMS_PER_TONNE


@dataclass(frozen=True, slots=True)
class Authority:
    """A public body that admits, grants or checks."""

    id: str
    name: str
    province: str


@dataclass(frozen=True, slots=True)
class Group:
    """An enterprise group, and the group of the published notices whose figures it takes over."""

    id: str
    name: str
    province: str
    standin_for: str


@dataclass(frozen=True, slots=True)
class Pit:
    """One licensed site of a mine. ``weight`` is its part of the mine's output."""

    id: str
    place: str
    ore: Ore
    weight: int
    lines: int
    yearly_capacity_t: int


@dataclass(frozen=True, slots=True)
class Mine:
    """An enterprise that mines one kind of ore at one or more sites."""

    id: str
    tag: str
    name: str
    group: str
    province: str
    weight: int
    pits: tuple[Pit, ...]

    @property
    def bucket(self) -> Bucket:
        """The quota that its output debits."""
        return "rock_mining" if self.pits[0].ore.kind == "rock" else "ionic_mining"


@dataclass(frozen=True, slots=True)
class Separator:
    """An enterprise that separates ore; ``feeds`` are the products that it buys."""

    id: str
    tag: str
    name: str
    group: str
    province: str
    weight: int
    feeds: tuple[str, ...]
    lines: int
    yearly_capacity_t: int


@dataclass(frozen=True, slots=True)
class Trader:
    """An enterprise without a group that buys and sells what others make."""

    id: str
    tag: str
    name: str
    province: str
    exports: bool


AUTHORITIES: Final = (
    Authority("ministry", "Ministry of the demo network", "Beijing"),
    Authority("customs", "Customs of the demo network", "Beijing"),
)
GROUPS: Final = (
    Group("north-group", "North Lantern Group", "Inner Mongolia", "Northern Rare Earth"),
    Group("south-group", "South Magnolia Group", "Jiangxi", "China Rare Earth Group"),
)
NORTH: Final = GROUPS[0].id
SOUTH: Final = GROUPS[1].id

VALIDATORS: Final = tuple(member.id for member in (*AUTHORITIES, *GROUPS))

MINES: Final = (
    Mine(
        "steppe-lantern", "STL", "Steppe Lantern Mining", NORTH, "Inner Mongolia", 46,
        (
            Pit("steppe-lantern-east", "Bayan Obo, Inner Mongolia", BAYAN_OBO, 55, 3, 72_000),
            Pit("steppe-lantern-west", "Bayan Obo, Inner Mongolia", BAYAN_OBO, 45, 2, 60_000),
        ),
    ),
    Mine(
        "grey-crane", "GRC", "Grey Crane Mining", NORTH, "Inner Mongolia", 33,
        (Pit("grey-crane-pit", "Bayan Obo, Inner Mongolia", BAYAN_OBO, 1, 3, 92_000),),
    ),
    Mine(
        "long-shadow", "LSH", "Long Shadow Ore", NORTH, "Inner Mongolia", 21,
        (Pit("long-shadow-pit", "Bayan Obo, Inner Mongolia", BAYAN_OBO, 1, 2, 59_000),),
    ),
    Mine(
        "cloud-ladder", "CLL", "Cloud Ladder Mining", SOUTH, "Sichuan", 48,
        (Pit("cloud-ladder-pit", "Mianning, Sichuan", MIANNING, 1, 2, 44_000),),
    ),
    Mine(
        "amber-gorge", "AMG", "Amber Gorge Mining", SOUTH, "Sichuan", 38,
        (Pit("amber-gorge-pit", "Mianning, Sichuan", MIANNING, 1, 2, 35_000),),
    ),
    Mine(
        "tidal-stone", "TDS", "Tidal Stone Mining", SOUTH, "Shandong", 14,
        (Pit("tidal-stone-pit", "Weishan, Shandong", WEISHAN, 1, 1, 13_000),),
    ),
    Mine(
        "red-soil", "RDS", "Red Soil Ionic Mining", SOUTH, "Jiangxi", 32,
        (
            Pit("red-soil-longnan", "Longnan, Jiangxi", LONGNAN, 60, 2, 5_900),
            Pit("red-soil-xunwu", "Xunwu, Jiangxi", XUNWU, 40, 1, 4_000),
        ),
    ),
    Mine(
        "camphor-hill", "CMH", "Camphor Hill Mining", SOUTH, "Jiangxi", 18,
        (Pit("camphor-hill-pit", "Xunwu, Jiangxi", XUNWU, 1, 1, 5_500),),
    ),
    Mine(
        "tea-terrace", "TTR", "Tea Terrace Mining", SOUTH, "Fujian", 22,
        (Pit("tea-terrace-pit", "Fujian, ore of the Xunwu kind", XUNWU, 1, 1, 6_700),),
    ),
    Mine(
        "lychee-slope", "LYS", "Lychee Slope Mining", SOUTH, "Guangdong", 16,
        (Pit("lychee-slope-pit", "Guangdong, ore of the Longnan kind", LONGNAN, 1, 1, 4_900),),
    ),
    Mine(
        "osmanthus-ridge", "OSR", "Osmanthus Ridge Mining", SOUTH, "Hunan", 12,
        (Pit("osmanthus-ridge-pit", "Hunan, ore of the Longnan kind", LONGNAN, 1, 1, 3_700),),
    ),
)  # fmt: skip

SEPARATORS: Final = (
    Separator("blue-kiln", "BLK", "Blue Kiln Separation", NORTH, "Inner Mongolia", 34,
              ("ORE-MIX",), 4, 82_000),
    Separator("wild-goose", "WGO", "Wild Goose Separation", NORTH, "Inner Mongolia", 22,
              ("ORE-MIX",), 3, 53_000),
    Separator("iron-willow", "IRW", "Iron Willow Separation", NORTH, "Gansu", 18,
              ("ORE-MIX",), 2, 44_000),
    Separator("salt-wind", "SAW", "Salt Wind Separation", NORTH, "Hebei", 14,
              ("ORE-MIX",), 2, 35_000),
    Separator("harbour-mist", "HBM", "Harbour Mist Separation", NORTH, "Shandong", 12,
              ("ORE-MIX", "ORE-BAS"), 2, 34_000),
    Separator("bamboo-rain", "BBR", "Bamboo Rain Separation", SOUTH, "Sichuan", 32,
              ("ORE-BAS",), 3, 34_000),
    Separator("stone-bridge", "STB", "Stone Bridge Separation", SOUTH, "Sichuan", 24,
              ("ORE-BAS",), 2, 26_000),
    Separator("cormorant-bay", "CRB", "Cormorant Bay Separation", SOUTH, "Shandong", 16,
              ("ORE-BAS", "ORE-MIX"), 2, 21_000),
    Separator("nine-bends", "NNB", "Nine Bends Separation", SOUTH, "Jiangxi", 9,
              ("ORE-ION",), 2, 9_000),
    Separator("white-egret", "WHE", "White Egret Separation", SOUTH, "Jiangxi", 7,
              ("ORE-ION",), 1, 7_000),
    Separator("banyan-gate", "BYG", "Banyan Gate Separation", SOUTH, "Guangdong", 7,
              ("ORE-ION",), 1, 7_000),
    Separator("moon-canal", "MNC", "Moon Canal Separation", SOUTH, "Jiangsu", 5,
              ("ORE-ION",), 1, 5_000),
)  # fmt: skip

TRADERS: Final = (
    Trader("paper-kite", "PPK", "Paper Kite Trading", "Beijing", exports=False),
    Trader("river-abacus", "RVA", "River Abacus Trading", "Jiangsu", exports=False),
    Trader("tall-mast", "TLM", "Tall Mast Trading and Export", "Shandong", exports=True),
    Trader("copper-bell", "CPB", "Copper Bell Trading", "Sichuan", exports=False),
    Trader("pearl-ferry", "PRF", "Pearl Ferry Trading and Export", "Guangdong", exports=True),
)

_DEPOT_CAPACITY_G: Final = 20_000 * GRAMS_PER_TONNE
_PROCESS_STOCK_PART: Final = 6
"""A separation line may hold a sixth of a year's capacity, two months of work, in process."""


def members() -> tuple[Member, ...]:
    """Give every member in the order of admission: authorities, groups, enterprises."""
    return tuple(_members())


def _members() -> Iterator[Member]:
    for number, body in enumerate(AUTHORITIES, 1):
        yield Member(
            id=body.id,
            name=body.name,
            kind="authority",
            activities=(),
            group="",
            province=body.province,
            registration=f"DEMO-AUT-{number:04}",
            licences=(),
        )
    for number, group in enumerate(GROUPS, 1):
        registration = f"DEMO-GRP-{number:04}"
        yield _enterprise(group, group.id, ("trade",), registration, ())
    pits = 0
    for number, mine in enumerate(MINES, 1):
        licences = tuple(f"DEMO-MIN-{pits + i:04}" for i in range(1, len(mine.pits) + 1))
        pits += len(mine.pits)
        yield _enterprise(mine, mine.group, ("mining",), f"DEMO-ENT-{number:04}", licences)
    for number, plant in enumerate(SEPARATORS, 101):
        registration, licence = f"DEMO-ENT-{number:04}", f"DEMO-SEP-{number:04}"
        yield _enterprise(plant, plant.group, ("separation",), registration, (licence,))
    for number, trader in enumerate(TRADERS, 201):
        registration, licence = f"DEMO-ENT-{number:04}", f"DEMO-TRD-{number:04}"
        activities: tuple[Activity, ...] = ("trade", "export") if trader.exports else ("trade",)
        yield _enterprise(trader, "", activities, registration, (licence,))


def _enterprise(
    enterprise: Group | Mine | Separator | Trader,
    group: str,
    activities: tuple[Activity, ...],
    registration: str,
    licences: tuple[str, ...],
) -> Member:
    return Member(
        id=enterprise.id,
        name=enterprise.name,
        kind="enterprise",
        activities=activities,
        group=group,
        province=enterprise.province,
        registration=registration,
        licences=licences,
    )


def facilities() -> tuple[Facility, ...]:
    """Give every facility: a pit per mining licence, a plant per separator, a depot per trader."""
    return tuple(_facilities())


def _facilities() -> Iterator[Facility]:
    licences = {member.id: member.licences for member in members()}
    for mine in MINES:
        for pit, licence in zip(mine.pits, licences[mine.id], strict=True):
            yield Facility(
                id=pit.id,
                owner=mine.id,
                activity="mining",
                place=pit.place,
                ore_kind=pit.ore.kind,
                lines=pit.lines,
                yearly_capacity_g=pit.yearly_capacity_t * GRAMS_PER_TONNE,
                process_stock_cap_g=0,
                ore=pit.ore.name,
                licence=licence,
            )
    for plant in SEPARATORS:
        capacity_g = plant.yearly_capacity_t * GRAMS_PER_TONNE
        yield Facility(
            id=intake_facility(plant),
            owner=plant.id,
            activity="separation",
            place=plant.province,
            ore_kind="none",
            lines=plant.lines,
            yearly_capacity_g=capacity_g,
            process_stock_cap_g=capacity_g // _PROCESS_STOCK_PART,
            ore="",
            licence=licences[plant.id][0],
        )
    for trader in TRADERS:
        yield Facility(
            id=intake_facility(trader),
            owner=trader.id,
            activity="trade",
            place=trader.province,
            ore_kind="none",
            lines=1,
            yearly_capacity_g=_DEPOT_CAPACITY_G,
            process_stock_cap_g=0,
            ore="",
            licence=licences[trader.id][0],
        )


def intake_facility(buyer: Separator | Trader) -> str:
    """Give the id of the facility where a buyer takes lots in."""
    return f"{buyer.id}-plant" if isinstance(buyer, Separator) else f"{buyer.id}-depot"
