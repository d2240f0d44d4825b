"""A transaction that was read once: its bytes, its names and its typed records.

Decoding and hashing happen here and nowhere else, so that a node does both once per transaction,
whether it came from a client, a peer or a block. Signatures are checked once as well; the mark
stays with this object, which stands for the complete signed bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.records import decode_record, work_units_of
from ledger.records.record import Record
from ledger.wire.errors import InvalidSignatureError
from ledger.wire.merkle import merkle_root
from ledger.wire.scalars import Digest, MemberId, TimeMs, TxId
from ledger.wire.transaction import (
    SignedTransaction,
    decode_signed_transaction,
    head_of,
    record_leaves,
    transaction_leaf,
    tx_id_from_head,
    verify_transaction_signatures,
)


@dataclass(slots=True)
class ParsedTransaction:
    """A decoded signed transaction. Everything but ``signatures_verified`` is fixed."""

    signed_bytes: bytes
    signed: SignedTransaction
    tx_id: TxId
    leaf: Digest
    """Its leaf in ``tx_root``; names the complete signed bytes."""
    records: tuple[Record, ...]
    work_units: int
    """What applying it costs at most, in units of about ten microseconds."""
    signatures_verified: bool = False

    @property
    def author(self) -> MemberId:
        """The member that wrote it."""
        return self.signed.transaction.author

    @property
    def valid_until_ms(self) -> TimeMs:
        """The last block time that may include it."""
        return self.signed.transaction.valid_until_ms

    def verify_signatures(self) -> None:
        """Check the signatures once.

        Raises:
            InvalidSignatureError: One does not verify.
        """
        if not self.signatures_verified:
            verify_transaction_signatures(self.tx_id, self.signed.signatures)
            self.signatures_verified = True

    def are_signatures_valid(self) -> bool:
        """Check the signatures once and tell the result; safe to call from another thread."""
        try:
            self.verify_signatures()
        except InvalidSignatureError:
            return False
        return True


def parse_transaction(data: bytes) -> ParsedTransaction:
    """Decode complete signed bytes with all their records.

    Raises:
        WireError: Not canonical, over a limit, or a record is of an unknown type.
    """
    signed = decode_signed_transaction(data)
    transaction = signed.transaction
    records = tuple(map(decode_record, transaction.records))
    tx_id = tx_id_from_head(head_of(transaction), merkle_root(record_leaves(transaction)))
    return ParsedTransaction(
        signed_bytes=data,
        signed=signed,
        tx_id=tx_id,
        leaf=transaction_leaf(tx_id, signed.signatures),
        records=records,
        work_units=sum(map(work_units_of, records)),
    )
