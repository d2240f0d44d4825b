"""The receiving side on real sockets: who gets in, and what happens to rubbish."""

import asyncio
import ssl

import aiohttp
import pytest

from node.net.dialer import PEER_PATH
from node.net.framing import FRAME_BYTES_MAX, pack
from node.net.sendqueue import Priority
from tests.node.net.conftest import Starter
from tests.node.net.nodes import (
    Pair,
    TestedNode,
    dial_by_hand,
    identity_of,
    still_works,
    url_of,
    with_limits,
)


async def test_a_node_whose_key_is_not_allowed_is_refused(start_node: Starter) -> None:
    north, stranger = await start_node("north"), await start_node("stranger")
    await stranger.dial(north)
    await north.until(lambda: north.strangers()["key"] >= 2)
    assert stranger.network.connected_peers() == []
    assert "403" in stranger.reasons("peer_not_connected")[0]
    assert stranger.identity.public_key.hex() in north.reasons("connection_refused")[0]
    assert north.received == {}


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


async def test_what_strangers_cause_is_counted_always_and_logged_once_in_a_while(
    start_node: Starter,
) -> None:
    north = await start_node("north", with_limits(report_interval_ms=600_000))
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await dial_by_hand(session, identity_of("stranger"), north)
    assert north.strangers()["key"] == 3
    assert len(north.reasons("connection_refused")) == 1


HOSTILE_HEADERS = [
    {"Sec-WebSocket-Key": "\udcff" * 24},
    {"Sec-WebSocket-Key": "short"},
    {"Sec-WebSocket-Version": "\udcff"},
    {"Upgrade": "h2c"},
    {"Connection": "close"},
    {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=999"},
    {"Transfer-Encoding": "chunked"},
    {"Content-Length": "5"},
]


@pytest.mark.parametrize("headers", HOSTILE_HEADERS)
async def test_no_request_of_a_peer_can_end_the_transport(
    pair: Pair, headers: dict[str, str]
) -> None:
    north, south = pair
    east = identity_of("east")
    north.allowed[east.public_key] = "east"
    usual = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    lines = [f"{name}: {value}" for name, value in (usual | headers).items()]
    request = f"GET {PEER_PATH} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", north.network.port, ssl=east.client_context
    )
    writer.write(request.encode("utf-8", "surrogateescape"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 ")
    writer.transport.abort()
    await still_works(north, south)


async def test_a_new_connection_of_a_peer_replaces_the_old_one(pair: Pair) -> None:
    north, south = pair
    async with aiohttp.ClientSession() as session:
        ws = await dial_by_hand(session, south.identity, north)
        await south.until(lambda: ("disconnected", "north") in south.changes)
        await ws.close()
    await south.until(lambda: south.changes[-1] == ("connected", "north"))
    assert "it connected anew" in north.reasons("peer_replaced")
    await still_works(north, south)
