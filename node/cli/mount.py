"""Mounts the operator's commands into ``monazite``: the entry point of the extra ``[node]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from client.cli.exit_codes import ExitCode
from client.passphrase import (
    is_passphrase_in_environment,
    new_passphrase_from_terminal,
    passphrase_source,
)
from ledger.vocabulary import Activity, AuthorityOffice
from node.cli import home_source
from node.cli.demo import demo_app
from node.cli.founders import enum_option, join, make_founder, make_genesis
from node.cli.running import NodeExit, run_node
from node.home import Home, HomeError

node_app: Final = typer.Typer(help="Run a node.", no_args_is_help=True)
network_app: Final = typer.Typer(help="Found a network.", no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add ``node``, ``network`` and ``demo`` to the program, and homes to what ``verify`` reads."""
    home_source.register()
    app.add_typer(node_app, name="node")
    app.add_typer(network_app, name="network")
    app.add_typer(demo_app, name="demo")


@node_app.command("run")
def run(
    home: Annotated[Path, typer.Argument(help="The node's home.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of the key files.")
    ] = None,
    passphrase_fd: Annotated[
        int | None, typer.Option(help="File descriptor to read the passphrase from.")
    ] = None,
) -> None:
    """Run the node in HOME until it is told to stop (SIGTERM or Ctrl-C)."""
    run_node(home, passphrase_source(file=passphrase_file, descriptor=passphrase_fd))


@node_app.command("init")
def init(  # noqa: PLR0913 - what a founder says of itself
    home: Annotated[Path, typer.Argument(help="A new directory for the node.")],
    *,
    network: Annotated[str, typer.Option(help="Name of the network, as agreed.")],
    member: Annotated[str, typer.Option(help="Id of your organisation, such as north-group.")],
    name: Annotated[str, typer.Option(help="Its name in words.")],
    registration: Annotated[str, typer.Option(help="Its number in the public register.")],
    office: Annotated[
        str, typer.Option(help="For authorities: ministry, customs, tax, province, inspectorate.")
    ] = "none",
    activity: Annotated[
        list[str] | None, typer.Option(help="For enterprises, repeatable: mining, separation, …")
    ] = None,
    province: Annotated[str, typer.Option(help="Where it is seated.")] = "",
    insecure_no_passphrase: Annotated[
        bool,
        typer.Option(
            "--insecure-no-passphrase", help="Leave the keys unencrypted: for trials only."
        ),
    ] = False,
) -> None:
    """Make a founder's keys and the public part to send: founder.json."""
    passphrase = None
    if not insecure_no_passphrase:
        passphrase = (
            passphrase_source()(str(home))
            if is_passphrase_in_environment()
            else new_passphrase_from_terminal(f"the keys in {home}")
        )
    part = make_founder(
        Home(home),
        network=network,
        member=member,
        name=name,
        registration=registration,
        office=AuthorityOffice(enum_option(office, AuthorityOffice, "--office")),
        activities=tuple(
            Activity(enum_option(entry, Activity, "--activity")) for entry in activity or ()
        ),
        province=province,
        passphrase=passphrase,
    )
    typer.echo(f"Made {home} with its keys. Send {part} to whoever assembles the genesis:")
    typer.echo(
        f"  monazite network init --config network.toml --member {part} … --out genesis.json"
    )


@network_app.command("init")
def network_init(
    config: Annotated[Path, typer.Option(help="network.toml: name, ministry, parameters.")],
    member: Annotated[list[Path], typer.Option(help="A founder.json; once for each founder.")],
    out: Annotated[Path, typer.Option(help="Where to write the genesis document.")] = Path(
        "genesis.json"
    ),
) -> None:
    """Assemble the founders' parts into the genesis document of a new network."""
    digest = make_genesis(config, member, out)
    typer.echo(f"Wrote {out}. Its SHA-256 is the chain id; every founder must see the same:")
    typer.echo(f"  {digest}")
    typer.echo(f"Then, for each node: monazite node join HOME --genesis {out}")


@node_app.command("join")
def node_join(
    home: Annotated[Path, typer.Argument(help="The node's home.")],
    genesis: Annotated[Path, typer.Option(help="The network's genesis document.")],
) -> None:
    """Make store and journal of a node from the network's genesis; once in a node's life."""
    try:
        digest = join(Home(home), genesis)
    except HomeError as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error
    typer.echo(f"{home} has joined chain {digest}.")
    typer.echo(f"Name the other nodes under [[peers.peer]] in {home / 'node.toml'}, then:")
    typer.echo(f"  monazite node run {home}")
