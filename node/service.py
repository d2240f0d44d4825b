"""One running node, built by hand in one place.

Start: lock the home, open the store, replay the journal, then listen: health first, peers, and the
API last, so that nobody is served before the node knows where it stands. Stop: in the reverse
order. A failed write, an end of the transport or an unforeseen error ends ``run`` with
``NodeFailedError``; there is nothing to rescue in the process, and everything to find on the disk.
"""

from __future__ import annotations

import asyncio
import resource
import traceback
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from consensus.effects import JournalRecord
from ledger.genesis import Genesis
from ledger.receipts import ReceiptMaker
from ledger.state.rows import KeyRow
from ledger.state.tables import KEYS
from ledger.vocabulary import Role
from ledger.wire.errors import WireError
from ledger.wire.scalars import PublicKey, ValidatorIndex
from ledger.wire.signing import public_key_of, signer
from node.api.app import api_application
from node.api.context import NodeContext
from node.api.health import health_application
from node.clock import Clock, SteppedClock, SystemClock
from node.config import NodeConfiguration, PeerSection
from node.driver import Driver
from node.effects import Finalized
from node.home import Home, HomeError, identity_of, open_journal, open_store
from node.listening import Address, PortInUseError, TlsFilesError, listen, tls_context
from node.logs import Log
from node.metrics import Metrics
from node.net.dialer import PeerAddress
from node.net.identity import NodeIdentity
from node.net.peers import PeerEvents, PeerNetwork
from node.replica import Replica
from node.storage.journal import Journal
from node.storage.leveldb import LevelStore
from node.storage.lock import HomeLock

HEALTH_CONNECTIONS_MAX: Final = 64
OTHER_FILES_MAX: Final = 2_048
"""Open files beside the API's connections: the store's, the peers', and some to spare."""


class NodeFailedError(Exception):
    """The node has stopped by itself and must not go on."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        super().__init__(f"{type(cause).__name__}: {cause}")


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Private seeds of a node, 32 bytes each."""

    node: bytes
    consensus: bytes | None
    """None: the node follows without voting."""


class _Counted:
    """Journal records on their way to the replica, and how many bytes they are."""

    def __init__(self, records: Iterable[JournalRecord]) -> None:
        self._records = records
        self.bytes_count = 0

    def __iter__(self) -> Iterator[JournalRecord]:
        for kind, body in self._records:
            self.bytes_count += len(body)
            yield kind, body


