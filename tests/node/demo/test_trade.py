"""Trade, judged by an independent replay of the written files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.demo.files import write
from node.demo.history import SMALL, generate
from node.demo.sheets import WAVES_MAX
from tests.node.demo.replay import Replay


@pytest.fixture(scope="module")
def replay(written: Path) -> Replay:
    return Replay(written).run()


def assert_gross_grams_are_conserved(replay: Replay) -> None:
    held_g = sum(lot.gross_g for lot in replay.lots.values())
    assert replay.mined_g == held_g + replay.lost_g


def test_every_row_builds_on_an_earlier_wave_and_no_gram_appears_or_vanishes(
    replay: Replay,
) -> None:
    assert_gross_grams_are_conserved(replay)
    assert all(lot.gross_g >= 1 for lot in replay.lots.values())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**64), months=st.integers(1, 5))
def test_the_promises_hold_for_any_seed_and_length(
    tmp_path_factory: pytest.TempPathFactory, seed: int, months: int
) -> None:
    directory = tmp_path_factory.mktemp("small")
    write(generate(seed, months, SMALL), directory)
    replay = Replay(directory).run()
    assert_gross_grams_are_conserved(replay)
    assert len(replay.waves) == months


def test_a_month_needs_few_waves_and_leaves_none_out(replay: Replay) -> None:
    for month, waves in replay.waves.items():
        assert waves == set(range(1, max(waves) + 1)), month
        assert max(waves) <= WAVES_MAX


def test_everything_that_a_clerk_meets_happens_often_enough_to_be_seen(replay: Replay) -> None:
    counts = replay.counts
    assert counts["outputs"] > 1_000
    assert counts["offers"] > 2_000
    assert 20 < counts["rejections"] < counts["offers"] // 20
    assert 15 < counts["cancellations"] < counts["offers"] // 20
    assert counts["splits"] > 30
    assert 50 < replay.short < counts["receipts"] // 5
    assert replay.reoffered > 40


def test_some_goods_are_under_way_at_every_months_end(replay: Replay) -> None:
    assert replay.open_over_month_end > len(replay.waves)


def test_goods_change_hands_between_separators_and_traders_too(replay: Replay) -> None:
    resold = [
        name
        for name, lot in replay.lots.items()
        if "mining" not in replay.members[name.split("/")[0]]["activities"]
    ]
    assert len(resold) > 100


def test_at_least_twenty_enterprises_have_flows(replay: Replay) -> None:
    assert len(replay.active) >= 20
    assert all(replay.members[member]["kind"] == "enterprise" for member in replay.active)
