"""Blocks and headers."""

from __future__ import annotations

import msgspec
import pytest

from ledger.wire.block import HEADER_BYTES_MAX, Block, Header, decode_block
from ledger.wire.codec import encode
from ledger.wire.errors import LimitExceededError, NotCanonicalError
from ledger.wire.scalars import (
    BLOCK_BYTES_MAX,
    TRANSACTION_BYTES_MAX,
    TRANSACTIONS_PER_BLOCK_MAX,
)
from tests.support.samples import greatest, least

HEADER: Header = least(Header)
BLOCK = Block(header=HEADER, transactions=(b"one", b"two"))


def test_every_field_of_the_header_is_named_by_the_id() -> None:
    other: Header = greatest(Header)
    ids = {HEADER.block_id}
    for name in Header.__struct_fields__:
        ids.add(msgspec.structs.replace(HEADER, **{name: getattr(other, name)}).block_id)
    assert len(ids) == 1 + len(Header.__struct_fields__)


def test_the_largest_header_fits_its_limit() -> None:
    assert len(encode(greatest(Header))) <= HEADER_BYTES_MAX


def test_a_block_is_read_back() -> None:
    assert decode_block(encode(BLOCK)) == BLOCK


@pytest.mark.parametrize("transaction", [b"", b"t" * (TRANSACTION_BYTES_MAX + 1)])
def test_a_transaction_in_a_block_has_its_own_limits(transaction: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode_block(encode(Block(header=HEADER, transactions=(transaction,))))


def test_all_transactions_together_are_limited_to_the_byte() -> None:
    full = Block(header=HEADER, transactions=(b"t" * TRANSACTION_BYTES_MAX,) * 16)
    assert sum(map(len, full.transactions)) == BLOCK_BYTES_MAX
    assert decode_block(encode(full)) == full
    over = msgspec.structs.replace(full, transactions=(*full.transactions, b"t"))
    with pytest.raises(LimitExceededError) as caught:
        decode_block(encode(over))
    assert caught.value.found == caught.value.limit + 1


def test_a_block_has_a_limited_number_of_transactions() -> None:
    full = Block(header=HEADER, transactions=(b"t",) * TRANSACTIONS_PER_BLOCK_MAX)
    assert decode_block(encode(full)) == full
    with pytest.raises(NotCanonicalError):
        decode_block(encode(msgspec.structs.replace(full, transactions=(*full.transactions, b"t"))))
