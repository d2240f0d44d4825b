"""The book of plans, quota accounts and what each mine has produced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.records.advance_quota import AdvanceQuota
from ledger.records.amend_plan import AmendPlan
from ledger.records.cut_quota import CutQuota
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.set_plan import SetPlan
from ledger.records.split_quota import SplitQuota
from ledger.records.succeed import Succeed
from ledger.vocabulary import Bucket, OreKind
from ledger.wire.scalars import FacilityId, MemberId

COUNTED_IN: Final = {OreKind.ROCK: Bucket.ROCK_MINING, OreKind.IONIC: Bucket.IONIC_MINING}
"""Which bucket an ore counts in."""


@dataclass(slots=True)
class BookAccount:
    """One member's account of one bucket and year."""

    granted: int = 0
    used: int = 0
    advanced: int = 0
    set_off: int = 0
    split_in: int = 0
    split_out: int = 0
    cut: int = 0
    debt: int = 0
    debt_paid: int = 0

    @property
    def left(self) -> int:
        """What may still be produced."""
        income = self.granted + (self.advanced - self.set_off) + self.split_in
        expense = self.used + self.split_out + self.cut
        return income - expense + (self.debt - self.debt_paid)

    def figures(self) -> tuple[int, ...]:
        """Return all figures in the order of the account's row."""
        return (
            self.granted, self.used, self.advanced, self.set_off, self.split_in, self.split_out,
            self.cut, self.debt, self.debt_paid,
        )  # fmt: skip


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
    debts: dict[tuple[int, MemberId], int] = field(default_factory=dict)
    """Grams owed by bucket and member, over all years; none of them zero."""
    successors: dict[MemberId, MemberId] = field(default_factory=dict)
    """Who stands in the place of whom."""
    splits: dict[tuple[int, int, MemberId], dict[MemberId, int]] = field(default_factory=dict)
    """What each account has passed on to whom, the newest last."""

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
        account = self.accounts.setdefault(key, BookAccount())
        account.granted += record.grams
        account.set_off = min(account.advanced, account.set_off + record.grams)
        self._pay(key)

    def amend(self, at: Occurrence, record: AmendPlan) -> None:
        """Enter a changed total; that it covers what is granted shows in the comparison."""
        key = (record.year, int(record.bucket))
        if at.author != self.ministry or key not in self.plans:
            self.findings.add("plan", f"{at.author} amends the plan of {key}, and may not.")
        self.plans[key] = record.total

    def advance(self, at: Occurrence, record: AdvanceQuota) -> None:
        """Enter an advance, which comes before anything is granted."""
        if at.author != self.ministry or self.granted_of(record.year, int(record.bucket)):
            self.findings.add("quota-account", f"{at.author} advances quota, and may not.")
        key = (record.year, int(record.bucket), record.grantee)
        self.accounts.setdefault(key, BookAccount()).advanced += record.grams
        self._pay(key)

    def split(self, at: Occurrence, record: SplitQuota) -> None:
        """Move quota from a holder to a subsidiary."""
        source = (record.year, int(record.bucket), at.author)
        giver = self.accounts.setdefault(source, BookAccount())
        own = giver.left - giver.split_in + min(giver.used, giver.split_in)
        if record.grams > min(own, giver.left) or self.debts.get((source[1], at.author)):
            self.findings.add(
                "quota-split", f"{at.author} passes {record.grams} g on and has not got them free."
            )
        giver.split_out += record.grams
        target = (record.year, int(record.bucket), record.subsidiary)
        self.accounts.setdefault(target, BookAccount()).split_in += record.grams
        passed_on = self.splits.setdefault(source, {})
        # Taken out first, so that it stands last.
        passed_on[record.subsidiary] = passed_on.pop(record.subsidiary, 0) + record.grams
        self._pay(target)

    def cut_off(self, at: Occurrence, record: CutQuota, this_year: int) -> list[MemberId]:
        """Take quota away, from subsidiaries too, and return the subsidiaries that it reached."""
        bucket = int(record.bucket)
        key = (record.year, bucket, record.target)
        if at.author != self.ministry or key not in self.accounts:
            self.findings.add("quota-account", f"{at.author} cuts {key}, and may not.")
        account = self.accounts.setdefault(key, BookAccount())
        account.cut += record.grams
        reached: list[MemberId] = []
        passed_on = self.splits.get(key, {})
        for member in reversed(tuple(passed_on)):
            holder = self.holder(record.year, bucket, member)
            below = self.accounts[record.year, bucket, holder]
            back = min(-min(account.left, 0), passed_on[member], max(below.left, 0))
            if back:
                reached.append(holder)
                below.split_in -= back
                account.split_out -= back
                passed_on[member] -= back
                if not passed_on[member]:
                    del passed_on[member]
        self._owe(key, this_year)
        return reached

    def join(self, record: Succeed, this_year: int) -> None:
        """Add the accounts of a member that was succeeded to its successor's."""
        old, new = record.predecessor, record.successor
        self.successors[old] = new
        for bucket in (1, 2, 3):
            owed = self.debts.pop((bucket, old), 0)
            if owed:
                self.debts[bucket, new] = self.debts.get((bucket, new), 0) + owed
            for year in (this_year - 1, this_year, this_year + 1):
                gone = self.splits.pop((year, bucket, old), {})
                mine = self.splits.pop((year, bucket, new), {})
                joined: dict[MemberId, int] = {}
                inner = 0
                for member, grams in (*gone.items(), *mine.items()):
                    if self._present(member) == new:
                        inner += grams
                    else:
                        joined[member] = joined.pop(member, 0) + grams
                self.splits[year, bucket, new] = joined
                closed = self.accounts.pop((year, bucket, old), None)
                if closed is None:
                    continue
                kept = self.accounts.get((year, bucket, new), BookAccount())
                both = zip(closed.figures(), kept.figures(), strict=True)
                account = BookAccount(*(one + other for one, other in both))
                account.split_in -= inner
                account.split_out -= inner
                self.accounts[year, bucket, new] = account
                if year >= this_year:
                    self._pay((year, bucket, new))

    def _present(self, member: MemberId) -> MemberId:
        while member in self.successors:
            member = self.successors[member]
        return member

    def holder(self, year: int, bucket: int, member: MemberId) -> MemberId:
        """Return under whose name an account stands."""
        is_own = (year, bucket, member) in self.accounts
        return member if is_own else self._present(member)

    def _owe(self, key: tuple[int, int, MemberId], this_year: int) -> None:
        """Turn what is below zero on an account into debt."""
        year, bucket, member = key
        account = self.accounts[key]
        missing = -account.left
        if missing > 0:
            account.debt += missing
            debtor = self._present(member)
            self.debts[bucket, debtor] = self.debts.get((bucket, debtor), 0) + missing
            if year != this_year and (this_year, bucket, debtor) in self.accounts:
                self._pay((this_year, bucket, debtor))

    def _pay(self, key: tuple[int, int, MemberId]) -> None:
        """Pay what a member owes out of an account, as far as it reaches."""
        _year, bucket, member = key
        account = self.accounts[key]
        paid = min(self.debts.get((bucket, member), 0), max(account.left, 0))
        if paid:
            account.debt_paid += paid
            self.debts[bucket, member] -= paid
            if not self.debts[bucket, member]:
                del self.debts[bucket, member]

    def produce(self, at: Occurrence, record: MineOutput, ore_kind: OreKind) -> None:
        """Debit what a mine has produced."""
        year = record.period_to // 10_000
        grams = sum(grams for _element, grams in record.elements)
        key = (year, int(COUNTED_IN[ore_kind]), at.author)
        account = self.accounts.setdefault(key, BookAccount())
        account.used += grams
        if account.left < 0 or self.debts.get(key[1:]):
            self.findings.add(
                "quota-overdrawn",
                f"{at.author} has used {account.used} g of {account.granted} g in {year}, and owes "
                f"{self.debts.get(key[1:], 0)} g.",
                used=account.used,
                granted=account.granted,
            )
        place = (record.facility, year)
        self.produced[place] = self.produced.get(place, 0) + grams

    def correct(self, key: tuple[int, int, MemberId], reo: int) -> None:
        """Change what an account has used; what is given back pays a debt first."""
        account = self.accounts.setdefault(key, BookAccount())
        account.used += reo
        if account.left < 0:
            self.findings.add("quota-overdrawn", f"{key} is corrected to less than nothing.")
        if reo < 0:
            self._pay(key)

    def overproduce(
        self, at: Occurrence, record: MineOutput, ore_kind: OreKind, this_year: int
    ) -> None:
        """Debit what a mine has produced beyond its account, which then owes the rest."""
        year = record.period_to // 10_000
        grams = sum(grams for _element, grams in record.elements)
        key = (year, int(COUNTED_IN[ore_kind]), at.author)
        self.accounts.setdefault(key, BookAccount()).used += grams
        self._owe(key, this_year)
        place = (record.facility, year)
        self.produced[place] = self.produced.get(place, 0) + grams

    def granted_of(self, year: int, bucket: int) -> int:
        """Return the sum of all grants of a year and bucket."""
        return sum(
            account.granted
            for (of_year, of_bucket, _member), account in self.accounts.items()
            if (of_year, of_bucket) == (year, bucket)
        )
