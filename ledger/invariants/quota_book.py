"""The book of plans, quota accounts and what each mine has produced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket, OreKind
from ledger.wire.scalars import FacilityId, MemberId

COUNTED_IN: Final = {OreKind.ROCK: Bucket.ROCK_MINING, OreKind.IONIC: Bucket.IONIC_MINING}
"""Which bucket an ore counts in."""


@dataclass(slots=True)
class BookAccount:
    """One member's account of one bucket and year."""

    granted: int = 0
    used: int = 0


@dataclass(slots=True)
class QuotaBook:
    """Keeps plans and accounts."""

    findings: Findings
    ministry: MemberId
    plans: dict[tuple[int, int], int] = field(default_factory=dict)
    """Total by year and bucket."""
    accounts: dict[tuple[int, int, MemberId], BookAccount] = field(default_factory=dict)
    produced: dict[tuple[FacilityId, int], int] = field(default_factory=dict)
    """Grams of oxide by facility and year."""

    def set_plan(self, at: Occurrence, record: SetPlan) -> None:
        """Enter the total of a year and bucket."""
        key = (record.year, int(record.bucket))
        if at.author != self.ministry or key in self.plans:
            self.findings.add("plan", f"{at.author} sets the plan of {key}, and may not.")
        self.plans[key] = record.total

    def grant(self, at: Occurrence, record: GrantQuota) -> None:
        """Enter a grant."""
        if at.author != self.ministry:
            self.findings.add("quota-account", f"{at.author} grants quota, and may not.")
        key = (record.year, int(record.bucket), record.grantee)
        self.accounts.setdefault(key, BookAccount()).granted += record.grams

    def produce(self, at: Occurrence, record: MineOutput, ore_kind: OreKind) -> None:
        """Debit what a mine has produced."""
        year = record.period_to // 10_000
        grams = sum(grams for _element, grams in record.elements)
        key = (year, int(COUNTED_IN[ore_kind]), at.author)
        account = self.accounts.setdefault(key, BookAccount())
        account.used += grams
        if account.used > account.granted:
            self.findings.add(
                "quota-overdrawn",
                f"{at.author} has used {account.used} g of {account.granted} g in {year}.",
                used=account.used,
                granted=account.granted,
            )
        place = (record.facility, year)
        self.produced[place] = self.produced.get(place, 0) + grams

    def granted_of(self, year: int, bucket: int) -> int:
        """Return the sum of all grants of a year and bucket."""
        return sum(
            account.granted
            for (of_year, of_bucket, _member), account in self.accounts.items()
            if (of_year, of_bucket) == (year, bucket)
        )
