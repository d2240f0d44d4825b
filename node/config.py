"""What an operator may choose: one TOML file per node, read once at start.

Every setting has a default that suits a small network, a unit in its name, and a paragraph in
``docs/configuration.md`` (a test holds the page against this module). An unknown setting, a wrong type
or a value out of range is an error that names file, setting and reason. Nothing here changes what a
valid block is: those limits are rules and stand in ``ledger.wire.scalars``.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from consensus.config import ConsensusConfig
from ledger.wire.scalars import TRANSACTION_BYTES_MAX
from node.mempool import MempoolLimits

Port = Annotated[int, Meta(ge=0, le=65_535)]
Positive = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class ConfigurationError(Exception):
    """A node's configuration cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file."""


class NodeSection(Section, frozen=True, kw_only=True):
    """Who this node is."""

    name: Name
    """Name of its validator in the genesis; another name follows without voting."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    clock_offset_file: str = ""
    """Demonstrations only: shift the wall clock by the offset in this file. Empty: the system's clock."""


class ApiSection(Section, frozen=True, kw_only=True):
    """The HTTP API for clients."""

    host: str = "127.0.0.1"
    port: Port = 8_500
    tls_certificate: str = ""
    """PEM file, seen from the home; with ``tls_key`` the API speaks HTTPS. Empty: plain HTTP."""
    tls_key: str = ""
    request_bytes_max: Annotated[int, Meta(ge=1_024)] = TRANSACTION_BYTES_MAX
    waiting_requests_max: Positive = 10_000
    """Requests that may wait for finality at one time; those beyond it are answered at once."""
    connections_max: Positive = 1_000
    """Connections that may be open at one time; those beyond it are closed at once."""


class HealthSection(Section, frozen=True, kw_only=True):
    """The listener for ``/livez``, ``/readyz`` and ``/metrics``."""

    host: str = "127.0.0.1"
    port: Port = 8_600


class PeerSection(Section, frozen=True, kw_only=True):
    """Where one other node listens for peers."""

    name: Name
    host: Name
    port: Port
    node_key: str = ""
    """Its node key in hex, for a node that follows without voting; the genesis has a validator's."""


class PeersSection(Section, frozen=True, kw_only=True):
    """Node to node."""

    host: str = "127.0.0.1"
    port: Port = 8_700
    peer: tuple[PeerSection, ...] = ()


class MempoolSection(Section, frozen=True, kw_only=True):
    """How much may wait for a block."""

    bytes_max: Positive = MempoolLimits().bytes_max
    author_bytes_max: Positive = MempoolLimits().author_bytes_max
    author_transactions_max: Positive = MempoolLimits().author_transactions_max

    def limits(self) -> MempoolLimits:
        """Return the limits as the mempool takes them."""
        return MempoolLimits(
            bytes_max=self.bytes_max,
            author_bytes_max=self.author_bytes_max,
            author_transactions_max=self.author_transactions_max,
        )


class StorageSection(Section, frozen=True, kw_only=True):
    """The consensus journal beside the store."""

    journal_bytes_max: Annotated[int, Meta(ge=1_048_576)] = 64 * 1024 * 1024
    """A journal longer than this is cut down to what must still be known."""


class NodeConfiguration(Section, frozen=True, kw_only=True):
    """The whole file."""

    node: NodeSection
    api: ApiSection = ApiSection()
    health: HealthSection = HealthSection()
    peers: PeersSection = PeersSection()
    mempool: MempoolSection = MempoolSection()
    storage: StorageSection = StorageSection()
    consensus: dict[str, int] = {}
    """Settings of ``consensus.config.ConsensusConfig`` by name."""

    def consensus_config(self) -> ConsensusConfig:
        """Return the engine's settings.

        Raises:
            ValueError: A value is out of range or contradicts another.
        """
        return ConsensusConfig(**self.consensus)


def load_configuration(path: Path) -> NodeConfiguration:
    """Read a node's configuration.

    Raises:
        ConfigurationError: It cannot be read, is no TOML, or a setting is wrong.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(path, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(path, f"is no TOML: {error}") from error
    known = {field.name for field in fields(ConsensusConfig)}
    try:
        configuration = msgspec.convert(document, NodeConfiguration)
        for name in configuration.consensus:
            if name not in known:
                raise ConfigurationError(path, f"consensus.{name} is no setting")
        configuration.consensus_config()
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(path, str(error)) from error
    if bool(configuration.api.tls_certificate) != bool(configuration.api.tls_key):
        raise ConfigurationError(path, "api.tls_certificate and api.tls_key go together")
    return configuration
