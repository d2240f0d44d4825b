"""Nodes on real sockets: who gets in, what arrives, what happens to rubbish."""

import asyncio
import base64
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
import pytest

from node.net.dialer import PEER_PATH, PeerAddress
from node.net.framing import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, pack
from node.net.identity import NodeIdentity
from node.net.sendqueue import Priority, QueueLimit
from tests.node.net.conftest import Starter
from tests.node.net.nodes import TestedNode, identity_of, with_limits

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Pair = tuple[TestedNode, TestedNode]


def url_of(node: TestedNode, path: str = PEER_PATH) -> str:
    return f"https://127.0.0.1:{node.network.port}{path}"


async def dial_by_hand(
    session: aiohttp.ClientSession, identity: NodeIdentity, node: TestedNode, path: str = PEER_PATH
) -> aiohttp.ClientWebSocketResponse:
    return await session.ws_connect(
        url_of(node, path), ssl=identity.client_context, max_msg_size=1 << 20
    )


# ---- messages


async def test_messages_arrive_in_order_in_both_directions(pair: Pair) -> None:
    north, south = pair
    sent = [b"message %d" % number for number in range(1000)]
    for message in sent:
        assert north.network.send("south", Priority.VOTE, message)
        assert south.network.send("north", Priority.VOTE, message[::-1])
    assert await south.until_received("north", 1000) == sent
    assert await north.until_received("south", 1000) == [message[::-1] for message in sent]


async def test_what_is_sent_in_one_turn_shares_frames(pair: Pair) -> None:
    north, south = pair
    for number in range(1000):
        north.network.send("south", Priority.TRANSACTION, b"%03d" % number * 60)
    await south.until_received("north", 1000)
    assert len(south.frames) == 3
    out, into = north.network.traffic.peer("south"), south.network.traffic.peer("north")
    assert (out.frames_out, out.messages_out, out.bytes_out) == (3, 1000, 1000 * 184)
    assert (into.frames_in, into.messages_in, into.bytes_in) == (3, 1000, 1000 * 184)


async def test_a_vote_overtakes_what_waits(pair: Pair) -> None:
    north, south = pair
    for number in range(500):
        north.network.send("south", Priority.TRANSACTION, b"transaction %d" % number)
    north.network.send("south", Priority.FETCH, b"answer")
    north.network.send("south", Priority.PROPOSAL, b"proposal")
    north.network.send("south", Priority.VOTE, b"vote")
    received = await south.until_received("north", 503)
    assert received[:4] == [b"vote", b"proposal", b"answer", b"transaction 0"]


async def test_the_largest_message_arrives_and_a_larger_one_is_refused(pair: Pair) -> None:
    north, south = pair
    largest = bytes(MESSAGE_BYTES_MAX)
    with pytest.raises(ValueError, match="wanted 1 to"):
        north.network.send("south", Priority.PROPOSAL, largest + b"!")
    with pytest.raises(ValueError, match="wanted 1 to"):
        north.network.send("south", Priority.PROPOSAL, b"")
    assert north.network.send("south", Priority.PROPOSAL, largest)
    assert await south.until_received("north", 1) == [largest]


async def test_a_broadcast_reaches_every_target(start_node: Starter) -> None:
    nodes = [await start_node(name) for name in ("a", "b", "c", "d")]
    for node in nodes:
        others = [other for other in nodes if other is not node]
        node.allow(*others)
        await node.dial(*others)
    for node in nodes:
        await node.until_connected(*({"a", "b", "c", "d"} - {node.name}))
    assert nodes[0].network.broadcast(Priority.VOTE, b"to all") == 3
    for node in nodes[1:]:
        assert await node.until_received("a", 1) == [b"to all"]
    assert nodes[0].network.connected_peers() == ["b", "c", "d"]
    await nodes[0].until(lambda: nodes[0].network.inbound_peers() == ["b", "c", "d"])


async def test_a_target_that_does_not_exist_is_a_mistake(pair: Pair) -> None:
    with pytest.raises(KeyError):
        pair[0].network.send("east", Priority.VOTE, b"vote")


# ---- who gets in


async def test_a_node_whose_key_is_not_allowed_is_refused(start_node: Starter) -> None:
    north, stranger = await start_node("north"), await start_node("stranger")
    await stranger.dial(north)
    await north.until(lambda: north.strangers()["key"] >= 2)
    assert stranger.network.connected_peers() == []
    assert "403" in stranger.reasons("peer_not_connected")[0]
    assert stranger.identity.public_key.hex() in north.reasons("connection_refused")[0]
    assert north.received == {}


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


async def test_nodes_of_two_networks_do_not_get_through_the_handshake(
    start_node: Starter,
) -> None:
    north = await start_node("north")
    foreign = TestedNode("south", identity=identity_of("south", b"another chain"))
    north.allow(foreign)
    await foreign.start()
    await foreign.dial(north)
    await north.until(lambda: north.strangers()["tls"] >= 1)
    await foreign.until(lambda: bool(foreign.reasons("peer_not_connected")))
    await foreign.network.stop()
    assert foreign.changes == []


