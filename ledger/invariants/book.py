"""The books of a whole history: ``observe`` every block, ``check`` whenever you want to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ledger.invariants.comparison import compare
from ledger.invariants.finding import Finding, Findings
from ledger.invariants.lot_book import Occurrence
from ledger.invariants.opening import Books, open_books
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.add_key import AddKey
from ledger.records.admit_member import AdmitMember
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.define_product import DefineProduct
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.revoke_key import RevokeKey
from ledger.records.set_plan import SetPlan
from ledger.records.split_lot import SplitLot
from ledger.records.suspend_member import SuspendMember
from ledger.store import Reader
from ledger.wire.scalars import Height, TimeMs

Post = Callable[[Occurrence, Any], None]
"""Enters one record into the books."""


class Ledgerbook:
    """An accountant's view of a history; see ``ledger.invariants``."""

    def __init__(self, reader: Reader) -> None:
        """Open the books on the state of a store: after block 0, or at a point that is trusted."""
        self.books: Final[Books] = open_books(reader)
        self._findings: Final[Findings] = self.books.findings
        lots, quotas, register = self.books.lots, self.books.quotas, self.books.register
        self._post: Final[dict[type[Record], tuple[Post, ...]]] = {
            AdmitMember: (register.admit,),
            SuspendMember: (register.suspend,),
            AddKey: (register.add_key,),
            RevokeKey: (register.revoke_key,),
            RegisterFacility: (register.register_facility,),
            DefineProduct: (register.define_product,),
            SetPlan: (quotas.set_plan,),
            GrantQuota: (quotas.grant,),
            MineOutput: (self._produce, lots.mine_output),
            SplitLot: (lots.split,),
            OfferTransfer: (lots.offer,),
            AcceptTransfer: (self._answer, lots.accept),
            RejectTransfer: (self._answer, lots.unlock),
            CancelTransfer: (self._answer, lots.unlock),
        }

    @property
    def height(self) -> Height:
        """Height of the newest block that was observed."""
        return self._findings.height

    @property
    def known_records(self) -> tuple[type[Record], ...]:
        """The record types that the books can enter."""
        return tuple(self._post)

    @property
    def suppressed(self) -> int:
        """How many findings were only counted, because there were too many."""
        return self._findings.suppressed

    def observe(
        self, height: Height, time_ms: TimeMs, transactions: Iterable[ParsedTransaction]
    ) -> None:
        """Enter a block into the books.

        Args:
            height: Of the block; blocks come one after the other.
            time_ms: Of the block.
            transactions: Its transactions, parsed, in order.
        """
        if height != self.height + 1:
            self._findings.add("height", f"block {height} follows block {self.height}.")
        self._findings.height = height
        for transaction in transactions:
            self.books.register.check_signatures(transaction, time_ms)
            is_suspended = self.books.register.is_suspended(transaction.author)
            for index, record in enumerate(transaction.records):
                at = Occurrence(transaction.author, is_suspended, transaction.tx_id, index)
                self._enter(at, record, height, time_ms)

    def check(self, reader: Reader) -> list[Finding]:
        """Return everything that was found since the last check, after comparing with the state.

        ``reader`` must be a store whose tip is the newest block that was observed.
        """
        compare(self.books, reader)
        found = list(self._findings.found)
        self._findings.found.clear()
        return found

    def _enter(self, at: Occurrence, record: Record, height: Height, time_ms: TimeMs) -> None:
        posts = self._post.get(type(record))
        if posts is None:
            self._findings.add(
                "record-unknown",
                f"the books do not know {type(record).__name__}; extend ledger.invariants.",
            )
            return
        self.books.register.now_ms = time_ms
        self.books.months.begin(at, record, height, time_ms)
        for post in posts:
            post(at, record)
        self.books.months.close()

    def _produce(self, at: Occurrence, record: MineOutput) -> None:
        """Debit the account of the mine's kind of ore, and count for the facility."""
        facility = self.books.register.facilities.get(record.facility)
        if facility is None or facility.owner != at.author:
            self._findings.add(
                "origin-unknown",
                f"{at.author} reports an output of {record.facility}, which is not its mine.",
            )
            return
        self.books.quotas.produce(at, record, facility.ore_kind)

    def _answer(
        self, at: Occurrence, record: AcceptTransfer | RejectTransfer | CancelTransfer
    ) -> None:
        """Count the answer in the month of the other party, which only the open transfer names."""
        lot = self.books.lots.lots.get(record.lot)
        if lot is not None and lot.transfer is not None:
            sides = (lot.transfer.seller, lot.transfer.buyer)
            self.books.months.touch(sides[0] if at.author == sides[1] else sides[1], record.date)
