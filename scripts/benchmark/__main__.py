"""``scripts/bench``: run the measures that were asked for and print one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

from node.demo.founding import DemoDirectory
from scripts.benchmark.founding import VALIDATORS, Lane, Participants, found_network, opening, outputs
from scripts.benchmark.load import WAIT_SECONDS, LoadClient
from scripts.benchmark.machine import condition
from scripts.benchmark.measures import MEASURES, Bench, measure, say
from scripts.benchmark.micro import measure_steps
from scripts.benchmark.processes import BenchNodes, make_nodes
from scripts.benchmark.profiling import summarize, table

SCHEMA: Final = "monazite.bench/1"


def main() -> int:
    """Parse the command line, measure, print."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="monazite-bench-", dir=options.dir) as name:
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "machine": condition(Path(name)),
            "options": {
                key: value for key, value in vars(options).items() if value not in (None, "", False)
            },
        }
        if options.micro:
            result["micro_us"] = measure_steps(Path(name))
        else:
            runs = []
            for number in range(options.repeat):
                directory = Path(name) / f"run-{number}"
                directory.mkdir()
                runs.append(asyncio.run(_run(options, directory)))
            result["results"] = runs[0] if len(runs) == 1 else _medians(runs)
            if len(runs) > 1:
                result["runs"] = runs
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


async def _run(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Found a network, start it, measure, and stop it."""
    directory = DemoDirectory(path)
    participants = found_network(directory)
    nodes = make_nodes(participants, options.profile)
    say(f"starting {len(nodes.names)} nodes in {path} …")
    try:
        await nodes.start_all()
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=2 * WAIT_SECONDS),
        ) as session:
            urls = [nodes.api(name) for name in nodes.names]
            client = LoadClient(session, urls, participants.genesis, nodes.usage)
            lanes = await _prepare(participants, client)
            bench = Bench(
                participants, nodes, client, lanes, options.seconds, options.clients, options.rate
            )
            names = options.only or [name for name in MEASURES if name != "trades"]
            results: dict[str, Any] = await measure(bench, names)
    finally:
        await nodes.stop_all()
    if options.profile:
        results["profile"] = _profile(nodes, client.final_count)
    return results


async def _prepare(participants: Participants, client: LoadClient) -> list[Lane]:
    for wave in opening(participants):
        await client.settle(wave)
    mining, lanes = outputs(participants)
    await client.settle(mining)
    return lanes


def _profile(nodes: BenchNodes, transactions: int) -> dict[str, Any]:
    summary = summarize(nodes.profile_file, transactions)
    say(table(summary))
    return summary


def _medians(runs: list[Any]) -> Any:
    """Return the median of each figure over all runs, in the shape of one run."""
    first = runs[0]
    if isinstance(first, dict):
        return {
            key: _medians([run[key] for run in runs if key in run]) for key in first
        }
    if isinstance(first, int | float):
        return median(run for run in runs if run is not None)
    return first


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Start four nodes on this machine, load them, and print one line of JSON. "
        "Progress goes to stderr. Nothing else should run on the machine: the line says what did.",
    )
    add = parser.add_argument
    add("--seconds", type=float, default=10.0, help="time that counts of each measure (10)")
    add("--clients", type=int, default=0, help="clients of the closed loops (0: find the best)")
    add("--rate", type=float, default=0.0, help="transactions a second of `half` (0: half)")
    add("--only", action="append", choices=MEASURES, help="measure only this; repeatable")
    add("--repeat", type=int, default=1, help="whole runs; the figures are medians (1)")
    add("--profile", choices=VALIDATORS, default="", help="run this node under cProfile")
    add("--micro", action="store_true", help="measure single steps of the ledger, without nodes")
    add("--dir", default=None, help="where to put the temporary directory of the stores")
    return parser


if __name__ == "__main__":
    sys.exit(main())
