"""Many seeds from the command line: ``scripts/simulate --kind replica --seeds 500 --first-seed 1000``.

Each seed is one run, clean or not; a failing seed is shown with what did not hold and with the command that
repeats it alone, and the others go on. Seeds of the engine take turns: all correct, a pair of twins, a liar.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from tests.simulation.replica_scenario import ReplicaPlan, ReplicaRun
from tests.simulation.scenario import Plan, Run

PROGRESS_S = 2.0
NODES_MIN = 4
REPLICA_NODES_MAX = 13


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds; return 0 if all are clean, 1 if one is not."""
    chosen = _parser().parse_args(arguments)
    _check(chosen)
    run = KINDS[chosen.kind]
    failed: list[int] = []
    began = shown = time.monotonic()
    for number, seed in enumerate(range(chosen.first_seed, chosen.first_seed + chosen.seeds)):
        try:
            run(seed, chosen.nodes)
        except Exception:  # noqa: BLE001 - whatever a run ends with is what the seed has shown
            failed.append(seed)
            _say(f"\nseed {seed} of kind {chosen.kind} failed:\n{traceback.format_exc()}")
            _say(f"repeat it with: {repeating(chosen.kind, chosen.nodes, seed)}\n")
        if time.monotonic() - shown >= PROGRESS_S:
            shown = time.monotonic()
            _say(f"{number + 1} of {chosen.seeds} seeds, {len(failed)} failed")
    _say(
        f"{chosen.seeds} seeds of kind {chosen.kind} with {chosen.nodes} nodes in "
        f"{time.monotonic() - began:.1f} s: {len(failed)} failed"
    )
    for seed in failed:
        sys.stdout.write(repeating(chosen.kind, chosen.nodes, seed) + "\n")
    return 1 if failed else 0


def repeating(kind: str, nodes: int, seed: int) -> str:
    """Return the command that repeats one seed."""
    return f"scripts/simulate --kind {kind} --nodes {nodes} --seeds 1 --first-seed {seed}"


def run_engine(seed: int, nodes: int) -> None:
    """Run engines over the toy ledger."""
    if nodes < NODES_MIN:
        plan = Plan(count=nodes)
    else:
        plan = (Plan(count=nodes), Plan(count=nodes, twins=1), Plan(count=nodes, liars=1))[seed % 3]
    Run(seed, plan).run()


def run_replica(seed: int, nodes: int) -> None:
    """Run whole nodes."""
    ReplicaRun(seed, ReplicaPlan(count=nodes)).run()


KINDS: dict[str, Callable[[int, int], None]] = {"engine": run_engine, "replica": run_replica}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many runs (default: 100)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first (default: 0)")
    parser.add_argument("--nodes", type=int, default=4, help="validators (default: 4)")
    parser.add_argument(
        "--kind",
        choices=sorted(KINDS),
        default="replica",
        help="engines over a toy ledger, or whole nodes (default: replica)",
    )
    return parser


def _check(chosen: argparse.Namespace) -> None:
    problem = ""
    if chosen.seeds < 1 or chosen.first_seed < 0:
        problem = f"--seeds {chosen.seeds} --first-seed {chosen.first_seed}: at least 1 and 0"
    elif chosen.nodes < 1:
        problem = f"--nodes {chosen.nodes}: at least 1"
    elif chosen.kind == "replica" and not NODES_MIN <= chosen.nodes <= REPLICA_NODES_MAX:
        problem = f"--nodes {chosen.nodes}: whole nodes are {NODES_MIN} to {REPLICA_NODES_MAX}"
    if problem:
        _say(f"scripts/simulate: {problem}")
        raise SystemExit(2)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
