"""The book of sinks: what left the traced world, who signed for it, and what licences have left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ledger.invariants.lot_book import Occurrence
from ledger.invariants.opening import Books, rows_of, split_text
from ledger.invariants.shares import by_element, remaining, taken
from ledger.records.consume import Consume
from ledger.records.export_lot import ExportLot
from ledger.records.grant_export_licence import GrantExportLicence
from ledger.records.incident import Incident
from ledger.records.write_off import WriteOff
from ledger.state.rows import ParametersRow
from ledger.state.tables import EXPORT_LICENCES, PARAMETERS, SINKS, SMALL_LOSSES
from ledger.store import STATE, Reader
from ledger.vocabulary import ExternalNumberKind, IncidentKind, SinkKind
from ledger.wire.codec import decode
from ledger.wire.scalars import MemberId

Grams = dict[int, int]
"""Grams of oxide by atomic number."""
KIND_OF: Final = {
    Consume: SinkKind.CONSUMED,
    ExportLot: SinkKind.EXPORTED,
    WriteOff: SinkKind.WRITTEN_OFF,
    Incident: SinkKind.INCIDENT,
}


@dataclass(slots=True)
class BookSink:
    """What went one way."""

    records: int = 0
    gross: int = 0
    grams: Grams = field(default_factory=dict)


@dataclass(slots=True)
class BookLicence:
    """An export licence with its balance."""

    exporter: str
    granted: Grams
    used: Grams


class SinkBook:
    """Enters what leaves, beside the book of lots that it leaves from."""

    def __init__(self, books: Books, reader: Reader) -> None:
        """Open with the sinks and licences that a store knows."""
        data = reader.get(STATE + PARAMETERS.key())
        if data is None:
            raise ValueError("the store holds no parameters; write the genesis block first")
        parameters = decode(ParametersRow, data)
        self._books = books
        self.take_parameters(parameters)
        self._sinks: dict[tuple[int, int, str], BookSink] = {}
        self._small: dict[tuple[int, str], Grams] = {}
        self._licences: dict[str, BookLicence] = {}
        for key, row in rows_of(reader, SINKS):
            year, kind = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big")
            place = (year, kind, split_text(key[16:])[0])
            self._sinks[place] = BookSink(row.records, row.gross, _plain(row.grams))
        for key, loss in rows_of(reader, SMALL_LOSSES):
            member = split_text(key[8:])[0]
            self._small[int.from_bytes(key[:8], "big"), member] = _plain(loss.grams)
        for key, licence in rows_of(reader, EXPORT_LICENCES):
            self._licences[split_text(key)[0]] = BookLicence(
                licence.exporter, _plain(licence.granted), _plain(licence.used)
            )

    def take_parameters(self, parameters: ParametersRow) -> None:
        """Go on with other parameters."""
        self._allowance = parameters.small_loss_allowance
        self._controlled = [int(element) for element in parameters.controlled_elements]

    def consume(self, at: Occurrence, record: Consume) -> None:
        """Enter what was used up."""
        if record.authority:
            self._require_authority(at, record.authority)
        self._leave(at, record)

    def lose(self, at: Occurrence, record: WriteOff | Incident) -> None:
        """Enter a loss; without an authority it counts against the year's allowance."""
        gone = self._leave(at, record)
        if record.authority:
            self._require_authority(at, record.authority)
            return
        if isinstance(record, Incident) and record.kind is IncidentKind.THEFT:
            self._find(at, "reports a theft alone")
        small = self._small.setdefault((record.date // 10_000, at.author), {})
        for element, grams in gone.items():
            small[element] = small.get(element, 0) + grams
            if small[element] > self._allowance:
                self._find(at, f"has written off {small[element]} g of {element} alone")

    def grant(self, at: Occurrence, record: GrantExportLicence) -> None:
        """Enter a licence."""
        if at.author != self._books.register.ministry or record.number in self._licences:
            self._find(at, f"grants export licence {record.number}")
        self._books.months.touch(record.exporter, None)
        self._licences[record.number] = BookLicence(record.exporter, _plain(record.elements), {})

    def export(self, at: Occurrence, record: ExportLot) -> None:
        """Enter an export and use its licence up."""
        self._require_authority(at, record.customs)
        gone = self._leave(at, record)
        kind = ExternalNumberKind.DECLARATION
        self._books.lots.just_numbered.append((kind, record.customs, record.declaration, at.author))
        controlled = {e: grams for e, grams in gone.items() if e in self._controlled}
        if not controlled and not record.licence:
            return
        licence = self._licences.get(record.licence)
        if licence is None or licence.exporter != at.author:
            self._find(at, f"exports under the licence {record.licence!r} of another")
            return
        for element, grams in controlled.items():
            licence.used[element] = licence.used.get(element, 0) + grams
            if licence.used[element] > licence.granted.get(element, 0):
                self._find(at, f"exports more than licence {record.licence} is for")

    def compare(self, reader: Reader) -> None:
        """Compare sinks, allowances and licences with the rows of a store."""
        sinks = {
            (
                int.from_bytes(key[:8], "big"),
                int.from_bytes(key[8:16], "big"),
                split_text(key[16:])[0],
            ): BookSink(row.records, row.gross, _plain(row.grams))
            for key, row in rows_of(reader, SINKS)
        }
        self._expect_same("sinks", self._sinks, sinks)
        small = {
            (int.from_bytes(key[:8], "big"), split_text(key[8:])[0]): _plain(row.grams)
            for key, row in rows_of(reader, SMALL_LOSSES)
        }
        self._expect_same("small losses", self._small, small)
        licences = {
            split_text(key)[0]: BookLicence(row.exporter, _plain(row.granted), _plain(row.used))
            for key, row in rows_of(reader, EXPORT_LICENCES)
        }
        self._expect_same("export licences", self._licences, licences)

    def _leave(self, at: Occurrence, record: Consume | ExportLot | WriteOff | Incident) -> Grams:
        """Take a part out of a lot and of the world; return what it held."""
        lots = self._books.lots
        lot = lots.known(record.lot)
        if lot is None:
            return {}
        if lot.holder != at.author or lot.transfer is not None or lot.is_held(at.time_ms):
            self._find(at, f"uses lot {record.lot.hex()}, which is not free or not its")
        if lot.owner != at.author:
            self._books.months.touch(lot.owner, record.date)
            if isinstance(record, Consume | ExportLot):
                self._find(at, f"uses lot {record.lot.hex()}, which belongs to {lot.owner}")
        gone = taken(lot.content, lot.gross, record.gross)
        grams = by_element(gone)
        if record.gross == lot.gross:
            lots.exhaust(record.lot, lot)
        else:
            lots.lots[record.lot] = replace(
                lot,
                gross=lot.gross - record.gross,
                content=remaining(lot.content, gone),
                date=record.date,
            )
        lots.enter({element: -amount for element, amount in grams.items()})
        place = (record.date // 10_000, int(KIND_OF[type(record)]), at.author)
        sunk = self._sinks.setdefault(place, BookSink())
        sunk.records += 1
        sunk.gross += record.gross
        for element, amount in grams.items():
            sunk.grams[element] = sunk.grams.get(element, 0) + amount
        return grams

    def _require_authority(self, at: Occurrence, member: str) -> None:
        named = MemberId(member)
        self._books.months.touch(named, None)
        if named not in self._books.register.authorities:
            self._find(at, f"has {member} sign, which is no authority")
        self._books.register.require(at, named)

    def _expect_same(
        self, what: str, expected: Mapping[Any, object], found: Mapping[Any, object]
    ) -> None:
        for place in sorted({*expected, *found}, key=str):
            self._books.findings.expect(
                "sink", f"{what} at {place}", expected=expected.get(place), found=found.get(place)
            )

    def _find(self, at: Occurrence, what: str) -> None:
        self._books.findings.add("sink", f"{at.author} {what}.", transaction=at.tx_id.hex())


def _plain(grams: tuple[tuple[Any, int], ...]) -> Grams:
    return {int(element): amount for element, amount in grams}
