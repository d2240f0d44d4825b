"""The book of corrections: which record counts in place of a correction, and who had to sign beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.invariants.lot_book import Occurrence
from ledger.invariants.opening import Books
from ledger.invariants.quota_book import COUNTED_IN
from ledger.records.correct import FORGETTABLE, Correct
from ledger.records.mine_output import MineOutput
from ledger.records.record import Record
from ledger.state.rows import ParametersRow
from ledger.state.tables import PARAMETERS
from ledger.store import STATE, Reader
from ledger.vocabulary import QuotaStatus
from ledger.wire.codec import decode
from ledger.wire.scalars import MemberId
from ledger.wire.transaction import lot_id_of


class CorrectionBook:
    """Enters corrections: a forgotten record as what it is, a delta into lots and accounts."""

    def __init__(self, books: Books, reader: Reader) -> None:
        """Take the parameters in force from the store on which the books are opened."""
        data = reader.get(STATE + PARAMETERS.key())
        if data is None:
            raise ValueError("the store holds no parameters; write the genesis block first")
        self._deadline_day = decode(ParametersRow, data).filing_deadline_day
        self._books = books

    def effective(self, record: Record) -> Record:
        """Return the record that the books enter: the forgotten one in place of its correction."""
        if not isinstance(record, Correct) or record.forgotten is None:
            return record
        kinds: Any = tuple(FORGETTABLE)
        union: Any = kinds[0]
        for kind in kinds[1:]:
            union = union | kind
        forgotten: Record = decode(union, record.forgotten, limit=len(record.forgotten))
        return forgotten

    def countersign(self, at: Occurrence, record: Correct) -> None:
        """Find a ministry or an authority that should have signed and has not."""
        register = self._books.register
        if record.authority:
            self._books.months.touch(MemberId(record.authority), None)
            register.require(at, MemberId(record.authority))
        if (at.author == register.ministry) != bool(record.authority):
            register.findings.add("author", f"{at.author} corrects with a wrong second authority.")
        inner = self.effective(record)
        if record.output is not None:
            inner = decode(MineOutput, record.output.target.record, limit=64 * 1024)
        claimed: int = inner.period_to if isinstance(inner, MineOutput) else getattr(inner, "date")  # noqa: B009
        month = claimed // 100
        following = month + 1 if month % 100 < 12 else month + 89
        if self._books.months.day_at(at.time_ms) >= following * 100 + self._deadline_day:
            register.require(at, register.ministry)
            if at.author != register.ministry:
                self._books.months.touch(register.ministry, None)

    def correct(self, at: Occurrence, record: Correct) -> None:
        """Enter the deltas of an output."""
        delta = record.output
        if delta is None:
            return
        lots, quotas = self._books.lots, self._books.quotas
        original = decode(MineOutput, delta.target.record, limit=64 * 1024)
        self._books.months.touch(at.author, original.period_to)
        lot_id = lot_id_of(delta.target.tx_id, delta.target.index, 0)
        lot = lots.known(lot_id)
        facility = self._books.register.facilities.get(original.facility)
        if lot is None or facility is None or delta.target.head.author != at.author:
            self._books.findings.add("correction", f"{at.author} corrects what is not its output.")
            return
        if not lot.owner == lot.holder == at.author or lot.is_held(at.time_ms) or lot.transfer:
            self._books.findings.add("correction", f"{at.author} corrects a lot that is not free.")
        content = dict(lot.content)
        for element, grams in delta.elements:
            cell = (f"mine/{original.facility}", int(QuotaStatus.UNDEBITED), int(element))
            content[cell] = content.get(cell, 0) + grams
            lots.enter({int(element): grams})
        content = {cell: grams for cell, grams in content.items() if grams}
        lots.lots[lot_id] = replace(lot, gross=lot.gross + delta.gross, content=content)
        reo = sum(grams for _element, grams in delta.elements)
        year = original.period_to // 10_000
        quotas.correct((year, int(COUNTED_IN[facility.ore_kind]), at.author), reo)
        quotas.produced[original.facility, year] += reo
