"""The books beside the replay: invariants that are computed a second time by other code.

The rules write rows; ``ledger.invariants.Ledgerbook`` keeps accounts of its own from the records alone. This
module feeds it every block that was replayed, and lets it compare its accounts with the rows: after every
``RECORDS_BETWEEN_CHECKS`` records, so that what it keeps in between is bounded, and at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from client.verify.findings import AuditFinding, FindingCode
from client.verify.replay import AuditedState
from ledger.invariants import Ledgerbook
from ledger.parsed import ParsedTransaction
from ledger.store import META_TIP, STATE
from ledger.wire.codec import encode

RECORDS_BETWEEN_CHECKS: Final = 250_000


class AuditedRows:
    """The rows of the replayed state as a store."""

    def __init__(self, state: AuditedState) -> None:
        self._state = state

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        if key == META_TIP:
            return encode(self._state.header)
        row = self._state.rows.get(key.removeprefix(STATE)) if key.startswith(STATE) else None
        return None if row is None else encode(row)

    def scan(
        self,
        prefix: bytes,
        *,
        start: bytes | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all rows with ``prefix`` in order, from ``start`` (inclusive)."""
        keys = sorted(
            (STATE + key for key in self._state.rows if (STATE + key).startswith(prefix)),
            reverse=reverse,
        )
        if start is not None:
            keys = [key for key in keys if (key <= start if reverse else key >= start)]
        for key in keys[:limit]:
            yield key, encode(self._state.rows[key.removeprefix(STATE)])


class AuditBooks:
    """Accounts of a replayed history, compared with its state."""

    def __init__(self, state: AuditedState) -> None:
        self._state = state
        self._reader = AuditedRows(state)
        self._book = Ledgerbook(self._reader)
        self._records_since = 0
        self.checks_count = 0
        """How often the accounts were compared with the rows."""

    def observe(self, transactions: list[ParsedTransaction]) -> list[AuditFinding]:
        """Enter the newest replayed block; return what a comparison found, if one was due."""
        header = self._state.header
        self._book.observe(header.height, header.time_ms, transactions)
        self._records_since += sum(len(transaction.records) for transaction in transactions)
        return self.check() if self._records_since >= RECORDS_BETWEEN_CHECKS else []

    def check(self) -> list[AuditFinding]:
        """Compare all accounts with the rows, and return what does not agree."""
        self._records_since = 0
        self.checks_count += 1
        return [
            AuditFinding(
                code=FindingCode.INVARIANT_BROKEN,
                height=found.height,
                what=f"{found.code}: {found.sentence}",
                expected=str(dict(found.figures).get("expected", "")),
                found=str(dict(found.figures).get("found", "")),
            )
            for found in self._book.check(self._reader)
        ]
