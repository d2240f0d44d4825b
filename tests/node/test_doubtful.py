"""Transactions whose signers are not on the ledger yet: little room, for a little while."""

from __future__ import annotations

from node.doubtful import LOOKS_MAX, PEER_BYTES_MAX, PEER_TRANSACTIONS_MAX, Doubtful
from tests.node.test_mempool import transaction
from tests.support.trading import MINE


def test_what_waits_is_looked_at_a_few_times_and_then_dropped() -> None:
    doubtful = Doubtful()
    parsed = transaction()
    assert doubtful.add("south", parsed)
    for _ in range(LOOKS_MAX):
        assert list(doubtful.look()) == [("south", parsed)]
    assert list(doubtful.look()) == []
    assert len(doubtful) == 0


def test_what_waits_already_is_not_taken_again() -> None:
    doubtful = Doubtful()
    assert doubtful.add("south", transaction())
    assert not doubtful.add("south", transaction())
    assert doubtful.add("north", transaction())
    assert len(doubtful) == 2


def test_what_was_taken_may_come_again() -> None:
    doubtful = Doubtful()
    doubtful.add("south", transaction())
    doubtful.take("south", transaction().tx_id)
    doubtful.take("south", transaction().tx_id)
    assert len(doubtful) == 0
    assert doubtful.add("south", transaction())


def test_it_may_be_taken_while_it_is_looked_at() -> None:
    doubtful = Doubtful()
    for number in range(3):
        doubtful.add("south", transaction(MINE, number))
    for peer, parsed in doubtful.look():
        doubtful.take(peer, parsed.tx_id)
    assert len(doubtful) == 0


def test_each_peer_has_room_of_its_own() -> None:
    doubtful = Doubtful()
    size = len(transaction().signed_bytes)
    room = min(PEER_TRANSACTIONS_MAX, PEER_BYTES_MAX // size)
    for number in range(room + 50):
        assert doubtful.add("south", transaction(MINE, number)) == (number < room)
    assert doubtful.add("north", transaction())
