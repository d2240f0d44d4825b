"""Transactions of the load: offers of parts, signed before the clock runs.

One transfer is one ``OfferTransfer`` record: a part with a code of its own and an invoice number of its own
is taken off a heavy lot and offered to the buyer. That is the dearest of the usual transfers: it changes
the lot, makes a lot, and enters two numbers and two members' months. A *trade* is such an offer and, when
that is final, the buyer's ``AcceptTransfer``.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.transfer_rules import TRANSFER_PART
from ledger.vocabulary import Purpose
from ledger.wire.scalars import Grams, MemberId
from ledger.wire.transaction import lot_id_of
from scripts.benchmark.founding import BUYER, Lane, Participants, Prepared

PART_GRAMS: Final = 1_000
_SIGN_AT_ONCE: Final = 64

_numbers = itertools.count(1)


def offer(participants: Participants, lane: Lane, number: int) -> OfferTransfer:
    """Return the offer of one part of a lane's lot; ``number`` makes code and invoice unique."""
    return OfferTransfer(
        lot=lane.lot,
        part_gross=Grams(PART_GRAMS),
        part_code=f"PART-{number}",
        buyer=MemberId(BUYER),
        purpose=Purpose.SALE,
        invoice=f"INV-{number}",
        date=participants.today,
        terms=None,
    )


@dataclass(slots=True)
class Stock:
    """Signed transactions of one lane, in the order to send them; more are signed when it runs out."""

    participants: Participants
    lane: Lane
    records_each: int = 1
    is_trade: bool = False
    signed_late: int = 0
    """How many had to be signed while the clock ran: the client's CPU time then holds that too."""
    _ready: deque[Prepared] = field(default_factory=deque)

    def fill(self, count: int) -> None:
        """Sign until ``count`` transactions are ready."""
        while len(self._ready) < count:
            self._sign()

    def take(self) -> Prepared:
        """Return the next transaction."""
        if not self._ready:
            before = len(self._ready)
            self.fill(_SIGN_AT_ONCE)
            self.signed_late += len(self._ready) - before
        return self._ready.popleft()

    def _sign(self) -> None:
        people = self.participants
        offers = [offer(people, self.lane, next(_numbers)) for _ in range(self.records_each)]
        offered = people.prepare(self.lane.seller, *offers)
        self._ready.append(offered)
        if self.is_trade:
            acceptance = AcceptTransfer(
                lot=lot_id_of(offered.tx_id, 0, 0),
                transfer=lot_id_of(offered.tx_id, 0, TRANSFER_PART),
                date=people.today,
                received_gross=Grams(PART_GRAMS),
                place="Ganzhou",
                seals="S1",
            )
            self._ready.append(people.prepare(BUYER, acceptance))
