"""What happens to the lots: splits, offers, receipts, rejections, cancellations.

An agenda holds what is due, by day. An owner *decides* about a lot that lies free: keep it until
the next month, divide it, sell a part, or sell it whole. An offer is *answered*: received,
rejected, or cancelled. Each action writes a row and puts what follows from it on the agenda.
What is due after the last day stays undone, so some lots are in transit when the history ends.
Codes and invoice numbers are given when an action takes place; each member's numbers rise with
its dates.

A part whose offer is rejected or cancelled stays a lot of its own and is offered again whole.

Simplifications: every offer is a sale with an invoice of its own; nothing is processed, merged
or exported.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from node.demo.buyers import Buyers, draw_transit_days, intake_of, is_trader
from node.demo.draws import Draws, apportion, digest_of
from node.demo.mining import MinedLot
from node.demo.records import Cancellation, LotName, Offer, Receipt, Rejection, Split
from node.demo.sheets import WAVES_MAX, SheetBook, Step, step_after

_KEPT_PERMILLE: Final = 60
_DIVIDED_PERMILLE: Final = 50
_SOLD_IN_PARTS_PERMILLE: Final = 260
_RESOLD_PERMILLE: Final = 110
_REJECTED_PERMILLE: Final = 30
_CANCELLED_PERMILLE: Final = 20
_SHORT_PERMILLE: Final = 70
_SHORT_TEN_THOUSANDTHS: Final = (1, 18)
"""What a short receipt lacks: well within the tolerance of 0.2 %."""

_PARTS_MAX: Final = 2
"""How many parts an owner sells off a lot before selling what is left."""
_SALES_MAX: Final = 4
"""How often a lot, or what it was part of, changes hands at most."""
_WEIGHING_STEP_G: Final = 10_000

_REJECTION_REASONS: Final = (
    "moisture above the limit of the contract",
    "assay of the sample differs from the one offered",
    "seals broken on arrival",
    "no room in the store, please offer again next month",
)
_CANCELLATION_REASONS: Final = (
    "no wagon before the month's end",
    "price not agreed",
    "invoice issued to the wrong buyer",
)


_Answer = Literal["received", "rejected", "cancelled"]


@dataclass(slots=True)
class _Lot:
    """A lot as its owner sees it; ``last`` is the step of the last row about it.

    ``closed_to`` are its owners so far, and buyers that rejected it: it is not offered to them.
    """

    name: LotName
    owner: str
    product: str
    gross_g: int
    grade_permille: int
    last: Step
    closed_to: frozenset[str]
    sales: int = 0
    parts_sold: int = 0
    was_kept: bool = False
    goes_whole: bool = False

    @property
    def reo_g(self) -> int:
        """About how much REO it holds."""
        return self.gross_g * self.grade_permille // 1000


@dataclass(frozen=True, slots=True)
class _Delivery:
    """An open offer: the lot that is under way and how it will be answered."""

    lot: _Lot
    buyer: str
    ordered: date
    invoice: str
    answer: _Answer


class Market:
    """Draws what happens to mined lots up to the last day, and writes it into a sheet book."""

    def __init__(self, seed: int, last_day: date, tags: dict[str, str], book: SheetBook) -> None:
        self._draws = Draws(seed, "trade")
        self._last_day = last_day
        self._tags = tags
        self._book = book
        self._buyers = Buyers(self._draws)
        self._agenda: list[tuple[date, int, MinedLot | _Lot | _Delivery]] = []
        self._entries = 0

    def expect(self, mined: MinedLot) -> None:
        """Put an output on the agenda, for the last day of its period."""
        self._put(mined, mined.output.period_to)

    def run(self) -> None:
        """Carry out everything that is due up to the last day."""
        while self._agenda:
            day, _, due = heapq.heappop(self._agenda)
            if isinstance(due, MinedLot):
                self._report(due, day)
                continue
            lot = due if isinstance(due, _Lot) else due.lot
            step = step_after(lot.last, day)
            if step.wave > WAVES_MAX:
                self._put(due, _first_of_next_month(day))
            elif isinstance(due, _Lot):
                self._decide(due, day, step)
            else:
                self._answer(due, day, step)

    def _later(self, due: _Lot | _Delivery, day: date, days_min: int, days_max: int) -> None:
        self._put(due, day + timedelta(days=self._draws.between(days_min, days_max)))

    def _put(self, due: MinedLot | _Lot | _Delivery, day: date) -> None:
        if day <= self._last_day:
            # The count keeps equal days in the order of entry, and lots from being compared.
            self._entries += 1
            heapq.heappush(self._agenda, (day, self._entries, due))

    def _report(self, mined: MinedLot, day: date) -> None:
        """Write an output and let its mine decide about the lot some days later."""
        output, owner = mined.output, mined.mine.id
        step = step_after(None, day)
        self._book.write(step, owner, "outputs", output)
        name = LotName(owner, output.code)
        grade = output.reo_g * 1000 // output.gross_g
        closed_to = frozenset((owner,))
        lot = _Lot(name, owner, output.product, output.gross_g, grade, step, closed_to)
        self._later(lot, day, 0, 5)

    def _decide(self, lot: _Lot, day: date, step: Step) -> None:
        """Let the owner of a free lot do something with it."""
        if lot.goes_whole:
            self._offer_whole(lot, day, step)
        elif lot.sales and not is_trader(lot.owner):
            # A separator passes a part on and keeps what is left for its own lines.
            self._offer_part(lot, day, step)
        elif not lot.was_kept and self._draws.happens(_KEPT_PERMILLE):
            lot.was_kept = True
            self._later(lot, _first_of_next_month(day), 0, 9)
        elif not lot.parts_sold and self._draws.happens(_DIVIDED_PERMILLE):
            self._divide(lot, day, step)
        elif lot.parts_sold < _PARTS_MAX and self._draws.happens(_SOLD_IN_PARTS_PERMILLE):
            self._offer_part(lot, day, step)
            self._later(lot, day, 1, 8)
        else:
            self._offer_whole(lot, day, step)

    def _divide(self, lot: _Lot, day: date, step: Step) -> None:
        weights = [self._draws.around(1000, 300) for _ in range(self._draws.between(2, 3))]
        parts_g = apportion(lot.gross_g, weights)
        codes = tuple(self._code(lot.owner, day, "S") for _ in parts_g)
        split = Split(day, lot.name, codes, parts_g)
        self._book.write(step, lot.owner, "splits", split)
        for code, part_g in zip(codes, parts_g, strict=True):
            child = self._part_of(lot, code, part_g, step)
            child.goes_whole = True
            self._later(child, day, 0, 4)

    def _offer_part(self, lot: _Lot, day: date, step: Step) -> None:
        wished_g = lot.gross_g * self._draws.between(30, 60) // 100
        part_g = wished_g - wished_g % _WEIGHING_STEP_G
        part_reo_g = part_g * lot.grade_permille // 1000
        buyer = self._buyers.draw(lot.product, part_reo_g, lot.closed_to, day)
        if buyer is None or part_g == 0:
            return
        part = self._part_of(lot, self._code(lot.owner, day, "P"), part_g, step)
        lot.gross_g -= part_g
        lot.parts_sold += 1
        lot.last = step
        self._offer(lot.name, part, buyer, day, (part_g, part.name.code))

    def _offer_whole(self, lot: _Lot, day: date, step: Step) -> None:
        buyer = self._buyers.draw(lot.product, lot.reo_g, lot.closed_to, day)
        if buyer is None:
            # Everybody's stores are full for now.
            self._later(lot, _first_of_next_month(day), 0, 9)
            return
        lot.last = step
        self._offer(lot.name, lot, buyer, day, None)

    def _offer(
        self, source: LotName, goods: _Lot, buyer: str, day: date, part: tuple[int, str] | None
    ) -> None:
        """Write the offer of ``goods`` and draw when and how it is answered."""
        seller = goods.owner
        self._buyers.take_in(buyer, goods.reo_g, day)
        number = self._book.number(seller, f"invoice {day.year}")
        invoice = f"{self._tags[seller]}{day.year}-{number:05}"
        terms = digest_of("terms", seller, invoice)
        offer = Offer(day, source, part, buyer, "sale", invoice, terms)
        self._book.write(goods.last, seller, "offers", offer)
        outcomes: tuple[_Answer, ...] = ("cancelled", "rejected", "received")
        accepted = 1000 - _CANCELLED_PERMILLE - _REJECTED_PERMILLE
        chances = (_CANCELLED_PERMILLE, _REJECTED_PERMILLE, accepted)
        answer = self._draws.weighted(outcomes, chances)
        days = draw_transit_days(seller, buyer, self._draws)
        if answer == "cancelled":
            days = self._draws.between(0, 1)
        self._put(_Delivery(goods, buyer, day, invoice, answer), day + timedelta(days=days))

    def _answer(self, delivery: _Delivery, day: date, step: Step) -> None:
        if delivery.answer == "received":
            self._receive(delivery, day, step)
            return
        lot, buyer = delivery.lot, delivery.buyer
        if delivery.answer == "rejected":
            reason = self._draws.one_of(_REJECTION_REASONS)
            rejection = Rejection(day, lot.owner, delivery.invoice, lot.name, reason)
            self._book.write(step, buyer, "rejections", rejection)
            lot.closed_to |= {buyer}
        else:
            reason = self._draws.one_of(_CANCELLATION_REASONS)
            cancellation = Cancellation(day, lot.name, delivery.invoice, reason)
            self._book.write(step, lot.owner, "cancellations", cancellation)
        self._buyers.take_in(buyer, -lot.reo_g, delivery.ordered)
        lot.last = step
        lot.goes_whole = True
        self._later(lot, day, 1, 9)

    def _receive(self, delivery: _Delivery, day: date, step: Step) -> None:
        lot, buyer = delivery.lot, delivery.buyer
        seals = tuple(f"S{self._draws.below(10**7):07}" for _ in range(self._draws.between(1, 2)))
        received_g = lot.gross_g
        if self._draws.happens(_SHORT_PERMILLE):
            received_g -= received_g * self._draws.between(*_SHORT_TEN_THOUSANDTHS) // 10_000
        receipt = Receipt(
            day=day,
            seller=lot.owner,
            invoice=delivery.invoice,
            lot=lot.name,
            received_gross_g=received_g,
            place=intake_of(buyer),
            seals=seals,
        )
        self._book.write(step, buyer, "receipts", receipt)
        self._buyers.take_in(lot.owner, -lot.reo_g, day)
        bought = self._part_of(lot, lot.name.code, received_g, step)
        bought.name = lot.name
        bought.owner = buyer
        bought.closed_to |= {buyer}
        bought.sales += 1
        may_resell = bought.sales < _SALES_MAX
        if may_resell and (is_trader(buyer) or self._draws.happens(_RESOLD_PERMILLE)):
            self._later(bought, day, 2, 25)

    def _part_of(self, lot: _Lot, code: str, gross_g: int, step: Step) -> _Lot:
        """Give a lot made from ``lot`` by its owner."""
        name = LotName(lot.owner, code)
        return _Lot(
            name=name,
            owner=lot.owner,
            product=lot.product,
            gross_g=gross_g,
            grade_permille=lot.grade_permille,
            last=step,
            closed_to=lot.closed_to,
            sales=lot.sales,
        )

    def _code(self, owner: str, day: date, letter: str) -> str:
        """Give the next code of an owner's month: P for a part, S for a child of a split."""
        number = self._book.number(owner, f"code {letter}{day:%y%m}")
        return f"{self._tags[owner]}-{day:%y%m}-{letter}{number:03}"


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
