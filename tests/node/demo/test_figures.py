"""The published figures are read as they are, and a wrong file is refused by place."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from node.demo.figures import load_figures
from node.demo.published import ELEMENTS
from node.demo.tables import FiguresError

TONNE = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged figures, to break."""
    with as_file(files("node.demo").joinpath("data")) as packaged:
        shutil.copytree(packaged, tmp_path / "data")
    return tmp_path / "data"


def test_the_packaged_figures_are_read() -> None:
    figures = load_figures()
    assert figures.year(2023).rock_mining_g == 235_850 * TONNE
    assert figures.year(2024).rock_mining_g is None
    assert figures.year(2017).separation_g is None
    assert figures.batch(2023, 3).mining_g == 15_000 * TONNE
    assert figures.group_2024("Northern Rare Earth").separation_g == 88_010 * TONNE
    assert {factor.element for factor in figures.oxide_factors} == set(ELEMENTS)
    assert [f.metal_per_oxide for f in figures.oxide_factors if f.element == "Sc"] == [6520]
    assert [f.floor_permille for f in figures.recovery_floors][:3] == [920, 960, 883]


def test_products_know_how_the_separation_quota_sees_them() -> None:
    status = {product.code: product.status_at_origin for product in load_figures().products}
    assert status["ORE-MIX"] == status["ORE-ION"] == status["MIX-CAR"] == "undebited"
    assert status["OXI-ND"] == status["OXI-NDPR"] == status["MET-DY"] == "debited"
    assert status["SCR-MAG"] == "exempt"


def test_elements_of_a_product_stand_by_atomic_number_and_a_mixed_one_names_none() -> None:
    products = {product.code: product for product in load_figures().products}
    assert products["OXI-NDPR"].elements == ("Pr", "Nd")
    assert products["OXI-TB"].elements == ("Tb",)
    assert products["ORE-MIX"].elements == ()
    assert {code: one.ore_kind for code, one in products.items() if one.ore_kind != "none"} == {
        "ORE-MIX": "rock",
        "ORE-BAS": "rock",
        "ORE-MON": "rock",
        "ORE-ION": "ionic",
    }
    assert products["ORE-MIX"].hs_codes == ("2530.90.20",)
    assert products["ORE-MON"].hs_codes == ()
    assert products["MET-ND"].reo_permille_low == 1160


def test_same_means_the_source_of_the_row_above() -> None:
    assert len({bound.source for bound in load_figures().fingerprints}) == 1
    assert all(bound.source.startswith("http") for bound in load_figures().fingerprints)


def test_every_figure_names_a_source() -> None:
    figures = load_figures()
    for rows in (figures.years, figures.batches, figures.groups_2023, figures.plant_floors):
        assert all(row.source for row in rows)


@pytest.mark.parametrize("missing", [2019, 2025])
def test_a_year_that_was_not_published_is_not_made_up(missing: int) -> None:
    with pytest.raises(LookupError, match=f"quota_by_year.csv: no year {missing}"):
        load_figures().year(missing)


def test_a_group_or_batch_that_was_not_published_is_not_made_up() -> None:
    with pytest.raises(LookupError, match="no batch 3 of 2024"):
        load_figures().batch(2024, 3)
    with pytest.raises(LookupError, match="no group Atlantis"):
        load_figures().group_2024("Atlantis")
    with pytest.raises(LookupError, match="no batch 1 of China Rare Earth Group"):
        load_figures().group_2023("China Rare Earth Group", 1)


