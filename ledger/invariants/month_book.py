"""The book of members' months: who is touched by which record, and the running digest over them (D5).

Who is touched follows from the records alone, except for the answers to an offer: the other party of a
transfer is known to the book of lots, which tells it with ``touch``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from ledger.invariants.lot_book import BookLot, Occurrence
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.admit_member import AdmitMember
from ledger.records.advance_quota import AdvanceQuota
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.consume import Consume
from ledger.records.correct import Correct
from ledger.records.cut_quota import CutQuota
from ledger.records.export_lot import ExportLot
from ledger.records.found_lot import FoundLot
from ledger.records.grant_quota import GrantQuota
from ledger.records.import_lot import ImportLot
from ledger.records.incident import Incident
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.opening_stock import OpeningStock
from ledger.records.pending import AwaitApproval
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reinstate_member import ReinstateMember
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.scrap_intake import ScrapIntake
from ledger.records.settle_dispute import SettleDispute
from ledger.records.split_lot import SplitLot
from ledger.records.split_quota import SplitQuota
from ledger.records.succeed import Succeed
from ledger.records.suspend_member import SuspendMember
from ledger.records.update_member import UpdateMember
from ledger.records.write_off import WriteOff
from ledger.wire.scalars import Height, MemberId, TimeMs

_DOMAIN: Final = b"monazite/member-month/1"
_DAY_MS: Final = 86_400_000
NO_RECORDS: Final = (0, bytes(32))
COUNTED_AS: Final[dict[type[Record], tuple[str, str]]] = {
    SettleDispute: ("produced", "lost"),
    Correct: ("produced", "lost"),
    FoundLot: ("incoming", "consumed"),
    ImportLot: ("incoming", "consumed"),
    OpeningStock: ("incoming", "consumed"),
    ScrapIntake: ("incoming", "consumed"),
    WriteOff: ("produced", "lost"),
    Incident: ("produced", "lost"),
    ExportLot: ("produced", "outgoing"),
}
"""As what a record's goods count that appear, and that go away; produced and consumed for all others."""


@dataclass(slots=True)
class BookTotals:
    """The figures of one product in a month, by name."""

    sums: dict[str, int] = field(default_factory=dict)

    def closing(self) -> int:
        """Return what is there at the end."""
        plus = sum(self.sums.get(name, 0) for name in ("opening", "incoming", "produced"))
        return plus - sum(self.sums.get(name, 0) for name in ("consumed", "outgoing", "lost"))

    def transit(self) -> int:
        """Return what is offered at the end."""
        return self.sums.get("transit_opening", 0) + self.sums.get("transit_change", 0)


def flows_of(
    record: Record, changes: list[tuple[BookLot | None, BookLot | None]]
) -> dict[tuple[MemberId, str], dict[str, int]]:
    """Return what a record did to the goods of each holder and product, as filings count it.

    Where a lot changes hands, what its old holder has less has gone out, the same came in, and what is
    missing afterwards is lost. Everything else counts net.
    """
    held: dict[tuple[MemberId, str], int] = {}
    transit: dict[tuple[MemberId, str], int] = {}
    handed: dict[str, tuple[MemberId, MemberId]] = {}
    for before, after in changes:
        for lot, sign in ((before, -1), (after, 1)):
            if lot is not None:
                _weigh(lot, sign, held, transit)
        if before is not None and after is not None and before.holder != after.holder:
            handed[before.product] = (before.holder, after.holder)
    gain, drop = COUNTED_AS.get(type(record), ("produced", "consumed"))
    flows: dict[tuple[MemberId, str], dict[str, int]] = {}
    for place, grams in held.items():
        if place[1] not in handed:
            flows[place] = {gain if grams > 0 else drop: abs(grams)}
    for product, (old, new) in handed.items():
        sent = -held[old, product]
        flows[old, product] = {"outgoing": sent}
        flows[new, product] = {"incoming": sent, "lost": sent - held[new, product]}
    for place, grams in transit.items():
        flows.setdefault(place, {})["transit_change"] = grams
    return {
        place: kept
        for place, sums in flows.items()
        if (kept := {name: grams for name, grams in sums.items() if grams})
    }


def _weigh(
    lot: BookLot,
    sign: int,
    held: dict[tuple[MemberId, str], int],
    transit: dict[tuple[MemberId, str], int],
) -> None:
    """Add a lot to what its holder has, and to what is under way when its holder has offered it."""
    place = (lot.holder, lot.product)
    held[place] = held.get(place, 0) + sign * lot.gross
    if lot.transfer is not None and lot.transfer.seller == lot.holder:
        transit[place] = transit.get(place, 0) + sign * lot.gross


