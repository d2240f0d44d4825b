"""A market that never stops: transactions drawn at random, sensible ones and foolish ones.

``Market(choose)`` asks ``choose(n)`` for every decision, a number from 0 to ``n - 1``: a seeded generator
gives a long history that is the same in every run, hypothesis gives short ones that shrink. About half of the
transactions apply; the others break a rule: too much, too early, not theirs, sold already.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger import civil
from ledger.invariants import Finding, Ledgerbook
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import Child, SplitLot
from ledger.records.suspend_member import SuspendMember
from ledger.state.rows import GENESIS_REFERENCE, LotRow
from ledger.state.tables import LOTS
from ledger.store import STATE
from ledger.transition import BuiltBlock
from ledger.vocabulary import Activity, Bucket, Element, OreKind, Purpose
from ledger.wire.codec import decode
from ledger.wire.scalars import CivilDate, FacilityId, Grams, Height, LotId, MemberId, ProductCode
from tests.support.founding import MINISTRY, UTC_OFFSET_MINUTES
from tests.support.governed_market import draw_governance
from tests.support.plant_market import draw_production
from tests.support.production import RECYCLER, SMELTER, admit_laboratory, with_plants
from tests.support.quota_market import draw_quota
from tests.support.supervised_market import draw_supervision, signers_of
from tests.support.supervising import EXPORTER, supervised_world
from tests.support.trading import (
    BUYER,
    IONIC_PIT,
    MINE,
    OTHER_MINE,
    PIT,
    TRADER,
)
from tests.support.world import World, digest_of, grant

Choose = Callable[[int], int]
T = TypeVar("T")

MEMBERS_OF_MARKET = (MINE, OTHER_MINE, BUYER, BUYER, TRADER, SMELTER, RECYCLER, EXPORTER)
DAY_MS = 86_400_000
_SOURCES = ((MINE, PIT, "ORE-MIX"), (OTHER_MINE, IONIC_PIT, "ORE-ION"))


class Market:
    """Draws blocks of transactions about lots and keeps independent books beside them."""

    def __init__(self, choose: Choose) -> None:
        self.world: World = with_plants(supervised_world())
        admit_laboratory(self.world)
        self.world.admit(EXPORTER, activities=(Activity.EXPORT,))
        for year in (2024, 2025):
            self.world.plan(year, Bucket.SEPARATION, 10_000_000)
            self.world.grant(year, Bucket.SEPARATION, BUYER, 700_000)
        for bucket, grantee in ((Bucket.ROCK_MINING, MINE), (Bucket.IONIC_MINING, OTHER_MINE)):
            self.world.plan(2025, bucket, 10_000_000)
            self.world.grant(2025, bucket, grantee, 1_000_000)
        self.start = self.world.height
        """Height at which the books were opened."""
        self.book = Ledgerbook(self.world.store)
        self.blocks: list[BuiltBlock] = []
        self._choose = choose

    def block(self, size: int) -> list[Finding]:
        """Commit a block of up to ``size`` transactions and return what the books find."""
        self.world.move_to(self.world.time_ms + 1 + self._choose(8) * DAY_MS)
        built = self.world.commit(*(self.transaction() for _ in range(size)))
        self.blocks.append(built)
        header = built.block.header
        self.book.observe(header.height, header.time_ms, built.included)
        return self.book.check(self.world.store)

    def transaction(self) -> ParsedTransaction:
        """Draw one transaction of one to three records."""
        author, record = self._record()
        records = [record]
        if not self._choose(4):
            for _ in range(self._choose(3)):
                other, another = self._record()
                if other == author:
                    records.append(another)
        return self.world.transaction(author, *records, signers=signers_of(self, author, records))

    def lots(self) -> list[tuple[LotId, LotRow]]:
        """Return every lot, live or exhausted, in the order of ids."""
        rows = self.world.store.scan(STATE + LOTS.prefix)
        return [(LotId(key[-16:]), decode(LotRow, data)) for key, data in rows]

    def _record(self) -> tuple[MemberId, Record]:
        if not self._choose(8):
            return draw_supervision(self)
        if not self._choose(8):
            return draw_quota(self)
        if not self._choose(8):
            return draw_governance(self)
        if not self._choose(4):
            return draw_production(self)
        kind = self._choose(20)
        if kind < 5:
            return self._output()
        if kind < 7:
            return self._split()
        if kind < 13:
            return self._offer()
        if kind < 19:
            return self._answer()
        return self._ministry()

    def _output(self) -> tuple[MemberId, Record]:
        author, facility, product = self._one_of(_SOURCES)
        gross = 2 + self._choose(300_000)
        # Now and then outside the product's range of 300 to 600 per mille.
        reo = max(1, gross * (295 + self._choose(310)) // 1_000)
        cerium = self._choose(reo) if reo > 1 else 0
        amounts = ((Element.CE, cerium), (Element.ND, reo - cerium))
        to = self._date()
        return author, MineOutput(
            facility=FacilityId(facility),
            period_from=CivilDate(to // 100 * 100 + 1),
            period_to=to,
            product=ProductCode(product),
            code=self._code(),
            gross=Grams(gross),
            elements=tuple((element, Grams(grams)) for element, grams in amounts if grams),
            assay_digest=digest_of("assay"),
        )

    def _split(self) -> tuple[MemberId, Record]:
        lot_id, lot = self._lot()
        count = 2 + self._choose(6)
        grosses = [1 + self._choose(max(1, lot.gross // count)) for _ in range(count - 1)]
        # One time in eight the children miss the lot by a gram.
        last = lot.gross - sum(grosses) + (1 if not self._choose(8) else 0)
        children = tuple(
            Child(gross=Grams(max(1, gross)), code=self._code()) for gross in (*grosses, last)
        )
        return self._author(lot.owner), SplitLot(lot=lot_id, date=self._date(), children=children)

    def _offer(self) -> tuple[MemberId, Record]:
        lot_id, lot = self._lot()
        part = 1 + self._choose(lot.gross + 1) if self._choose(2) else 0
        purpose = self._one_of((Purpose.SALE, Purpose.SALE, *Purpose))
        if lot.owner != lot.holder and self._choose(2):
            purpose = Purpose.RETURN
        author = self._author(lot.holder if purpose is Purpose.RETURN else lot.owner)
        others = [member for member in MEMBERS_OF_MARKET if member != author]
        buyer = self._one_of(others) if self._choose(16) else MemberId("nobody")
        if lot.owner != lot.holder and self._choose(4):
            buyer = lot.owner if purpose is Purpose.RETURN else lot.holder
        return author, OfferTransfer(
            lot=lot_id,
            part_gross=Grams(part),
            part_code=self._code() if part else "",
            buyer=buyer,
            purpose=purpose,
            invoice=f"INV-{self._choose(40)}" if self._choose(3) else "",
            date=self._date(),
            terms=digest_of("terms") if self._choose(2) else None,
        )

    def _answer(self) -> tuple[MemberId, Record]:
        open_lots = [entry for entry in self.lots() if entry[1].transfer is not None]
        if not open_lots:
            return self._output()
        lot_id, lot = self._one_of(open_lots)
        transfer = lot.transfer
        assert transfer is not None
        kind, date = self._choose(8), self._date()
        if kind == 0:
            return self._author(transfer.seller), CancelTransfer(
                lot=lot_id, transfer=transfer.transfer, date=date, reason="price not agreed"
            )
        buyer = self._author(transfer.buyer)
        if kind == 1:
            return buyer, RejectTransfer(
                lot=lot_id, transfer=transfer.transfer, date=date, reason="seals broken"
            )
        # The tolerance is 2 in 1,000; a few receipts miss more, a few are too good.
        received = lot.gross - lot.gross * self._choose(3) // 1_000 + (not self._choose(16))
        return buyer, AcceptTransfer(
            lot=lot_id,
            transfer=transfer.transfer,
            date=date,
            received_gross=Grams(received),
            place="Ganzhou",
            seals="",
        )

    def _ministry(self) -> tuple[MemberId, Record]:
        if not self._choose(20):
            return MINISTRY, SuspendMember(member=TRADER, reason="false figures", case="2024-7")
        kind = OreKind.ROCK if self._choose(2) else OreKind.IONIC
        bucket = Bucket.ROCK_MINING if kind is OreKind.ROCK else Bucket.IONIC_MINING
        grantee = MINE if kind is OreKind.ROCK else OTHER_MINE
        year = self.today // 10_000
        return MINISTRY, grant(year, bucket, grantee, 1 + self._choose(600_000))

    def choose(self, count: int) -> int:
        """Draw a number from 0 to ``count - 1``."""
        return self._choose(count)

    def one_of(self, choices: Sequence[T]) -> T:
        """Draw one of several."""
        return self._one_of(choices)

    def output(self) -> tuple[MemberId, Record]:
        """Draw an output of a mine."""
        return self._output()

    def date(self) -> CivilDate:
        """Draw a claimed date."""
        return self._date()

    def code(self) -> str:
        """Draw a container code."""
        return self._code()

    @property
    def today(self) -> CivilDate:
        """The civil day of the newest block."""
        return civil.date_of(self.world.time_ms, UTC_OFFSET_MINUTES)

    def _lot(self) -> tuple[LotId, LotRow]:
        lots = self.lots()
        live = [entry for entry in lots if entry[1].gross]
        if not live or not self._choose(40):
            return self._one_of(lots) if lots else (LotId(bytes(16)), _NO_LOT)
        return self._one_of(live)

    def _author(self, entitled: MemberId) -> MemberId:
        return entitled if self._choose(12) else self._one_of(MEMBERS_OF_MARKET)

    def _date(self) -> CivilDate:
        """Today or some days before; rarely tomorrow."""
        days_back = (0, 0, 0, 0, 0, 0, 1, 2, 9)[self._choose(9)] if self._choose(40) else -1
        return civil.date_of(
            type(self.world.time_ms)(self.world.time_ms - days_back * DAY_MS), UTC_OFFSET_MINUTES
        )

    def _code(self) -> str:
        return f"C-{self._choose(400)}"

    def _one_of(self, choices: Sequence[T]) -> T:
        return choices[self._choose(len(choices))]


def seeded_market(seed: int, blocks: int, size: int) -> tuple[Market, list[Finding]]:
    """Return the market of a seed after a number of blocks, with all findings."""
    market = Market(random.Random(seed).randrange)  # noqa: S311 - to be repeated
    findings = [finding for _ in range(blocks) for finding in market.block(size)]
    return market, findings


_NO_LOT = LotRow(
    product=ProductCode("ORE-MIX"),
    product_version=1,
    owner=MINE,
    holder=MINE,
    place="",
    date=CivilDate(2024_03_01),
    gross=Grams(10),
    parcels=(),
    holds=(),
    code="C-0",
    creator=MINE,
    parents=(),
    made_by=GENESIS_REFERENCE,
    made_height=Height(0),
    transfer=None,
)
