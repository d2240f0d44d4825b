from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.config import BACKOFF_THOUSANDTHS, ConsensusConfig


def test_the_defaults_are_those_of_the_design() -> None:
    config = ConsensusConfig()
    assert config.lead_timeout_ms == 800
    assert config.advance_timeout_ms == 1_600
    assert config.retry_interval_ms == 1_600
    assert config.bury_delay_ms == 400
    assert config.heartbeat_interval_ms == 0


@pytest.mark.parametrize("name", [field.name for field in fields(ConsensusConfig)])
def test_a_value_that_is_no_positive_whole_number_is_refused_by_name(name: str) -> None:
    values: tuple[Any, ...] = (-1, 0.5, True, 86_400_001, "800")
    for value in values:
        with pytest.raises(ValueError, match=name):
            replace(ConsensusConfig(), **{name: value})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lead_timeout_ms": 1_601}, "lead_timeout_ms"),
        ({"advance_timeout_ms": 60_001}, "timeout_max_ms"),
        ({"push_delay_ms": 801}, "push_delay_ms"),
        ({"bury_delay_ms": 1_601}, "bury_delay_ms"),
        ({"status_busy_interval_ms": 10_001}, "status_idle_interval_ms"),
        ({"budget_units_min": 2_001}, "budget_units_start"),
        ({"budget_units_start": 200_001}, "budget_units_max"),
        ({"inactive_after_ms": 19_999}, "inactive_after_ms"),
    ],
)
def test_values_that_contradict_each_other_are_refused(changes: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(ConsensusConfig(), **changes)


def test_time_outs_stay_for_two_views_and_then_grow_by_half() -> None:
    config = ConsensusConfig()
    grown = [config.view_timeout_ms(800, views) for views in range(5)]
    assert grown == [800, 800, 800, 1_200, 1_800]


@given(st.integers(1, 60_000), st.integers(0, 10**9))
def test_no_time_out_shrinks_with_more_views_or_passes_the_bound(base: int, views: int) -> None:
    config = ConsensusConfig()
    now, later = (config.view_timeout_ms(base, v) for v in (views, views + 1))
    assert min(base, 60_000) <= now <= later <= 60_000


def test_the_table_grows_by_half_to_thirty_times() -> None:
    for smaller, larger in itertools.pairwise(BACKOFF_THOUSANDTHS[1:-1]):
        assert abs(larger * 2 - smaller * 3) <= 2
    assert BACKOFF_THOUSANDTHS[-1] == 30_000