NAMED_IN: Final[tuple[tuple[type[Record], str], ...]] = (
    (AdmitMember, "id"),
    (SuspendMember, "member"),
    (ReinstateMember, "member"),
    (UpdateMember, "member"),
    (GrantQuota, "grantee"),
    (AdvanceQuota, "grantee"),
    (SplitQuota, "subsidiary"),
    (CutQuota, "target"),
    (Succeed, "predecessor"),
    (Succeed, "successor"),
)
"""Fields that name a member whom the record touches, in the month of the block."""


@dataclass(slots=True)
class MonthBook:
    """Keeps count and digest of every month of every member."""

    ministry: MemberId
    utc_offset_minutes: int
    months: dict[tuple[MemberId, int], tuple[int, bytes]] = field(default_factory=dict)
    totals: dict[tuple[MemberId, int], dict[str, BookTotals]] = field(default_factory=dict)
    """By member, month and product."""
    filed: dict[MemberId, int] = field(default_factory=dict)
    """The newest month that each member has filed."""
    filed_ms: dict[tuple[MemberId, int], int] = field(default_factory=dict)
    first: dict[MemberId, int] = field(default_factory=dict)
    """The earliest month in which each member moved goods."""
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
        self._touched = {}
        self.note(at.author, record)

    def note(self, author: MemberId, record: Record) -> None:
        """Note whom a record of ``author`` touches, as far as it says so itself."""
        self.touch(author, _claimed(record))
        for kind, field_name in NAMED_IN:
            if isinstance(record, kind):
                self.touch(getattr(record, field_name), None)
        if isinstance(record, AwaitApproval):
            for party in record.parties:
                self.touch(party, None)
        elif isinstance(record, RegisterFacility):
            self.touch(self.ministry, None)
        elif isinstance(record, OfferTransfer):
            self.touch(record.buyer, record.date)

    @property
    def this_year(self) -> int:
        """The civil year of the block."""
        return self._month // 100

    def touch(self, member: MemberId, date: int | None) -> None:
        """Note that the current record touches ``member``, with the date that is claimed."""
        self._touched[member] = date

    def day_at(self, time_ms: int) -> int:
        """Return the civil day of a moment as YYYYMMDD."""
        civil_ms = time_ms + self.utc_offset_minutes * 60_000
        month = _month_at(civil_ms)
        days = civil_ms // _DAY_MS
        # The first day of the month is the last one that still falls into it, going back.
        day = 1
        while _month_at((days - day) * _DAY_MS) == month:
            day += 1
        return month * 100 + day

    def close(
        self,
        record: Record,
        changes: list[tuple[BookLot | None, BookLot | None]],
        renames: list[tuple[BookLot | None, BookLot | None]],
    ) -> None:
        """Count the current record for everybody whom it touches, with what it did to the lots."""
        for lot, _named in renames:
            if lot is not None:
                self._touched.setdefault(lot.holder, None)
        months: dict[MemberId, int] = {}
        for member, date in self._touched.items():
            month = self._month if date is None else date // 100
            if month <= self.filed.get(member, 0) or self.filed_ms.get((member, month)):
                month = self._month
            months[member] = month
            count, before = self.months.get((member, month), NO_RECORDS)
            data = bytes([len(_DOMAIN)]) + _DOMAIN + before + self._entry
            self.months[member, month] = (count + 1, hashlib.sha256(data).digest())
        for pairs in (*([pair] for pair in renames), changes):
            for (member, product), flows in flows_of(record, pairs).items():
                self._add_flows(member, months.get(member, self._month), product, flows)

    def file(self, member: MemberId, month: int, time_ms: int) -> None:
        """Close a month and carry its end over to the next one."""
        self.filed[member] = month
        self.filed_ms[member, month] = time_ms
        following = month + 1 if month % 100 < 12 else month + 89
        for product, totals in self.totals.get((member, month), {}).items():
            closing, transit = totals.closing(), totals.transit()
            if closing or transit:
                entry = self.entry(member, following, product)
                entry.sums["opening"], entry.sums["transit_opening"] = closing, transit
        self.months.setdefault((member, month), NO_RECORDS)
        if self.totals.get((member, following)):
            self.months.setdefault((member, following), NO_RECORDS)

    def entry(self, member: MemberId, month: int, product: str) -> BookTotals:
        """Return the totals of a product in a month, to be changed."""
        return self.totals.setdefault((member, month), {}).setdefault(product, BookTotals())

    def _add_flows(self, member: MemberId, month: int, product: str, flows: dict[str, int]) -> None:
        entry = self.entry(member, month, product)
        for name, grams in flows.items():
            entry.sums[name] = entry.sums.get(name, 0) + grams
        self.first[member] = min(month, self.first.get(member, month))


def _claimed(record: Record) -> int | None:
    """Return the date that the author claims, None when the block's counts."""
    if isinstance(record, MineOutput):
        return record.period_to
    dated = (
        SplitLot | OfferTransfer | AcceptTransfer | RejectTransfer | CancelTransfer | SettleDispute
    )
    sinks = Consume | ExportLot | WriteOff | Incident
    return record.date if isinstance(record, dated | sinks) else None


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
