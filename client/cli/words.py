"""Figures, dates and lots in words, as all commands write them."""

from __future__ import annotations

import datetime

from client.answers import LotContent
from client.days import written_date


def mass(grams: int) -> str:
    """Return a mass exactly, in kilograms from a kilogram on: ``1,234.567 kg``, ``40 kg``, ``999 g``."""
    if abs(grams) < 1_000:
        return f"{grams} g"
    kilograms, rest = divmod(grams, 1_000)
    return f"{kilograms:,}.{rest:03} kg" if rest else f"{kilograms:,} kg"


def counted(count: int, thing: str) -> str:
    """Return a number of things: ``1 record``, ``2 records``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def moment(time_ms: int) -> str:
    """Return a time as ``2024-03-31 00:00:00 UTC``."""
    try:
        value = datetime.datetime.fromtimestamp(time_ms // 1_000, tz=datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"
    return value.strftime("%Y-%m-%d %H:%M:%S UTC")


def as_of(height: int, time_ms: int) -> str:
    """Return the line that says when an answer was true, and what it is worth."""
    return f"as of block {height}, {moment(time_ms)}; as one node says, without proof"


def share(part: int, whole: int) -> str:
    """Return a share in percent with one decimal, rounded down: ``24.9%``."""
    if whole <= 0:
        return "0%"
    permille = part * 1_000 // whole
    return f"{permille // 10}.{permille % 10}%"


def composition(lot: LotContent) -> str:
    """Return the oxides of a lot, the largest first: ``Ce 50.0%, La 25.0%``."""
    totals = sorted(lot.grams_by_element.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{symbol} {share(grams, lot.reo)}" for symbol, grams in totals)


def whereabouts(lot: LotContent) -> str:
    """Return who has a lot now and what locks it."""
    if not lot.gross:
        return "used up"
    place = f" at {lot.place}" if lot.place else ""
    if lot.owner == lot.holder:
        words = f"with {lot.holder}{place}"
    else:
        words = f"with {lot.holder}{place}, belongs to {lot.owner}"
    if lot.transfer is not None:
        since = written_date(lot.transfer.offered)
        words += f"; offered to {lot.transfer.buyer} ({lot.transfer.purpose}) since {since}"
    for hold in lot.holds:
        words += f"; HELD, case {hold.case}"
    return words
