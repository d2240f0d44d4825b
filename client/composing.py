"""Composing transactions: which keys sign what, how many records fit, and signing by several parties.

The ledger's rules want exactly the signatures that the records need, no fewer and no more. The author's
own part of them follows from the record types and stands in one table here, ``AUTHOR_ROLE``; which other
parties must sign follows from the rule book (a facility is registered by its owner and the ministry) and
is the caller's to know: it passes their keys, or has them sign the file.

    transaction = prepare(...)                      what is wished
    mine = sign(transaction, [my operator key])     a file for the other party
    theirs = sign(transaction, [their key])
    both = combine(mine, theirs)                    carries both signatures, ready to send
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from client.directories import write_durably
from client.errors import UsageError
from client.keystore import SigningKey
from ledger.records import decode_record, name_of
from ledger.records.record import Record
from ledger.vocabulary import Role
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import (
    RECORD_BYTES_MAX,
    RECORDS_PER_TRANSACTION_MAX,
    SIGNATURES_PER_TRANSACTION_MAX,
    TRANSACTION_BYTES_MAX,
    ChainId,
    MemberId,
    Nonce,
    TimeMs,
)
from ledger.wire.transaction import (
    TRANSACTION_VERSION,
    KeySignature,
    SignedTransaction,
    Transaction,
    decode_signed_transaction,
    sign_transaction,
    tx_id_of,
    verify_transaction_signatures,
)

AUTHOR_ROLE: Final[dict[str, Role]] = {
    "AddKey": Role.ADMIN,
    "RevokeKey": Role.ADMIN,
    "FileMonth": Role.FILING,
}
"""The role in which a record's author signs it, by record type; everything else: operator."""

BATCH_RECORDS_MAX: Final = 200
ENVELOPE_BYTES: Final = 2 * 1024
"""Room that a batch leaves for head, nonce and signatures."""


def author_roles(records: Iterable[Record]) -> frozenset[Role]:
    """Return the roles in which the author must sign these records together."""
    return frozenset(AUTHOR_ROLE.get(name_of(record), Role.OPERATOR) for record in records)


def author_roles_of(transaction: Transaction) -> frozenset[Role]:
    """Return the roles in which the author must sign a transaction.

    Raises:
        UsageError: One of its records is of an unknown type.
    """
    try:
        return author_roles(map(decode_record, transaction.records))
    except WireError as error:
        raise UsageError(f"transaction {tx_id_of(transaction).hex()}: {error}.") from error


def prepare(
    records: Sequence[Record],
    *,
    chain_id: ChainId,
    author: MemberId,
    valid_until_ms: TimeMs,
    sealed: Sequence[bytes] = (),
) -> Transaction:
    """Return an unsigned transaction of ``records`` with a fresh nonce.

    Raises:
        UsageError: No record, too many, or one that is too large.
    """
    if not 1 <= len(records) <= RECORDS_PER_TRANSACTION_MAX:
        raise UsageError(
            f"{len(records)} records in one transaction, 1 to {RECORDS_PER_TRANSACTION_MAX} are "
            "allowed; use batch() or submit_many()."
        )
    encoded = tuple(map(encode, records))
    for index, data in enumerate(encoded):
        if len(data) > RECORD_BYTES_MAX:
            raise UsageError(
                f"record {index} has {len(data)} bytes, at most {RECORD_BYTES_MAX} are allowed."
            )
    return Transaction(
        version=TRANSACTION_VERSION,
        chain_id=chain_id,
        author=author,
        nonce=Nonce(secrets.token_bytes(16)),
        valid_until_ms=valid_until_ms,
        records=encoded,
        sealed=tuple(sealed),
    )


def sign(transaction: Transaction, keys: Iterable[SigningKey]) -> SignedTransaction:
    """Return the transaction signed by ``keys``, checked against the limits of the wire.

    Raises:
        UsageError: No key, too many keys, or a transaction over a limit.
    """
    signers = {key.public: key.sign for key in keys}
    if not 1 <= len(signers) <= SIGNATURES_PER_TRANSACTION_MAX:
        raise UsageError(
            f"{len(signers)} keys to sign with, 1 to {SIGNATURES_PER_TRANSACTION_MAX} are allowed."
        )
    return _within_limits(sign_transaction(transaction, signers))


def combine(*parts: SignedTransaction) -> SignedTransaction:
    """Return one transaction that carries the signatures of all ``parts``.

    Raises:
        UsageError: The parts are not of the same transaction, or a signature does not verify.
    """
    if not parts:
        raise UsageError("nothing to combine.")
    transaction = parts[0].transaction
    tx_id = tx_id_of(transaction)
    signatures: dict[bytes, KeySignature] = {}
    for part in parts:
        found = tx_id_of(part.transaction)
        if found != tx_id:
            raise UsageError(
                f"the parts are different transactions, {tx_id.hex()} and {found.hex()}: even the "
                "same records prepared twice differ. Sign the file that the first party made."
            )
        try:
            verify_transaction_signatures(tx_id, part.signatures)
        except WireError as error:
            raise UsageError(
                f"transaction {tx_id.hex()}: {error}. Have it signed again."
            ) from error
        signatures.update((entry.key, entry) for entry in part.signatures)
    ordered = tuple(signatures[key] for key in sorted(signatures))
    return _within_limits(SignedTransaction(transaction=transaction, signatures=ordered))


def save_signed(path: Path, signed: SignedTransaction) -> None:
    """Write a signed transaction to a file, for another party to sign or anybody to send.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        write_durably(path, encode(signed), mode=0o644)
    except OSError as error:
        raise UsageError(f"transaction file {path}: {error.strerror or error}.") from error


def load_signed(path: Path) -> SignedTransaction:
    """Read a signed transaction from a file and check its signatures.

    Raises:
        UsageError: It cannot be read, is none, or a signature does not verify.
    """
    try:
        with path.open("rb") as stream:
            signed = decode_signed_transaction(stream.read(TRANSACTION_BYTES_MAX + 1))
        verify_transaction_signatures(tx_id_of(signed.transaction), signed.signatures)
    except OSError as error:
        raise UsageError(f"transaction file {path}: {error.strerror or error}.") from error
    except WireError as error:
        raise UsageError(
            f"transaction file {path}: {error}. Ask the sender for the file again."
        ) from error
    return signed


def batch(
    records: Iterable[Record],
    *,
    records_max: int = BATCH_RECORDS_MAX,
    bytes_max: int = TRANSACTION_BYTES_MAX - ENVELOPE_BYTES,
) -> Iterator[list[Record]]:
    """Yield lists of records in order, each small enough for one transaction.

    Args:
        records: Any number of records; they are taken one by one.
        records_max: Most records of a list.
        bytes_max: Most bytes of their encodings together.

    Raises:
        ValueError: A limit is not positive or larger than the wire allows.
    """
    if not 1 <= records_max <= RECORDS_PER_TRANSACTION_MAX or bytes_max < 1:
        raise ValueError(f"at most {records_max} records and {bytes_max} bytes is no batch")
    waiting: list[Record] = []
    size = 0
    for record in records:
        # Five bytes for the length that stands before each record.
        added = len(encode(record)) + 5
        if waiting and (len(waiting) == records_max or size + added > bytes_max):
            yield waiting
            waiting, size = [], 0
        waiting.append(record)
        size += added
    if waiting:
        yield waiting


def _within_limits(signed: SignedTransaction) -> SignedTransaction:
    try:
        return decode_signed_transaction(encode(signed))
    except WireError as error:
        raise UsageError(f"the transaction does not fit: {error}. Use batch().") from error
