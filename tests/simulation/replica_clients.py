"""Clients of a market in trouble: they submit, wait, ask other nodes, and sell the same lot twice.

Every wish is a real signed transaction. Most can only succeed, since what they need is final already; some
come in groups that exclude each other, submitted at different nodes at one moment; a few are short-lived.
An eager client repeats a wish at any node until it has heard what became of it. A patient one relies on the
node that has admitted it, and asks elsewhere only when that node has died since. Some give up after one try.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ledger.parsed import ParsedTransaction
from ledger.records.record import Record
from ledger.records.split_lot import Child, SplitLot
from ledger.refusal import Refused
from ledger.vocabulary import Activity
from ledger.wire.scalars import VALIDITY_MS_MAX, CivilDate, Grams, Height, LotId, MemberId, TxId
from node.effects import Submission
from tests.simulation.checkers.promises import Promises
from tests.simulation.replica_founding import (
    LAST_GRAMS,
    LOT_UNITS,
    UNIT_GROSS,
    Founding,
    ionic_output,
    rock_output,
)
from tests.simulation.replica_world import ReplicaWorld
from tests.simulation.world import Slot
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
from tests.support.world import World

NEWCOMER = MemberId("newcomer-e")
TRADING_DAY = CivilDate(2024_03_30)
CERTAIN_MS = 900_000
"""Validity of what must become final."""
MARGIN_MS = 12_000
"""After its validity and this, a client no longer waits: clocks differ by less."""


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


@dataclass(slots=True)
class Wish:
    """One transaction, and what its client has heard."""

    parsed: ParsedTransaction
    then: Callable[[], None]
    """Called once it is known to be final."""
    certain: bool
    gives_up: bool
    patient: bool
    taken_by: tuple[Slot, int] | None = None
    """The node that has admitted it last, and which life of it."""
    next_ms: int = 0
    admitted: bool = False
    refusals: int = 0
    settled: str = ""
    """``final``, ``expired`` or ``too late``; empty while the client waits."""

    @property
    def relies(self) -> bool:
        """Whether a patient client's node still runs and has it."""
        if not self.patient or self.taken_by is None:
            return False
        slot, life = self.taken_by
        return slot.node is not None and slot.life == life


