"""Who a client is and whom it trusts: from a profile, from arguments, or from both.

An argument wins over the profile. Nothing is asked of a node here, and no key is opened before it has
to sign.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.errors import ProfileError, UsageError
from client.keystore import SigningKey, load_signing_key
from client.passphrase import PassphraseSource, from_environment_or_terminal
from client.profile import Profile, checked_node
from client.trust import TrustRoot, trust_root_of
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who writes: a member and its keys, each loaded when it first has to sign."""

    member: MemberId
    keys: Mapping[Role, SigningKey | Path]
    passphrase: PassphraseSource = from_environment_or_terminal

    def signing_key(self, role: Role) -> SigningKey:
        """Return the key in ``role``.

        Raises:
            UsageError: There is none; ``KeyFileError`` when its file cannot be used.
        """
        key = self.keys.get(role)
        if key is None:
            held = ", ".join(held.name.lower() for held in sorted(self.keys)) or "no key"
            raise UsageError(
                f"{self.member} needs its {role.name.lower()} key to sign this; the profile has "
                f"{held}. Add it under [keys] in profile.toml."
            )
        return load_signing_key(key, self.passphrase) if isinstance(key, Path) else key


def addresses_of(nodes: Sequence[str], profile: Profile | None) -> tuple[str, ...]:
    """Return the nodes to ask, best first, each once.

    Raises:
        UsageError: One is no address.
    """
    if isinstance(nodes, str):
        raise UsageError("nodes is a list of addresses, not one text: write [address].")
    given = tuple(
        checked_node(address, "nodes", f"[{number}]") for number, address in enumerate(nodes)
    )
    addresses = given or (profile.nodes if profile is not None else ())
    return tuple(dict.fromkeys(addresses))


def trust_of(genesis: bytes | TrustRoot | None, profile: Profile | None) -> TrustRoot | None:
    """Return the pinned genesis, or None when none was given.

    Raises:
        UsageError: It is no genesis.
    """
    if isinstance(genesis, TrustRoot):
        return genesis
    if genesis is not None:
        return trust_root_of(genesis)
    return None if profile is None else trust_root_of(profile.genesis)


def identity_of(
    member: str | None,
    keys: Mapping[Role, SigningKey | Path] | None,
    profile: Profile | None,
    passphrase: PassphraseSource,
) -> Identity | None:
    """Return who writes, or None for somebody who only reads.

    Raises:
        UsageError: There are keys and nobody whose they are.
    """
    name = member or (profile.member if profile is not None else None)
    held: Mapping[Role, SigningKey | Path] = (
        keys if keys is not None else (profile.keys if profile is not None else {})
    )
    if name is None:
        if held:
            raise UsageError("keys are given and no member whose they are: give member=.")
        return None
    return Identity(member=MemberId(name), keys=dict(held), passphrase=passphrase)


def tls_of(profile: Profile | None) -> ssl.SSLContext | None:
    """Return the certificate authorities of a profile for ``https`` nodes; None for the system's.

    Raises:
        ProfileError: The file cannot be used.
    """
    if profile is None or profile.tls_ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(profile.tls_ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ProfileError(
            profile.directory / "profile.toml",
            f"tls_ca_file: {profile.tls_ca_file} cannot be used: {error}.",
        ) from error