BROKEN = [
    # file, what to replace, by what, line, column, what is said
    ("quota_by_year.csv", "255000,", "255000.5,", 7, "mining_total_t", "at most 0 decimals"),
    ("quota_by_year.csv", "255000,", "-255000,", 7, "mining_total_t", "plain digits"),
    ("quota_by_year.csv", "255000,", "255 000,", 7, "mining_total_t", "plain digits"),
    ("quota_by_year.csv", "255000,", "٢٥٥٠٠٠,", 7, "mining_total_t", "plain digits"),
    ("quota_by_year.csv", "255000,", ",", 7, "mining_total_t", "is empty"),
    ("quota_by_year.csv", "255000,", "256000,", 7, "mining_total_t", "255000000000 g"),
    ("quota_by_year.csv", ",19150,243850", ",,243850", 7, "ionic_mining_t", "both be given"),
    ("quota_by_year.csv", "2020,", "2018,", 4, "year", "stands already in line 3"),
    ("quota_by_year.csv", "year,", "Year,", 1, "", "the header is"),
    ("quota_by_year.csv", "http://wycsj", "x,http://wycsj", 6, "", "has 7 cells; 6 are needed"),
    ("quota_by_year.csv", "http://wycsj", '"http://wycsj"', 6, "", "is not valid CSV"),
    ("quota_by_batch.csv", ",15000,", ",16000,", 4, "mining_total_t", "255000000000 g is needed"),
    ("quota_by_batch.csv", ",13850", ",13851", 4, "separation_t", "243850000000 g is needed"),
    ("quota_by_group_2024_batch1.csv", "38990", "38991", 3, "separation_t", "is needed"),
    ("quota_by_batch.csv", "2023,3", "2023,2", 4, "year", "2023, 2 stands already in line 3"),
    ("quota_by_group_2023.csv", "1+2", "1-2", 2, "batches", "numbers joined by +"),
    ("quota_by_group_2023.csv", "166650", "266650", 2, "mining_t", "the nation had"),
    ("quota_by_group_2024_batch1.csv", "94580", "94581", 3, "rock_mining_t", "is needed"),
    ("quota_by_group_2024_batch1.csv", "88010", "88011", 3, "separation_t", "is needed"),
    ("products.csv", "OXI-LA,", "OXI-CE,", 9, "code", "stands already in line 8"),
    ("products.csv", ",Nd+Pr,99", ",Nd+Xx,99", 12, "elements", "'Xx' is no element"),
    ("products.csv", ",ore,mixed,30,60", ",oar,mixed,30,60", 2, "class", "one of ore, compound"),
    ("products.csv", ",30,60,", ",60,30,", 2, "reo_percent_high", "is below"),
    ("products.csv", ",30,60,", ",30,sixty,", 2, "reo_percent_high", "plain digits"),
    ("ore_fingerprints.csv", "rock,CeO2,47", "lava,CeO2,47", 2, "kind", "rock, ionic"),
    ("ore_fingerprints.csv", "http", "same,http", 2, "", "has 7 cells"),
    ("ore_fingerprints.csv", ",53,http", ",53.55,http", 2, "share_high_percent", "1 decimals"),
    ("plant_floors.csv", "ionic mine,500", "ionic mine,", 4, "smallest_t_reo_per_year", "empty"),
    ("oxide_metal_factors.csv", "Sc2O3,Sc,", "Sc2O3,Sx,", 2, "element", "one of La"),
    ("oxide_metal_factors.csv", "0.6520", "0.", 2, "metal_per_oxide", "plain digits"),
    ("recovery_floors.csv", ",88.3,", ",88.33,", 4, "floor_percent", "at most 1 decimals"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[f"{one[0]}: {one[2]}" for one in BROKEN])
def test_a_wrong_cell_is_refused_with_file_line_and_column(
    folder: Path, broken: tuple[str, str, str, int, str, str]
) -> None:
    file, old, new, line, column, said = broken
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FiguresError) as caught:
        load_figures(folder)
    error = caught.value
    assert (error.file, error.line, error.column) == (file, line, column)
    assert said in str(error)
    assert f"{file}, line {line}" in str(error)


def test_groups_without_a_national_batch_to_compare_with_are_refused(folder: Path) -> None:
    path = folder / "quota_by_batch.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2024,1,", "2024,7,"), encoding="utf-8")
    with pytest.raises(FiguresError, match=r"batch1\.csv, line 3, .* no batch 1 of 2024"):
        load_figures(folder)


def test_a_source_that_refers_to_nothing_is_refused(folder: Path) -> None:
    path = folder / "ore_fingerprints.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].rsplit(",", 1)[0] + ",same"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FiguresError, match="line 2, column source: is 'same', but no row"):
        load_figures(folder)


def test_an_absent_file_is_named(folder: Path) -> None:
    (folder / "products.csv").unlink()
    with pytest.raises(FiguresError, match=r"products\.csv, line 1: cannot be read"):
        load_figures(folder)


def test_a_file_that_is_not_utf_8_is_named(folder: Path) -> None:
    (folder / "products.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(FiguresError, match=r"products\.csv, line 1: is not UTF-8"):
        load_figures(folder)


@pytest.mark.parametrize(("text", "said"), [("", "the header is"), (None, "has no rows")])
def test_an_empty_table_is_refused(folder: Path, text: str | None, said: str) -> None:
    path = folder / "plant_floors.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(header if text is None else text, encoding="utf-8")
    with pytest.raises(FiguresError, match=said):
        load_figures(folder)
