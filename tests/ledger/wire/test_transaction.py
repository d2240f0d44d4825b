"""Transactions: what names them, what is signed, and what hides in the salted tree."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.wire.codec import encode
from ledger.wire.errors import (
    InvalidSignatureError,
    LimitExceededError,
    NotCanonicalError,
    WireError,
)
from ledger.wire.merkle import merkle_root
from ledger.wire.scalars import (
    RECORD_BYTES_MAX,
    RECORDS_PER_TRANSACTION_MAX,
    SEALED_BYTES_MAX,
    SEALED_PER_TRANSACTION_MAX,
    SIGNATURES_PER_TRANSACTION_MAX,
    TRANSACTION_BYTES_MAX,
    ChainId,
    MemberId,
    Nonce,
    TimeMs,
    TxId,
)
from ledger.wire.signing import public_key_of, signer
from ledger.wire.transaction import (
    KeySignature,
    SignedTransaction,
    Transaction,
    decode_signed_transaction,
    head_of,
    lot_id_of,
    record_leaf,
    record_leaves,
    record_salt,
    sealed_digest,
    sign_transaction,
    transaction_leaf,
    tx_id_of,
    verify_transaction_signatures,
)

SIGNERS = {public_key_of(bytes([number]) * 32): signer(bytes([number]) * 32) for number in range(9)}
KEYS = sorted(SIGNERS)


def transaction(**fields: object) -> Transaction:
    plain = Transaction(
        version=1,
        chain_id=ChainId(bytes(32)),
        author=MemberId("mine-a"),
        nonce=Nonce(bytes(range(16))),
        valid_until_ms=TimeMs(1_000),
        records=(b"first", b"second", b"third"),
    )
    return msgspec.structs.replace(plain, **fields)


def signed(count: int = 2, **fields: object) -> SignedTransaction:
    return sign_transaction(transaction(**fields), {key: SIGNERS[key] for key in KEYS[:count]})


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 2},
        {"chain_id": b"\x01" * 32},
        {"author": "mine-b"},
        {"nonce": b"\x01" * 16},
        {"valid_until_ms": 1_001},
        {"records": (b"first", b"second")},
        {"records": (b"first", b"third", b"second")},
        {"records": (b"first", b"second", b"thirD")},
        {"sealed": (b"attachment",)},
    ],
)
def test_every_field_is_named_by_the_id(fields: dict[str, object]) -> None:
    assert tx_id_of(transaction(**fields)) != tx_id_of(transaction())


def test_the_id_does_not_depend_on_who_signs() -> None:
    one, two = signed(1), signed(2)
    assert tx_id_of(one.transaction) == tx_id_of(two.transaction)
    leaves = {
        transaction_leaf(tx_id_of(entry.transaction), entry.signatures) for entry in (one, two)
    }
    assert len(leaves) == 2


def test_the_head_holds_everything_but_records_and_nonce() -> None:
    head = head_of(transaction(sealed=(b"attachment",)))
    assert head.sealed == (sealed_digest(b"attachment"),)
    assert head.record_count == 3
    assert bytes(range(16)) not in encode(head)
    assert head_of(transaction(nonce=b"\x01" * 16)) == head_of(transaction())


def test_equal_records_have_different_leaves_and_salts_tell_nothing_of_each_other() -> None:
    leaves = record_leaves(transaction(records=(b"same",) * 50))
    assert len(set(leaves)) == 50
    salts = {record_salt(Nonce(bytes(16)), index) for index in range(50)}
    assert len(salts) == 50
    other = {record_salt(Nonce(b"\x01" * 16), index) for index in range(50)}
    assert salts.isdisjoint(other)


def test_a_leaf_can_be_made_from_salt_and_record_alone() -> None:
    whole = transaction()
    for index, record in enumerate(whole.records):
        assert record_leaves(whole)[index] == record_leaf(record_salt(whole.nonce, index), record)


def test_lots_of_one_transaction_have_names_of_their_own() -> None:
    names = {lot_id_of(TxId(bytes(32)), index, part) for index in range(20) for part in range(20)}
    assert len(names) == 400
    assert all(len(name) == 16 for name in names)


def test_signatures_stand_in_ascending_order_of_distinct_keys() -> None:
    whole = signed(3)
    assert decode_signed_transaction(encode(whole)) == whole
    first, second, third = whole.signatures
    for order in ((second, first, third), (first, first, second), (third, second, first)):
        wrong = msgspec.structs.replace(whole, signatures=order)
        with pytest.raises(NotCanonicalError, match="ascending order"):
            decode_signed_transaction(encode(wrong))


def test_every_signature_is_checked_and_the_bad_one_named() -> None:
    whole = signed(3)
    tx_id = tx_id_of(whole.transaction)
    verify_transaction_signatures(tx_id, whole.signatures)
    for position in range(3):
        entries = list(whole.signatures)
        entries[position] = KeySignature(
            key=entries[position].key, signature=entries[position - 1].signature
        )
        with pytest.raises(InvalidSignatureError) as caught:
            verify_transaction_signatures(tx_id, tuple(entries))
        assert caught.value.key == entries[position].key


def test_counts_at_their_limits_pass_and_one_more_is_refused() -> None:
    decode_signed_transaction(encode(signed(SIGNATURES_PER_TRANSACTION_MAX)))
    for whole in (
        signed(SIGNATURES_PER_TRANSACTION_MAX + 1),
        msgspec.structs.replace(signed(1), signatures=()),
        signed(1, records=()),
        signed(1, records=(b"",)),
        signed(1, records=(b"r",) * (RECORDS_PER_TRANSACTION_MAX + 1)),
        signed(1, records=(b"r" * (RECORD_BYTES_MAX + 1),)),
        signed(1, sealed=(b"s",) * (SEALED_PER_TRANSACTION_MAX + 1)),
        signed(1, sealed=(b"s" * (SEALED_BYTES_MAX + 1),)),
        signed(1, sealed=(b"",)),
    ):
        with pytest.raises(WireError):
            decode_signed_transaction(encode(whole))
    for fields in (
        {"records": (b"r",) * RECORDS_PER_TRANSACTION_MAX},
        {"records": (b"r" * RECORD_BYTES_MAX,)},
        {"sealed": (b"s" * SEALED_BYTES_MAX,) * SEALED_PER_TRANSACTION_MAX},
    ):
        decode_signed_transaction(encode(signed(1, **fields)))


def test_a_transaction_is_at_most_256_kib_to_the_byte() -> None:
    def padded(last: int) -> bytes:
        records = (b"r" * RECORD_BYTES_MAX,) * 3 + (b"r" * last,)
        return encode(signed(1, records=records))

    last = TRANSACTION_BYTES_MAX - len(padded(60_000)) + 60_000
    assert len(padded(last)) == TRANSACTION_BYTES_MAX
    decode_signed_transaction(padded(last))
    with pytest.raises(LimitExceededError):
        decode_signed_transaction(padded(last + 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_of_a_signed_transaction_changes_its_leaf_or_is_refused(
    position: int, difference: int
) -> None:
    whole = signed(2)
    data = bytearray(encode(whole))
    data[position % len(data)] ^= difference
    try:
        other = decode_signed_transaction(bytes(data))
    except WireError:
        return
    leaf = transaction_leaf(tx_id_of(other.transaction), other.signatures)
    assert leaf != transaction_leaf(tx_id_of(whole.transaction), whole.signatures)
    with pytest.raises(InvalidSignatureError):
        verify_transaction_signatures(tx_id_of(other.transaction), other.signatures)


def test_the_root_of_one_record_is_its_leaf() -> None:
    single = transaction(records=(b"only",))
    assert merkle_root(record_leaves(single)) == record_leaves(single)[0]
