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
from node.cli.founders import (
    LISTENING_DEFAULT,
    Listening,
    enum_option,
    join,
    make_founder,
    make_genesis,
)
from node.cli.rebuild import rebuild
from node.cli.running import NodeExit, run_node
from node.home import Home, HomeError

node_app: Final = typer.Typer(help="Run a node.", no_args_is_help=True)
_Port = Annotated[int, typer.Option(min=1, max=65_535)]
_PassphraseFile = Annotated[
    Path | None, typer.Option(help="File with the passphrase of the key files.")
]
_PassphraseDescriptor = Annotated[
    int | None, typer.Option(help="File descriptor to read the passphrase from.")
]
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
    passphrase_file: _PassphraseFile = None,
    passphrase_fd: _PassphraseDescriptor = None,
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
    host: Annotated[
        str, typer.Option(help="Address on which the API and the peer port listen.")
    ] = LISTENING_DEFAULT.host,
    api_port: _Port = LISTENING_DEFAULT.api_port,
    health_port: _Port = LISTENING_DEFAULT.health_port,
    peer_port: _Port = LISTENING_DEFAULT.peer_port,
    passphrase_file: _PassphraseFile = None,
    passphrase_fd: _PassphraseDescriptor = None,
    insecure_no_passphrase: Annotated[
        bool,
        typer.Option(
            "--insecure-no-passphrase", help="Leave the keys unencrypted: for trials only."
        ),
    ] = False,
) -> None:
    """Make a founder's keys and the public part to send: founder.json."""
    passphrase = (
        None if insecure_no_passphrase else _new_passphrase(home, passphrase_file, passphrase_fd)
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
        listening=Listening(
            host=host, api_port=api_port, health_port=health_port, peer_port=peer_port
        ),
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
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HOST:PORT", help="Peer port of another node; repeatable."),
    ] = None,
) -> None:
    """Make store and journal of a node from the network's genesis; once in a node's life."""
    try:
        joined = join(Home(home), genesis, peer or ())
    except HomeError as error:
        raise NodeExit(ExitCode.USAGE, str(error)) from error
    typer.echo(f"{home} has joined chain {joined.chain_id}.")
    if joined.peers_missing:
        typer.echo(
            f"Not named yet: {', '.join(joined.peers_missing)}. Name each under [[peers.peer]] "
            f"with name, host and port in {home / 'node.toml'}."
        )
    typer.echo(f"Start it with: monazite node run {home}")


@node_app.command("rebuild")
def node_rebuild(home: Annotated[Path, typer.Argument(help="The home of a stopped node.")]) -> None:
    """Make a new store in place of a damaged or lost one; the node then catches up from its peers."""
    moved = rebuild(Home(home))
    if moved is not None:
        typer.echo(f"The old store is now {moved}; keep it as evidence, or remove it.")
    typer.echo(f"{home} has a new store that begins at the genesis; the journal was kept.")
    typer.echo(f"It catches up from its peers by itself: monazite node run {home}")


def _new_passphrase(home: Path, file: Path | None, descriptor: int | None) -> bytes:
    if file is not None or descriptor is not None or is_passphrase_in_environment():
        return passphrase_source(file=file, descriptor=descriptor)(str(home))
    return new_passphrase_from_terminal(f"the keys in {home}")
