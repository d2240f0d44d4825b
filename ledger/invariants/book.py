"""The books of a whole history: ``observe`` every block, ``check`` whenever you want to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ledger.invariants.comparison import compare
from ledger.invariants.correction_book import CorrectionBook
from ledger.invariants.filing_book import FilingBook
from ledger.invariants.finding import Finding, Findings
from ledger.invariants.governance_book import GovernanceBook
from ledger.invariants.lot_book import Occurrence
from ledger.invariants.opening import Books, open_books
from ledger.invariants.pending_book import PendingBook
from ledger.invariants.production_book import ProductionBook
from ledger.invariants.sink_book import SinkBook
from ledger.invariants.supervision_book import SupervisionBook
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.add_key import AddKey
from ledger.records.admit_member import AdmitMember
from ledger.records.advance_quota import AdvanceQuota
from ledger.records.amend_plan import AmendPlan
from ledger.records.assay import Assay
from ledger.records.ballot import Ballot
from ledger.records.campaign import Campaign
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.consume import Consume
from ledger.records.correct import Correct
from ledger.records.cut_quota import CutQuota
from ledger.records.declare_excess import DeclareExcess
from ledger.records.define_product import DefineProduct
from ledger.records.export_lot import ExportLot
from ledger.records.file_month import FileMonth
from ledger.records.found_lot import FoundLot
from ledger.records.grant_export_licence import GrantExportLicence
from ledger.records.grant_quota import GrantQuota
from ledger.records.hold_lot import HoldLot
from ledger.records.import_lot import ImportLot
from ledger.records.incident import Incident
from ledger.records.inspect_site import Inspect
from ledger.records.merge_lots import MergeLots
from ledger.records.mine_output import MineOutput
from ledger.records.move_lot import MoveLot
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.opening_stock import OpeningStock
from ledger.records.penalise import Penalise
from ledger.records.pending import Approve, AwaitApproval
from ledger.records.propose import Propose
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reinstate_member import ReinstateMember
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.relabel import Relabel
from ledger.records.release_lot import ReleaseLot
from ledger.records.release_reserve import ReleaseReserve
from ledger.records.report_lot import ReportLot
from ledger.records.restate import Restate
from ledger.records.revoke_key import RevokeKey
from ledger.records.scrap_intake import ScrapIntake
from ledger.records.seize_lot import SeizeLot
from ledger.records.set_plan import SetPlan
from ledger.records.settle_dispute import SettleDispute
from ledger.records.split_lot import SplitLot
from ledger.records.split_quota import SplitQuota
from ledger.records.stock_take import StockTake
from ledger.records.succeed import Succeed
from ledger.records.suspend_member import SuspendMember
from ledger.records.to_reserve import ToReserve
from ledger.records.update_member import UpdateMember
from ledger.records.write_off import WriteOff
from ledger.state.rows import ParametersRow
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
        production = ProductionBook(self.books, reader)
        self._production: Final = production
        supervision = SupervisionBook(self.books, reader)
        filings = FilingBook(self.books)
        self._corrections: Final = CorrectionBook(self.books, reader)
        sinks = SinkBook(self.books, reader)
        self._sinks: Final = sinks
        self._governance: Final = GovernanceBook(
            self._findings, register, self.books.parameters, reader
        )
        self._pending: Final = PendingBook(self._findings, register, reader)
        self._users_of_parameters: Final = (production, supervision, sinks)
        self._post: Final[dict[type[Record], tuple[Post, ...]]] = {
            AdmitMember: (register.admit,),
            SuspendMember: (register.suspend,),
            AddKey: (register.add_key,),
            RevokeKey: (register.revoke_key,),
            RegisterFacility: (register.register_facility, production.register_facility),
            DefineProduct: (register.define_product, production.define_product),
            SetPlan: (quotas.set_plan,),
            GrantQuota: (quotas.grant,),
            AmendPlan: (quotas.amend,),
            AdvanceQuota: (quotas.advance,),
            SplitQuota: (quotas.split,),
            CutQuota: (self._cut,),
            UpdateMember: (register.update,),
            ReinstateMember: (register.reinstate,),
            Succeed: (self._succeed,),
            MineOutput: (self._produce, lots.mine_output),
            SplitLot: (lots.split,),
            OfferTransfer: (lots.offer,),
            AcceptTransfer: (self._answer, lots.accept),
            RejectTransfer: (self._answer, lots.unlock),
            CancelTransfer: (self._answer, lots.unlock),
            SettleDispute: (supervision.settle,),
            FileMonth: (filings.file,),
            Propose: (self._govern, self._governance.propose),
            Ballot: (self._govern,),
            AwaitApproval: (self._pending.wait,),
            Approve: (),
            GrantExportLicence: (sinks.grant,),
            ExportLot: (sinks.export,),
            Consume: (sinks.consume,),
            WriteOff: (sinks.lose,),
            Incident: (sinks.lose,),
            Correct: (self._corrections.correct,),
            Inspect: (supervision.inspect,),
            Penalise: (supervision.penalise,),
            ReportLot: (supervision.report,),
            ToReserve: (supervision.put_aside,),
            ReleaseReserve: (supervision.take_back,),
            FoundLot: (production.found_lot,),
            StockTake: (supervision.count,),
            HoldLot: (supervision.hold,),
            ReleaseLot: (supervision.release,),
            SeizeLot: (supervision.seize,),
            ImportLot: (production.import_lot,),
            ScrapIntake: (production.scrap_intake,),
            MergeLots: (production.merge,),
            Campaign: (production.campaign,),
            DeclareExcess: (production.excess,),
            OpeningStock: (production.opening_stock,),
            Relabel: (production.relabel,),
            MoveLot: (production.move,),
            Restate: (production.restate,),
            Assay: (production.assay,),
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
        if self._governance.begin(height):
            self._take_parameters(self._governance.parameters)
        for transaction in transactions:
            self.books.register.check_signatures(transaction, time_ms)
            is_suspended = self.books.register.is_suspended(transaction.author)
            for index, record in enumerate(transaction.records):
                at = Occurrence(transaction.author, is_suspended, transaction.tx_id, index, time_ms)
                self._enter(at, record, height, time_ms)

    def check(self, reader: Reader) -> list[Finding]:
        """Return everything that was found since the last check, after comparing with the state.

        ``reader`` must be a store whose tip is the newest block that was observed.
        """
        self._governance.compare(reader)
        self._pending.compare(reader)
        compare(self.books, reader, self._production.compare(reader))
        self._sinks.compare(reader)
        found = list(self._findings.found)
        self._findings.found.clear()
        return found

    def _enter(self, at: Occurrence, record: Record, height: Height, time_ms: TimeMs) -> None:
        effective = self._corrections.effective(record)
        posts = self._post.get(type(effective))
        if posts is None:
            self._findings.add(
                "record-unknown",
                f"the books do not know {type(record).__name__}; extend ledger.invariants.",
            )
            return
        self.books.register.now_ms = time_ms
        self.books.months.begin(at, effective, height, time_ms)
        if isinstance(record, Correct):
            self._corrections.countersign(at, record)
        if isinstance(record, Approve):
            effective = self._approve(at, record)
        else:
            for post in posts:
                post(at, effective)
        lots = self.books.lots.lots
        self.books.months.close(effective, lots.changes(), lots.renames())

    def _produce(self, at: Occurrence, record: MineOutput) -> None:
        """Debit the account of the mine's kind of ore, and count for the facility."""
        facility = self.books.register.facilities.get(record.facility)
        owner = None if facility is None else self.books.lots.lots.present(facility.owner)
        if facility is None or owner != at.author:
            self._findings.add(
                "origin-unknown",
                f"{at.author} reports an output of {record.facility}, which is not its mine.",
            )
            return
        self.books.quotas.produce(at, record, facility.ore_kind)

    def _approve(self, at: Occurrence, record: Approve) -> Record:
        """Enter an approval, and what takes effect with it; return what has an effect on months."""
        months = self.books.months
        author = self._pending.author_of(record)
        if author is not None:
            months.touch(author, None)
        completed = self._pending.approve(at, record)
        if completed is None:
            return record
        place, inner, author = completed
        effective = self._corrections.effective(inner)
        months.note(author, effective)
        if isinstance(inner, Correct):
            self._corrections.countersign(place, inner)
        for post in self._post.get(type(effective), ()):
            post(place, effective)
        return effective

    def _take_parameters(self, parameters: ParametersRow) -> None:
        """Go on with the parameters that hold from this block on."""
        self.books.lots.tolerance_basis_points = parameters.transit_tolerance_basis_points
        for book in self._users_of_parameters:
            book.take_parameters(parameters)

    def _govern(self, at: Occurrence, record: Propose | Ballot) -> None:
        """Count a proposal or a ballot in the months of whom it is about, and enter the ballot."""
        owner = self._governance.owner_of_key(record)
        if isinstance(record, Ballot):
            proposer = self._governance.vote(at, record)
            if proposer is not None:
                self.books.months.touch(proposer, None)
        if owner is not None:
            self.books.months.touch(owner, None)

    def _succeed(self, at: Occurrence, record: Succeed) -> None:
        """Lead a name to another one, or move a facility."""
        self.books.register.succeed(at, record)
        if not record.facility:
            self.books.lots.lots.successors[record.predecessor] = record.successor
            self.books.quotas.join(record, self.books.months.this_year)

    def _cut(self, at: Occurrence, record: CutQuota) -> None:
        """Cut an account, and count the record for every subsidiary that it reached."""
        for member in self.books.quotas.cut_off(at, record, self.books.months.this_year):
            self.books.months.touch(member, None)

    def _answer(
        self, at: Occurrence, record: AcceptTransfer | RejectTransfer | CancelTransfer
    ) -> None:
        """Count the answer in the month of the other party, which only the open transfer names."""
        lot = self.books.lots.lots.named(record.lot)
        if lot is not None and lot.transfer is not None:
            sides = (lot.transfer.seller, lot.transfer.buyer)
            self.books.months.touch(sides[0] if at.author == sides[1] else sides[1], record.date)
