"""Whole nodes, production code throughout, under faults of many seeds and under named ones.

The checkers of ``replica_scenario`` hold in every run: agreement, promises to clients, votes over a key's
life, durable before sent, the books, the replay and the audit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.replica_scenario import ReplicaPlan, ReplicaRun

PROGRAM = """
from tests.simulation.replica_scenario import ReplicaPlan, ReplicaRun
print(ReplicaRun(3, ReplicaPlan(fault_ms=5_000), trace=True).run().digest)
"""


@pytest.mark.parametrize("seed", range(30))
def test_a_market_in_trouble(seed: int) -> None:
    outcome = ReplicaRun(seed, ReplicaPlan()).run()
    assert outcome.final
    assert outcome.height


def test_seven_nodes() -> None:
    assert ReplicaRun(900, ReplicaPlan(count=7, fault_ms=4_000)).run().final


def test_the_trace_of_a_seed_is_the_same_in_every_process() -> None:
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
