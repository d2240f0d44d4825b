"""Nodes that run on loopback and remember what happened to them."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import aiohttp

from node.net.dialer import PEER_PATH, PeerAddress
from node.net.identity import NodeIdentity
from node.net.limits import NetworkLimits
from node.net.listener import PeerFaultError
from node.net.peers import PeerEvents, PeerNetwork
from node.net.sendqueue import Priority

CHAIN_ID = hashlib.sha256(b"a network for tests").digest()
PATIENCE_S = 20

QUICK = NetworkLimits(
    setup_timeout_ms=10_000,
    redial_first_ms=4,
    redial_max_ms=20,
    quarantine_ms=0,
    report_interval_ms=0,
)


def seed_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def identity_of(name: str, chain_id: bytes = CHAIN_ID) -> NodeIdentity:
    return NodeIdentity.build(chain_id, seed_of(name))


class TestedNode:
    """One node with a name; ``received`` and ``events`` are what its callbacks were told."""

    __test__ = False

    def __init__(
        self, name: str, limits: NetworkLimits = QUICK, identity: NodeIdentity | None = None
    ) -> None:
        self.name = name
        self.limits = limits
        self.identity = identity or identity_of(name)
        self.allowed: dict[bytes, str] = {}
        self.received: dict[str, list[bytes]] = {}
        self.frames: list[tuple[str, int]] = []
        self.changes: list[tuple[str, str]] = []
        self.events: list[dict[str, object]] = []
        self.refused_message: bytes | None = None
        self.broken_message: bytes | None = None
        self.allowed_fails = False
        self._changed = asyncio.Event()
        self.network = self._build({})

    @property
    def address(self) -> PeerAddress:
        return PeerAddress("127.0.0.1", self.network.port, self.identity.public_key)

    def allow(self, *others: "TestedNode") -> None:
        self.allowed.update({other.identity.public_key: other.name for other in others})

    async def start(self, port: int = 0) -> None:
        self.network = self._build({}, port)
        await self.network.start()

    async def dial(self, *others: "TestedNode") -> None:
        await self.network.retarget({other.name: other.address for other in others})

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as ``condition`` holds; it is looked at after every callback."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_received(self, peer: str, count: int) -> list[bytes]:
        await self.until(lambda: len(self.received.get(peer, [])) >= count)
        return self.received[peer]

    async def until_connected(self, *peers: str) -> None:
        await self.until(lambda: set(peers) <= set(self.network.connected_peers()))

    def reasons(self, event: str) -> list[str]:
        return [str(found["reason"]) for found in self.events if found["event"] == event]

    def strangers(self) -> Counter[str]:
        return Counter({kind.value: n for kind, n in self.network.traffic.strangers.items()})

    def rejects(self, peer: str) -> Counter[str]:
        rejects = self.network.traffic.peer(peer).rejects
        return Counter({kind.value: n for kind, n in rejects.items()})

    def _build(self, targets: Mapping[str, PeerAddress], port: int = 0) -> PeerNetwork:
        events = PeerEvents(
            self._allowed, self._on_frame, self._on_connected, self._on_disconnected, self._log
        )
        return PeerNetwork(
            self.identity, ("127.0.0.1", port), targets, events, self.limits, jitter=lambda: 0.5
        )

    def _allowed(self, public_key: bytes) -> str | None:
        if self.allowed_fails:
            raise OSError("the disk is gone")
        return self.allowed.get(public_key)

    def _on_frame(self, peer: str, messages: Sequence[bytes]) -> None:
        for message in messages:
            if message == self.refused_message:
                raise PeerFaultError("a message that no correct node sends")
            if message == self.broken_message:
                raise RuntimeError("a bug of ours")
            self.received.setdefault(peer, []).append(message)
        self.frames.append((peer, len(messages)))
        self._changed.set()

    def _on_connected(self, peer: str) -> None:
        self.changes.append(("connected", peer))
        self._changed.set()

    def _on_disconnected(self, peer: str) -> None:
        self.changes.append(("disconnected", peer))
        self._changed.set()

    def _log(self, event: str, /, **fields: object) -> None:
        self.events.append({"event": event, **fields})
        self._changed.set()


def with_limits(**changes: object) -> NetworkLimits:
    return replace(QUICK, **changes)  # type: ignore[arg-type]


Pair = tuple[TestedNode, TestedNode]


def url_of(node: TestedNode, path: str = PEER_PATH) -> str:
    return f"https://127.0.0.1:{node.network.port}{path}"


async def dial_by_hand(
    session: aiohttp.ClientSession, identity: NodeIdentity, node: TestedNode, path: str = PEER_PATH
) -> aiohttp.ClientWebSocketResponse:
    return await session.ws_connect(
        url_of(node, path), ssl=identity.client_context, max_msg_size=1 << 20
    )


async def still_works(north: TestedNode, south: TestedNode) -> None:
    before = len(north.received.get("south", []))
    assert south.network.send("north", Priority.VOTE, b"still here")
    assert (await north.until_received("south", before + 1))[-1] == b"still here"
