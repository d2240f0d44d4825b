"""The book of members' months: who is touched by which record, and the running digest over them (D5).

Who is touched follows from the records alone, except for the answers to an offer: the other party of a
transfer is known to the book of lots, which tells it with ``touch``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from ledger.invariants.lot_book import Occurrence
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.admit_member import AdmitMember
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import SplitLot
from ledger.records.suspend_member import SuspendMember
from ledger.wire.scalars import Height, MemberId, TimeMs

_DOMAIN: Final = b"monazite/member-month/1"
_DAY_MS: Final = 86_400_000
NO_RECORDS: Final = (0, bytes(32))


@dataclass(slots=True)
class MonthBook:
    """Keeps count and digest of every month of every member."""

    ministry: MemberId
    utc_offset_minutes: int
    months: dict[tuple[MemberId, int], tuple[int, bytes]] = field(default_factory=dict)
    _touched: dict[MemberId, int | None] = field(default_factory=dict)
    _entry: bytes = b""
    _month: int = 0

    def begin(self, at: Occurrence, record: Record, height: Height, time_ms: TimeMs) -> None:
        """Turn to a record, and note whom it touches as far as it says so itself."""
        self._entry = (
            at.tx_id
            + at.index.to_bytes(4, "big")
            + height.to_bytes(8, "big")
            + time_ms.to_bytes(8, "big")
        )
        self._month = _month_at(time_ms + self.utc_offset_minutes * 60_000)
        self._touched = {at.author: _claimed(record)}
        if isinstance(record, AdmitMember):
            self.touch(record.id, None)
        elif isinstance(record, SuspendMember):
            self.touch(record.member, None)
        elif isinstance(record, GrantQuota):
            self.touch(record.grantee, None)
        elif isinstance(record, RegisterFacility):
            self.touch(self.ministry, None)
        elif isinstance(record, OfferTransfer):
            self.touch(record.buyer, record.date)

    def touch(self, member: MemberId, date: int | None) -> None:
        """Note that the current record touches ``member``, with the date that is claimed."""
        self._touched[member] = date

    def close(self) -> None:
        """Count the current record for everybody whom it touches."""
        for member, date in self._touched.items():
            month = self._month if date is None else date // 100
            count, before = self.months.get((member, month), NO_RECORDS)
            data = bytes([len(_DOMAIN)]) + _DOMAIN + before + self._entry
            self.months[member, month] = (count + 1, hashlib.sha256(data).digest())


def _claimed(record: Record) -> int | None:
    """Return the date that the author claims, None when the block's counts."""
    if isinstance(record, MineOutput):
        return record.period_to
    dated = SplitLot | OfferTransfer | AcceptTransfer | RejectTransfer | CancelTransfer
    return record.date if isinstance(record, dated) else None


def _month_at(civil_ms: int) -> int:
    """Return the month of a moment of civil time, counting days from 1970 year by year."""
    days, year = civil_ms // _DAY_MS, 1970
    while days >= _days_in(year):
        days -= _days_in(year)
        year += 1
    month = 1
    for length in (31, _days_in(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if days < length:
            break
        days -= length
        month += 1
    return year * 100 + month


def _days_in(year: int) -> int:
    return 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
