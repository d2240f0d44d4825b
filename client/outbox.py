"""The outbox: signed transactions that were sent, or are about to be, and are not known to be decided.

One file per transaction, named by its id, with exactly the signed bytes. It is durable before the first
byte leaves for a node and is removed only after a verified receipt or a final refusal. Sending the same
bytes again is harmless, because the ledger takes a transaction id once; writing the same wish anew is
not. So after a crash nothing is lost and nothing is doubled: read the outbox, and send what is in it.

Two processes may share an outbox: a file that another one has removed meanwhile is not missed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.directories import write_durably
from client.errors import UsageError
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import TRANSACTION_BYTES_MAX, TxId
from ledger.wire.transaction import SignedTransaction, decode_signed_transaction, tx_id_of

_FILE_NAME: Final = re.compile(r"([0-9a-f]{64})\.tx\Z")


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One transaction that waits for its end."""

    tx_id: TxId
    signed: SignedTransaction
    signed_bytes: bytes


def entry_of(signed: SignedTransaction) -> OutboxEntry:
    """Return the entry of a signed transaction; nothing is written.

    Raises:
        WireError: It is over a limit of the wire, or its signatures are not in order.
    """
    signed_bytes = encode(signed)
    return OutboxEntry(
        tx_id_of(signed.transaction), decode_signed_transaction(signed_bytes), signed_bytes
    )


class Outbox:
    """Transactions on disk. Blocking: call from a thread where an event loop runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, entry: OutboxEntry) -> None:
        """Keep a transaction, durably.

        Raises:
            UsageError: The directory cannot be written; nothing may be sent then.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(self._path(entry.tx_id), entry.signed_bytes)
        except OSError as error:
            raise UsageError(
                f"outbox {self.directory}: cannot be written: {error.strerror or error}. "
                "Nothing was sent."
            ) from error

    def remove(self, tx_id: TxId) -> None:
        """Forget a transaction whose end is known; it may be gone already.

        Not made durable: a file that comes back after a power cut is found to be decided again.
        """
        self._path(tx_id).unlink(missing_ok=True)

    def entries(self) -> tuple[OutboxEntry, ...]:
        """Return everything that waits, in order of validity, then id.

        Raises:
            UsageError: A file is damaged or not what its name says; it is named.
        """
        if not self.directory.is_dir():
            return ()
        found: list[OutboxEntry] = []
        for path in sorted(self.directory.iterdir()):
            match = _FILE_NAME.match(path.name)
            if match is not None and (entry := _read(path, match.group(1))) is not None:
                found.append(entry)
        return tuple(
            sorted(found, key=lambda entry: (entry.signed.transaction.valid_until_ms, entry.tx_id))
        )

    def __contains__(self, tx_id: TxId) -> bool:
        return self._path(tx_id).exists()

    def _path(self, tx_id: TxId) -> Path:
        return self.directory / f"{tx_id.hex()}.tx"


def _read(path: Path, tx_id_hex: str) -> OutboxEntry | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(TRANSACTION_BYTES_MAX + 1)
        signed = decode_signed_transaction(data)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"outbox file {path}: {error.strerror or error}.") from error
    except WireError as error:
        raise UsageError(
            f"outbox file {path}: is damaged ({error}). It was written whole before it was sent; "
            "look at the disk, ask the ledger for the transaction in its name, then remove it."
        ) from error
    tx_id = tx_id_of(signed.transaction)
    if tx_id.hex() != tx_id_hex:
        raise UsageError(
            f"outbox file {path}: holds transaction {tx_id.hex()}, not the one in its name. "
            "Remove it if you did not put it there."
        )
    return OutboxEntry(tx_id, signed, data)
