"""Founding the demo network on one machine: everybody's keys, the genesis, four homes.

Only the demo makes everybody's keys in one place and keeps them unencrypted; a real founder makes
its own (``monazite node init``) and sends the public part.

    DIR/genesis.json            the founding document
    DIR/clock                   the shared shift of the nodes' wall clock
    DIR/keys/MEMBER/ROLE.pem    keys of members
    DIR/nodes/NAME/             homes of the nodes
    DIR/flows, DIR/master       the CSV files that the enterprises load
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomlkit

from client.keystore import new_seed, write_key_file
from ledger.founder import FOUNDER_VERSION, FounderPart, assemble_genesis
from ledger.genesis import Genesis
from ledger.records.new_key import NewKey
from ledger.state.rows import ValidatorRow
from ledger.vocabulary import Role
from ledger.wire.possession import prove_possession
from ledger.wire.scalars import MemberId, PublicKey, TimeMs
from ledger.wire.signing import public_key_of, signer
from node.demo.figures import load_figures
from node.demo.master import NETWORK, admission, parameters, product_definition
from node.demo.records import DemoHistory, Member
from node.home import Home, create_ledger

KEY_YEARS_MS: Final = 30 * 365 * 86_400_000
MEMBER_ROLES: Final = (Role.ADMIN, Role.OPERATOR, Role.FILING)
NODE_ROLES: Final = (Role.NODE, Role.CONSENSUS)
LOOPBACK: Final = "127.0.0.1"
_PORTS_PER_NODE: Final = 3


@dataclass(frozen=True, slots=True)
class DemoDirectory:
    """Where a demo network lives."""

    path: Path

    @property
    def genesis(self) -> Path:
        """The founding document."""
        return self.path / "genesis.json"

    @property
    def clock(self) -> Path:
        """The shared shift of the nodes' wall clock."""
        return self.path / "clock"

    @property
    def control(self) -> Path:
        """The socket by which the supervisor takes orders."""
        return self.path / "control"

    @property
    def network(self) -> Path:
        """What was started: names, addresses, the lot to look at."""
        return self.path / "network.json"

    def home(self, node: str) -> Home:
        """Return the home of a node."""
        return Home(self.path / "nodes" / node)

    def key(self, member: str, role: Role) -> Path:
        """Return the file of a member's key."""
        return self.path / "keys" / member / f"{role.name.lower()}.pem"


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where one node listens, all on loopback."""

    api: int
    health: int
    peers: int


def make_keys(
    directory: DemoDirectory, member: str, roles: Sequence[Role], valid_from_ms: int
) -> tuple[NewKey, ...]:
    """Make a member's keys, write their files, and return their public part with proofs."""
    keys = []
    for role in roles:
        path = directory.key(member, role)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        seed = new_seed()
        write_key_file(path, seed, None)
        public = PublicKey(public_key_of(seed))
        keys.append(
            NewKey(
                key=public,
                role=role,
                person=f"{role.name.lower()} of {member}",
                valid_from_ms=TimeMs(valid_from_ms),
                valid_until_ms=TimeMs(valid_from_ms + KEY_YEARS_MS),
                proof=prove_possession(
                    signer(seed), network=NETWORK, member=MemberId(member), role=role, key=public
                ),
            )
        )
    return tuple(keys)


def found(directory: DemoDirectory, history: DemoHistory, time_ms: TimeMs) -> Genesis:
    """Make the founders' keys and the genesis document."""
    figures = load_figures()
    members: Mapping[str, Member] = {member.id: member for member in history.members}
    founders = []
    for name in history.validators:
        keys = make_keys(directory, name, (*MEMBER_ROLES, *NODE_ROLES), time_ms)
        by_role = {key.role: key.key for key in keys}
        founders.append(
            FounderPart(
                version=FOUNDER_VERSION,
                network=NETWORK,
                member=admission(members[name], keys),
                validators=(
                    ValidatorRow(
                        name=MemberId(name),
                        member=MemberId(name),
                        consensus_key=by_role[Role.CONSENSUS],
                        node_key=by_role[Role.NODE],
                    ),
                ),
            )
        )
    genesis = assemble_genesis(
        parameters(figures),
        time_ms,
        founders,
        tuple(product_definition(product) for product in history.products),
    )
    directory.genesis.write_bytes(genesis.data)
    return genesis


def make_homes(directory: DemoDirectory, genesis: Genesis, ports: Mapping[str, NodePorts]) -> None:
    """Make the home of every validator: configuration, genesis, keys, store and journal."""
    for name, own_ports in ports.items():
        home = directory.home(name)
        home.node_key.parent.mkdir(parents=True, mode=0o700)
        home.genesis.write_bytes(genesis.data)
        for role, path in ((Role.NODE, home.node_key), (Role.CONSENSUS, home.consensus_key)):
            directory.key(name, role).rename(path)
        home.configuration.write_text(
            _configuration(directory, name, own_ports, ports), encoding="utf-8"
        )
        validator = next(entry for entry in genesis.document.validators if entry.name == name)
        create_ledger(home, genesis, validator.consensus_key)


def _configuration(
    directory: DemoDirectory, name: str, own: NodePorts, ports: Mapping[str, NodePorts]
) -> str:
    document = tomlkit.document()
    document["node"] = {
        "name": name,
        "log_level": "warning",
        "clock_offset_file": str(directory.clock),
    }
    document["api"] = {"host": LOOPBACK, "port": own.api}
    document["health"] = {"host": LOOPBACK, "port": own.health}
    document["peers"] = {
        "host": LOOPBACK,
        "port": own.peers,
        "peer": [
            {"name": other, "host": LOOPBACK, "port": entry.peers}
            for other, entry in ports.items()
            if other != name
        ],
    }
    return tomlkit.dumps(document)


def free_ports(names: Sequence[str], first: int) -> dict[str, NodePorts]:
    """Return ports for every node that are free now, ``first`` and the following where possible."""
    wanted = len(names) * _PORTS_PER_NODE
    found: list[int] = []
    with ExitStack() as held:
        port = first
        while len(found) < wanted:
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((LOOPBACK, port if port < 2**16 else 0))
            except OSError:
                port += 1
                continue
            found.append(listener.getsockname()[1])
            port += 1
    chunks = [found[start : start + _PORTS_PER_NODE] for start in range(0, wanted, _PORTS_PER_NODE)]
    return {name: NodePorts(*chunk) for name, chunk in zip(names, chunks, strict=True)}
