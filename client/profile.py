# ruff: noqa: A005 - the word that people use; imports here are absolute
"""Profiles: who I am, which nodes I speak to, and the genesis that I trust.

A profile is a directory with ``profile.toml`` and a copy of the genesis document. The copy is what every
receipt and every history is checked against (architecture D14): it is pinned when the profile is
made, never taken from a node or from a file under examination, and its SHA-256, the chain id, stands in
``profile.toml`` as well, so that a copy that was swapped later is noticed.

    network = "demo"                 # for people; the chain id decides
    chain_id = "64 hexadecimal digits"
    nodes = ["https://node-a.example:8443"]
    member = "mine-a"                # absent for somebody who only reads and verifies
    tls_ca_file = "/etc/…/ca.pem"    # absent: the system's certificate authorities

    [keys]                           # by role; never the keys themselves
    operator = "/home/…/operator.pem"

Which profile: the name that was given, else ``MONAZITE_PROFILE``, else the current one in
``settings.toml``, else the only one there is. A profile that cannot be read is named by file, key and reason.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import tomlkit
from msgspec import Meta

from client.directories import config_directory, write_durably
from client.errors import ProfileError, UsageError
from ledger.vocabulary import Role
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import IDENTIFIER_PATTERN, ChainId, MemberId

PROFILE_VARIABLE: Final = "MONAZITE_PROFILE"
GENESIS_BYTES_MAX: Final = 4 * 1024 * 1024
PROFILE_BYTES_MAX: Final = 64 * 1024
T = TypeVar("T", bound=msgspec.Struct)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Nodes, pinned genesis, member and key files under one name."""

    name: str
    directory: Path
    """Where it is kept; the outbox is below it."""
    nodes: tuple[str, ...]
    """Base addresses, such as ``https://node-a.example:8443``, best first."""
    chain_id: ChainId
    genesis: bytes
    """The genesis document's exact bytes."""
    network: str = ""
    """Name of the network, for people."""
    member: MemberId | None = None
    """Who writes; None for somebody who only reads."""
    keys: dict[Role, Path] = field(default_factory=dict)
    """Key files by role."""
    tls_ca_file: Path | None = None
    """Certificate authorities for ``https`` nodes; None for the system's."""

    @property
    def outbox_directory(self) -> Path:
        """Where transactions are kept that are not known to be final."""
        return self.directory / "outbox"

    @property
    def imports_directory(self) -> Path:
        """Where it is remembered which rows of imported files are on the ledger."""
        return self.directory / "imports"


class _ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``profile.toml`` as it is written."""

    chain_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    nodes: tuple[str, ...] = ()
    network: str = ""
    member: Annotated[str, Meta(pattern=IDENTIFIER_PATTERN)] | None = None
    tls_ca_file: str | None = None
    keys: dict[str, str] = msgspec.field(default_factory=dict)


class _SettingsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``settings.toml`` as it is written."""

    profile: str = ""


def load_profile(name: str | None = None) -> Profile:
    """Return a profile: the named one, or the one that is in use.

    Raises:
        ProfileError: There is none, it cannot be read, or its genesis is not the pinned one. File,
            key and reason are named.
    """
    directory = profile_directory(name or current_profile_name())
    path = directory / "profile.toml"
    if not path.exists():
        raise ProfileError(path, f"there is no such profile. {_known_profiles()}")
    raw = _read_toml(path)
    entries = _checked(raw, _ProfileFile, path)
    return Profile(
        name=directory.name,
        directory=directory,
        nodes=tuple(
            checked_node(address, path, f"nodes[{number}]")
            for number, address in enumerate(entries.nodes)
        ),
        chain_id=ChainId(bytes.fromhex(entries.chain_id)),
        genesis=_pinned_genesis(directory, entries.chain_id),
        network=entries.network,
        member=None if entries.member is None else MemberId(entries.member),
        keys={_role(text, path): Path(file).expanduser() for text, file in entries.keys.items()},
        tls_ca_file=None if entries.tls_ca_file is None else Path(entries.tls_ca_file).expanduser(),
    )


def save_profile(profile: Profile) -> Path:
    """Write a profile and its genesis, and return the path of ``profile.toml``.

    Comments that stand in an existing file are kept.

    Raises:
        ProfileError: Its name, an address or its genesis is not usable, another genesis is already
            pinned under that name, or the directory cannot be written.
    """
    directory = profile_directory(profile.name)
    path, genesis_path = directory / "profile.toml", directory / "genesis.json"
    if bytes(plain_digest(profile.genesis)) != profile.chain_id:
        raise ProfileError(genesis_path, "the document's SHA-256 is not the chain id.")
    for number, address in enumerate(profile.nodes):
        checked_node(address, path, f"nodes[{number}]")
    try:
        if genesis_path.exists() and genesis_path.read_bytes() != profile.genesis:
            raise ProfileError(
                genesis_path,
                "another genesis is pinned here already. A pinned genesis is never replaced: "
                "use another profile name, or remove the directory if you are sure.",
            )
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(genesis_path, profile.genesis)
        write_durably(path, _toml_of(profile, path).encode())
    except OSError as error:
        raise ProfileError(directory, f"cannot be written: {error.strerror or error}.") from error
    return path


