from __future__ import annotations

import msgspec

from consensus.payload import payload_matches
from ledger.wire.block import Block
from ledger.wire.codec import encode
from ledger.wire.merkle import merkle_root
from ledger.wire.scalars import Digest, MemberId, Nonce, PublicKey, TimeMs
from ledger.wire.signing import public_key_of, signer
from ledger.wire.transaction import (
    Transaction,
    sign_transaction,
    transaction_leaf,
    tx_id_of,
)
from tests.consensus.rig import Chain

CHAIN = Chain()
SEED = bytes(range(32))
KEY: PublicKey = public_key_of(SEED)


def signed_bytes(number: int) -> tuple[bytes, bytes]:
    """Return a transaction's complete bytes and its leaf."""
    transaction = Transaction(
        version=1,
        chain_id=CHAIN.electorate.chain_id,
        author=MemberId("somebody"),
        nonce=Nonce(bytes([number]) * 16),
        valid_until_ms=TimeMs(1),
        records=(b"record",),
    )
    signed = sign_transaction(transaction, {KEY: signer(SEED)})
    return encode(signed), transaction_leaf(tx_id_of(transaction), signed.signatures)


def block_of(*pairs: tuple[bytes, bytes]) -> Block:
    root = Digest(merkle_root([leaf for _data, leaf in pairs]))
    header = msgspec.structs.replace(CHAIN.genesis, tx_count=len(pairs), tx_root=root)
    return Block(header=header, transactions=tuple(data for data, _leaf in pairs))


def test_a_payload_belongs_to_the_header_that_commits_to_it() -> None:
    one, two = signed_bytes(1), signed_bytes(2)
    assert payload_matches(block_of())
    assert payload_matches(block_of(one))
    assert payload_matches(block_of(one, two))


def test_a_payload_that_is_changed_in_any_way_does_not_belong() -> None:
    one, two, three = (signed_bytes(number) for number in (1, 2, 3))
    block = block_of(one, two)
    for transactions in (
        (two[0], one[0]),
        (one[0],),
        (one[0], two[0], three[0]),
        (one[0], three[0]),
        (one[0], two[0][:-1]),
        (one[0], b"rubbish"),
        (),
    ):
        assert not payload_matches(Block(header=block.header, transactions=transactions))
    counted = msgspec.structs.replace(block.header, tx_count=3)
    assert not payload_matches(Block(header=counted, transactions=block.transactions))
