"""The book of records that wait for approvals: who was asked, who has signed, and what then took effect."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.invariants.register_book import RegisterBook
from ledger.records import decode_record
from ledger.records.pending import Approve, AwaitApproval
from ledger.records.record import Record
from ledger.state.rows import PendingRow
from ledger.state.tables import PENDING
from ledger.store import STATE, Reader
from ledger.vocabulary import PendingState, Role
from ledger.wire.codec import decode
from ledger.wire.scalars import MemberId, TxId

_SEVEN_DAYS_MS = 604_800_000
Persons = dict[tuple[MemberId, Role], set[str]]


@dataclass(slots=True)
class BookPending:
    """A record that waits."""

    author: MemberId
    record: bytes
    waits_for: list[MemberId]
    ends_ms: int
    persons: Persons = field(default_factory=dict)
    """Who has signed so far."""


class PendingBook:
    """Keeps what waits, and hands it out when the last party has approved."""

    def __init__(self, findings: Findings, register: RegisterBook, reader: Reader) -> None:
        """Take over what waits in the store on which the books are opened."""
        self._findings, self._register = findings, register
        self._waiting: dict[bytes, BookPending] = {}
        self._is_whole: set[bytes] = set()
        """What was entered since: who has signed the others before is not known."""
        for key, row in _open_rows(reader).items():
            waits_for = [entry.member for entry in row.missing]
            self._waiting[key] = BookPending(row.author, row.record, waits_for, row.expires_ms)

    def wait(self, at: Occurrence, record: AwaitApproval) -> None:
        """Enter a record that waits."""
        key = at.tx_id + at.index.to_bytes(8, "big")
        pending = BookPending(
            at.author, record.record, list(record.parties), at.time_ms + _SEVEN_DAYS_MS
        )
        self._gather(pending)
        self._waiting[key] = pending
        self._is_whole.add(key)

    def approve(
        self, at: Occurrence, record: Approve
    ) -> tuple[Occurrence, Record, MemberId] | None:
        """Enter an approval; return what takes effect with it, and whose it is."""
        key = record.pending.tx_id + record.pending.index.to_bytes(8, "big")
        pending = self._waiting.get(key)
        if pending is None or at.time_ms >= pending.ends_ms or at.author not in pending.waits_for:
            self._findings.add("pending", f"{at.author} approves what does not wait for it.")
            return None
        self._gather(pending)
        pending.waits_for = [member for member in pending.waits_for if member != at.author]
        if pending.waits_for:
            return None
        del self._waiting[key]
        inner = decode_record(pending.record)
        if key in self._is_whole:
            self._register.persons = pending.persons
            signers = set(pending.persons)
            self._register.check_record(TxId(key[:32]), pending.author, inner, signers)
        place = Occurrence(
            author=pending.author,
            is_suspended=False,
            tx_id=TxId(key[:32]),
            index=record.pending.index,
            time_ms=at.time_ms,
        )
        return place, inner, pending.author

    def author_of(self, record: Approve) -> MemberId | None:
        """Return who wrote the record that an approval is for."""
        key = record.pending.tx_id + record.pending.index.to_bytes(8, "big")
        pending = self._waiting.get(key)
        return None if pending is None else pending.author

    def compare(self, reader: Reader) -> None:
        """Note every difference between what waits in the book and in a store."""
        found = {
            key: (row.author, row.record, {entry.member for entry in row.missing}, row.expires_ms)
            for key, row in _open_rows(reader).items()
        }
        expected = {
            key: (kept.author, kept.record, set(kept.waits_for), kept.ends_ms)
            for key, kept in self._waiting.items()
        }
        for key in sorted({*found, *expected}):
            self._findings.expect(
                "pending", f"pending {key.hex()}", expected=expected.get(key), found=found.get(key)
            )

    def _gather(self, pending: BookPending) -> None:
        for place, persons in self._register.persons.items():
            pending.persons.setdefault(place, set()).update(persons)


def _open_rows(reader: Reader) -> dict[bytes, PendingRow]:
    prefix = STATE + PENDING.prefix
    rows = {key[len(prefix) :]: decode(PENDING.kind, data) for key, data in reader.scan(prefix)}
    return {key: row for key, row in rows.items() if row.state == PendingState.OPEN}
