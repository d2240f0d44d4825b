"""The ores of the demo: what they are made of, and lots of them.

The shares lie inside the published fingerprints (``ore_fingerprints.csv``) whether samarium and
europium are counted as light or as heavy, with room for the variation from lot to lot. The
shares of elements without a published bound are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.demo.draws import Draws, apportion
from node.demo.published import ELEMENTS, OreKind

_SHARE_VARIATION_PERMILLE: Final = 20


@dataclass(frozen=True, slots=True)
class Ore:
    """An ore and the product that its mines sell.

    ``shares_ppm`` are the parts per million of the REO, in the order of ``ELEMENTS``;
    ``grade_permille`` is the usual range of grams of REO in 1,000 g gross.
    """

    name: str
    kind: OreKind
    product: str
    grade_permille: tuple[int, int]
    shares_ppm: tuple[int, ...]


def _shares(**ppm: int) -> tuple[int, ...]:
    return tuple(ppm.get(element, 0) for element in ELEMENTS)


_LONGNAN_SHARES: Final = _shares(
    La=22_000, Ce=14_000, Pr=8_000, Nd=36_000, Sm=24_000, Eu=1_000, Gd=56_000, Tb=11_000,
    Dy=70_000, Ho=15_000, Er=44_000, Tm=6_500, Yb=39_000, Lu=5_200, Y=648_300,
)  # fmt: skip
_XUNWU_SHARES: Final = _shares(
    La=238_000, Ce=471_600, Pr=52_000, Nd=151_400, Sm=19_000, Eu=500, Gd=13_000, Tb=1_600,
    Dy=7_000, Ho=1_200, Er=2_800, Tm=350, Yb=2_100, Lu=250, Y=39_200,
)  # fmt: skip

BAYAN_OBO: Final = Ore(
    "Bayan Obo",
    "rock",
    "ORE-MIX",
    (490, 560),
    _shares(
        La=252_000, Ce=500_000, Pr=51_000, Nd=166_000, Sm=11_000, Eu=2_000, Gd=5_000, Tb=600,
        Dy=1_200, Ho=200, Er=300, Tm=60, Yb=300, Lu=40, Y=10_200, Sc=100,
    ),
)  # fmt: skip
MIANNING: Final = Ore(
    "Mianning",
    "rock",
    "ORE-BAS",
    (560, 680),
    _shares(
        La=330_000, Ce=470_000, Pr=42_000, Nd=126_000, Sm=12_000, Eu=2_200, Gd=6_000, Tb=500,
        Dy=900, Ho=150, Er=250, Tm=40, Yb=200, Lu=30, Y=9_730,
    ),
)  # fmt: skip
WEISHAN: Final = Ore(
    "Weishan",
    "rock",
    "ORE-BAS",
    (540, 640),
    _shares(
        La=345_000, Ce=475_000, Pr=40_000, Nd=110_000, Sm=9_000, Eu=1_600, Gd=4_500, Tb=400,
        Dy=700, Ho=100, Er=200, Tm=30, Yb=150, Lu=20, Y=13_300,
    ),
)  # fmt: skip
LONGNAN: Final = Ore("Longnan", "ionic", "ORE-ION", (905, 925), _LONGNAN_SHARES)
XUNWU: Final = Ore("Xunwu", "ionic", "ORE-ION", (905, 925), _XUNWU_SHARES)

ORES: Final = (BAYAN_OBO, MIANNING, WEISHAN, LONGNAN, XUNWU)


def oxides_g(ore: Ore, reo_g: int, draws: Draws) -> tuple[int, ...]:
    """Draw the grams of each oxide in a lot of ``ore``; they add up to ``reo_g``."""
    weights = [draws.around(share, _SHARE_VARIATION_PERMILLE) for share in ore.shares_ppm]
    return apportion(reo_g, weights)


def gross_g(ore: Ore, reo_g: int, draws: Draws) -> int:
    """Draw the gross grams of a lot of ``ore`` that holds ``reo_g`` of REO."""
    return reo_g * 1000 // draws.between(*ore.grade_permille)
