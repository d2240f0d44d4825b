"""Transactions: what an author signs, what names it, and what a block's tree commits to.

A transaction holds 1 to 1,000 records, each as its own canonical bytes, which apply together or not
at all. Three digests matter:

* **record leaf** ``= leaf_hash(salt_i || record_i)`` with ``salt_i = H(record-salt, nonce || i)``. The nonce
  itself is not in the head, so that showing one record (its salt, its path and the head) tells
  nothing about the other 999, not even to somebody who can guess their content.
* **tx_id** ``= H(tx, records_root || head)``: names the wish, whoever signed it. This is what is signed.
* **transaction leaf** ``= leaf_hash(tx_id || signatures)``: what the block's ``tx_root`` commits to. It
  covers every byte of the signed transaction and can be checked without the hidden records. Since
  encoding is canonical it also serves as the name of the complete signed bytes, for example for
  remembering which signatures were verified: a copy with a bad signature has another leaf.

A key is named by itself (32 bytes), so signatures can be checked without any state; whether the key
may sign is a rule (``ledger.transaction_checks``). Signatures stand in ascending order of their keys.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from ledger.wire.codec import WireStruct, decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.hashing import Domain, digest
from ledger.wire.merkle import leaf_hash, merkle_root
from ledger.wire.scalars import (
    RECORD_BYTES_MAX,
    RECORDS_PER_TRANSACTION_MAX,
    SEALED_BYTES_MAX,
    SEALED_PER_TRANSACTION_MAX,
    SIGNATURES_PER_TRANSACTION_MAX,
    TRANSACTION_BYTES_MAX,
    ChainIdField,
    Digest,
    DigestField,
    LotId,
    MemberIdField,
    Nonce,
    NonceField,
    PublicKey,
    PublicKeyField,
    SignatureField,
    TimeField,
    TxId,
    VersionField,
)
from ledger.wire.signing import Sign, SigningDomain, verify_signature

TRANSACTION_VERSION: Final = 1

RecordBytes = Annotated[bytes, Meta(min_length=1, max_length=RECORD_BYTES_MAX)]
SealedBytes = Annotated[bytes, Meta(min_length=1, max_length=SEALED_BYTES_MAX)]


class Transaction(WireStruct, frozen=True, array_like=True):
    """A wish of its author: records that apply together or not at all."""

    version: VersionField
    chain_id: ChainIdField
    author: MemberIdField
    nonce: NonceField
    valid_until_ms: TimeField
    """The last block time at which it may be included; at most 24 hours ahead of it."""
    records: Annotated[
        tuple[RecordBytes, ...], Meta(min_length=1, max_length=RECORDS_PER_TRANSACTION_MAX)
    ]
    """Each record as its canonical bytes (``ledger.records``)."""
    sealed: Annotated[tuple[SealedBytes, ...], Meta(max_length=SEALED_PER_TRANSACTION_MAX)] = ()
    """Encrypted attachments; each is named by its digest in one of the records."""


class TransactionHead(WireStruct, frozen=True, array_like=True):
    """Everything of a transaction but its records and its nonce."""

    version: VersionField
    chain_id: ChainIdField
    author: MemberIdField
    valid_until_ms: TimeField
    record_count: Annotated[int, Meta(ge=1, le=RECORDS_PER_TRANSACTION_MAX)]
    sealed: Annotated[tuple[DigestField, ...], Meta(max_length=SEALED_PER_TRANSACTION_MAX)]


class KeySignature(WireStruct, frozen=True, array_like=True):
    """A signature over the transaction id by one key."""

    key: PublicKeyField
    signature: SignatureField


Signatures = Annotated[
    tuple[KeySignature, ...], Meta(min_length=1, max_length=SIGNATURES_PER_TRANSACTION_MAX)
]


class SignedTransaction(WireStruct, frozen=True, array_like=True):
    """A transaction with the signatures that it needs, and no others."""

    transaction: Transaction
    signatures: Signatures


def sealed_digest(attachment: bytes) -> Digest:
    """Return the digest by which a record names a sealed attachment."""
    return digest(Domain.SEALED, attachment)


def head_of(transaction: Transaction) -> TransactionHead:
    """Return the head that the transaction id commits to."""
    return TransactionHead(
        version=transaction.version,
        chain_id=transaction.chain_id,
        author=transaction.author,
        valid_until_ms=transaction.valid_until_ms,
        record_count=len(transaction.records),
        sealed=tuple(sealed_digest(attachment) for attachment in transaction.sealed),
    )


def record_salt(nonce: Nonce, index: int) -> Digest:
    """Return the salt of the record at ``index``."""
    return digest(Domain.RECORD_SALT, nonce, index.to_bytes(4, "big"))


def record_leaf(salt: Digest, record: bytes) -> bytes:
    """Return the leaf of one record in its transaction's record tree."""
    return leaf_hash(salt + record)


def record_leaves(transaction: Transaction) -> list[bytes]:
    """Return the leaves of all records, in order."""
    return [
        record_leaf(record_salt(transaction.nonce, index), record)
        for index, record in enumerate(transaction.records)
    ]


def tx_id_from_head(head: TransactionHead, records_root: bytes) -> TxId:
    """Return the id of the transaction with this head and this root over its records."""
    return TxId(digest(Domain.TRANSACTION, records_root, encode(head)))


def tx_id_of(transaction: Transaction) -> TxId:
    """Return the id of a transaction."""
    return tx_id_from_head(head_of(transaction), merkle_root(record_leaves(transaction)))


def transaction_leaf(tx_id: TxId, signatures: tuple[KeySignature, ...]) -> Digest:
    """Return the leaf of a signed transaction in its block's ``tx_root``."""
    return Digest(leaf_hash(tx_id + encode(signatures)))


def lot_id_of(tx_id: TxId, record_index: int, part: int) -> LotId:
    """Return the id of the lot number ``part`` that a record makes."""
    return LotId(
        digest(Domain.LOT, tx_id, record_index.to_bytes(4, "big"), part.to_bytes(4, "big"))[:16]
    )


def decode_signed_transaction(data: bytes) -> SignedTransaction:
    """Decode complete signed bytes.

    Raises:
        WireError: Not canonical, over a limit, or the signatures are not in ascending order of keys.
    """
    signed = decode(SignedTransaction, data, limit=TRANSACTION_BYTES_MAX)
    for before, after in itertools.pairwise(signed.signatures):
        if before.key >= after.key:
            raise NotCanonicalError(
                "SignedTransaction", "signatures must stand in ascending order of distinct keys"
            )
    return signed


def sign_transaction(
    transaction: Transaction, signers: Mapping[PublicKey, Sign]
) -> SignedTransaction:
    """Return the transaction signed by every key in ``signers`` (public key to signing function)."""
    tx_id = tx_id_of(transaction)
    return SignedTransaction(
        transaction=transaction,
        signatures=tuple(
            KeySignature(key=key, signature=signers[key](SigningDomain.TRANSACTION, tx_id))
            for key in sorted(signers)
        ),
    )


def verify_transaction_signatures(tx_id: TxId, signatures: tuple[KeySignature, ...]) -> None:
    """Check every signature over ``tx_id``; says nothing about who may sign.

    Raises:
        InvalidSignatureError: One does not verify; its key is named.
    """
    for entry in signatures:
        verify_signature(entry.key, SigningDomain.TRANSACTION, tx_id, entry.signature)
