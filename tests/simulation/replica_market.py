"""What clients wish for: a market of lots, drawn at random, in which some sell the same lot twice.

Most wishes can only succeed, since what they need is final already; some come in groups that exclude each
other, submitted at different nodes at one moment; a few are so short-lived that they may come too late.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ledger.records.split_lot import Child, SplitLot
from ledger.vocabulary import Activity
from ledger.wire.scalars import CivilDate, Grams, LotId, MemberId, TxId
from tests.simulation.replica_clients import CERTAIN_MS, Clients, Wish
from tests.simulation.replica_founding import (
    LAST_GRAMS,
    LOT_UNITS,
    UNIT_GROSS,
    Founding,
    ionic_output,
    rock_output,
)
from tests.support.founding import MINISTRY
from tests.support.trading import (
    BUYER,
    MINE,
    OTHER_MINE,
    TRADER,
    accept,
    cancel,
    lot_of,
    offer,
    transfer_of,
)

NEWCOMER = MemberId("newcomer-e")
TRADING_DAY = CivilDate(2024_03_30)


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot as its owner knows it."""

    lot: LotId
    owner: MemberId
    gross: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that is final and unanswered."""

    lot: Lot
    transfer: LotId
    buyer: MemberId
    contested: bool
    """Rivals of this offer may be under way: if it were taken back, one of them would succeed."""


class Market:
    """Lots and offers as their owners know them, and wishes about them."""

    def __init__(self, clients: Clients, founded: Founding, rng: random.Random) -> None:
        self._clients = clients
        self._rng = rng
        self._lots = [Lot(lot, MINE, LOT_UNITS * UNIT_GROSS) for lot in founded.lots]
        self._offers: list[Offer] = []
        self._buyers = [BUYER, TRADER]
        self._numbers = 0
        self._quota_is_raced = False
        self._newcomer_asked = False

    def invent(self) -> None:
        """Let somebody wish for something new, if what it takes is there."""
        kind = self._rng.randrange(20)
        if kind < 3:
            self._mine()
        elif kind < 5:
            self._split()
        elif kind < 10:
            self._sell(valid_ms=CERTAIN_MS, certain=True)
        elif kind < 11:
            self._sell(valid_ms=self._rng.randint(500, 5_000), certain=False)
        elif kind < 14:
            self._accept()
        elif kind < 16:
            self._sell_twice()
        elif kind < 17:
            self._split_or_sell()
        elif kind < 18:
            self._accept_or_cancel()
        elif kind < 19:
            self._race_for_quota()
        else:
            self._admit_newcomer()

    def _mine(self) -> None:
        units = self._rng.randint(1, 50)
        record = rock_output(self._code(), units)
        made = self._clients.wish(
            MINE,
            record,
            then=lambda tx_id: self._lots.append(
                Lot(self._lot_of(tx_id), MINE, units * UNIT_GROSS)
            ),
        )
        self._clients.submit_somewhere(made)

    def _split(self) -> None:
        lot = self._take_lot()
        if lot is not None:
            self._clients.submit_somewhere(self._split_wish(lot, certain=True))

    def _sell(self, *, valid_ms: int, certain: bool) -> None:
        lot = self._take_lot()
        if lot is not None:
            self._clients.submit_somewhere(
                self._sale(lot, self._buyer_for(lot), certain=certain, valid_ms=valid_ms)
            )

    def _accept(self) -> None:
        if self._offers:
            made = self._offers.pop(self._rng.randrange(len(self._offers)))
            self._clients.submit_somewhere(self._acceptance(made, certain=True))

    def _sell_twice(self) -> None:
        lot = self._take_lot()
        if lot is None:
            return
        valid_ms = self._rival_ms()
        buyers = [buyer for buyer in self._buyers if buyer != lot.owner]
        self._clients.submit_rivals(
            self._sale(lot, buyers[0], certain=False, valid_ms=valid_ms),
            self._sale(lot, buyers[-1], certain=False, valid_ms=valid_ms),
        )

    def _split_or_sell(self) -> None:
        lot = self._take_lot()
        if lot is not None:
            valid_ms = self._rival_ms()
            self._clients.submit_rivals(
                self._split_wish(lot, certain=False, valid_ms=valid_ms),
                self._sale(lot, self._buyer_for(lot), certain=False, valid_ms=valid_ms),
            )

    def _accept_or_cancel(self) -> None:
        fit = [number for number, made in enumerate(self._offers) if not made.contested]
        if not fit:
            return
        made = self._offers.pop(self._rng.choice(fit))
        valid_ms = self._rival_ms()
        taken_back = self._clients.wish(
            made.lot.owner,
            cancel(made.lot.lot, made.transfer, date=TRADING_DAY),
            then=lambda _tx_id: self._lots.append(made.lot),
            certain=False,
            valid_ms=valid_ms,
        )
        self._clients.submit_rivals(
            self._acceptance(made, certain=False, valid_ms=valid_ms), taken_back
        )

    def _race_for_quota(self) -> None:
        if self._quota_is_raced:
            return
        self._quota_is_raced = True
        valid_ms = self._rival_ms()
        self._clients.submit_rivals(
            *(
                self._clients.wish(
                    OTHER_MINE,
                    ionic_output(self._code(), LAST_GRAMS),
                    then=lambda _tx_id: None,
                    certain=False,
                    valid_ms=valid_ms,
                )
                for _ in range(3)
            )
        )

    def _admit_newcomer(self) -> None:
        if not self._newcomer_asked:
            self._newcomer_asked = True
            made = self._clients.wish(
                MINISTRY,
                self._clients.notary.admission(NEWCOMER, activities=(Activity.TRADE,)),
                then=lambda _tx_id: self._buyers.append(NEWCOMER),
            )
            self._clients.submit_somewhere(made)

    def _sale(self, lot: Lot, buyer: MemberId, *, certain: bool, valid_ms: int) -> Wish:
        record = offer(lot.lot, buyer=buyer, invoice=f"INV-{self._number()}", date=TRADING_DAY)
        return self._clients.wish(
            lot.owner,
            record,
            then=lambda tx_id: self._offers.append(
                Offer(lot, self._transfer_of(tx_id), buyer, contested=not certain)
            ),
            certain=certain,
            valid_ms=valid_ms,
        )

    def _split_wish(self, lot: Lot, *, certain: bool, valid_ms: int = CERTAIN_MS) -> Wish:
        grosses = (lot.gross // 2, lot.gross - lot.gross // 2)
        children = tuple(Child(gross=Grams(gross), code=self._code()) for gross in grosses)
        record = SplitLot(lot=lot.lot, date=TRADING_DAY, children=children)

        def divided(tx_id: TxId) -> None:
            for part, gross in enumerate(grosses):
                self._lots.append(Lot(self._lot_of(tx_id, part), lot.owner, gross))

        return self._clients.wish(
            lot.owner, record, then=divided, certain=certain, valid_ms=valid_ms
        )

    def _acceptance(self, made: Offer, *, certain: bool, valid_ms: int = CERTAIN_MS) -> Wish:
        lot = made.lot
        record = accept(lot.lot, made.transfer, received_gross=Grams(lot.gross), date=TRADING_DAY)

        def taken(_tx_id: TxId) -> None:
            if not made.contested:
                self._lots.append(Lot(lot.lot, made.buyer, lot.gross))

        return self._clients.wish(
            made.buyer,
            record,
            then=taken,
            certain=certain,
            valid_ms=valid_ms,
        )

    # ---------- choosing

    def _rival_ms(self) -> int:
        return self._rng.randint(20_000, 45_000)

    def _take_lot(self) -> Lot | None:
        fit = [number for number, lot in enumerate(self._lots) if lot.gross >= 8 * UNIT_GROSS]
        return self._lots.pop(self._rng.choice(fit)) if fit else None

    def _buyer_for(self, lot: Lot) -> MemberId:
        return self._rng.choice([buyer for buyer in self._buyers if buyer != lot.owner])

    def _lot_of(self, tx_id: TxId, part: int = 0) -> LotId:
        return lot_of(self._clients.wishes[tx_id].parsed, part)

    def _transfer_of(self, tx_id: TxId) -> LotId:
        return transfer_of(self._clients.wishes[tx_id].parsed)

    def _code(self) -> str:
        return f"R-{self._number()}"

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