class NodeService:
    """Runs one node until ``stop`` is called or it fails."""

    def __init__(
        self,
        home: Home,
        configuration: NodeConfiguration,
        genesis: Genesis,
        keys: NodeKeys,
        log: Log,
    ) -> None:
        self.home = home
        self.configuration = configuration
        self.genesis = genesis
        self._keys = keys
        self._log = log
        self._stopping = asyncio.Event()
        self.driver: Driver | None = None
        self.context: NodeContext | None = None
        self.peers: PeerNetwork | None = None
        self.api_address = ""
        self.health_address = ""
        self.peer_port = 0

    def stop(self) -> None:
        """Ask ``run`` to end."""
        self._stopping.set()

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Run the node.

        Raises:
            HomeError, StoreError, JournalError, HomeInUseError, PortInUseError: It cannot start.
            NodeFailedError: It started and had to stop by itself.
        """
        _allow_open_files(self.configuration.api.connections_max + OTHER_FILES_MAX)
        async with AsyncExitStack() as stack:
            stack.callback(HomeLock.acquire(self.home.path).release)
            driver = self._open(stack)
            self.driver = driver
            context = self.context = self._context(driver)
            driver.listeners.finalized.append(
                lambda finalized: _remember(context.receipts, finalized)
            )
            targets = self._targets()
            peers = self.peers = self._peers(driver, targets)
            metrics = Metrics(driver, peers.traffic)
            self.health_address = await listen(
                stack, health_application(context, metrics), self._health(), self._log
            )
            await self._start_peers(stack, peers)
            self.peer_port = peers.port
            driver.start(peers, tuple(targets))
            stack.callback(driver.stop)
            api = api_application(
                context, metrics, self._log, self.configuration.api.request_bytes_max
            )
            self.api_address = await listen(stack, api, self._api(), self._log)
            # Clients that wait are answered before the listener closes.
            stack.callback(driver.waiters.let_go)
            self._log("node_started", api=self.api_address, height=context.tip.height)
            if started is not None:
                started.set()
            await self._until_stopped(driver, peers)
        self._log("node_stopped")

    def _health(self) -> Address:
        section = self.configuration.health
        return Address("health", section.host, section.port, HEALTH_CONNECTIONS_MAX)

    def _api(self) -> Address:
        section = self.configuration.api
        tls = None
        if section.tls_certificate:
            home = self.home.path
            try:
                tls = tls_context(home / section.tls_certificate, home / section.tls_key)
            except TlsFilesError as error:
                raise HomeError(home, str(error)) from error
        return Address("API", section.host, section.port, section.connections_max, tls)

    def _open(self, stack: AsyncExitStack) -> Driver:
        store = open_store(self.home, self.genesis)
        stack.callback(store.close)
        own = self._own_index()
        journal = self._open_journal()
        stack.callback(journal.close)
        replayed = _Counted(journal.replay())
        try:
            replica = self._replica(store, own, replayed)
        except WireError as error:
            raise HomeError(
                self.home.path,
                f"the store is damaged: {error}. Move it away, and restore a copy of it; "
                "never repair it",
            ) from error
        return Driver(
            replica=replica,
            store=store,
            journal=journal,
            journal_bytes=replayed.bytes_count,
            journal_bytes_max=self.configuration.storage.journal_bytes_max,
            clock=self._clock(),
            log=self._log,
        )

    def _replica(
        self, store: LevelStore, own: ValidatorIndex | None, journal: Iterable[JournalRecord]
    ) -> Replica:
        return Replica(
            validators=self.genesis.validators,
            own=own,
            sign=None if self._keys.consensus is None else signer(self._keys.consensus),
            config=self.configuration.consensus_config(),
            limits=self.configuration.mempool.limits(),
            store=store,
            journal=journal,
        )

    def _open_journal(self) -> Journal:
        if self._keys.consensus is not None:
            key = PublicKey(public_key_of(self._keys.consensus))
            return open_journal(self.home, self.genesis, key)
        # A node without a consensus key signs nothing that its journal could forget.
        key = PublicKey(public_key_of(self._keys.node))
        if not Journal.exists(self.home.journal):
            return Journal.create(self.home.journal, identity_of(self.genesis, key))
        return open_journal(self.home, self.genesis, key)

    def _own_index(self) -> ValidatorIndex | None:
        validators = self.genesis.validators
        called = self.configuration.node.name
        if self._keys.consensus is None:
            if any(entry.name == called for entry in validators.validators):
                raise HomeError(
                    self.home.path,
                    f"{called} is a validator, but {self.home.consensus_key} is missing; bring the "
                    "key back, or give the node another name in node.toml to follow without voting",
                )
            return None
        key = public_key_of(self._keys.consensus)
        own = validators.index_of_key(key)
        if own is None:
            raise HomeError(
                self.home.path, f"consensus key {key.hex()} votes for no validator of the network"
            )
        name = validators.validators[own].name
        if name != called:
            raise HomeError(
                self.home.path, f"node.toml says {called}, the consensus key is {name}'s"
            )
        return own

    def _clock(self) -> Clock:
        path = self.configuration.node.clock_offset_file
        if not path:
            return SystemClock()
        try:
            return SteppedClock(self.home.path / path)
        except (OSError, ValueError) as error:
            raise HomeError(self.home.path, f"clock_offset_file {path}: {error}") from error

    def _context(self, driver: Driver) -> NodeContext:
        name = self.configuration.node.name
        members: dict[str, str] = {
            entry.name: entry.member for entry in self.genesis.validators.validators
        }
        return NodeContext(
            driver=driver,
            store=driver.store,
            receipts=ReceiptMaker(driver.store),
            genesis=self.genesis.data,
            chain_id=self.genesis.chain_id,
            network=self.genesis.document.network,
            node=name,
            member=members.get(name, ""),
            software=software_version(),
            waiting_requests_max=self.configuration.api.waiting_requests_max,
        )

    def _targets(self) -> dict[str, PeerAddress]:
        """Return where the other nodes listen, and the keys that they must show there."""
        node_keys = {str(entry.name): entry.node_key for entry in self.genesis.document.validators}
        targets = {}
        for peer in self.configuration.peers.peer:
            if peer.name in targets:
                raise HomeError(self.home.path, f"node.toml names the peer {peer.name} twice")
            key = self._key_of_peer(peer, node_keys.get(peer.name))
            if peer.name != self.configuration.node.name:
                targets[peer.name] = PeerAddress(peer.host, peer.port, key)
        return targets

    def _key_of_peer(self, peer: PeerSection, validator_key: PublicKey | None) -> PublicKey:
        try:
            given = PublicKey(bytes.fromhex(peer.node_key))
        except ValueError:
            given = PublicKey(b"?")
        if given and len(given) != 32:
            raise HomeError(
                self.home.path,
                f"node.toml: node_key of the peer {peer.name} must be 64 hex digits, "
                f"found {peer.node_key!r}",
            )
        if validator_key is None and not given:
            raise HomeError(
                self.home.path,
                f"node.toml names the peer {peer.name}, which is no validator; give its node_key "
                "if it follows without voting, or correct the name",
            )
        if validator_key is not None and given and given != validator_key:
            raise HomeError(
                self.home.path,
                f"node.toml: node_key of the peer {peer.name} is not that of the validator",
            )
        return given or validator_key or given

    def _peers(self, driver: Driver, targets: dict[str, PeerAddress]) -> PeerNetwork:
        validators = {entry.node_key: entry.name for entry in self.genesis.document.validators}
        called = {target.public_key: name for name, target in targets.items()}

        def allowed(key: bytes) -> str | None:
            """Return the peer that a node key on the ledger belongs to."""
            name = validators.get(PublicKey(key))
            if name is not None:
                return name
            row = driver.replica.chain.committed.row(KEYS.key(key), KeyRow)
            if row is None or row.role is not Role.NODE or row.revoked_ms:
                return None
            # A follower may belong to a member that runs a validator: it must not pass for it.
            return called.get(key, f"{row.owner}#{key.hex()[:16]}")

        section = self.configuration.peers
        return PeerNetwork(
            NodeIdentity.build(self.genesis.chain_id, self._keys.node, self.home.path),
            (section.host, section.port),
            targets,
            PeerEvents(
                allowed=allowed,
                on_frame=driver.on_frame,
                on_connected=driver.on_connected,
                on_disconnected=lambda peer: self._log("peer_disconnected", peer=peer),
                log=self._log,
            ),
        )

    async def _start_peers(self, stack: AsyncExitStack, peers: PeerNetwork) -> None:
        section = self.configuration.peers
        try:
            await peers.start()
        except OSError as error:
            raise PortInUseError(
                "peer", section.host, section.port, error.strerror or str(error)
            ) from error
        stack.push_async_callback(peers.stop)

    async def _until_stopped(self, driver: Driver, peers: PeerNetwork) -> None:
        tasks = [
            asyncio.ensure_future(self._stopping.wait()),
            asyncio.ensure_future(driver.failed.wait()),
            transport := asyncio.ensure_future(peers.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        error = driver.failure
        if error is None and transport.done() and not transport.cancelled():
            error = transport.exception() or RuntimeError("the transport between nodes has ended")
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            self._log("node_failed", error=f"{type(error).__name__}: {error}", at=_place_of(error))
            raise NodeFailedError(error)


def _place_of(error: BaseException) -> str:
    """Return the innermost place of an error, for whoever has to find a fault of the program."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files as far as it may, if it is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def software_version() -> str:
    """Return name and version of the running software."""
    try:
        return f"monazite {version('monazite')}"
    except PackageNotFoundError:
        return "monazite (not installed)"


def _remember(receipts: ReceiptMaker, finalized: Finalized) -> None:
    if finalized.executed.transactions:
        receipts.remember(finalized.executed.block, finalized.executed.transactions)