class Clients:
    """All clients of a run."""

    def __init__(self, world: ReplicaWorld, founded: Founding, rng: random.Random) -> None:
        self.world = world
        self.promises = Promises()
        self.wishes: dict[TxId, Wish] = {}
        self.groups: list[tuple[TxId, ...]] = []
        self._rng = rng
        self._notary = World(founded.genesis)
        self._lots = [Lot(lot, MINE, LOT_UNITS * UNIT_GROSS) for lot in founded.lots]
        self._offers: list[Offer] = []
        self._buyers = [BUYER, TRADER]
        self._numbers = 0
        self._quota_is_raced = False
        self._newcomer_asked = False
        world.listeners.append(self)

    # ---------- what nodes say

    def told_final(self, slot: Slot, tx_id: TxId, height: Height) -> None:
        self.promises.told_final(slot, tx_id, height)
        wish = self.wishes.get(tx_id)
        if wish is not None and wish.settled != "final":
            wish.settled = "final"
            wish.then()

    def told_expired(self, slot: Slot, tx_id: TxId) -> None:
        self.promises.told_expired(slot, tx_id)
        wish = self.wishes.get(tx_id)
        if wish is not None:
            wish.settled = wish.settled or "expired"

    # ---------- what clients do

    def act(self, *, invent: bool = True) -> None:
        """Repeat what is due, and perhaps wish for something new."""
        for wish in list(self.wishes.values()):
            if wish.settled or wish.gives_up or self.world.now_ms < wish.next_ms:
                continue
            if not wish.relies:
                self._ask(wish, self._rng.choice(self.world.slots))
        if invent:
            for _ in range(self._rng.randint(0, 3)):
                self._invent()

    def waiting(self) -> list[Wish]:
        """Return wishes whose clients still wait for an answer."""
        return [wish for wish in self.wishes.values() if not wish.settled and not wish.gives_up]

    def refused_everywhere(self) -> list[TxId]:
        """Return what no node has ever admitted."""
        return [tx_id for tx_id, wish in self.wishes.items() if not wish.admitted]

    def wish(
        self,
        author: MemberId,
        *records: Record,
        then: Callable[[TxId], None],
        certain: bool = True,
        valid_ms: int = CERTAIN_MS,
    ) -> Wish:
        """Sign a transaction; nothing is submitted yet."""
        until_ms = self.world.wall_start_ms + self.world.now_ms + min(valid_ms, VALIDITY_MS_MAX)
        parsed = self._notary.transaction(author, *records, valid_until_ms=until_ms)
        made = Wish(
            parsed,
            then=lambda: then(parsed.tx_id),
            certain=certain,
            gives_up=not certain and self._rng.random() < 0.15,
            patient=self._rng.random() < 0.5,
        )
        self.wishes[parsed.tx_id] = made
        return made

    def submit(self, wish: Wish, *slots: Slot) -> None:
        """Submit a wish at some nodes."""
        for slot in slots:
            self._ask(wish, slot)

    def _ask(self, wish: Wish, slot: Slot) -> None:
        world = self.world
        if self._is_too_late(wish):
            wish.settled = "too late"
            return
        wish.next_ms = world.now_ms + self._rng.choice((300, 1_000, 3_000))
        answer = world.ask(slot, wish.parsed.signed_bytes)
        match answer:
            case Submission.FINAL:
                place = self._height_at(slot, wish)
                self.told_final(slot, wish.parsed.tx_id, place)
            case Submission.ADMITTED | Submission.PENDING:
                wish.admitted = True
                wish.taken_by = (slot, slot.life)
            case Refused():
                wish.refusals += 1
            case _:
                pass

    def _is_too_late(self, wish: Wish) -> bool:
        """Tell whether no block takes it any more; a node that has it must still say so."""
        now_ms = self.world.wall_start_ms + self.world.now_ms
        return now_ms > wish.parsed.valid_until_ms + MARGIN_MS

    @staticmethod
    def _height_at(slot: Slot, wish: Wish) -> Height:
        for stored in slot.disk.chain:
            if wish.parsed.signed_bytes in stored.block.transactions:
                return stored.block.header.height
        raise AssertionError(f"{slot.name} calls {wish.parsed.tx_id.hex()} final; it has no block")

    # ---------- what they wish for

    def _invent(self) -> None:
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
        made = self.wish(
            MINE,
            record,
            then=lambda tx_id: self._lots.append(
                Lot(self._lot_of(tx_id), MINE, units * UNIT_GROSS)
            ),
        )
        self._submit_once(made)

    def _split(self) -> None:
        lot = self._take_lot()
        if lot is not None:
            self._submit_once(self._split_wish(lot, certain=True))

    def _sell(self, *, valid_ms: int, certain: bool) -> None:
        lot = self._take_lot()
        if lot is not None:
            self._submit_once(
                self._sale(lot, self._buyer_for(lot), certain=certain, valid_ms=valid_ms)
            )

    def _accept(self) -> None:
        if self._offers:
            made = self._offers.pop(self._rng.randrange(len(self._offers)))
            self._submit_once(self._acceptance(made, certain=True))

    def _sell_twice(self) -> None:
        lot = self._take_lot()
        if lot is None:
            return
        valid_ms = self._rival_ms()
        buyers = [buyer for buyer in self._buyers if buyer != lot.owner]
        self._rivals(
            self._sale(lot, buyers[0], certain=False, valid_ms=valid_ms),
            self._sale(lot, buyers[-1], certain=False, valid_ms=valid_ms),
        )

    def _split_or_sell(self) -> None:
        lot = self._take_lot()
        if lot is not None:
            valid_ms = self._rival_ms()
            self._rivals(
                self._split_wish(lot, certain=False, valid_ms=valid_ms),
                self._sale(lot, self._buyer_for(lot), certain=False, valid_ms=valid_ms),
            )

    def _accept_or_cancel(self) -> None:
        fit = [number for number, made in enumerate(self._offers) if not made.contested]
        if not fit:
            return
        made = self._offers.pop(self._rng.choice(fit))
        valid_ms = self._rival_ms()
        taken_back = self.wish(
            made.lot.owner,
            cancel(made.lot.lot, made.transfer, date=TRADING_DAY),
            then=lambda _tx_id: self._lots.append(made.lot),
            certain=False,
            valid_ms=valid_ms,
        )
        self._rivals(self._acceptance(made, certain=False, valid_ms=valid_ms), taken_back)

    def _race_for_quota(self) -> None:
        if self._quota_is_raced:
            return
        self._quota_is_raced = True
        valid_ms = self._rival_ms()
        self._rivals(
            *(
                self.wish(
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
            made = self.wish(
                MINISTRY,
                self._notary.admission(NEWCOMER, activities=(Activity.TRADE,)),
                then=lambda _tx_id: self._buyers.append(NEWCOMER),
            )
            self._submit_once(made)

    def _sale(self, lot: Lot, buyer: MemberId, *, certain: bool, valid_ms: int) -> Wish:
        record = offer(lot.lot, buyer=buyer, invoice=f"INV-{self._number()}", date=TRADING_DAY)
        return self.wish(
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

        return self.wish(lot.owner, record, then=divided, certain=certain, valid_ms=valid_ms)

    def _acceptance(self, made: Offer, *, certain: bool, valid_ms: int = CERTAIN_MS) -> Wish:
        lot = made.lot
        record = accept(lot.lot, made.transfer, received_gross=Grams(lot.gross), date=TRADING_DAY)

        def taken(_tx_id: TxId) -> None:
            if not made.contested:
                self._lots.append(Lot(lot.lot, made.buyer, lot.gross))

        return self.wish(
            made.buyer,
            record,
            then=taken,
            certain=certain,
            valid_ms=valid_ms,
        )

    # ---------- choosing

    def _rivals(self, *wishes: Wish) -> None:
        """Submit wishes that exclude each other, each at a node of its own."""
        self.groups.append(tuple(wish.parsed.tx_id for wish in wishes))
        slots = self._rng.sample(self.world.slots, len(wishes))
        for wish, slot in zip(wishes, slots, strict=True):
            self.submit(wish, slot)

    def _submit_once(self, wish: Wish) -> None:
        count = self._rng.choice((1, 1, 2))
        self.submit(wish, *self._rng.sample(self.world.slots, count))

    def _rival_ms(self) -> int:
        return self._rng.randint(20_000, 45_000)

    def _take_lot(self) -> Lot | None:
        fit = [number for number, lot in enumerate(self._lots) if lot.gross >= 8 * UNIT_GROSS]
        return self._lots.pop(self._rng.choice(fit)) if fit else None

    def _buyer_for(self, lot: Lot) -> MemberId:
        return self._rng.choice([buyer for buyer in self._buyers if buyer != lot.owner])

    def _lot_of(self, tx_id: TxId, part: int = 0) -> LotId:
        return lot_of(self.wishes[tx_id].parsed, part)

    def _transfer_of(self, tx_id: TxId) -> LotId:
        return transfer_of(self.wishes[tx_id].parsed)

    def _code(self) -> str:
        return f"R-{self._number()}"

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