async def test_a_second_process_with_our_own_key_is_refused_and_reported(
    start_node: Starter,
) -> None:
    north, twin = await start_node("north"), await start_node("north")
    north.allow(north)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await dial_by_hand(session, twin.identity, north)
    assert caught.value.status == 403
    assert "own key" in north.reasons("connection_refused")[0]
    with pytest.raises(ValueError, match="own key"):
        await north.dial(twin)


async def test_a_client_below_tls_1_3_is_refused(pair: Pair) -> None:
    north, _ = pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", north.network.port, ssl=context)
    await north.until(lambda: north.strangers()["tls"] == 1)
    assert north.reasons("connection_refused") == ["UNSUPPORTED_PROTOCOL"]


async def test_a_client_without_a_certificate_is_refused(pair: Pair) -> None:
    north, _ = pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # In TLS 1.3 the client is through before the server has looked at its certificate.
    reader, writer = await asyncio.open_connection("127.0.0.1", north.network.port, ssl=context)
    assert await reader.read() == b""
    writer.transport.abort()
    await north.until(lambda: north.strangers()["tls"] == 1)
    assert north.reasons("connection_refused") == ["PEER_DID_NOT_RETURN_A_CERTIFICATE"]


# ---- rubbish


async def still_works(north: TestedNode, south: TestedNode) -> None:
    before = len(north.received.get("south", []))
    assert south.network.send("north", Priority.VOTE, b"still here")
    assert (await north.until_received("south", before + 1))[-1] == b"still here"


