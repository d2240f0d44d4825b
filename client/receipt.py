"""A receipt that was checked: what ``submit`` returns, and what leaves as a file.

Whoever holds one can prove to anybody with the same genesis that these records are on the ledger and
have taken effect; no node is needed for that, not even this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final

from client.directories import write_durably
from client.errors import UsageError
from client.trust import TrustRoot
from ledger.parsed import parse_transaction
from ledger.records import name_of
from ledger.records.record import Record
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.receipt import ProvenPlace, Receipt, verify_receipt
from ledger.wire.scalars import Height, LotId, MemberId, TimeMs, TxId
from ledger.wire.transaction import lot_id_of

RECEIPT_BYTES_MAX: Final = 1024 * 1024
"""A transaction of 256 KiB, its path, a header and a certificate fit several times."""


class ReceiptRejectedError(Exception):
    """Bytes are not the receipt that they should be. The caller knows which node sent them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """Proof, checked against a pinned genesis, that a transaction is final."""

    tx_id: TxId
    height: Height
    """The block that holds it."""
    time_ms: TimeMs
    """Time of that block."""
    index: int
    """Position in the block."""
    certified_height: Height
    """The certified header behind the proof: the block's own, or a later one."""
    author: MemberId
    records: tuple[Record, ...]
    data: bytes = field(repr=False)
    """The receipt's exact bytes, which anybody can check."""
    trust: TrustRoot = field(repr=False)

    def verify(self) -> ProvenPlace:
        """Check the proof again, offline, against the same genesis.

        Raises:
            WireError: It does not verify, naming the step that fails.
        """
        return verify_receipt(
            decode(Receipt, self.data),
            chain_id=self.trust.chain_id,
            validators=self.trust.validators,
        )

    def lot_id(self, record_index: int = 0, part: int = 0) -> LotId:
        """Return the id of the lot number ``part`` that a record of the transaction made."""
        return lot_id_of(self.tx_id, record_index, part)

    def save(self, path: str | Path) -> None:
        """Write the receipt to a file, for somebody else to verify.

        Raises:
            UsageError: The file cannot be written.
        """
        try:
            write_durably(Path(path), self.data, mode=0o644)
        except OSError as error:
            raise UsageError(f"receipt {path}: {error.strerror or error}.") from error

    def as_dict(self) -> dict[str, object]:
        """Return the receipt's content for programs."""
        return {
            "tx_id": self.tx_id.hex(),
            "height": self.height,
            "time_ms": self.time_ms,
            "index": self.index,
            "certified_height": self.certified_height,
            "author": self.author,
            "records": [name_of(record) for record in self.records],
        }

    def _repr_html_(self) -> str:
        names = ", ".join(dict.fromkeys(name_of(record) for record in self.records))
        counted = f"{len(self.records)} record{'' if len(self.records) == 1 else 's'}"
        return (
            f"<b>Receipt</b>: {counted} ({escape(names)}) of "
            f"{escape(self.author)}, final in block {self.height}<br>"
            f"<code>{self.tx_id.hex()}</code>, verified against chain "
            f"<code>{self.trust.chain_id.hex()[:16]}…</code>"
        )


def read_receipt(data: bytes, trust: TrustRoot, *, expected: TxId | None = None) -> VerifiedReceipt:
    """Check receipt bytes and return what they prove.

    Args:
        data: What a node or a file says is a receipt.
        trust: The pinned genesis.
        expected: The transaction that was asked for.

    Raises:
        ReceiptRejectedError: It is no receipt, does not verify, or is for another transaction.
    """
    try:
        receipt = decode(Receipt, data, limit=RECEIPT_BYTES_MAX)
        place = verify_receipt(receipt, chain_id=trust.chain_id, validators=trust.validators)
        parsed = parse_transaction(encode(receipt.signed))
    except WireError as error:
        raise ReceiptRejectedError(str(error)) from error
    if expected is not None and place.tx_id != expected:
        raise ReceiptRejectedError(
            f"it is for transaction {place.tx_id.hex()}, asked for was {expected.hex()}"
        )
    return VerifiedReceipt(
        tx_id=place.tx_id,
        height=place.height,
        time_ms=place.time_ms,
        index=place.index,
        certified_height=place.certified_height,
        author=parsed.author,
        records=parsed.records,
        data=data,
        trust=trust,
    )
