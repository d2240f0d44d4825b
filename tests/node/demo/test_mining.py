"""Outputs: the published totals to the gram, never over a grant, and looking like their ore."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.demo.figures import load_figures
from node.demo.history import SMALL, generate
from node.demo.published import ELEMENTS, Fingerprint
from node.demo.records import DemoHistory, Output

TONNE = 1_000_000

# Definitions differ on where light ends; the demo satisfies the bounds under both.
LIGHT = (("La", "Ce", "Pr", "Nd"), ("La", "Ce", "Pr", "Nd", "Sm", "Eu"))
HEAVY = (
    ("Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y"),
    ("Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y"),
)
SHARES = {"CeO2": (("Ce",),), "Y2O3": (("Y",),), "light total": LIGHT, "heavy total": HEAVY}


def outputs(history: DemoHistory) -> list[tuple[str, Output]]:
    return [
        (sheet.member, row)
        for sheet in history.sheets
        for row in sheet.rows
        if isinstance(row, Output)
    ]


def bucket_of(history: DemoHistory, output: Output) -> str:
    kinds = {facility.id: facility.ore_kind for facility in history.facilities}
    return f"{kinds[output.facility]}_mining"


@pytest.mark.parametrize(
    ("year", "bucket", "tonnes"),
    [
        (2023, "rock_mining", 235_850),
        (2023, "ionic_mining", 19_150),
        (2024, "rock_mining", 2 * (94_580 + 30_280)),
        (2024, "ionic_mining", 2 * 10_140),
    ],
)
def test_a_years_output_is_the_published_total_to_the_gram(
    history: DemoHistory, year: int, bucket: str, tonnes: int
) -> None:
    made = sum(
        output.reo_g
        for _, output in outputs(history)
        if output.period_to.year == year and bucket_of(history, output) == bucket
    )
    assert made == tonnes * TONNE


def assert_no_mine_is_ever_over_its_grants(history: DemoHistory) -> None:
    """Go through grants and outputs by date; a grant counts from the day after it was dated."""
    events: list[tuple[date, int, str, str, int]] = [
        (grant.day, 1, grant.grantee, grant.bucket, grant.grams) for grant in history.grants
    ]
    events += [
        (output.period_from, 0, mine, bucket_of(history, output), -output.reo_g)
        for mine, output in outputs(history)
    ]
    left: dict[tuple[str, str, int], int] = defaultdict(int)
    for day, _, member, bucket, grams in sorted(events):
        left[member, bucket, day.year] += grams
        assert left[member, bucket, day.year] >= 0, (member, day)


def test_no_mine_is_ever_over_its_grants_and_each_year_uses_them_up(history: DemoHistory) -> None:
    assert_no_mine_is_ever_over_its_grants(history)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**64), months=st.integers(1, 24))
def test_no_mine_is_over_its_grants_for_any_seed_and_length(seed: int, months: int) -> None:
    assert_no_mine_is_ever_over_its_grants(generate(seed, months, SMALL))


def test_each_mine_uses_up_its_grants_by_the_years_end(history: DemoHistory) -> None:
    left: dict[tuple[str, int], int] = defaultdict(int)
    for grant in history.grants:
        if grant.bucket != "separation":
            left[grant.grantee, grant.year] += grant.grams
    for mine, output in outputs(history):
        left[mine, output.period_to.year] -= output.reo_g
    assert set(left.values()) == {0}


def share_permille(output: Output, elements: tuple[str, ...]) -> tuple[int, int]:
    """Give the share of some elements in the REO, rounded down and up."""
    part = sum(output.oxides_g[ELEMENTS.index(element)] for element in elements) * 1000
    return part // output.reo_g, -(-part // output.reo_g)


def assert_within(output: Output, bound: Fingerprint) -> None:
    for elements in SHARES[bound.share_of]:
        low, high = share_permille(output, elements)
        assert bound.low_permille <= low <= high <= bound.high_permille, (output.code, bound)


def test_every_lot_looks_like_the_ore_of_its_place(history: DemoHistory) -> None:
    ores = {facility.id: facility.ore for facility in history.facilities}
    bounds = load_figures().fingerprints
    seen = set()
    for _, output in outputs(history):
        own = [bound for bound in bounds if bound.ore == ores[output.facility]]
        assert own, output.facility
        for bound in own:
            assert_within(output, bound)
        seen.update(own)
    assert seen == set(bounds)


def test_lots_of_one_pit_differ_from_each_other(history: DemoHistory) -> None:
    shares = defaultdict(set)
    for _, output in outputs(history):
        cerium_g = output.oxides_g[ELEMENTS.index("Ce")]
        shares[output.facility].add(cerium_g * 1_000_000 // output.reo_g)
    assert all(len(found) > 20 for found in shares.values())


def test_no_element_is_recorded_with_a_negative_quantity(history: DemoHistory) -> None:
    for _, output in outputs(history):
        assert len(output.oxides_g) == len(ELEMENTS)
        assert min(output.oxides_g) >= 0


def test_periods_of_a_pit_follow_each_other_without_overlap(history: DemoHistory) -> None:
    ends: dict[str, date] = {}
    for _, output in sorted(outputs(history), key=lambda lot: lot[1].period_from):
        if output.facility in ends:
            assert output.period_from > ends[output.facility]
        ends[output.facility] = output.period_to


def test_every_pit_works_every_month_within_its_capacity(history: DemoHistory) -> None:
    capacity = {facility.id: facility.yearly_capacity_g for facility in history.facilities}
    by_month: dict[tuple[str, int, int], int] = defaultdict(int)
    for _, output in outputs(history):
        by_month[output.facility, output.period_to.year, output.period_to.month] += output.reo_g
    pits = {facility.id for facility in history.facilities if facility.activity == "mining"}
    assert len(by_month) == len(pits) * 24
    for (pit, _, _), grams in by_month.items():
        assert grams * 12 <= capacity[pit]