@pytest.mark.parametrize("rubbish", [b"\x00" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"])
async def test_plain_tcp_rubbish_is_dropped_and_counted_while_the_others_go_on(
    pair: Pair, rubbish: bytes
) -> None:
    north, south = pair
    reader, writer = await asyncio.open_connection("127.0.0.1", north.network.port)
    writer.write(rubbish)
    writer.write_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readexactly(1 << 16)
    writer.close()
    await north.until(lambda: north.strangers()["tls"] == 1)
    await still_works(north, south)


async def test_a_connection_that_says_nothing_is_cut(start_node: Starter) -> None:
    north = await start_node("north", with_limits(setup_timeout_ms=50))
    reader, writer = await asyncio.open_connection("127.0.0.1", north.network.port)
    assert await reader.read() == b""
    writer.close()
    await north.until(lambda: north.strangers()["slow"] == 1)


async def test_a_connection_that_makes_no_request_is_cut(start_node: Starter) -> None:
    north = await start_node("north", with_limits(setup_timeout_ms=300))
    context = identity_of("south").client_context
    reader, writer = await asyncio.open_connection("127.0.0.1", north.network.port, ssl=context)
    writer.write(b"GET " + PEER_PATH.encode() + b" HTTP/1.1\r\nHost: half a requ")
    assert await reader.read() == b""
    writer.transport.abort()
    await north.until(lambda: north.strangers()["slow"] == 1)


async def test_connections_being_set_up_are_bounded(start_node: Starter) -> None:
    north = await start_node("north", with_limits(setups_per_host_max=2))
    streams = [await asyncio.open_connection("127.0.0.1", north.network.port) for _ in range(3)]
    await north.until(lambda: north.strangers()["crowded"] == 1)
    for _, writer in streams:
        writer.transport.abort()
    await north.until(lambda: north.strangers()["tls"] == 2)
    # The places are free again.
    south = await start_node("south")
    north.allow(south)
    await south.dial(north)
    await south.until_connected("north")


@pytest.mark.parametrize("path", ["/", PEER_PATH + "/", "/monazite/peer/2"])
async def test_another_path_is_refused(pair: Pair, path: str) -> None:
    north, south = pair
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await dial_by_hand(session, south.identity, north, path)
        assert caught.value.status == 404
        async with session.get(url_of(north), ssl=south.identity.client_context) as response:
            assert response.status == 404
    assert north.strangers()["http"] == 2
    await still_works(north, south)


async def test_rubbish_instead_of_a_request_is_counted_without_a_traceback(
    pair: Pair, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    north, south = pair
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", north.network.port, ssl=south.identity.client_context
    )
    writer.write(b"\xff" * 50 + b"\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.transport.abort()
    await north.until(lambda: north.strangers()["http"] == 1)
    await still_works(north, south)
    assert caplog.records == []
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rubbish", "kind"),
    [
        (b"", "frame"),
        (b"\x00", "frame"),
        (b"\x00\x00\x00\x02a", "frame"),
        (bytes(FRAME_BYTES_MAX), "frame"),
        (bytes(FRAME_BYTES_MAX + 1), "frame"),
        ("text", "text"),
    ],
)
async def test_a_peer_that_sends_rubbish_is_cut_and_counted(
    pair: Pair, rubbish: bytes | str, kind: str
) -> None:
    north, south = pair
    east = identity_of("east")
    north.allowed[east.public_key] = "east"
    async with aiohttp.ClientSession() as session:
        ws = await dial_by_hand(session, east, north)
        await ws.send_bytes(pack([b"a good message first"]))
        if isinstance(rubbish, str):
            await ws.send_str(rubbish)
        else:
            await ws.send_bytes(rubbish)
        ended = await ws.receive()
        assert ended.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        await ws.close()
    assert north.rejects("east") == {kind: 1}
    assert north.received == {"east": [b"a good message first"]}
    await still_works(north, south)
    assert south.changes == [("connected", "north")]


async def test_a_message_that_the_receiver_refuses_ends_the_connection(pair: Pair) -> None:
    north, south = pair
    north.refused_message = b"nonsense"
    south.network.send("north", Priority.VOTE, b"sense")
    south.network.send("north", Priority.VOTE, b"nonsense")
    await south.until(
        lambda: south.changes[-2:] == [("disconnected", "north"), ("connected", "north")]
    )
    assert north.rejects("south") == {"message": 1}
    assert "no correct node sends" in south.reasons("peer_not_connected")[-1]
    await still_works(north, south)


async def test_a_peer_that_is_refused_later_is_cut(pair: Pair) -> None:
    north, south = pair
    north.network.refuse("south", "a signature that is none")
    await south.until(
        lambda: south.changes[-2:] == [("disconnected", "north"), ("connected", "north")]
    )
    assert north.rejects("south") == {"message": 1}
    await still_works(north, south)


async def test_a_peer_in_quarantine_is_not_accepted(start_node: Starter) -> None:
    north = await start_node("north", with_limits(quarantine_ms=600_000))
    south = await start_node("south")
    north.allow(south)
    await south.dial(north)
    await south.until_connected("north")
    await north.until(lambda: north.network.inbound_peers() == ["south"])
    north.network.refuse("south", "rubbish")
    await south.until(lambda: any("503" in text for text in south.reasons("peer_not_connected")))
    assert north.rejects("south")["quarantine"] >= 1


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


# ---- connections come and go


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


async def test_a_new_connection_of_a_peer_replaces_the_old_one(pair: Pair) -> None:
    north, south = pair
    async with aiohttp.ClientSession() as session:
        ws = await dial_by_hand(session, south.identity, north)
        await south.until(lambda: ("disconnected", "north") in south.changes)
        await ws.close()
    await south.until(lambda: south.changes[-1] == ("connected", "north"))
    assert "it connected anew" in north.reasons("peer_replaced")
    await still_works(north, south)


async def test_a_peer_whose_key_is_revoked_is_cut(pair: Pair) -> None:
    north, south = pair
    north.allowed.clear()
    await north.network.retarget({})
    await south.until(lambda: any("403" in text for text in south.reasons("peer_not_connected")))
    assert north.rejects("south") == {"key": 1}
    assert north.changes[-1] == ("disconnected", "south")
    with pytest.raises(KeyError):
        north.network.send("south", Priority.VOTE, b"vote")


async def test_a_target_that_stays_keeps_its_connection(pair: Pair) -> None:
    north, south = pair
    await north.dial(south)
    await still_works(north, south)
    assert north.changes == [("connected", "south")]


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


# ---- the transport as a whole


async def test_a_bug_in_the_receiver_ends_the_transport(pair: Pair) -> None:
    north, south = pair
    north.broken_message = b"trigger"
    south.network.send("north", Priority.VOTE, b"trigger")
    with pytest.raises(ExceptionGroup) as caught:
        await north.network.wait()
    assert caught.group_contains(RuntimeError, match="a bug of ours")
    assert north.reasons("network_failed") == ["a bug of ours"]
    await north.network.stop()


async def test_stopping_twice_and_waiting_for_a_stopped_transport_is_fine(pair: Pair) -> None:
    north, _ = pair
    await north.network.stop()
    await north.network.stop()
    await north.network.wait()
    with pytest.raises(RuntimeError, match="started once"):
        await north.network.start()
    with pytest.raises(RuntimeError, match="does not run"):
        await north.network.retarget({})


async def test_the_peers_of_a_node_that_stops_learn_why(pair: Pair) -> None:
    north, south = pair
    await north.network.stop()
    await south.until(lambda: ("disconnected", "north") in south.changes)
    await south.until(lambda: bool(south.reasons("peer_not_connected")))
    assert "1001" in south.reasons("peer_not_connected")[0]


async def test_a_port_that_is_taken_is_an_error(pair: Pair) -> None:
    third = TestedNode("third")
    with pytest.raises(OSError, match="in use"):
        await third.start(pair[0].network.port)


async def test_a_transport_that_was_not_started_says_so() -> None:
    node = TestedNode("north")
    with pytest.raises(RuntimeError, match="start comes before wait"):
        await node.network.wait()
    await node.network.stop()
    assert node.network.inbound_peers() == []
    node.network.refuse("nobody", "nothing")
