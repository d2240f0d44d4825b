"""One running node, built by hand in one place.

Start: lock the home, open the store, replay the journal, then listen: health first, peers, and the API last,
so that nobody is served before the node knows where it stands. Stop: in the reverse order. A failed write or an
unforeseen error ends ``run`` with ``NodeFailedError``; there is nothing to rescue in the process, and
everything to find on the disk.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from aiohttp import web

from ledger.genesis import Genesis
from ledger.receipts import ReceiptMaker
from ledger.state.rows import KeyRow
from ledger.state.tables import KEYS
from ledger.vocabulary import Role
from ledger.wire.scalars import PublicKey, ValidatorIndex
from ledger.wire.signing import public_key_of, signer
from node.api.app import api_application
from node.api.context import NodeContext
from node.api.health import health_application
from node.clock import Clock, SteppedClock, SystemClock
from node.config import NodeConfiguration
from node.driver import Driver
from node.home import Home, HomeError, open_journal, open_store
from node.logs import Log
from node.metrics import Metrics
from node.net.identity import NodeIdentity
from node.net.dialer import PeerAddress
from node.net.peers import PeerEvents, PeerNetwork
from node.replica import Finalized, Replica
from node.storage.lock import HomeLock

SHUTDOWN_SECONDS: Final = 1.0


class NodeFailedError(Exception):
    """The node has stopped by itself and must not go on."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        super().__init__(f"{type(cause).__name__}: {cause}")


class PortInUseError(Exception):
    """A listener could not be opened."""

    def __init__(self, what: str, host: str, port: int, reason: str) -> None:
        self.what = what
        self.host = host
        self.port = port
        super().__init__(
            f"the {what} listener cannot open {host}:{port} ({reason}); "
            f"choose another port in node.toml, or end what uses this one"
        )


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Private seeds of a node, 32 bytes each."""

    node: bytes
    consensus: bytes | None
    """None: the node follows without voting."""


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
        self.api_address = ""

    def stop(self) -> None:
        """Ask ``run`` to end."""
        self._stopping.set()

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Run the node.

        Raises:
            HomeError, StoreError, JournalError, HomeInUseError, PortInUseError: It cannot start.
            NodeFailedError: It started and had to stop by itself.
        """
        async with AsyncExitStack() as stack:
            stack.callback(HomeLock.acquire(self.home.path).release)
            driver = self._open(stack)
            self.driver = driver
            context = self._context(driver)
            driver.listeners.finalized.append(
                lambda finalized: _remember(context.receipts, finalized)
            )
            metrics = Metrics(driver)
            health = self.configuration.health
            await _listen(
                stack, "health", health_application(context, metrics), health.host, health.port
            )
            targets = self._targets()
            peers = self._peers(driver, targets)
            await self._start_peers(stack, peers)
            driver.start(peers, tuple(targets))
            stack.callback(driver.stop)
            api = self.configuration.api
            self.api_address = await _listen(
                stack,
                "API",
                api_application(context, metrics, self._log, api.request_bytes_max),
                api.host,
                api.port,
                _api_tls(api.tls_certificate, api.tls_key),
            )
            self._log("node_started", api=self.api_address, height=context.tip.height)
            if started is not None:
                started.set()
            await self._until_stopped(driver)
        self._log("node_stopped")

    def _open(self, stack: AsyncExitStack) -> Driver:
        store = open_store(self.home, self.genesis)
        stack.callback(store.close)
        own = self._own_index()
        configuration = self.configuration
        public_key = PublicKey(public_key_of(self._keys.consensus or self._keys.node))
        journal = open_journal(self.home, self.genesis, public_key)
        stack.callback(journal.close)
        replica = Replica(
            validators=self.genesis.validators,
            own=own,
            sign=None if self._keys.consensus is None else signer(self._keys.consensus),
            config=configuration.consensus_config(),
            limits=configuration.mempool.limits(),
            store=store,
            journal=journal.replay(),
        )
        return Driver(
            replica=replica,
            store=store,
            journal=journal,
            journal_bytes_max=configuration.storage.journal_bytes_max,
            clock=self._clock(),
            log=self._log,
        )

    def _own_index(self) -> ValidatorIndex | None:
        if self._keys.consensus is None:
            return None
        key = public_key_of(self._keys.consensus)
        own = self.genesis.validators.index_of_key(key)
        if own is None:
            raise HomeError(
                self.home.path, f"consensus key {key.hex()} votes for no validator of the network"
            )
        name = self.genesis.validators.validators[own].name
        if name != self.configuration.node.name:
            raise HomeError(
                self.home.path,
                f"node.toml says {self.configuration.node.name}, the consensus key is {name}'s",
            )
        return own

    def _clock(self) -> Clock:
        path = self.configuration.node.clock_offset_file
        if not path:
            return SystemClock()
        try:
            return SteppedClock(Path(path))
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
        """Return where the other validators listen, and the keys that they must show there."""
        node_keys = {str(entry.name): entry.node_key for entry in self.genesis.document.validators}
        own = self.configuration.node.name
        targets = {}
        for peer in self.configuration.peers.peer:
            if peer.name not in node_keys:
                raise HomeError(
                    self.home.path, f"node.toml names the peer {peer.name}, which is no validator"
                )
            if peer.name != own:
                targets[peer.name] = PeerAddress(peer.host, peer.port, node_keys[peer.name])
        return targets

    def _peers(self, driver: Driver, targets: dict[str, PeerAddress]) -> PeerNetwork:
        names = {entry.node_key: entry.name for entry in self.genesis.document.validators}

        def allowed(key: bytes) -> str | None:
            """Return the peer that a node key on the ledger belongs to."""
            row = driver.replica.chain.committed.row(KEYS.key(key), KeyRow)
            if row is None or row.role is not Role.NODE:
                return None
            return names.get(PublicKey(key), row.owner)

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

    async def _until_stopped(self, driver: Driver) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        waiting: set[asyncio.Future[object]] = {stopping}  # type: ignore[arg-type]
        if driver.failure is not None:
            waiting.add(driver.failure)  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if driver.failure is not None and driver.failure.done():
            raise NodeFailedError(driver.failure.result())


def software_version() -> str:
    """Return name and version of the running software."""
    try:
        return f"monazite {version('monazite')}"
    except PackageNotFoundError:
        return "monazite (not installed)"


def _remember(receipts: ReceiptMaker, finalized: Finalized) -> None:
    if finalized.executed.transactions:
        receipts.remember(finalized.executed.block, finalized.executed.transactions)


async def _listen(  # noqa: PLR0913 - one listener is its address, its application and its TLS
    stack: AsyncExitStack,
    what: str,
    application: web.Application,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
) -> str:
    """Open a listener, closed by ``stack``, and return its URL."""
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    try:
        await site.start()
    except OSError as error:
        raise PortInUseError(what, host, port, error.strerror or str(error)) from error
    address = runner.addresses[0]
    return f"{'http' if tls is None else 'https'}://{address[0]}:{address[1]}"


def _api_tls(certificate: str, key: str) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    return context
