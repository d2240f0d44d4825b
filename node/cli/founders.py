"""Commands of founders and operators: ``node init``, ``network init``, ``node join``.

Every founder makes its own keys (``node init``) and sends ``founder.json``, which holds nothing
secret. One of them collects the parts into the genesis document (``network init``); all compare
its SHA-256 with each other, and each makes store and journal from it (``node join``). What is not
secret and not agreed, where nodes listen, is said in the same two commands, so that ``node.toml`` is
complete without an editor. Everything is checked before the first file is written.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import tomlkit
import typer
from msgspec import Meta

from client.errors import UsageError
from client.keystore import new_seed, write_key_file
from ledger.errors import InvalidDocumentError, InvalidGenesisError
from ledger.founder import (
    FOUNDER_VERSION,
    FounderPart,
    assemble_genesis,
    decode_founder,
    encode_founder,
)
from ledger.genesis import open_genesis
from ledger.records.admit_member import AdmitMember
from ledger.records.new_key import NewKey
from ledger.state.rows import ParametersRow, ValidatorRow
from ledger.vocabulary import Activity, AuthorityOffice, MemberKind, Role
from ledger.wire.possession import prove_possession
from ledger.wire.scalars import Grams, GramsField, MemberId, PublicKey, TimeMs
from ledger.wire.signing import public_key_of, signer
from node.config import (
    ApiSection,
    ConfigurationError,
    HealthSection,
    PeersSection,
    load_configuration,
)
from node.home import Home, HomeError, create_ledger

KEY_YEARS_DEFAULT: Final = 5
_YEAR_MS: Final = 365 * 86_400_000
_ROLES: Final = (Role.ADMIN, Role.OPERATOR, Role.FILING, Role.NODE, Role.CONSENSUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a node is to listen; its health listener stays on loopback."""

    host: str = ApiSection().host
    """Of the API and of the peer port."""
    api_port: int = ApiSection().port
    health_port: int = HealthSection().port
    peer_port: int = PeersSection().port

    def document(self, name: str) -> str:
        """Return a whole ``node.toml`` but for the peers."""
        return tomlkit.dumps(
            {
                "node": {"name": name},
                "api": {"host": self.host, "port": self.api_port},
                "health": {"host": HealthSection().host, "port": self.health_port},
                "peers": {"host": self.host, "port": self.peer_port},
            }
        )


LISTENING_DEFAULT: Final = Listening()


@dataclass(frozen=True, slots=True)
class Joined:
    """What ``join`` has done."""

    chain_id: str
    peers_missing: tuple[str, ...]
    """Validators whose address ``node.toml`` does not have."""


class NetworkPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``network.toml``: what founders agree on besides themselves."""

    network: Annotated[str, Meta(min_length=1, max_length=128)]
    ministry: str
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 0
    filing_deadline_day: Annotated[int, Meta(ge=1, le=28)] = 10
    transit_tolerance_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 20
    hold_days: Annotated[int, Meta(ge=1, le=366)] = 30
    small_loss_allowance: GramsField = Grams(10_000)


def make_founder(  # noqa: PLR0913 - what a founder says of itself
    home: Home,
    *,
    network: str,
    member: str,
    name: str,
    registration: str,
    office: AuthorityOffice,
    activities: tuple[Activity, ...],
    province: str,
    passphrase: bytes | None,
    key_years: int = KEY_YEARS_DEFAULT,
    listening: Listening = LISTENING_DEFAULT,
) -> Path:
    """Make keys and configuration of a founder's node, and return the part to send.

    Raises:
        UsageError: The home exists already, or cannot be written.
    """
    if home.configuration.exists() or home.node_key.exists():
        raise UsageError(f"{home.path} is a node's home already; name an empty directory.")
    home.node_key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    now_ms = TimeMs(time.time_ns() // 1_000_000)
    keys = []
    for role in _ROLES:
        seed = new_seed()
        write_key_file(home.node_key.with_name(f"{role.name.lower()}.pem"), seed, passphrase)
        public = PublicKey(public_key_of(seed))
        keys.append(
            NewKey(
                key=public,
                role=role,
                person=f"{role.name.lower()} of {member}",
                valid_from_ms=TimeMs(now_ms - _YEAR_MS // 365),
                valid_until_ms=TimeMs(now_ms + key_years * _YEAR_MS),
                proof=prove_possession(
                    signer(seed), network=network, member=MemberId(member), role=role, key=public
                ),
            )
        )
    public_of = {key.role: key.key for key in keys}
    part = FounderPart(
        version=FOUNDER_VERSION,
        network=network,
        member=AdmitMember(
            id=MemberId(member),
            name=name,
            kind=MemberKind.ENTERPRISE if office is AuthorityOffice.NONE else MemberKind.AUTHORITY,
            office=office,
            activities=tuple(sorted(activities)),
            group="",
            province=province,
            registration=registration,
            licences=(),
            keys=tuple(keys),
        ),
        validators=(
            ValidatorRow(
                name=MemberId(member),
                member=MemberId(member),
                consensus_key=public_of[Role.CONSENSUS],
                node_key=public_of[Role.NODE],
            ),
        ),
    )
    home.configuration.write_text(listening.document(member), encoding="utf-8")
    path = home.path / "founder.json"
    path.write_bytes(encode_founder(part))
    return path


def make_genesis(plan_path: Path, member_paths: list[Path], out: Path) -> str:
    """Assemble the founders' parts into a genesis document and return its SHA-256.

    Raises:
        UsageError: A file cannot be read or is wrong; file and field are named.
    """
    plan = _plan(plan_path)
    parts = []
    for path in member_paths:
        try:
            parts.append(decode_founder(path.read_bytes()))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        except InvalidDocumentError as error:
            raise UsageError(f"{path}: {error}") from error
    parameters = ParametersRow(
        network=plan.network,
        ministry=MemberId(plan.ministry),
        utc_offset_minutes=plan.utc_offset_minutes,
        filing_deadline_day=plan.filing_deadline_day,
        transit_tolerance_basis_points=plan.transit_tolerance_basis_points,
        fingerprints=(),
        hold_days=plan.hold_days,
        small_loss_allowance=plan.small_loss_allowance,
    )
    try:
        genesis = assemble_genesis(parameters, TimeMs(time.time_ns() // 1_000_000), parts)
    except InvalidGenesisError as error:
        raise UsageError(str(error)) from error
    if out.exists():
        raise UsageError(f"{out} exists already; a genesis is never overwritten.")
    out.write_bytes(genesis.data)
    return genesis.chain_id.hex()


def join(home: Home, genesis_path: Path, peers: Iterable[str] = ()) -> Joined:
    """Make store and journal of a home from the network's genesis.

    Args:
        home: Made by ``make_founder``.
        genesis_path: The network's genesis document.
        peers: Where other validators listen, each ``NAME=HOST:PORT``; written to ``node.toml``.

    Raises:
        UsageError: The genesis is not usable, or not this node's; an address is wrong.
        HomeError: There is a store already.
    """
    try:
        genesis = open_genesis(genesis_path.read_bytes())
    except OSError as error:
        raise UsageError(f"{genesis_path} cannot be read: {error.strerror}.") from error
    except InvalidGenesisError as error:
        raise UsageError(f"{genesis_path}: {error}") from error
    if not home.configuration.exists():
        raise UsageError(f"{home.path} is no node's home; make one with `monazite node init`.")
    if home.store.exists() or home.journal.exists():
        raise HomeError(home.path, "store or journal exist already; a node joins once")
    try:
        configuration = load_configuration(home.configuration)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    name = configuration.node.name
    rows = genesis.document.validators
    validator = next((row for row in rows if row.name == name), None)
    if validator is None:
        raise UsageError(
            f"{name} is no validator of network {genesis.document.network}; this version cannot "
            "follow a network without voting."
        )
    _check_founder(home, validator, genesis.document.network)
    others = tuple(row.name for row in rows if row.name != name)
    addresses = dict(_address(text, others) for text in peers)
    home.genesis.write_bytes(genesis.data)
    if addresses:
        _write_peers(home, addresses)
    create_ledger(home, genesis, validator.consensus_key)
    known = addresses or {entry.name for entry in configuration.peers.peer}
    return Joined(genesis.chain_id.hex(), tuple(other for other in others if other not in known))


def _check_founder(home: Home, validator: ValidatorRow, network: str) -> None:
    """Refuse a genesis that has other keys than the part that this home has sent."""
    path = home.path / "founder.json"
    if not path.exists():
        return
    try:
        part = decode_founder(path.read_bytes())
    except InvalidDocumentError as error:
        raise UsageError(f"{path}: {error}") from error
    if validator not in part.validators:
        raise UsageError(
            f"the genesis of network {network} has other keys for {validator.name} than {path}; "
            "it was made from another founder.json."
        )


def _address(text: str, others: tuple[str, ...]) -> tuple[str, tuple[str, int]]:
    name, _equals, place = text.partition("=")
    host, _colon, port = place.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not name or not host or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise UsageError(f"--peer {text}: wanted NAME=HOST:PORT, such as customs=10.0.0.7:8700.")
    if not 1 <= int(port) <= 65_535:
        raise UsageError(f"--peer {text}: {port} is no port; ports are 1 to 65535.")
    if name not in others:
        raise UsageError(
            f"--peer {text}: {name} is no other validator of this network; there are "
            f"{', '.join(others)}."
        )
    return name, (host, int(port))


def _write_peers(home: Home, addresses: dict[str, tuple[str, int]]) -> None:
    document = tomlkit.parse(home.configuration.read_text(encoding="utf-8")).unwrap()
    document.setdefault("peers", {})["peer"] = [
        {"name": name, "host": host, "port": port} for name, (host, port) in addresses.items()
    ]
    home.configuration.write_text(tomlkit.dumps(document), encoding="utf-8")


def _plan(path: Path) -> NetworkPlan:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), NetworkPlan)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}") from error


def enum_option(name: str, kind: type[AuthorityOffice] | type[Activity], option: str) -> int:
    """Return the member of a vocabulary that a person has named, or say which there are."""
    try:
        return kind[name.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(entry.name.lower() for entry in kind)
        raise typer.BadParameter(f"{name!r} is none of {known}", param_hint=option) from None
