"""A market full of inspectors: half of all records are of supervision, and the books agree all the same."""

from __future__ import annotations

import random
from collections import Counter

import msgspec

from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.consume import Consume
from ledger.records.correct import Correct
from ledger.records.export_lot import ExportLot
from ledger.records.file_month import FileMonth
from ledger.records.hold_lot import HoldLot
from ledger.records.incident import Incident
from ledger.records.record import Record
from ledger.records.release_lot import ReleaseLot
from ledger.records.seize_lot import SeizeLot
from ledger.records.settle_dispute import SettleDispute
from ledger.records.stock_take import StockTake
from ledger.records.write_off import WriteOff
from ledger.wire.scalars import Grams, MemberId
from tests.support.market import Market
from tests.support.supervised_market import draw_supervision

BLOCKS, SIZE = 60, 14
EXPECTED = (
    *(Consume, Correct, ExportLot, FileMonth, HoldLot, Incident, ReleaseLot, SeizeLot),
    *(SettleDispute, StockTake, WriteOff),
)


class SupervisedMarket(Market):
    """A market in which every other record is one of supervision."""

    def _record(self) -> tuple[MemberId, Record]:
        if self.choose(2):
            return draw_supervision(self)
        author, record = super()._record()
        if isinstance(record, AcceptTransfer) and self.choose(2):
            short = Grams(record.received_gross - record.received_gross // 50)
            record = msgspec.structs.replace(record, received_gross=short)
        return author, record


def test_the_books_agree_with_the_state_through_years_of_supervision() -> None:
    kinds: Counter[type[Record]] = Counter()
    for seed in (5, 17, 23):
        market = SupervisedMarket(random.Random(seed).randrange)  # noqa: S311 - to be repeated
        for _ in range(BLOCKS):
            assert market.block(SIZE) == []
        kinds.update(
            type(record)
            for built in market.blocks
            for transaction in built.included
            for record in transaction.records
        )
    for kind in EXPECTED:
        assert kinds[kind] >= 3, f"the histories hardly have a {kind.__name__}"
