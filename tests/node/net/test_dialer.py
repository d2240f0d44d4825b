"""The sending side on real sockets: whom it sends to, and how it comes back."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
import pytest

from node.net.dialer import Backoff, PeerAddress
from node.net.framing import pack
from node.net.identity import NodeIdentity
from node.net.limits import NetworkLimits
from node.net.sendqueue import Priority, QueueLimit
from tests.node.net.conftest import Starter
from tests.node.net.nodes import (
    Pair,
    identity_of,
    still_works,
    url_of,
    with_limits,
)

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def test_pauses_double_up_to_a_limit_and_begin_anew_after_a_connection_that_lasted() -> None:
    limits = NetworkLimits(redial_first_ms=200, redial_max_ms=10_000)
    pauses = Backoff(limits, lambda: 1.0)
    longest = [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    assert [pauses.after(5.0) for _ in longest] == longest
    # A connection that is taken and ended at once is no success.
    assert pauses.after(9_999.0) == 10_000
    assert pauses.after(10_000.0) == 200
    assert pauses.after(1.0) == 400


def test_pauses_are_spread_over_the_upper_half() -> None:
    limits = NetworkLimits(redial_first_ms=200, redial_max_ms=10_000)
    assert Backoff(limits, lambda: 0.0).after(1.0) == 100
    assert Backoff(limits, lambda: 0.5).after(1.0) == 150


async def test_equal_failures_are_reported_once(start_node: Starter) -> None:
    north, stranger = await start_node("north"), await start_node("stranger")
    await stranger.dial(north)
    await north.until(lambda: north.strangers()["key"] >= 5)
    assert len(stranger.reasons("peer_not_connected")) == 1
    assert stranger.network.traffic.peer("north").dial_failures >= 4


async def test_nothing_is_sent_to_a_node_that_shows_another_key(start_node: Starter) -> None:
    north, south = await start_node("north"), await start_node("south")
    south.allow(north)
    expected = identity_of("somebody else").public_key
    await north.network.retarget({"south": PeerAddress("127.0.0.1", south.network.port, expected)})
    await north.until(lambda: bool(north.reasons("peer_not_connected")))
    assert "the ledger says" in north.reasons("peer_not_connected")[0]
    assert north.network.connected_peers() == []
    assert south.network.traffic.peer("north").accepts == 0


async def test_a_redirect_to_another_server_is_not_followed(start_node: Starter) -> None:
    north, south, east = [await start_node(name) for name in ("north", "south", "east")]
    east.allow(north)
    context = south.identity.server_context

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        location = url_of(east).encode()
        writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location)
        writer.write(b"\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        address = PeerAddress("127.0.0.1", port, south.identity.public_key)
        await north.network.retarget({"south": address})
        await north.until(lambda: bool(north.reasons("peer_not_connected")))
        await north.network.retarget({})
    assert "the ledger says" in north.reasons("peer_not_connected")[0]
    assert east.network.traffic.peer("north").accepts == 0


async def test_a_peer_may_not_send_on_the_connection_that_we_dialled(
    start_node: Starter,
) -> None:
    north = await start_node("north")
    south = identity_of("south")

    async def answer(request: aiohttp.web.BaseRequest) -> aiohttp.web.WebSocketResponse:
        ws = aiohttp.web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_bytes(pack([b"unasked"]))
        await ws.receive()
        return ws

    runner = aiohttp.web.ServerRunner(aiohttp.web.Server(answer))
    await runner.setup()
    site = aiohttp.web.SockSite(
        runner, socket.create_server(("127.0.0.1", 0)), ssl_context=south.server_context
    )
    await site.start()
    port = runner.addresses[0][1]
    await north.network.retarget({"south": PeerAddress("127.0.0.1", port, south.public_key)})
    await north.until(lambda: north.rejects("south")["unasked"] >= 2)
    await north.network.retarget({})
    await runner.cleanup()
    assert north.received == {}


async def test_a_peer_that_comes_back_is_dialled_again(pair: Pair) -> None:
    north, south = pair
    port = south.network.port
    await south.network.stop()
    await north.until(lambda: ("disconnected", "south") in north.changes)
    assert not north.network.send("south", Priority.VOTE, b"to nobody")
    assert north.network.traffic.peer("south").dropped["disconnected"] == 1
    await north.until(lambda: north.network.traffic.peer("south").dial_failures >= 1)
    await south.start(port)
    await north.until(lambda: north.changes[-1] == ("connected", "south"))
    await north.until_connected("south")
    assert north.network.send("south", Priority.VOTE, b"welcome back")
    assert await south.until_received("north", 1) == [b"welcome back"]
    assert north.changes == [
        ("connected", "south"),
        ("disconnected", "south"),
        ("connected", "south"),
    ]


async def test_a_peer_that_does_not_answer_is_given_up_and_dialled_again(
    start_node: Starter,
) -> None:
    north = await start_node("north", with_limits(setup_timeout_ms=30))
    silent = socket.create_server(("127.0.0.1", 0))
    address = PeerAddress("127.0.0.1", silent.getsockname()[1], identity_of("south").public_key)
    await north.network.retarget({"south": address})
    await north.until(lambda: bool(north.reasons("peer_not_connected")))
    assert north.reasons("peer_not_connected") == ["not set up after 0.03 s"]
    await north.network.retarget({})
    silent.close()


@pytest.mark.parametrize("host", ["", "a" * 300, "\x00", "[::1", "..", "☃" * 70])
async def test_an_address_that_is_none_harms_nobody_else(pair: Pair, host: str) -> None:
    north, south = pair
    wrong = PeerAddress(host, 1, identity_of("east").public_key)
    await north.network.retarget({"south": south.address, "east": wrong})
    await north.until(lambda: bool(north.reasons("peer_not_connected")))
    await still_works(north, south)
    assert north.network.connected_peers() == ["south"]


@asynccontextmanager
async def frozen_peer(identity: NodeIdentity) -> AsyncIterator[PeerAddress]:
    """A peer that accepts connections and then neither reads nor answers."""
    writers: list[asyncio.StreamWriter] = []

    async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b": ")[1] for line in request.split(b"\r\n") if b"WebSocket-Key" in line
        )
        digest = hashlib.sha1(key + WEBSOCKET_GUID).digest()  # noqa: S324 - RFC 6455
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        cast("asyncio.Transport", writer.transport).pause_reading()
        writers.append(writer)

    server = await asyncio.start_server(freeze, "127.0.0.1", 0, ssl=identity.server_context)
    port = server.sockets[0].getsockname()[1]
    yield PeerAddress("127.0.0.1", port, identity.public_key)
    for writer in writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


async def test_a_peer_that_answers_no_probe_is_found_out(start_node: Starter) -> None:
    north = await start_node("north", with_limits(heartbeat_ms=60))
    async with frozen_peer(identity_of("south")) as address:
        await north.network.retarget({"south": address})
        await north.until(lambda: bool(north.reasons("peer_not_connected")))
        assert north.changes[:2] == [("connected", "south"), ("disconnected", "south")]
        assert "No PONG received" in north.reasons("peer_not_connected")[0]
        await north.network.retarget({})


async def test_queues_stay_within_their_limits_while_a_peer_does_not_read(
    start_node: Starter,
) -> None:
    limits = {priority: QueueLimit(messages_max=10, bytes_max=1 << 20) for priority in Priority}
    north = await start_node("north", with_limits(queues=limits))
    traffic = north.network.traffic.peer("south")
    async with frozen_peer(identity_of("south")) as address:
        await north.network.retarget({"south": address})
        await north.until_connected("south")
        accepted = 0
        # Far more than sockets and buffers hold; ends when the queue has begun to refuse.
        while not traffic.dropped["transaction"] and accepted < 1000:
            accepted += north.network.send("south", Priority.TRANSACTION, bytes(60_000))
            await asyncio.sleep(0)
        assert traffic.dropped["transaction"] == 1
        assert accepted - traffic.messages_out in {10, 11}
        assert all(north.network.send("south", Priority.VOTE, b"vote") for _ in range(15))
        assert traffic.dropped["vote"] == 5
        await north.network.retarget({})
