"""``scripts/bench``: run the measures that were asked for and print one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

from node.demo.founding import DemoDirectory
from scripts.benchmark.demo import DemoError, demo_time
from scripts.benchmark.founding import (
    VALIDATORS,
    Lane,
    Participants,
    found_network,
    opening,
    outputs,
)
from scripts.benchmark.load import WAIT_SECONDS, LoadClient
from scripts.benchmark.machine import condition
from scripts.benchmark.measures import MEASURES, Bench, measure, say
from scripts.benchmark.micro import measure_steps
from scripts.benchmark.processes import BenchNodes, make_nodes
from scripts.benchmark.profiling import summarize, table

SCHEMA: Final = "monazite.bench/1"
DEMO: Final = "demo"
PROFILED_CLIENTS: Final = 96
"""Clients of a profiled closed loop, when not said otherwise: a profile is no search for the best."""


def main() -> int:
    """Parse the command line, measure, print."""
    parser = _parser()
    options = parser.parse_args()
    if options.profile and (len(options.only or ()) != 1 or options.repeat > 1):
        parser.error("--profile looks at one measure: name it with --only, without --repeat")
    if options.profile and not options.clients:
        options.clients = 1 if options.only == ["one_client"] else PROFILED_CLIENTS
    with tempfile.TemporaryDirectory(prefix="monazite-bench-", dir=options.dir) as name:
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "machine": condition(Path(name)),
            "options": {
                key: value for key, value in vars(options).items() if value not in (None, "", False)
            },
        }
        if options.micro:
            result["micro_us"] = measure_steps(Path(name), options.rounds)
        else:
            runs = []
            for number in range(options.repeat):
                directory = Path(name) / f"run-{number}"
                directory.mkdir()
                runs.append(_run(options, directory))
            result["results"] = runs[0] if len(runs) == 1 else _medians(runs)
            if len(runs) > 1:
                result["runs"] = runs
    sys.stdout.write(json.dumps(result) + "\n")
    return int("error" in result.get("results", {}).get(DEMO, {}))


def _run(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Carry out everything that was asked for once."""
    wanted = options.only or [*MEASURES, DEMO]
    names = [name for name in MEASURES if name in wanted]
    results = asyncio.run(_measure(options, path, names)) if names else {}
    if DEMO in wanted:
        say(f"{DEMO} …")
        try:
            results[DEMO] = demo_time(path)
        except DemoError as error:
            # What was measured before is kept; the exit code tells.
            results[DEMO] = {"error": str(error)}
        say(f"{DEMO}: {results[DEMO]}")
    return results


async def _measure(options: argparse.Namespace, path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Found a network, start it, measure, and stop it."""
    directory = DemoDirectory(path)
    participants = found_network(directory)
    nodes = make_nodes(participants, options.profile, options.profiler)
    say(f"starting {len(nodes.names)} nodes in {path} …")
    try:
        await nodes.start_all()
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=2 * WAIT_SECONDS),
        ) as session:
            urls = [nodes.api(name) for name in nodes.names]
            client = LoadClient(session, urls, participants.genesis, nodes)
            lanes = await _prepare(participants, client)
            bench = Bench(
                participants, nodes, client, lanes, options.seconds, options.clients, options.rate
            )
            results: dict[str, Any] = await measure(bench, names)
    finally:
        await nodes.stop_all()
    if options.profile:
        results["profile"] = _profile(nodes, results[names[-1]]["transactions"])
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


def _medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure over all runs, in the shape of one run."""
    figures: dict[str, Any] = {}
    for key, first in runs[0].items():
        found = [run[key] for run in runs if run.get(key) is not None]
        if isinstance(first, dict):
            figures[key] = _medians(found)
        elif isinstance(first, int | float):
            figures[key] = median(found)
    return figures


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
    add("--only", action="append", choices=(*MEASURES, DEMO), help="measure only this; repeatable")
    add("--repeat", type=int, default=1, help="whole runs; the figures are medians (1)")
    add(
        "--profile",
        choices=VALIDATORS,
        default="",
        help="profile this node during the one measure",
    )
    add("--profiler", choices=("sample", "cprofile"), default="sample", help="how (sample)")
    add("--micro", action="store_true", help="measure single steps of the ledger, without nodes")
    add("--rounds", type=int, default=5, help="rounds of --micro; the least counts (5)")
    add("--dir", default=None, help="where to put the temporary directory of the stores")
    return parser


if __name__ == "__main__":
    sys.exit(main())
