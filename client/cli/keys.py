"""``monazite key …``: making key files and looking at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.cli.options import AsJson, PassphraseDescriptor, PassphraseFile
from client.cli.output import Outcome, say
from client.errors import ProfileError, UsageError
from client.keystore import (
    SigningKey,
    is_key_file_encrypted,
    load_signing_key,
    new_seed,
    signing_key_of,
    write_key_file,
)
from client.passphrase import (
    PassphraseSource,
    is_passphrase_in_environment,
    new_passphrase_from_terminal,
    passphrase_source,
)
from client.profile import Profile, load_profile
from client.suggestion import suggestion
from client.timing import system_wall_ms
from client.trust import trust_root_of
from ledger.display import plain
from ledger.records.new_key import NewKey
from ledger.vocabulary import Role
from ledger.wire.possession import prove_possession
from ledger.wire.scalars import MemberId, TimeMs

DAY_MS: Final = 86_400_000
VALID_DAYS: Final = 730

app = typer.Typer(name="key", help="Make key files and look at them.", no_args_is_help=True)

RoleName = Annotated[
    str, typer.Option("--role", metavar="ROLE", help="operator, admin, filing, sealing, …")
]


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app)


@app.command("new")
def new(  # noqa: PLR0913 - a command line
    file: Annotated[Path, typer.Argument(help="Where to write the key; never overwritten.")],
    *,
    role: RoleName = "operator",
    member: Annotated[
        str | None, typer.Option(help="Whose key it will be; from the profile if not given.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Name of the network; from the profile if not given.")
    ] = None,
    person: Annotated[str, typer.Option(help="Who holds it, in words.")] = "",
    valid_days: Annotated[int, typer.Option(min=1, max=3650)] = VALID_DAYS,
    unencrypted: Annotated[
        bool,
        typer.Option(
            "--unencrypted-for-demo", help="No passphrase: for demonstrations and tests only."
        ),
    ] = False,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME")] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseDescriptor = None,
    as_json: AsJson = False,
) -> int:
    """Make a key and write it to FILE, encrypted, for its owner's eyes only.

    Prints the public key and, when member and network are known, what AddKey needs to register it.
    """
    kind = role_of(role)
    source = (
        passphrase_source(file=passphrase_file, descriptor=passphrase_fd)
        if passphrase_file is not None or passphrase_fd is not None
        else None
    )
    known = _profile(profile)
    holder = _Holder(
        role=kind,
        member=member or (known.member if known is not None else None) or "",
        network=network or _network_of(known),
        person=person,
        valid_days=valid_days,
    )
    passphrase = None if unencrypted else _new_passphrase(file, source)
    seed = new_seed()
    public = write_key_file(file, seed, passphrase)
    how = "NOT ENCRYPTED" if unencrypted else "encrypted"
    return say(
        Outcome(
            schema="monazite.key/1",
            data={
                "file": str(file),
                "public_key": public.hex(),
                "role": kind.name.lower(),
                "encrypted": not unencrypted,
                **_registration(signing_key_of(seed), holder),
            },
            lines=[
                f"wrote {file} ({how}, mode 0600)",
                f"public key {public.hex()} ({kind.name.lower()})",
            ],
            next_command=f"register it: with --json, `new_key` is what AddKey needs for {file}"
            if holder.is_known
            else f"monazite key show {file}",
            warnings=["the key is not encrypted; whoever reads the file can sign."]
            if unencrypted
            else [],
        ),
        as_json=as_json,
    )


@app.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="A key file.")],
    *,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseDescriptor = None,
    as_json: AsJson = False,
) -> int:
    """Show the public key of a key file, after opening it with its passphrase."""
    source = passphrase_source(file=passphrase_file, descriptor=passphrase_fd)
    encrypted = is_key_file_encrypted(file)
    key = load_signing_key(file, source)
    return say(
        Outcome(
            schema="monazite.key/1",
            data={"file": str(file), "public_key": key.public.hex(), "encrypted": encrypted},
            lines=[
                f"{file}: Ed25519, {'encrypted' if encrypted else 'NOT ENCRYPTED'}",
                f"public key {key.public.hex()}",
            ],
        ),
        as_json=as_json,
    )


def role_of(name: str) -> Role:
    """Return a role by its lower-case name.

    Raises:
        UsageError: There is no such role.
    """
    names = [role.name.lower() for role in Role]
    if name.lower() not in names:
        raise UsageError(
            f"{name!r} is no role; roles are {', '.join(names)}.{suggestion(name, names)}"
        )
    return Role[name.upper()]


def _new_passphrase(file: Path, source: PassphraseSource | None) -> bytes:
    if source is not None:
        return source(str(file))
    if is_passphrase_in_environment():
        return passphrase_source()(str(file))
    return new_passphrase_from_terminal(str(file))


def _profile(name: str | None) -> Profile | None:
    """Return the profile that helps with member and network; none is needed."""
    try:
        return load_profile(name)
    except ProfileError:
        if name is not None:
            raise
        return None


def _network_of(profile: Profile | None) -> str:
    """Return the network's name as the pinned genesis spells it: it is part of the proof."""
    return "" if profile is None else trust_root_of(profile.genesis).network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Whose a new key will be, as far as it is known."""

    role: Role
    member: str
    network: str
    person: str
    valid_days: int

    @property
    def is_known(self) -> bool:
        """Whether enough is known to prove possession."""
        return bool(self.member and self.network)


def _registration(key: SigningKey, holder: _Holder) -> dict[str, Any]:
    """Return ``new_key``, the form of what AddKey needs; nothing while the holder is not known."""
    if not holder.is_known:
        return {}
    now_ms = system_wall_ms()
    member = MemberId(holder.member)
    new_key = NewKey(
        key=key.public,
        role=holder.role,
        person=holder.person or holder.member,
        valid_from_ms=TimeMs(now_ms),
        valid_until_ms=TimeMs(now_ms + holder.valid_days * DAY_MS),
        proof=prove_possession(
            key.sign, network=holder.network, member=member, role=holder.role, key=key.public
        ),
    )
    return {"new_key": plain(new_key)}
