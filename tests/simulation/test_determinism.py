"""The same seed gives the same run, to the last byte of every effect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.scenario import Plan, Run

PLANS = {"correct": Plan(), "twins": Plan(twins=1), "liar": Plan(liars=1)}
PROGRAM = """
from tests.simulation.scenario import Plan, Run
print(Run(7, Plan(twins=1, fault_ms=6_000), trace=True).run().digest)
"""


@pytest.mark.parametrize("name", PLANS)
def test_a_seed_run_twice_gives_the_same_trace(name: str) -> None:
    one, two = (Run(11, PLANS[name], trace=True).run() for _ in range(2))
    assert one.digest == two.digest
    assert one.world.events == two.world.events
    assert Run(12, PLANS[name], trace=True).run().digest != one.digest


def test_the_trace_does_not_depend_on_how_python_hashes_strings() -> None:
    root = str(Path(__file__).resolve().parents[2])
    digests = set()
    for hash_seed in ("1", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": root}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            check=True,
            cwd=root,
            env=environment,
            text=True,
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == 64
