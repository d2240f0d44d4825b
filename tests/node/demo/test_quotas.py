"""Plans and grants against the published figures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from node.demo.figures import load_figures
from node.demo.quotas import BUCKETS, grants, plans
from node.demo.records import DemoHistory

TONNE = 1_000_000


def test_plans_are_the_published_totals(history: DemoHistory) -> None:
    assert {(plan.year, plan.bucket): plan.total_g for plan in history.plans} == {
        (2023, "rock_mining"): 235_850 * TONNE,
        (2023, "ionic_mining"): 19_150 * TONNE,
        (2023, "separation"): 243_850 * TONNE,
        (2024, "rock_mining"): 249_720 * TONNE,
        (2024, "ionic_mining"): 20_280 * TONNE,
        (2024, "separation"): 254_000 * TONNE,
    }


def test_grants_add_up_to_the_plan_in_grams(history: DemoHistory) -> None:
    for plan in history.plans:
        granted = sum(
            grant.grams
            for grant in history.grants
            if (grant.year, grant.bucket) == (plan.year, plan.bucket)
        )
        assert granted == plan.total_g, plan


@pytest.mark.parametrize(
    ("year", "batch", "mining_t", "separation_t"),
    [
        (2023, 1, 120_000, 115_000),
        (2023, 2, 120_000, 115_000),
        (2023, 3, 15_000, 13_850),
        (2024, 1, 135_000, 127_000),
        (2024, 2, 135_000, 127_000),
    ],
)
def test_every_batch_is_the_published_one(
    history: DemoHistory, year: int, batch: int, mining_t: int, separation_t: int
) -> None:
    own = [grant for grant in history.grants if (grant.year, grant.batch) == (year, batch)]
    mined = sum(grant.grams for grant in own if grant.bucket != "separation")
    assert mined == mining_t * TONNE
    assert sum(grant.grams for grant in own) - mined == separation_t * TONNE


def by_group(history: DemoHistory, year: int, batches: set[int]) -> dict[tuple[str, str], int]:
    groups = {member.id: member.group for member in history.members}
    found: dict[tuple[str, str], int] = defaultdict(int)
    for grant in history.grants:
        if grant.year == year and grant.batch in batches:
            found[groups[grant.grantee], grant.bucket] += grant.grams
    return found


@pytest.mark.parametrize("batch", [1, 2])
def test_the_groups_get_the_published_parts_of_a_2024_batch(
    history: DemoHistory, batch: int
) -> None:
    assert by_group(history, 2024, {batch}) == {
        ("north-group", "rock_mining"): 94_580 * TONNE,
        ("north-group", "separation"): 88_010 * TONNE,
        ("south-group", "rock_mining"): 30_280 * TONNE,
        ("south-group", "ionic_mining"): 10_140 * TONNE,
        ("south-group", "separation"): 38_990 * TONNE,
    }


def test_the_groups_get_what_was_published_of_2023(history: DemoHistory) -> None:
    first_two = by_group(history, 2023, {1, 2})
    assert first_two["north-group", "rock_mining"] == 166_650 * TONNE
    assert first_two["north-group", "separation"] == 152_234 * TONNE
    assert by_group(history, 2023, {3}) == {
        ("north-group", "rock_mining"): 12_000 * TONNE,
        ("north-group", "separation"): 11_000 * TONNE,
        ("south-group", "rock_mining"): 3_000 * TONNE,
        ("south-group", "separation"): 2_850 * TONNE,
    }


def test_only_enterprises_with_the_activity_are_granted(history: DemoHistory) -> None:
    members = {member.id: member for member in history.members}
    for grant in history.grants:
        activity = "separation" if grant.bucket == "separation" else "mining"
        assert activity in members[grant.grantee].activities
        assert grant.bucket in BUCKETS
        assert grant.grams > 0


def test_a_grant_is_not_older_than_its_plan_and_stands_once(history: DemoHistory) -> None:
    days = {(plan.year, plan.bucket): plan.day for plan in history.plans}
    names = [(grant.year, grant.bucket, grant.batch, grant.grantee) for grant in history.grants]
    assert len(names) == len(set(names))
    for grant in history.grants:
        assert days[grant.year, grant.bucket] <= grant.day
        assert grant.day.year == grant.year


def test_figures_without_a_group_that_is_needed_are_refused_by_name() -> None:
    figures = load_figures()
    with pytest.raises(LookupError, match=r"quota_by_group_2023\.csv: no batch 1 of Northern"):
        grants(replace(figures, groups_2023=()))
    with pytest.raises(LookupError, match=r"quota_by_batch\.csv: no batch 1 of 2023"):
        plans(replace(figures, batches=()))
