"""Processes that run ``python -m node run HOME`` without paying for its imports each time.

They are forked from a server that has imported the node and done nothing else, so each is a process of
its own with its own file descriptors, signals and exit code.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int | None
    output: str
    errors: str


def run_node_process(arguments: list[str], path: Path, **environment: str) -> Ended:
    """Run ``python -m node`` with these arguments until it ends by itself.

    Args:
        arguments: Of the command.
        path: A directory for what the process writes.
        environment: Variables that are set beside those of this process.
    """
    context = _server()
    process = context.Process(target=_main, args=(arguments, str(path), environment))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the node still runs: {(path / 'stderr').read_text()}")
    return Ended(process.exitcode, (path / "stdout").read_text(), (path / "stderr").read_text())


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["node.__main__", __name__])
    return context


def _main(arguments: list[str], path: str, environment: Mapping[str, str]) -> None:
    from node.__main__ import main  # noqa: PLC0415 - not before the fork

    for number, name in ((1, "stdout"), (2, "stderr")):
        descriptor = os.open(Path(path) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.pop("MONAZITE_PASSPHRASE", None)
    os.environ.update(environment)
    sys.argv = ["node", *arguments]
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
