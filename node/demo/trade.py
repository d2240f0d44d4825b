"""What happens to the lots: splits, offers, receipts, rejections, cancellations.

An agenda holds what is due, by day. Owners *decide* about a lot that lies free (keep it for a month,
divide it, sell a part, sell it whole); offers are *answered* (received, rejected, cancelled). Each
action writes one row and puts what follows from it on the agenda, until the last day; what is due later
stays undone, so some lots are in transit when the history ends. Codes and invoice numbers are
given when an action takes place, so each member's numbers rise with its dates.

Every row goes to the first wave in which what it builds on is final: the one after the last row about
the same lot in the same month, or wave 1. A row that would need more than ``WAVES_MAX`` waves waits
for the next month.

Simplifications: every offer is a sale with an invoice of its own; only whole lots are rejected or
cancelled; nothing is processed, merged or exported.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from node.demo.buyers import Buyers
from node.demo.draws import Draws, apportion, digest_of
from node.demo.enterprises import TRADERS, intake_facility
from node.demo.mining import MinedLot
from node.demo.records import (
    Cancellation,
    Flow,
    LotName,
    Offer,
    Receipt,
    Rejection,
    Sheet,
    SheetKind,
    Split,
)

WAVES_MAX: Final = 6

_CODE_STEP_G: Final = 10_000
"""Parts are weighed off in steps of 10 kg."""
_ROOM_FOR_PARTS_G: Final = 10_000_000
"""Lots under ten tonnes are not divided."""
_KEPT_PERMILLE: Final = 60
_SPLIT_PERMILLE: Final = 50
_PART_PERMILLE: Final = 260
_RESOLD_PERMILLE: Final = 110
_REJECTED_PERMILLE: Final = 30
_CANCELLED_PERMILLE: Final = 20
_SHORT_PERMILLE: Final = 70
_SALES_MAX: Final = 4
"""How often a lot or its parts change hands at most."""

_REJECTION_REASONS: Final = (
    "moisture above the contract's limit",
    "assay of the sample differs from the one offered",
    "seals broken on arrival",
    "no room in the store this month",
    "wrong buyer on the invoice, please issue again",
)
_CANCELLATION_REASONS: Final = (
    "no wagon before the month's end",
    "price not agreed",
    "invoice issued to the wrong buyer",
)


@dataclass(slots=True)
class _Lot:
    """A lot as its owner sees it: what is left of it, and where the last row about it stands."""

    name: LotName
    owner: str
    product: str
    gross_g: int
    day: date
    wave: int
    sales: int = 0
    parts_sold: int = 0
    is_child: bool = False
    refused_by: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Offered:
    """An open offer: the lot or part that is under way, and to whom."""

    lot: _Lot
    buyer: str
    invoice: str
    is_whole: bool


class Market:
    """Draws everything that happens to mined lots up to the last day."""

    def __init__(self, seed: int, last_day: date) -> None:
        self._draws = Draws(seed, "trade")
        self._last_day = last_day
        self._buyers = Buyers()
        self._traders = frozenset(trader.id for trader in TRADERS)
        self._intake = self._buyers.intake_facilities()
        self._agenda: list[tuple[date, int, _Lot | _Offered]] = []
        self._entries = 0
        self._numbers: dict[tuple[str, str], int] = defaultdict(int)
        self._rows: dict[tuple[int, int, str, SheetKind], list[Flow]] = defaultdict(list)
