"""Compositions of the demo's ores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.demo.draws import Draws
from node.demo.figures import load_figures
from node.demo.ores import ORES, Ore, gross_g, oxides_g


@pytest.mark.parametrize("ore", ORES, ids=[ore.name for ore in ORES])
def test_shares_add_up_to_a_million(ore: Ore) -> None:
    assert sum(ore.shares_ppm) == 1_000_000


@pytest.mark.parametrize("ore", ORES, ids=[ore.name for ore in ORES])
def test_the_grade_lies_within_the_products_range(ore: Ore) -> None:
    product = next(p for p in load_figures().products if p.code == ore.product)
    assert product.reo_permille_low <= ore.grade_permille[0]
    assert ore.grade_permille[1] < product.reo_permille_high


def test_every_published_fingerprint_belongs_to_one_of_the_ores() -> None:
    known = {(ore.name, ore.kind) for ore in ORES}
    assert {(bound.ore, bound.kind) for bound in load_figures().fingerprints} == known


@given(ore=st.sampled_from(ORES), reo_g=st.integers(0, 10**12), seed=st.integers(0, 2**32))
def test_the_oxides_of_a_lot_add_up_to_its_reo(ore: Ore, reo_g: int, seed: int) -> None:
    oxides = oxides_g(ore, reo_g, Draws(seed, "test"))
    assert sum(oxides) == reo_g
    assert [bool(grams) for grams in oxides] == [bool(share) for share in ore.shares_ppm] or (
        reo_g < 10**6
    )


@given(ore=st.sampled_from(ORES), reo_g=st.integers(10**6, 10**12), seed=st.integers(0, 2**32))
def test_the_gross_mass_fits_the_grade(ore: Ore, reo_g: int, seed: int) -> None:
    gross = gross_g(ore, reo_g, Draws(seed, "test"))
    low, high = ore.grade_permille
    assert low * gross <= reo_g * 1000 < (high + 1) * gross
