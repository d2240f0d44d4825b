"""From the name of a record to the record itself, with its place and its time.

Rows and index entries name records by transaction id and position. A ``RecordFinder`` reads the blocks behind
those names and keeps the few that it read last, because the records of one story tend to lie together.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from ledger.records import decode_record, name_of
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.assay import Assay
from ledger.records.campaign import Campaign
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.declare_excess import DeclareExcess
from ledger.records.import_lot import ImportLot
from ledger.records.merge_lots import MergeLots
from ledger.records.mine_output import MineOutput
from ledger.records.move_lot import MoveLot
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.opening_stock import OpeningStock
from ledger.records.record import Record
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.relabel import Relabel
from ledger.records.restate import Restate
from ledger.records.scrap_intake import ScrapIntake
from ledger.records.split_lot import SplitLot
from ledger.state.rows import RecordReference
from ledger.store import Reader, block_key, decode_place, transaction_key
from ledger.wire.block import Block, decode_block
from ledger.wire.scalars import CivilDate, Height, MemberId, TimeMs, TxId
from ledger.wire.transaction import decode_signed_transaction

BLOCKS_KEPT_MAX: Final = 8


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands; places are ordered as the records were applied."""

    height: Height
    transaction_index: int
    record_index: int


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """A record with everything about it that is not in it."""

    place: Place
    time_ms: TimeMs
    """Time of its block."""
    tx_id: TxId
    author: MemberId
    record: Record

    @property
    def name(self) -> str:
        """The name of the record's type."""
        return name_of(self.record)

    @property
    def date(self) -> CivilDate | None:
        """The date that its author claims, None for a record that claims none."""
        return claimed_date_of(self.record)


class RecordFinder:
    """Finds records of one store."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._blocks: OrderedDict[Height, Block] = OrderedDict()

    def place_of(self, reference: RecordReference) -> Place | None:
        """Return where a record stands, or None when its transaction is not on this chain."""
        value = self._reader.get(transaction_key(reference.tx_id))
        if value is None:
            return None
        height, transaction_index = decode_place(value)
        return Place(height, transaction_index, reference.index)

    def find(self, reference: RecordReference) -> PlacedRecord | None:
        """Return a record, or None when it is not on this chain or its block is not kept here."""
        place = self.place_of(reference)
        block = None if place is None else self._block(place.height)
        if place is None or block is None:
            return None
        signed = decode_signed_transaction(block.transactions[place.transaction_index])
        return PlacedRecord(
            place=place,
            time_ms=block.header.time_ms,
            tx_id=reference.tx_id,
            author=signed.transaction.author,
            record=decode_record(signed.transaction.records[place.record_index]),
        )

    def _block(self, height: Height) -> Block | None:
        block = self._blocks.get(height)
        if block is None:
            data = self._reader.get(block_key(height))
            if data is None:
                return None
            block = self._blocks[height] = decode_block(data)
            if len(self._blocks) > BLOCKS_KEPT_MAX:
                self._blocks.popitem(last=False)
        return block


def claimed_date_of(record: Record) -> CivilDate | None:
    """Return the date that the author of ``record`` claims, None for a record that claims none."""
    if isinstance(record, MineOutput | DeclareExcess | Campaign):
        return record.period_to
    production = ImportLot | ScrapIntake | MergeLots | OpeningStock | Relabel | MoveLot
    if isinstance(record, production | Restate | Assay):
        return record.date
    if isinstance(
        record, SplitLot | OfferTransfer | AcceptTransfer | RejectTransfer | CancelTransfer
    ):
        return record.date
    return None
