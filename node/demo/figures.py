"""Reading the published figures.

``load_figures`` reads the CSV files in ``node/demo/data`` into one ``Figures``. Besides the form
of each cell it checks what the files say about each other (rock and ionic mining add up to their
total, batches to their year, the groups of a batch to that batch), so that a slip of the pen in
a file cannot turn into a quota. ``same`` in a source column means the source of the row above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Generic, TypeVar

from node.demo.published import (
    BY_ATOMIC_NUMBER,
    ELEMENTS,
    BatchQuota,
    Figures,
    Fingerprint,
    GroupQuota,
    OreKind,
    OxideFactor,
    PartialGroupQuota,
    PlantFloor,
    Product,
    ProductClass,
    RecoveryFloor,
    YearQuota,
)
from node.demo.tables import FiguresError, Row, read_table

_Value = TypeVar("_Value")

_CLASSES: Final[dict[str, ProductClass]] = {
    "ore": "ore",
    "compound": "compound",
    "metal": "metal",
    "scrap": "scrap",
    "magnet": "magnet",
}
_ORE_KINDS: Final[dict[str, OreKind]] = {"rock": "rock", "ionic": "ionic"}


@dataclass(frozen=True, slots=True)
class _File(Generic[_Value]):
    """How to read one file: its columns, how many of the first ones name a row, its value."""

    name: str
    columns: tuple[str, ...]
    naming_columns: int
    parse: Callable[[Row], _Value]


def load_figures(directory: Traversable | None = None) -> Figures:
    """Read all files of ``directory``, by default those that come with the package.

    Raises:
        FiguresError: naming file, line and column of the first thing that is wrong.
    """
    folder = files("node.demo").joinpath("data") if directory is None else directory
    years = _read(folder, _YEARS)
    batches = _read(folder, _BATCHES)
    groups = _read(folder, _GROUPS_2024)
    _check_batches(batches, [year for _, year in years])
    _check_groups(groups, [batch for _, batch in batches])
    groups_2023 = _read(folder, _GROUPS_2023)
    for row, group in groups_2023:
        _check_partial_group(row, group, [batch for _, batch in batches])
    return Figures(
        years=_values(years),
        batches=_values(batches),
        groups_2023=_values(groups_2023),
        groups_2024_batch_1=_values(groups),
        products=_values(_read(folder, _PRODUCTS)),
        fingerprints=_values(_read(folder, _FINGERPRINTS)),
        plant_floors=_values(_read(folder, _PLANT_FLOORS)),
        oxide_factors=_values(_read(folder, _OXIDE_FACTORS)),
        recovery_floors=_values(_read(folder, _RECOVERY_FLOORS)),
    )


def _read(folder: Traversable, file: _File[_Value]) -> list[tuple[Row, _Value]]:
    """Read one file; give each value with the row that it stands in."""
    try:
        text = folder.joinpath(file.name).read_text(encoding="utf-8")
    except OSError as error:
        raise FiguresError(file.name, 1, "", f"cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise FiguresError(file.name, 1, "", f"is not UTF-8: {error}") from error
    found: list[tuple[Row, _Value]] = []
    lines: dict[tuple[str, ...], int] = {}
    source = ""
    for row in read_table(file.name, text, file.columns):
        name = tuple(row.text(column) for column in file.columns[: file.naming_columns])
        if name in lines:
            reason = f"{', '.join(name)} stands already in line {lines[name]}"
            raise row.error(file.columns[0], reason)
        lines[name] = row.line
        if "source" in file.columns:
            source = _source(row, source)
            row = Row(row.file, row.line, {**row.cells, "source": source})  # noqa: PLW2901
        found.append((row, file.parse(row)))
    return found


def _source(row: Row, above: str) -> str:
    source = row.text("source")
    if source != "same":
        return source
    if not above:
        raise row.error("source", "is 'same', but no row stands above it")
    return above


def _values(found: Sequence[tuple[Row, _Value]]) -> tuple[_Value, ...]:
    return tuple(value for _, value in found)


def _check_batches(found: Sequence[tuple[Row, BatchQuota]], years: Sequence[YearQuota]) -> None:
    """Refuse batches that do not add up to their year."""
    for year in years:
        own = [(row, batch) for row, batch in found if batch.year == year.year]
        if not own:
            continue
        last = own[-1][0]
        mining_g = sum(batch.mining_g for _, batch in own)
        separation_g = sum(batch.separation_g for _, batch in own)
        _check_sum(last, "mining_total_t", f"the batches of {year.year}", mining_g, year.mining_g)
        if year.separation_g is not None:
            what = f"the batches of {year.year}"
            _check_sum(last, "separation_t", what, separation_g, year.separation_g)


def _check_groups(found: Sequence[tuple[Row, GroupQuota]], batches: Sequence[BatchQuota]) -> None:
    """Refuse groups that do not add up to the national first batch of 2024."""
    last = found[-1][0]
    mining_g = sum(group.rock_mining_g + group.ionic_mining_g for _, group in found)
    separation_g = sum(group.separation_g for _, group in found)
    for batch in batches:
        if (batch.year, batch.batch) == (2024, 1):
            _check_sum(last, "rock_mining_t", "the groups' mining", mining_g, batch.mining_g)
            _check_sum(last, "separation_t", "the groups", separation_g, batch.separation_g)
            return
    raise last.error("group", "quota_by_batch.csv has no batch 1 of 2024 to compare with")


def _check_partial_group(row: Row, group: PartialGroupQuota, batches: Sequence[BatchQuota]) -> None:
    """Refuse a group of 2023 that got more than the nation."""
    national = [batch for batch in batches if batch.year == 2023 and batch.batch in group.batches]
    for column, got_g, nation_g in (
        ("mining_t", group.mining_g, sum(batch.mining_g for batch in national)),
        ("separation_t", group.separation_g, sum(batch.separation_g for batch in national)),
    ):
        if got_g > nation_g:
            raise row.error(column, f"is {got_g} g; the nation had {nation_g} g in these batches")


def _check_sum(row: Row, column: str, what: str, got_g: int, wanted_g: int) -> None:
    if got_g != wanted_g:
        raise row.error(column, f"{what} add up to {got_g} g; {wanted_g} g is needed")


def _year(row: Row) -> YearQuota:
    mining_g = row.grams("mining_total_t")
    rock_g = row.grams_if_published("rock_mining_t")
    ionic_g = row.grams_if_published("ionic_mining_t")
    if (rock_g is None) != (ionic_g is None):
        raise row.error("ionic_mining_t", "rock and ionic mining must both be given, or neither")
    if rock_g is not None and ionic_g is not None:
        _check_sum(row, "mining_total_t", "rock and ionic mining", rock_g + ionic_g, mining_g)
    return YearQuota(
        year=row.whole("year"),
        mining_g=mining_g,
        rock_mining_g=rock_g,
        ionic_mining_g=ionic_g,
        separation_g=row.grams_if_published("separation_t"),
        source=row.text("source"),
    )


def _batch(row: Row) -> BatchQuota:
    return BatchQuota(
        year=row.whole("year"),
        batch=row.whole("batch"),
        mining_g=row.grams("mining_total_t"),
        separation_g=row.grams("separation_t"),
        source=row.text("source"),
    )


def _partial_group(row: Row) -> PartialGroupQuota:
    batches = row.text("batches").split("+")
    if not all(batch.isascii() and batch.isdigit() for batch in batches):
        raise row.error("batches", f"is {row.cells['batches']!r}; numbers joined by + are needed")
    return PartialGroupQuota(
        batches=tuple(int(batch) for batch in batches),
        group=row.text("group"),
        mining_g=row.grams("mining_t"),
        separation_g=row.grams("separation_t"),
        source=row.text("source"),
    )


def _group(row: Row) -> GroupQuota:
    return GroupQuota(
        group=row.text("group"),
        rock_mining_g=row.grams("rock_mining_t"),
        ionic_mining_g=row.grams("ionic_mining_t"),
        separation_g=row.grams("separation_t"),
        source=row.text("source"),
    )


def _product(row: Row) -> Product:
    named = row.text("elements")
    elements = () if named == "mixed" else tuple(named.split("+"))
    for element in elements:
        if element not in ELEMENTS:
            reason = f"{element!r} is no element; one of {', '.join(ELEMENTS)} is needed"
            raise row.error("elements", reason)
    low, high = _permille_range(row, "reo_percent_low", "reo_percent_high")
    return Product(
        code=row.text("code"),
        name=row.text("name"),
        product_class=_CLASSES[row.one_of("class", tuple(_CLASSES))],
        elements=tuple(element for element in BY_ATOMIC_NUMBER if element in elements),
        reo_permille_low=low,
        reo_permille_high=high,
        hs_codes=(row.cells["hs_code"],) if row.cells["hs_code"] else (),
        note=row.cells["note"],
    )


def _fingerprint(row: Row) -> Fingerprint:
    low, high = _permille_range(row, "share_low_percent", "share_high_percent")
    return Fingerprint(
        ore=row.text("ore"),
        kind=_ORE_KINDS[row.one_of("kind", tuple(_ORE_KINDS))],
        share_of=row.text("oxide"),
        low_permille=low,
        high_permille=high,
        source=row.text("source"),
    )


def _permille_range(row: Row, low_column: str, high_column: str) -> tuple[int, int]:
    """Read a range of percentages; one decimal is as fine as permille can hold."""
    low, high = row.decimal(low_column, 1), row.decimal(high_column, 1)
    if low > high:
        raise row.error(high_column, f"is below {low_column} of the same row")
    return low, high


def _plant_floor(row: Row) -> PlantFloor:
    return PlantFloor(row.text("plant"), row.grams("smallest_t_reo_per_year"), row.text("source"))


def _oxide_factor(row: Row) -> OxideFactor:
    return OxideFactor(
        oxide=row.text("oxide"),
        element=row.one_of("element", ELEMENTS),
        metal_per_oxide=row.decimal("metal_per_oxide", 4),
        oxide_per_metal=row.decimal("oxide_per_metal", 4),
    )


def _recovery_floor(row: Row) -> RecoveryFloor:
    return RecoveryFloor(row.text("step"), row.decimal("floor_percent", 1), row.text("source"))


_YEARS: Final = _File(
    "quota_by_year.csv",
    ("year", "mining_total_t", "rock_mining_t", "ionic_mining_t", "separation_t", "source"),
    1,
    _year,
)
_BATCHES: Final = _File(
    "quota_by_batch.csv",
    ("year", "batch", "mining_total_t", "separation_t", "source"),
    2,
    _batch,
)
_GROUPS_2023: Final = _File(
    "quota_by_group_2023.csv",
    ("batches", "group", "mining_t", "separation_t", "source"),
    2,
    _partial_group,
)
_GROUPS_2024: Final = _File(
    "quota_by_group_2024_batch1.csv",
    ("group", "rock_mining_t", "ionic_mining_t", "separation_t", "source"),
    1,
    _group,
)
_PRODUCTS: Final = _File(
    "products.csv",
    (
        *("code", "name", "class", "elements"),
        *("reo_percent_low", "reo_percent_high", "hs_code", "note"),
    ),
    1,
    _product,
)
_FINGERPRINTS: Final = _File(
    "ore_fingerprints.csv",
    ("ore", "kind", "oxide", "share_low_percent", "share_high_percent", "source"),
    3,
    _fingerprint,
)
_PLANT_FLOORS: Final = _File(
    "plant_floors.csv", ("plant", "smallest_t_reo_per_year", "source"), 1, _plant_floor
)
_OXIDE_FACTORS: Final = _File(
    "oxide_metal_factors.csv",
    ("oxide", "element", "metal_per_oxide", "oxide_per_metal"),
    2,
    _oxide_factor,
)
_RECOVERY_FLOORS: Final = _File(
    "recovery_floors.csv", ("step", "floor_percent", "source"), 1, _recovery_floor
)
