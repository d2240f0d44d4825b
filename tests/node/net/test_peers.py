"""Nodes on real sockets: what arrives, and how the transport starts and ends."""

import pytest

from node.net.framing import MESSAGE_BYTES_MAX
from node.net.sendqueue import Priority
from tests.node.net.conftest import Starter
from tests.node.net.nodes import Pair, TestedNode, still_works


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


async def test_a_bug_in_the_receiver_ends_the_transport(pair: Pair) -> None:
    north, south = pair
    north.broken_message = b"trigger"
    south.network.send("north", Priority.VOTE, b"trigger")
    with pytest.raises(ExceptionGroup) as caught:
        await north.network.wait()
    assert caught.group_contains(RuntimeError, match="a bug of ours")
    assert north.reasons("network_failed") == ["a bug of ours"]
    await north.network.stop()


async def test_a_store_that_fails_while_a_key_is_looked_up_ends_the_transport(
    start_node: Starter,
) -> None:
    north, south = await start_node("north"), await start_node("south")
    north.allowed_fails = True
    await south.dial(north)
    with pytest.raises(ExceptionGroup) as caught:
        await north.network.wait()
    assert caught.group_contains(OSError, match="the disk is gone")


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
