"""``monazite demo``: a whole network on this machine, and what to try with it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from client.cli.exit_codes import ExitCode
from client.directories import write_durably
from ledger.vocabulary import Role
from node.cli.running import NodeExit
from node.demo.founding import DemoDirectory
from node.demo.history import MONTHS_MAX
from node.demo.loading import Loader
from node.demo.network import DemoNetwork, is_running, last_directory, remember, running_network
from node.demo.story import Story, lot_to_trace, program, tell
from node.demo.supervisor import SupervisorError, order
from node.demo.tampering import NothingToTamperError, tamper
from node.storage.leveldb import StoreError

demo_app: Final = typer.Typer(
    help="A demonstration network on this machine: four nodes, two years of published quotas.",
    no_args_is_help=False,
)
_DIRECTORY = Annotated[
    Path | None,
    typer.Option("--dir", help="Directory of the demo network; by default the one started last."),
]


@demo_app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Make the network here and keep it; empty or new."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write addresses, homes, keys, a lot and a transaction here."),
    ] = None,
    seed: Annotated[int, typer.Option(min=1, help="Seed of the invented history.")] = 1,
    months: Annotated[
        int, typer.Option(min=1, max=MONTHS_MAX, help="How many months to load.")
    ] = MONTHS_MAX,
) -> None:
    """Start four nodes, load two years, and say what to try. Ctrl-C ends it."""
    if context.invoked_subcommand is not None:
        return
    try:
        asyncio.run(_demo(directory, json_file, seed=seed, months=months, once=once))
    except (SupervisorError, FileExistsError) as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@demo_app.command("tamper")
def tamper_command(directory: _DIRECTORY = None, node: str = "south-group") -> None:
    """Edit one byte of a record in one node's store, as an insider would, and start the node again."""
    asyncio.run(_tamper(_directory(directory), node))


@demo_app.command("stop")
def stop_command(node: str, directory: _DIRECTORY = None) -> None:
    """Stop one node of the running demo network."""
    _order(_directory(directory), "stop", node)
    typer.echo(f"{node} is stopped. Start it again with: {program()} demo start {node}")


@demo_app.command("start")
def start_command(node: str, directory: _DIRECTORY = None) -> None:
    """Start a stopped node of the running demo network."""
    _order(_directory(directory), "start", node)
    typer.echo(f"{node} runs again and catches up by itself. See: {program()} status")


def _directory(given: Path | None) -> DemoDirectory:
    if given is not None:
        return DemoDirectory(given.resolve())
    last = last_directory()
    if last is None:
        raise NodeExit(
            ExitCode.NOT_FOUND,
            f"no demo network is known; start one with `{program()} demo`, or name it with --dir.",
        )
    return last


def _order(directory: DemoDirectory, what: str, node: str) -> None:
    try:
        asyncio.run(order(directory, what, node))
    except SupervisorError as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error


async def _tamper(directory: DemoDirectory, node: str) -> None:
    home = directory.home(node)
    if not home.store.exists():
        raise NodeExit(ExitCode.NOT_FOUND, f"there is no node {node!r} in {directory.path}")
    running = is_running(directory)
    try:
        if running:
            await order(directory, "stop", node)
        try:
            done = tamper(home)
        finally:
            if running:
                await order(directory, "start", node)
    except (SupervisorError, NothingToTamperError, StoreError) as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error
    console = Console()
    console.print(
        f"In the store of [bold]{node}[/bold], block {done.height}, transaction "
        f"{done.transaction}, record {done.record_index} (mine output {done.code} of "
        f"{done.facility}): gross {done.before_g:,} g is now {done.after_g:,} g. One byte.",
        soft_wrap=True,
        highlight=False,
    )
    if running:
        console.print(f"{node} is up again and serves its altered copy.", highlight=False)
        console.print(f"Now run `{program()} verify` on all four nodes again.", highlight=False)
    else:
        console.print(
            f"The network does not run. Verify the altered copy where it lies: "
            f"{program()} verify {home.path} --genesis {directory.genesis}",
            highlight=False,
            soft_wrap=True,
        )


async def _demo(
    path: Path | None, json_file: Path | None, *, seed: int, months: int, once: bool
) -> None:
    begun = time.monotonic()
    console = Console()
    interruption = _Interruption()
    async with running_network(path, seed=seed, months=months) as network:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as progress:
            task = progress.add_task("starting", total=network.history.record_count)
            loader = Loader(
                network,
                lambda done, what: progress.update(task, completed=done, description=what),
            )
            await loader.load()
        story = await _story(network, loader, time.monotonic() - begun, months)
        told = story.as_json()
        remember(network.directory, network.supervisor.ports, told)
        if json_file is not None:
            write_durably(json_file, json.dumps(told, indent=2).encode() + b"\n")
        interruption.is_expected = True
        # The only demo network needs no directory named; one beside another does.
        place = network.directory.path if network.profile else path
        tell(story, console, stays=not once, directory=place)
        if not once:
            watching = asyncio.create_task(network.supervisor.watch(_announce_end))
            try:
                await interruption.happened.wait()
            finally:
                watching.cancel()


def _announce_end(node: str, code: int, log: Path) -> None:
    typer.echo(
        f"{node} has ended by itself (code {code}); its log is {log}. "
        f"Start it again with: {program()} demo start {node}",
        err=True,
    )


async def _story(network: DemoNetwork, loader: Loader, seconds: float, months: int) -> Story:
    supervisor = network.supervisor
    enterprises = [member for member in network.history.members if member.kind == "enterprise"]
    lot = lot_to_trace(network.history)
    return Story(
        nodes=tuple(
            (name, supervisor.api(name), network.directory.home(name).path)
            for name in supervisor.names
        ),
        genesis=network.directory.genesis,
        keys={
            member.id: network.directory.key(member.id, Role.OPERATOR)
            for member in network.history.members
        },
        profile=network.profile,
        months_count=months,
        enterprises_count=len(enterprises),
        records_count=loader.loaded.records_count,
        transactions_count=loader.loaded.transactions_count,
        height=await loader.height(),
        loaded_seconds=seconds,
        lot=lot,
        lot_id=await loader.lot_id(lot),
        transaction=loader.loaded.transaction,
    )


class _Interruption:
    """Ctrl-C or SIGTERM: the end that was announced, or the end of what is under way.

    Either way the network is taken down in order: no node is left running.
    """

    def __init__(self) -> None:
        self.happened = asyncio.Event()
        self.is_expected = False
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._note)

    def _note(self) -> None:
        self.happened.set()
        if not self.is_expected and self._task is not None:
            self._task.cancel()