def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles, sorted."""
    parent = config_directory() / "profiles"
    if not parent.is_dir():
        return ()
    return tuple(sorted(entry.parent.name for entry in parent.glob("*/profile.toml")))


def current_profile_name() -> str:
    """Return the name of the profile in use when none is given.

    Raises:
        ProfileError: None is chosen and there is not exactly one.
    """
    named = os.environ.get(PROFILE_VARIABLE) or _settings().profile
    if named:
        return named
    names = profile_names()
    if len(names) == 1:
        return names[0]
    raise ProfileError(
        config_directory(),
        "there is no profile yet. Make one with `monazite profile add NAME --genesis FILE "
        "--node URL`."
        if not names
        else f"none of the profiles {', '.join(names)} is chosen. Run `monazite profile use NAME`, "
        f"set {PROFILE_VARIABLE}, or add --profile NAME.",
    )


def use_profile(name: str) -> None:
    """Make ``name`` the profile that is used when none is given.

    Raises:
        ProfileError: There is no such profile, or the settings cannot be written.
    """
    directory = profile_directory(name)
    if not (directory / "profile.toml").exists():
        raise ProfileError(
            directory / "profile.toml", f"there is no such profile. {_known_profiles()}"
        )
    path = config_directory() / "settings.toml"
    try:
        write_durably(path, tomlkit.dumps({"profile": name}).encode())
    except OSError as error:
        raise ProfileError(path, f"cannot be written: {error.strerror or error}.") from error


def profile_directory(name: str) -> Path:
    """Return where the profile ``name`` is kept.

    Raises:
        ProfileError: The name has other characters than letters, digits, dots, hyphens.
    """
    if not _NAME.match(name):
        raise ProfileError(
            f"profile name {name!r}",
            "a name has 1 to 64 letters, digits, dots, hyphens or underscores and starts with a "
            "letter or digit.",
        )
    return config_directory() / "profiles" / name


def checked_node(address: str, where: object, key: str) -> str:
    """Return a node's address without a trailing slash.

    Raises:
        ProfileError: It is no http or https address, or has a query, a user or a password in it.
    """
    try:
        parts = urlsplit(address)
        usable = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not (parts.query or parts.fragment or parts.username or parts.password)
            and parts.port != 0
        )
    except ValueError:
        usable = False
    if not usable:
        raise ProfileError(
            where, f"{key}: {address!r} is not an address like https://node.example:8443."
        )
    return address.rstrip("/")


def _known_profiles() -> str:
    names = profile_names()
    if not names:
        return "There is none yet: `monazite profile add NAME --genesis FILE --node URL`."
    return f"There are: {', '.join(names)}."


def _settings() -> _SettingsFile:
    path = config_directory() / "settings.toml"
    return _checked(_read_toml(path), _SettingsFile, path) if path.exists() else _SettingsFile()


def _read_toml(path: Path) -> dict[str, object]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(path, f"cannot be read: {error.strerror or error}.") from error
    if len(data) > PROFILE_BYTES_MAX:
        raise ProfileError(path, f"has {len(data)} bytes, at most {PROFILE_BYTES_MAX} are read.")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise ProfileError(path, f"is not UTF-8 at byte {error.start}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(path, f"is not TOML: {error}.") from error


def _checked(raw: object, kind: type[T], path: Path) -> T:
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        key = place.rstrip("`").lstrip(".")
        raise ProfileError(path, f"{key}: {reason}." if key else f"{reason}.") from error


def _role(text: str, path: Path) -> Role:
    try:
        return Role[text.upper()]
    except KeyError as error:
        known = ", ".join(role.name.lower() for role in Role)
        raise ProfileError(path, f"keys.{text}: is not a role; roles are {known}.") from error


def _pinned_genesis(directory: Path, chain_id_hex: str) -> bytes:
    path = directory / "genesis.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(
            path, f"the pinned genesis cannot be read: {error.strerror or error}."
        ) from error
    found = plain_digest(data).hex()
    if found != chain_id_hex:
        raise ProfileError(
            path,
            f"its SHA-256 is {found}, but profile.toml pins chain_id {chain_id_hex}: one of the two "
            "files was changed. Get the genesis again from somebody you trust.",
        )
    return data


def _toml_of(profile: Profile, path: Path) -> str:
    try:
        document = tomlkit.parse(path.read_text()) if path.exists() else tomlkit.document()
    except (tomlkit.exceptions.TOMLKitError, UnicodeDecodeError) as error:
        raise ProfileError(path, f"is not TOML: {error}. Correct or remove it.") from error
    optional: dict[str, object] = {
        "member": profile.member,
        "tls_ca_file": None if profile.tls_ca_file is None else str(profile.tls_ca_file),
    }
    document["network"] = profile.network
    document["chain_id"] = profile.chain_id.hex()
    document["nodes"] = list(profile.nodes)
    for key, value in optional.items():
        if value is not None:
            document[key] = value
        elif key in document:
            del document[key]
    if "keys" in document:
        del document["keys"]
    if profile.keys:
        keys = tomlkit.table()
        for role, file in sorted(profile.keys.items()):
            keys[role.name.lower()] = str(file)
        document["keys"] = keys
    return tomlkit.dumps(document)


def read_genesis(path: Path) -> bytes:
    """Return a genesis document that is to be pinned.

    Raises:
        UsageError: It cannot be read, or is larger than any genesis.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"genesis {path}: {error.strerror or error}.") from error
    if len(data) > GENESIS_BYTES_MAX:
        raise UsageError(
            f"genesis {path}: {len(data)} bytes, at most {GENESIS_BYTES_MAX} are read."
        )
    return data
