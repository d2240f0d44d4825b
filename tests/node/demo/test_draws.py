"""Draws are repeatable; shares add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.demo.draws import Draws, apportion, digest_of

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any)


@given(total=st.integers(0, 10**15), weights=weights)
def test_parts_add_up_and_differ_from_their_share_by_less_than_one(
    total: int, weights: list[int]
) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - total * weight) < whole


def test_the_earlier_part_wins_among_equal_remainders() -> None:
    assert apportion(5, (1, 1, 1)) == (2, 2, 1)


@pytest.mark.parametrize(("total", "weights"), [(-1, (1,)), (1, (0, 0)), (1, ()), (1, (2, -1))])
def test_a_division_that_makes_no_sense_is_refused(total: int, weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot divide"):
        apportion(total, weights)


def test_the_sequence_of_a_seed_is_fixed() -> None:
    draws = Draws(1, "pinned")
    assert [draws.below(1000) for _ in range(8)] == PINNED


PINNED = [633, 834, 630, 936, 741, 679, 720, 74]


def test_the_generator_is_splitmix64() -> None:
    # The published first outputs for the state 1234567.
    draws = Draws(0, "any")
    draws._state = 1234567
    assert [draws.below(2**64) for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_streams_of_different_purposes_differ() -> None:
    one, other = Draws(1, "one"), Draws(1, "other")
    assert [one.below(2**32) for _ in range(4)] != [other.below(2**32) for _ in range(4)]


@given(seed=st.integers(0, 2**64), low=st.integers(-50, 50), width=st.integers(0, 100))
def test_a_draw_stays_within_its_bounds(seed: int, low: int, width: int) -> None:
    draws = Draws(seed, "bounds")
    assert all(low <= draws.between(low, low + width) <= low + width for _ in range(20))
    assert all(980 <= draws.around(1000, 20) <= 1020 for _ in range(20))
    assert not draws.happens(0)
    assert draws.happens(1000)
    assert draws.one_of("x") == "x"
    assert draws.weighted(("never", "always", "never"), (0, 3, 0)) == "always"


def test_nothing_can_be_drawn_from_nothing() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Draws(1, "none").below(0)


def test_digests_stand_for_their_words() -> None:
    assert digest_of("plan", 2023) == digest_of("plan", "2023")
    assert digest_of("plan", 2023) != digest_of("plan", 2024)
    assert len(digest_of("x")) == 64
