"""The journal of an import: which rows were sent in which transaction, and what became of it.

A file of JSON lines that only grows:

    {"event": "sent", "tx_id": …, "rows": [digests]}      durable before the transaction leaves
    {"event": "final", "tx_id": …, "height": …}           after its receipt was verified
    {"event": "refused", "tx_id": …}                      after its refusal was final

A lost line of the last two kinds costs a question to the ledger and nothing else, so only the first kind is
synced to disk.

So after a crash every row is known to be final, known to be free, or named by a transaction that the
outbox and the ledger know more about. A row is named by the digest of what it says. A last line that was
cut off by a crash announced something that had not been done, and is passed over.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from client.directories import sync_directory
from client.errors import UsageError
from ledger.wire.scalars import Digest, Height, TxId

if sys.platform != "win32":
    import fcntl

FILE_NAME: Final = "journal.jsonl"


@dataclass(slots=True)
class JournalState:
    """What a journal says."""

    final: set[Digest] = field(default_factory=set)
    """Rows that are on the ledger."""
    unsettled: dict[TxId, tuple[Digest, ...]] = field(default_factory=dict)
    """Transactions whose end is not known here, with their rows."""


class Journal:
    """One journal on disk. Blocking: call from a thread where an event loop runs."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME

    def read(self) -> JournalState:
        """Return what the journal says.

        Raises:
            UsageError: It cannot be read, or a line before the last is damaged.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return JournalState()
        except OSError as error:
            raise UsageError(f"journal {self.path}: {error.strerror or error}.") from error
        state = JournalState()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                _apply(state, json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if number == len(lines):
                    break
                raise UsageError(
                    f"journal {self.path}, line {number}: is damaged ({error}). Without it rows "
                    "might be sent twice: restore it from a copy, or remove it if no row was sent."
                ) from error
        return state

    def note_sent(self, tx_id: TxId, rows: tuple[Digest, ...]) -> None:
        """Note that a transaction with these rows is about to be sent."""
        self._append(
            {"event": "sent", "tx_id": tx_id.hex(), "rows": [digest.hex() for digest in rows]},
            durable=True,
        )

    def note_final(self, tx_id: TxId, height: Height) -> None:
        """Note that a transaction is on the ledger."""
        self._append({"event": "final", "tx_id": tx_id.hex(), "height": height})

    def note_refused(self, tx_id: TxId) -> None:
        """Note that a transaction was refused for good: its rows are free again."""
        self._append({"event": "refused", "tx_id": tx_id.hex()})

    def _append(self, event: dict[str, Any], *, durable: bool = False) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_new = not self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # Imports of one member may run side by side, in one process or in several.
                _lock(descriptor)
                _drop_cut_off_line(descriptor)
                os.write(descriptor, json.dumps(event).encode() + b"\n")
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                sync_directory(self.path.parent)
        except OSError as error:
            raise UsageError(
                f"journal {self.path}: cannot be written: {error.strerror or error}."
            ) from error


def _lock(descriptor: int) -> None:
    """Wait until nobody else appends; closing the descriptor lets the next one go."""
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _drop_cut_off_line(descriptor: int) -> None:
    """Take away a last line without its end: what it announced was not done."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    if os.read(descriptor, 1) == b"\n":
        return
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        whole = stream.read().rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)


def _apply(state: JournalState, event: dict[str, Any]) -> None:
    tx_id = TxId(bytes.fromhex(event["tx_id"]))
    match event["event"]:
        case "sent":
            state.unsettled[tx_id] = tuple(
                Digest(bytes.fromhex(digest)) for digest in event["rows"]
            )
        case "final":
            state.final.update(state.unsettled.pop(tx_id, ()))
        case "refused":
            state.unsettled.pop(tx_id, None)
        case other:
            raise ValueError(f"unknown event {other!r}")
