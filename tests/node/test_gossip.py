"""What travels between nodes: any bytes either decode or raise one kind of error."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.wire.codec import encode
from ledger.wire.errors import LimitExceededError, NotCanonicalError, WireError
from ledger.wire.scalars import TRANSACTION_BYTES_MAX
from node.gossip import (
    BATCH_BYTES_MAX,
    BATCH_TRANSACTIONS_MAX,
    Channel,
    TransactionBatch,
    decode_transactions,
    encode_consensus,
    encode_transactions,
    split_channel,
)
from node.net.framing import MESSAGE_BYTES_MAX


def unpacked(messages: list[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for message in messages:
        channel, content = split_channel(message)
        assert channel is Channel.TRANSACTIONS
        found += decode_transactions(content)
    return found


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=50))
def test_transactions_arrive_as_they_were_sent(transactions: list[bytes]) -> None:
    assert unpacked(list(encode_transactions(transactions))) == transactions


def test_large_transactions_are_spread_over_messages_that_fit_into_frames() -> None:
    transactions = [bytes([number]) * TRANSACTION_BYTES_MAX for number in range(30)]
    messages = list(encode_transactions(transactions))
    assert len(messages) > 5
    assert all(len(message) < MESSAGE_BYTES_MAX for message in messages)
    assert all(len(message) < 2 * BATCH_BYTES_MAX for message in messages)
    assert unpacked(messages) == transactions


def test_many_small_transactions_are_spread_over_messages() -> None:
    transactions = [b"%d" % number for number in range(BATCH_TRANSACTIONS_MAX + 1)]
    messages = list(encode_transactions(transactions))
    assert len(messages) == 2
    assert unpacked(messages) == transactions


def test_nothing_is_no_message() -> None:
    assert list(encode_transactions([])) == []


def test_a_consensus_message_keeps_its_bytes() -> None:
    assert split_channel(encode_consensus(b"vote")) == (Channel.CONSENSUS, b"vote")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x03x", b"\xff"])
def test_an_unknown_channel_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonicalError, match="unknown channel"):
        split_channel(data)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        encode([[]]),
        encode([[b""]]),
        encode([[b"x" * (TRANSACTION_BYTES_MAX + 1)]]),
        encode([[b"x"] * (BATCH_TRANSACTIONS_MAX + 1)]),
        encode([["text"]]),
        encode([[b"x"], 1]),
        encode([b"x"]),
        encode(TransactionBatch(transactions=(b"x",))) + b"\x00",
        b"\x91\xdc\x00\x01\xc4\x01x",
    ],
)
def test_a_batch_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode_transactions(content)


def test_a_batch_that_is_too_long_is_not_read() -> None:
    with pytest.raises(LimitExceededError):
        decode_transactions(bytes(2 * BATCH_BYTES_MAX + 1))


@given(st.binary(max_size=400))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with suppress(WireError):
        channel, content = split_channel(data)
        if channel is Channel.TRANSACTIONS:
            transactions = decode_transactions(content)
            assert list(encode_transactions(transactions)) == [data]


@given(st.data())
def test_a_batch_with_one_changed_byte_is_another_batch_or_refused(data: st.DataObject) -> None:
    (message,) = encode_transactions([b"first transaction", b"second"])
    place = data.draw(st.integers(1, len(message) - 1))
    changed = bytearray(message)
    changed[place] ^= data.draw(st.integers(1, 255))
    with suppress(WireError):
        assert decode_transactions(bytes(changed[1:])) != (b"first transaction", b"second")
