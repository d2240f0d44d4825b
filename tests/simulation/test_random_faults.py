"""Many seeds: loss, duplication, reordering, partitions, crashes between any two effects, liars, twins.

The checkers hold in every run; every run makes progress after healing and then falls silent.
"""

from __future__ import annotations

import pytest

from tests.simulation.scenario import Plan, Run


@pytest.mark.parametrize("seed", range(24))
def test_four_correct_validators(seed: int) -> None:
    Run(seed, Plan()).run()


@pytest.mark.parametrize("seed", range(100, 124))
def test_four_validators_and_one_pair_of_twins_among_them(seed: int) -> None:
    Run(seed, Plan(twins=1)).run()


@pytest.mark.parametrize("seed", range(200, 220))
def test_four_validators_and_one_liar_among_them(seed: int) -> None:
    outcome = Run(seed, Plan(liars=1)).run()
    assert outcome.accused <= {"validator-00"}


@pytest.mark.parametrize("seed", range(300, 312))
def test_four_validators_of_which_one_stays_down(seed: int) -> None:
    Run(seed, Plan(lost=1)).run()


@pytest.mark.parametrize("seed", range(350, 356))
def test_observers_store_what_validators_store(seed: int) -> None:
    Run(seed, Plan(liars=1, observers=2, fault_ms=8_000)).run()


@pytest.mark.parametrize("seed", range(400, 406))
@pytest.mark.parametrize("count", [5, 6])
def test_five_and_six_validators_with_twins(seed: int, count: int) -> None:
    Run(seed, Plan(count=count, twins=1, fault_ms=8_000)).run()


@pytest.mark.parametrize("seed", range(500, 505))
def test_seven_validators_with_a_liar_and_twins(seed: int) -> None:
    Run(seed, Plan(count=7, twins=1, liars=1, fault_ms=8_000)).run()


@pytest.mark.parametrize("seed", range(600, 604))
def test_seven_validators_with_a_liar_of_which_one_stays_down(seed: int) -> None:
    Run(seed, Plan(count=7, liars=1, lost=1, fault_ms=8_000)).run()


@pytest.mark.parametrize("seed", [700, 701])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_sets_too_small_to_bear_a_fault(seed: int, count: int) -> None:
    Run(seed, Plan(count=count)).run()
