from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.messages import (
    CERTIFICATES_PER_MESSAGE_MAX,
    JUSTIFICATION_MAX,
    MESSAGE_BYTES_MAX,
    BlockReply,
    Certificates,
    Message,
    Proposal,
    RangeEntry,
    RangeReply,
    Vote,
    decode_message,
    encode_message,
    status_body,
)
from ledger.wire.block import Block
from ledger.wire.errors import LimitExceededError, NotCanonicalError, WireError
from ledger.wire.scalars import BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX, SignatureBytes
from tests.consensus.rig import NOTARIZE, NULLIFY, Chain
from tests.consensus.strategies import messages

CHAIN = Chain()


@given(messages)
def test_every_message_survives_the_wire(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_canonical(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert encode_message(decode_message(data)) == data


@given(messages, st.data())
def test_damaged_bytes_are_refused_or_another_canonical_message(
    message: Message, data: st.DataObject
) -> None:
    encoded = bytearray(encode_message(message))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(WireError):
        assert encode_message(decode_message(bytes(encoded))) == bytes(encoded)


@given(messages, st.integers(1, 40))
def test_cut_or_lengthened_bytes_are_refused(message: Message, count: int) -> None:
    encoded = encode_message(message)
    for wrong in (encoded[:-count], encoded + bytes(count)):
        with pytest.raises(WireError):
            decode_message(wrong)


def test_an_unknown_tag_is_refused() -> None:
    for tag in (0, 10, -1, "vote", None):
        with pytest.raises(NotCanonicalError):
            decode_message(msgspec.msgpack.encode([tag, 1, 2]))


def test_a_message_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(LimitExceededError, match="bytes"):
        decode_message(bytes(MESSAGE_BYTES_MAX + 1))


def test_a_block_over_the_limit_is_refused_in_every_message_that_carries_one() -> None:
    count = BLOCK_BYTES_MAX // TRANSACTION_BYTES_MAX
    too_much = (*(bytes([i]) + bytes(TRANSACTION_BYTES_MAX - 1) for i in range(count)), b"x")
    block = Block(header=CHAIN.genesis, transactions=too_much)
    entry = RangeEntry(block=block, proof=None)
    point = CHAIN.origin
    for message in (
        BlockReply(block=block),
        RangeReply(from_height=point.height, entries=(entry,), links=(), anchor=None),
        Proposal(point=point, block=block, signature=SignatureBytes(bytes(64)), justification=()),
    ):
        with pytest.raises(LimitExceededError, match="block transactions"):
            decode_message(encode_message(message))


def test_a_full_block_with_a_full_justification_of_sixty_three_validators_fits() -> None:
    chain = Chain(63)
    votes = [bytes([i]) * 64 for i in range(chain.validators.quorum)]
    small = BLOCK_BYTES_MAX // 20_000
    block = Block(
        header=chain.genesis, transactions=tuple(bytes([i % 256]) * small for i in range(20_000))
    )
    one = CHAIN.certificate(NULLIFY, 1)
    full = msgspec.structs.replace(one, signatures=tuple(votes), signers=2**63 - 1)
    message = Proposal(
        point=chain.origin,
        block=block,
        signature=SignatureBytes(bytes(64)),
        justification=(full,) * JUSTIFICATION_MAX,
    )
    assert decode_message(encode_message(message)) == message


def test_too_many_certificates_in_one_message_are_refused() -> None:
    one = CHAIN.certificate(NULLIFY, 1)
    data = msgspec.msgpack.encode(Certificates((one,) * (CERTIFICATES_PER_MESSAGE_MAX + 1)))
    with pytest.raises(NotCanonicalError):
        decode_message(data)


def test_a_vote_is_shorter_than_two_hundred_bytes() -> None:
    block = CHAIN.block(1)
    vote = CHAIN.vote(NOTARIZE, 1, CHAIN.point(block), 2)
    assert isinstance(vote, Vote)
    assert len(encode_message(vote)) < 200


def test_the_body_of_a_status_is_of_fixed_width() -> None:
    status = CHAIN.status(1, 9)
    body = status_body(CHAIN.electorate.chain_id, CHAIN.validators, status)
    assert len(body) == 32 + 8 + 32 + 8 + 8 + 8 + 32 + 8
