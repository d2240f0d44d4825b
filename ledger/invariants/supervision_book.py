"""The book of holds, seizures and settlements: what authorities did to lots, and under whose signatures."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ledger.invariants.lot_book import BookLot, BookTransfer, Occurrence
from ledger.invariants.opening import Books
from ledger.invariants.shares import remaining, taken
from ledger.records.hold_lot import HoldLot
from ledger.records.inspect_site import Inspect
from ledger.records.penalise import Penalise
from ledger.records.release_lot import ReleaseLot
from ledger.records.release_reserve import ReleaseReserve
from ledger.records.report_lot import ReportLot
from ledger.records.seize_lot import SeizeLot
from ledger.records.settle_dispute import SettleDispute
from ledger.records.stock_take import StockTake
from ledger.records.to_reserve import ToReserve
from ledger.state.rows import ParametersRow
from ledger.state.tables import PARAMETERS
from ledger.store import STATE, Reader
from ledger.vocabulary import Purpose
from ledger.wire.codec import decode
from ledger.wire.scalars import FacilityId, LotId

DAY_MS: Final = 24 * 60 * 60 * 1_000


class SupervisionBook:
    """Enters what supervision does into the books of lots, members and months."""

    def __init__(self, books: Books, reader: Reader) -> None:
        """Take the parameters in force from the store on which the books are opened."""
        data = reader.get(STATE + PARAMETERS.key())
        if data is None:
            raise ValueError("the store holds no parameters; write the genesis block first")
        self._hold_days = decode(ParametersRow, data).hold_days
        self._books = books

    def take_parameters(self, parameters: ParametersRow) -> None:
        """Go on with other parameters."""
        self._hold_days = parameters.hold_days

    def hold(self, at: Occurrence, record: HoldLot) -> None:
        """Place a hold, or prolong one."""
        register = self._books.register
        if record.is_renewal:
            if at.author != register.ministry:
                register.findings.add("author", f"{at.author} renews a hold, and may not.")
        else:
            register.require_inspectors(at)
        lot = self._touched(record.lot)
        if lot is None:
            return
        end = at.time_ms + self._hold_days * DAY_MS
        known = [hold for hold in lot.holds if hold[0] == record.case]
        in_force = [hold for hold in known if hold[2] == 0 or at.time_ms < hold[2]]
        if record.is_renewal != bool(known) or (record.is_renewal and not in_force):
            self._wrong(at, record.lot.hex(), record.case)
        if record.is_renewal:
            holds = tuple(
                (case, by, end) if case == record.case else (case, by, until)
                for case, by, until in lot.holds
            )
        else:
            holds = lot.holds_with(record.case, at.author, end, at.time_ms)
        self._books.lots.lots[record.lot] = replace(lot, holds=holds)

    def release(self, at: Occurrence, record: ReleaseLot) -> None:
        """End a hold."""
        register = self._books.register
        register.require_inspectors(at)
        lot = self._touched(record.lot)
        if lot is None:
            return
        mine = [
            hold
            for hold in lot.holds
            if hold[0] == record.case and at.author in (hold[1], register.ministry)
        ]
        if not mine:
            self._wrong(at, record.lot.hex(), record.case)
        holds = list(lot.holds)
        for hold in mine[:1]:
            holds.remove(hold)
        self._books.lots.lots[record.lot] = replace(lot, holds=tuple(holds))

    def seize(self, at: Occurrence, record: SeizeLot) -> None:
        """Move a lot to an authority, for good as far as the books know."""
        self._books.register.require_inspectors(at)
        lot = self._touched(record.lot)
        if lot is None:
            return
        if lot.transfer is not None:
            self._books.months.touch(lot.transfer.seller, None)
            self._books.months.touch(lot.transfer.buyer, None)
        if lot.holder == at.author:
            self._wrong(at, record.lot.hex(), record.case)
        self._books.lots.lots[record.lot] = replace(
            lot,
            holder=at.author,
            date=max(lot.date, self._books.months.day_at(at.time_ms)),
            holds=lot.holds_with(record.case, at.author, 0, at.time_ms),
            transfer=None,
        )

    def put_aside(self, at: Occurrence, record: ToReserve) -> None:
        """Hold a lot for the state."""
        lot = self._of_owner(at, record)
        if lot is None:
            return
        if lot.is_held(at.time_ms) or lot.transfer is not None:
            self._wrong(at, record.lot.hex(), "reserve")
        holds = lot.holds_with("reserve", record.authority, 0, at.time_ms)
        self._books.lots.lots[record.lot] = replace(lot, holds=holds, date=record.date)

    def take_back(self, at: Occurrence, record: ReleaseReserve) -> None:
        """Take the hold of the reserve off a lot."""
        lot = self._of_owner(at, record)
        if lot is None:
            return
        reserve = ("reserve", record.authority, 0)
        if reserve not in lot.holds:
            self._wrong(at, record.lot.hex(), "reserve")
        holds = tuple(hold for hold in lot.holds if hold != reserve)
        self._books.lots.lots[record.lot] = replace(lot, holds=holds, date=record.date)

    def _of_owner(self, at: Occurrence, record: ToReserve | ReleaseReserve) -> BookLot | None:
        """Return a lot of the author's, and find an authority that has not signed."""
        months, register = self._books.months, self._books.register
        months.touch(at.author, record.date)
        months.touch(record.authority, None)
        register.require(at, record.authority)
        if record.authority not in register.authorities:
            self._wrong(at, record.lot.hex(), record.authority)
        lot = self._books.lots.known(record.lot)
        if lot is not None and not lot.owner == lot.holder == at.author:
            self._wrong(at, record.lot.hex(), "reserve")
        return lot

    def count(self, at: Occurrence, record: StockTake) -> None:
        """Note whose goods were counted; a count changes no balance."""
        months, register = self._books.months, self._books.register
        months.touch(at.author, record.date)
        facility = register.facilities.get(record.facility)
        if facility is None:
            self._wrong(at, record.facility, "a facility that nobody has registered")
            return
        owner = self._books.lots.lots.present(facility.owner)
        months.touch(owner, record.date)
        if at.author != owner:
            register.require_inspectors(at)

    def inspect(self, at: Occurrence, record: Inspect) -> None:
        """Note whom an inspection is about; a lot that is used up is not in the books any more."""
        self._books.register.require_inspectors(at)
        facility = self._books.register.facilities.get(FacilityId(record.facility))
        if facility is not None:
            self._books.months.touch(self._books.lots.lots.present(facility.owner), None)
        elif record.lot is not None:
            self._touched(record.lot)
        else:
            self._wrong(at, record.facility, "a facility that nobody has registered")

    def penalise(self, at: Occurrence, record: Penalise) -> None:
        """Note who was penalised."""
        register = self._books.register
        if at.author != register.ministry or record.member not in register.members:
            register.findings.add("author", f"{at.author} penalises {record.member}, and may not.")
        self._books.months.touch(record.member, None)

    def report(self, at: Occurrence, record: ReportLot) -> None:
        """Note whom a report is about."""
        self._books.register.require(at, at.author)
        self._books.months.touch(record.creator, None)
        lot_id = self._books.lots.codes.get((record.creator, record.code))
        if lot_id is not None:
            self._touched(lot_id)

    def settle(self, at: Occurrence, record: SettleDispute) -> None:
        """Share out what was sent."""
        lots, register = self._books.lots, self._books.register
        lot = lots.known(record.lot)
        if lot is None:
            return
        transfer = lot.transfer
        if transfer is None or transfer.id != record.transfer or lot.is_held(at.time_ms):
            self._wrong(at, record.lot.hex(), record.transfer.hex())
            return
        if at.author in (transfer.seller, transfer.buyer):
            register.require(at, transfer.seller, transfer.buyer)
        elif at.author != register.ministry:
            register.findings.add("author", f"{at.author} settles a transfer of others.")
        if record.seller_gross + record.buyer_gross + record.loss_gross != lot.gross:
            register.findings.add("lot", f"lot {record.lot.hex()} is settled with other grams.")
        for side in (transfer.seller, transfer.buyer):
            self._books.months.touch(side, record.date)
        self._share_out(at, record, lot, transfer)

    def _share_out(
        self, at: Occurrence, record: SettleDispute, lot: BookLot, transfer: BookTransfer
    ) -> None:
        lots = self._books.lots
        if record.seller_code:
            share = taken(lot.content, lot.gross, record.seller_gross)
            part = replace(
                lot,
                gross=record.seller_gross,
                content=share,
                creator=transfer.seller,
                code=record.seller_code,
                parents=(record.lot,),
                date=record.date,
                transfer=None,
            )
            lots.add_lot(at.lot(), part)
            gross = lot.gross - record.seller_gross
            lot = replace(lot, gross=gross, content=remaining(lot.content, share))
        gone = taken(lot.content, lot.gross, record.loss_gross)
        if record.loss_gross:
            sent = record.seller_gross + record.buyer_gross + record.loss_gross
            year = record.date // 10_000
            lots.book_loss(year, transfer.buyer, sent, record.loss_gross, gone)
        left, gross = remaining(lot.content, gone), lot.gross - record.loss_gross
        if not gross:
            lots.exhaust(record.lot, lot)
            return
        rest = replace(lot, gross=gross, content=left, date=record.date, transfer=None)
        if not record.buyer_gross:
            lots.lots[record.lot] = rest
            return
        holds = rest.holds
        if self._books.register.is_suspended(transfer.buyer):
            holds = rest.holds_with("suspension", "", 0, at.time_ms)
        lots.lots[record.lot] = replace(
            rest,
            owner=transfer.buyer if transfer.purpose == Purpose.SALE else rest.owner,
            holder=transfer.buyer,
            holds=holds,
        )

    def _touched(self, lot_id: LotId) -> BookLot | None:
        """Return a lot, and note that its owner and its holder are touched."""
        lot = self._books.lots.known(lot_id)
        if lot is not None:
            self._books.months.touch(lot.owner, None)
            self._books.months.touch(lot.holder, None)
        return lot

    def _wrong(self, at: Occurrence, lot: str, case: str) -> None:
        self._books.findings.add(
            "not-entitled",
            f"{at.author} writes about {case} on lot {lot}, which does not allow it.",
        )
