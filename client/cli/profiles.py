"""``monazite profile …``: who I am, which nodes I speak to, and the genesis that I trust."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from client.cli.keys import role_of
from client.cli.options import PATIENCE, AsJson
from client.cli.output import Outcome, say
from client.errors import UsageError
from client.profile import (
    Profile,
    checked_node,
    current_profile_name,
    load_profile,
    profile_directory,
    profile_names,
    read_genesis,
    save_profile,
    use_profile,
)
from client.session import Client
from client.trust import trust_root_of
from ledger.vocabulary import Role
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import IDENTIFIER_PATTERN, MemberId

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
app = typer.Typer(name="profile", help="Nodes, member, keys, pinned genesis.", no_args_is_help=True)


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app)


@app.command("add")
def add(  # noqa: PLR0913 - a command line
    name: Annotated[str, typer.Argument(help="A name of your choice.")],
    *,
    genesis: Annotated[
        str,
        typer.Option(
            metavar="FILE|DIGEST",
            help="The genesis document, or its SHA-256 to fetch it from the node by.",
        ),
    ],
    node: Annotated[list[str], typer.Option("--node", metavar="URL", help="Repeatable.")],
    member: Annotated[str | None, typer.Option(help="Who writes; leave out to read only.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="ROLE=FILE", help="A key file by role. Repeatable."),
    ] = None,
    tls_ca_file: Annotated[
        Path | None, typer.Option("--tls-ca-file", help="Authorities for https nodes.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Pin a genesis and remember nodes, member and keys under NAME.

    Compare the chain id that is printed with one from somebody you trust: everything is checked
    against it from now on.
    """
    nodes = tuple(
        checked_node(address, "--node", f"[{number}]") for number, address in enumerate(node)
    )
    if member is not None and not re.match(IDENTIFIER_PATTERN, member):
        raise UsageError(f"{member!r} is no member id: small letters, digits and hyphens.")
    document = _genesis_document(genesis, nodes)
    trust = trust_root_of(document)
    profile = Profile(
        name=name,
        directory=profile_directory(name),
        nodes=nodes,
        chain_id=trust.chain_id,
        genesis=document,
        network=trust.network,
        member=None if member is None else MemberId(member),
        keys=_keys_of(key or []),
        tls_ca_file=None if tls_ca_file is None else tls_ca_file.absolute(),
    )
    path = save_profile(profile)
    return say(
        Outcome(
            schema="monazite.profile/1",
            data=_data_of(profile),
            lines=[
                f"wrote {path}",
                f"pinned genesis of {trust.network}, {len(trust.validators)} validators",
                f"chain id {trust.chain_id.hex()}",
                "compare the chain id with one from somebody you trust.",
            ],
            next_command=f"monazite profile use {name}; monazite status",
        ),
        as_json=as_json,
    )


@app.command("use")
def use(name: Annotated[str, typer.Argument(help="A profile.")], *, as_json: AsJson = False) -> int:
    """Make NAME the profile of all commands."""
    use_profile(name)
    return say(
        Outcome(
            schema="monazite.profile/1",
            data={"current": name},
            lines=[f"commands use the profile {name} now"],
            next_command="monazite status",
        ),
        as_json=as_json,
    )


@app.command("show")
def show(
    name: Annotated[
        str | None, typer.Argument(help="A profile; the current one if left out.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Show a profile: nodes, member, key files, pinned chain."""
    profile = load_profile(name)
    lines = [
        f"profile {profile.name} ({profile.directory})",
        f"network {profile.network}, chain id {profile.chain_id.hex()}",
        f"member {profile.member or '(none: reads only)'}",
    ]
    lines += [f"node {address}" for address in profile.nodes]
    lines += [
        f"key {role.name.lower()}: {path}{'' if path.exists() else ' (MISSING)'}"
        for role, path in sorted(profile.keys.items())
    ]
    return say(
        Outcome(schema="monazite.profile/1", data=_data_of(profile), lines=lines), as_json=as_json
    )


@app.command("list")
def list_profiles(*, as_json: AsJson = False) -> int:
    """List all profiles; the current one is marked."""
    names = profile_names()
    current = current_profile_name() if names else ""
    return say(
        Outcome(
            schema="monazite.profiles/1",
            data={"profiles": list(names), "current": current},
            lines=[f"{'*' if name == current else ' '} {name}" for name in names]
            or ["no profile yet: monazite profile add NAME --genesis FILE --node URL"],
        ),
        as_json=as_json,
    )


def _genesis_document(genesis: str, nodes: tuple[str, ...]) -> bytes:
    """Return the document: a file, or what a node has if its SHA-256 is the one that was given."""
    wanted = genesis.lower()
    if not _DIGEST.match(wanted):
        return read_genesis(Path(genesis))
    document = asyncio.run(_fetch_genesis(nodes))
    found = plain_digest(document).hex()
    if found != wanted:
        raise UsageError(
            f"the node's genesis has the SHA-256 {found}, asked for was {wanted}: it is another "
            "network, or the node is not honest. Nothing was written."
        )
    return document


async def _fetch_genesis(nodes: tuple[str, ...]) -> bytes:
    async with Client(nodes, patience=PATIENCE) as client:
        return await client.genesis()


def _keys_of(entries: list[str]) -> dict[Role, Path]:
    keys: dict[Role, Path] = {}
    for entry in entries:
        role, separator, file = entry.partition("=")
        if not separator or not file:
            raise UsageError(f"--key {entry!r}: write ROLE=FILE, such as operator=operator.pem.")
        path = Path(file).expanduser().absolute()
        if not path.is_file():
            raise UsageError(
                f"--key {entry}: there is no file {path}. Make the key first, with "
                f"`monazite key new {file} --role {role.lower()}`. Nothing was written."
            )
        keys[role_of(role)] = path
    return keys


def _data_of(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "directory": str(profile.directory),
        "network": profile.network,
        "chain_id": profile.chain_id.hex(),
        "nodes": list(profile.nodes),
        "member": profile.member,
        "keys": {role.name.lower(): str(path) for role, path in sorted(profile.keys.items())},
    }
