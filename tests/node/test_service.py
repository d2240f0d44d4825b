"""A whole node on real sockets and disk: restarts, failures, peers that send rubbish, a follower."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from ledger.parsed import ParsedTransaction
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import Digest, Grams, SignatureBytes
from ledger.wire.transaction import KeySignature, SignedTransaction
from node.gossip import encode_transactions
from node.home import Home
from node.net.dialer import PeerAddress
from node.net.identity import NodeIdentity
from node.net.peers import PeerEvents, PeerNetwork
from node.net.sendqueue import Priority
from node.service import NodeFailedError
from tests.support.founding import CUSTOMS, MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of, seed_of
from tests.support.running_node import NodeHome, RunningNode, make_home, running, until
from tests.support.trading import MINE, output, trading_world


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody uses now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


# ---- restarts and failures


async def test_a_node_that_is_stopped_and_started_goes_on_where_it_was(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home")
    first = place.world.transaction(MINE, output())
    async with running(place) as node:
        receipt = await node.apply(first)
        status = await (await node.get("/v1/status")).json()
    async with running(place) as node:
        again = await (await node.get("/v1/status")).json()
        for name in ("height", "block_id", "state_root", "log_root"):
            assert again[name] == status[name]
        assert await node.apply(first) == receipt
        second = await node.apply(plan(node, 2030))
        assert second.placement.header.height == status["height"] + 1


async def test_clients_that_wait_are_answered_when_the_node_is_told_to_end(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home", name=CUSTOMS, world=trading_world())
    async with running(place) as node:
        parsed = place.world.transaction(MINE, output())
        assert (await node.post(parsed)).status == 503, "alone it is not ready"
        node.driver._post(lambda: node.driver.replica.submit(parsed, node.driver._clock.now())[1])
        await until(lambda: node.driver.replica.mempool.get(parsed.tx_id) is not None)
        path = f"/v1/transactions/{parsed.tx_id.hex()}"
        waiting = asyncio.create_task(node.get(path, Prefer="wait=60"))
        await until(lambda: bool(node.service.context and node.service.context.waiting_requests))
        node.service.stop()
        response = await waiting
        assert (response.status, (await response.json())["state"]) == (200, "pending")


async def test_a_failed_write_ends_the_node_and_a_restart_finds_the_truth(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home")
    parsed = place.world.transaction(MINE, output())

    def no_space(_batch: object, *, sync: bool) -> NoReturn:
        raise OSError(28, "no space left on device")

    async def fail() -> None:
        async with running(place) as node:
            node.driver.store.write = no_space  # type: ignore[method-assign,assignment]
            assert (await node.post(parsed)).status == 202
            await until(lambda: bool(node.events_named("node_failed")))
            assert "test_service.py" in node.events_named("node_failed")[0]["at"]

    with pytest.raises(NodeFailedError, match="no space left"):
        await fail()
    async with running(place) as node:
        receipt = await node.apply(parsed)
        assert receipt.placement.header.height == place.world.height + 1


async def test_an_end_of_the_transport_ends_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_home(tmp_path / "home", name=CUSTOMS, world=trading_world())

    def broken(_data: bytes) -> NoReturn:
        raise ZeroDivisionError("a fault of ours")

    async def fail() -> None:
        async with running(place) as node, peer_of(node, MINISTRY) as peer:
            monkeypatch.setattr("node.driver.split_channel", broken)
            peer.send(CUSTOMS, Priority.VOTE, b"anything")
            await until(lambda: bool(node.events_named("node_failed")))

    with pytest.raises(NodeFailedError, match="a fault of ours"):
        await fail()


# ---- peers


@asynccontextmanager
async def peer_of(node: RunningNode, name: str) -> AsyncIterator[PeerNetwork]:
    """Connect to a node over TLS with the node key of a founder, as its node does."""
    connected = asyncio.Event()
    place = node.place
    network = PeerNetwork(
        NodeIdentity.build(place.genesis.chain_id, seed_of(name, Role.NODE)),
        ("127.0.0.1", 0),
        {
            place.name: PeerAddress(
                "127.0.0.1", node.service.peer_port, key_of(place.name, Role.NODE)
            )
        },
        PeerEvents(
            allowed=lambda _key: None,
            on_frame=_nothing,
            on_connected=lambda _peer: connected.set(),
            on_disconnected=lambda _peer: connected.clear(),
            log=_no_log,
        ),
    )
    await network.start()
    try:
        async with asyncio.timeout(30):
            await connected.wait()
        yield network
    finally:
        await network.stop()


def _no_log(_event: str, /, **_fields: object) -> None:
    pass


def _nothing(_peer: str, _messages: Sequence[bytes]) -> None:
    pass


def plan(node: RunningNode, year: int) -> ParsedTransaction:
    return node.world.transaction(
        MINISTRY,
        SetPlan(year=year, bucket=Bucket.ROCK_MINING, total=Grams(9), document=Digest(bytes(32))),
    )


def badly_signed(node: RunningNode) -> bytes:
    signed = node.world.transaction(MINE, output()).signed
    broken = KeySignature(key=signed.signatures[0].key, signature=SignatureBytes(bytes(64)))
    return encode(SignedTransaction(transaction=signed.transaction, signatures=(broken,)))


async def metric(node: RunningNode, line: str) -> float:
    async with node.health.get("/metrics") as response:
        text = await response.text()
    found = [row for row in text.splitlines() if row.startswith(line)]
    return float(found[0].split()[-1]) if found else 0.0


@pytest.mark.parametrize(
    "rubbish",
    [b"\x07 unknown channel", b"\x01\xc1", b"\x02" + b"\x91" * 10_000, os.urandom(5_000)],
)
async def test_a_validator_that_sends_rubbish_is_dropped_and_counted(
    tmp_path: Path, rubbish: bytes
) -> None:
    place = make_home(tmp_path / "home", name=CUSTOMS, world=trading_world())
    async with running(place) as node, peer_of(node, NORTH) as good, peer_of(node, MINISTRY) as bad:
        bad.send(CUSTOMS, Priority.VOTE, rubbish)
        await until(lambda: bool(node.events_named("peer_refused")))
        (refused,) = node.events_named("peer_refused")
        assert (refused["peer"], refused["kind"]) == (MINISTRY, "message")
        assert refused["reason"]
        line = f'monazite_peer_rejects_total{{peer="{MINISTRY}",reason="message"}}'
        assert await metric(node, line) == 1
        parsed = node.world.transaction(MINE, output())
        for data in encode_transactions([parsed.signed_bytes]):
            good.send(CUSTOMS, Priority.TRANSACTION, data)
        await until(lambda: node.driver.replica.mempool.get(parsed.tx_id) is not None)
        assert (await node.get("/v1/status")).status == 200


async def test_a_validator_that_sends_bad_transactions_is_dropped_and_counted(
    tmp_path: Path,
) -> None:
    place = make_home(tmp_path / "home", name=CUSTOMS, world=trading_world())
    async with running(place) as node:
        for number, (name, data) in enumerate(
            [(MINISTRY, b"\xc1 no transaction"), (NORTH, badly_signed(node))], start=1
        ):
            async with peer_of(node, name) as bad:
                for message in encode_transactions([data]):
                    bad.send(CUSTOMS, Priority.TRANSACTION, message)
                await until(lambda n=number: len(node.events_named("peer_suspected")) == n)  # type: ignore[misc]
            assert node.events_named("peer_suspected")[-1]["peer"] == name
            assert await metric(node, f'monazite_peer_faults_total{{peer="{name}"}}') == 1
        assert len(node.driver.replica.mempool) == 0
        async with peer_of(node, SOUTH) as good:
            parsed = node.world.transaction(MINE, output())
            for message in encode_transactions([parsed.signed_bytes]):
                good.send(CUSTOMS, Priority.TRANSACTION, message)
            await until(lambda: node.driver.replica.mempool.get(parsed.tx_id) is not None)


async def test_a_key_that_is_on_no_ledger_is_turned_away(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home", name=CUSTOMS, world=trading_world())
    async with running(place) as node:
        network = PeerNetwork(
            NodeIdentity.build(place.genesis.chain_id, seed_of("stranger", Role.NODE)),
            ("127.0.0.1", 0),
            {CUSTOMS: PeerAddress("127.0.0.1", node.service.peer_port, key_of(CUSTOMS, Role.NODE))},
            PeerEvents(
                allowed=lambda _key: None,
                on_frame=_nothing,
                on_connected=lambda _peer: None,
                on_disconnected=lambda _peer: None,
                log=_no_log,
            ),
        )
        await network.start()
        await until(lambda: bool(node.events_named("connection_refused")))
        await network.stop()
        assert await metric(node, 'monazite_connections_refused_total{reason="key"}') >= 1


# ---- followers


def follower_home(path: Path, of: NodeHome, peers: dict[str, object]) -> NodeHome:
    """Make the home of a node that has the node key of customs and no consensus key."""
    place = make_home(path, name=CUSTOMS, world=of.world)
    place.home.consensus_key.unlink()
    for segment in place.home.journal.iterdir():
        segment.unlink()
    place.configure(node={"name": "watcher"}, peers=peers)
    return place


async def test_a_follower_has_the_same_history_and_takes_transactions(tmp_path: Path) -> None:
    validator_port, follower_port = free_ports(2)
    voting = make_home(tmp_path / "voting")
    key = key_of(CUSTOMS, Role.NODE).hex()
    voting.configure(
        peers={
            "port": validator_port,
            "peer": [
                {"name": "watcher", "host": "127.0.0.1", "port": follower_port, "node_key": key}
            ],
        }
    )
    following = follower_home(
        tmp_path / "following",
        voting,
        {
            "port": follower_port,
            "peer": [{"name": MINISTRY, "host": "127.0.0.1", "port": validator_port}],
        },
    )
    following.set_clock(voting.world.time_ms + 1_000)
    async with running(voting) as validator, running(following) as watcher:
        status = await (await watcher.get("/v1/status")).json()
        assert (status["validating"], status["signing"]) == (False, False)
        await until(lambda: bool(validator.driver.peer_connections()["watcher"]))
        receipt = await validator.apply(voting.world.transaction(MINE, output()))
        height = receipt.placement.header.height
        await until(lambda: watcher.driver.replica.chain.tip.height == height)
        assert watcher.driver.replica.chain.tip == validator.driver.replica.chain.tip
        async with watcher.health.get("/readyz?verbose") as response:
            assert (await response.json())["checks"]["caught_up"] is True
        await watcher.apply(plan(watcher, 2031))
    async with running(following) as watcher:
        assert watcher.driver.replica.chain.tip.height == height + 1


async def test_a_follower_is_not_taken_for_the_validator_of_its_member(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home")
    async with running(place) as node, peer_of(node, CUSTOMS):
        await until(lambda: bool(node.service.peers and node.service.peers.inbound_peers()))
        assert node.service.peers is not None
        (name,) = node.service.peers.inbound_peers()
        assert name == f"{CUSTOMS}#{key_of(CUSTOMS, Role.NODE).hex()[:16]}"


# ---- the home


def test_the_page_names_every_file_of_a_home(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    place = make_home(tmp_path / "home")
    found = {entry.name for entry in place.home.path.iterdir()} - {"clock"}
    home = Home(tmp_path)
    named = {home.configuration, home.genesis, home.node_key, home.consensus_key}
    for name in {*found, *(str(path.relative_to(tmp_path)) for path in named), "node.lock"}:
        assert f"`{name}" in page, name
