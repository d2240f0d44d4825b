"""Questions about single lots and lists of lots: where is it, whose was it, what waits for me.

Lists are pages in the order of lot ids; ``next_after`` of a page is the ``after`` of the next one, and None
at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.queries.placed_records import PlacedRecord, RecordFinder
from ledger.queries.rows import row_at, row_of
from ledger.records.accept_transfer import AcceptTransfer
from ledger.state.lot_indexes import (
    LotStep,
    code_prefix,
    holder_prefix,
    offer_prefix,
    owner_prefix,
    step_prefix,
)
from ledger.state.rows import LotRow, RecordReference
from ledger.state.tables import LOTS
from ledger.store import INDEX, Reader
from ledger.wire.codec import decode
from ledger.wire.scalars import CivilDate, Grams, Height, LotId, MemberId, TxId

PAGE_LOTS_MAX: Final = 1_000
HISTORY_EVENTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot with its row."""

    id: LotId
    row: LotRow


@dataclass(frozen=True, slots=True)
class LotPage:
    """One page of a list of lots."""

    lots: tuple[Lot, ...]
    next_after: LotId | None
    """Where the next page starts; None when this is the last."""


@dataclass(frozen=True, slots=True)
class LotEvent:
    """A record that changed a lot, and what the lot was after it."""

    placed: PlacedRecord
    owner: MemberId
    holder: MemberId
    gross: Grams
    transfer: LotId | None
    """The transfer that locks the lot after the record."""
    holds: int


@dataclass(frozen=True, slots=True)
class Tenure:
    """A time during which a lot had the same owner and the same holder."""

    owner: MemberId
    holder: MemberId
    since_height: Height
    since_date: CivilDate | None
    """Claimed."""
    transfer: LotId | None
    """The transfer that brought it; None for who made the lot."""


@dataclass(frozen=True, slots=True)
class LotHistory:
    """Everything that happened to one lot, in the order in which it was applied."""

    lot: Lot
    events: tuple[LotEvent, ...]
    tenures: tuple[Tenure, ...]
    is_cut: bool
    """There are later events that are not shown."""


def lot_by_id(reader: Reader, lot_id: LotId) -> Lot | None:
    """Return a lot, live or exhausted, or None."""
    row = row_of(reader, LOTS, lot_id)
    return None if row is None else Lot(lot_id, row)


def lot_at(reader: Reader, lot_id: LotId, height: Height) -> LotRow | None:
    """Return the row of a lot as it was after the block at ``height``, or None before it was made."""
    return row_at(reader, LOTS, lot_id, height=height)


def lots_by_code(reader: Reader, creator: MemberId, code: str) -> tuple[Lot, ...]:
    """Return the lots that ``creator`` ever gave ``code`` to, newest first; at most one is live."""
    entries = reader.scan(INDEX + code_prefix(creator, code), reverse=True, limit=PAGE_LOTS_MAX)
    return _lots(reader, [LotId(key[-16:]) for key, _value in entries])


def open_offers(
    reader: Reader, buyer: MemberId, *, after: LotId | None = None, limit: int = 100
) -> LotPage:
    """Return the lots that are offered to ``buyer`` and not yet taken over; also disputed ones."""
    return _page(reader, offer_prefix(buyer), after, limit)


def lots_of_owner(
    reader: Reader, owner: MemberId, *, after: LotId | None = None, limit: int = 100
) -> LotPage:
    """Return the live lots that ``owner`` owns, wherever they lie."""
    return _page(reader, owner_prefix(owner), after, limit)


def lots_held_for_others(
    reader: Reader, holder: MemberId, *, after: LotId | None = None, limit: int = 100
) -> LotPage:
    """Return the live lots that lie with ``holder`` and belong to somebody else."""
    return _page(reader, holder_prefix(holder), after, limit)


def lot_history(
    reader: Reader, lot_id: LotId, *, limit: int = HISTORY_EVENTS_MAX
) -> LotHistory | None:
    """Return what happened to a lot: every record, every owner and holder; None if there is none."""
    lot = lot_by_id(reader, lot_id)
    if lot is None:
        return None
    events = lot_events(reader, RecordFinder(reader), lot_id, limit=limit + 1)
    shown = events[:limit]
    return LotHistory(lot, shown, _tenures(shown), is_cut=len(events) > limit)


def lot_events(
    reader: Reader, finder: RecordFinder, lot_id: LotId, *, limit: int
) -> tuple[LotEvent, ...]:
    """Return the first ``limit`` records that changed a lot, in the order in which they applied."""
    prefix = INDEX + step_prefix(lot_id)
    events: list[LotEvent] = []
    for key, value in reader.scan(prefix, limit=limit):
        name = key[len(prefix) + 8 :]
        reference = RecordReference(tx_id=TxId(name[:32]), index=int.from_bytes(name[32:], "big"))
        placed = finder.find(reference)
        if placed is not None:
            step = decode(LotStep, value)
            events.append(
                LotEvent(placed, step.owner, step.holder, step.gross, step.transfer, step.holds)
            )
    # The index orders the records of one block by their transaction ids.
    events.sort(key=lambda event: event.placed.place)
    return tuple(events)


def _tenures(events: Sequence[LotEvent]) -> tuple[Tenure, ...]:
    tenures: list[Tenure] = []
    for event in events:
        if tenures and (tenures[-1].owner, tenures[-1].holder) == (event.owner, event.holder):
            continue
        record = event.placed.record
        tenures.append(
            Tenure(
                owner=event.owner,
                holder=event.holder,
                since_height=event.placed.place.height,
                since_date=event.placed.date,
                transfer=record.transfer if isinstance(record, AcceptTransfer) else None,
            )
        )
    return tuple(tenures)


def _page(reader: Reader, prefix: bytes, after: LotId | None, limit: int) -> LotPage:
    limit = max(1, min(limit, PAGE_LOTS_MAX))
    start = None if after is None else INDEX + prefix + after + b"\0"
    entries = reader.scan(INDEX + prefix, start=start, limit=limit + 1)
    ids = [LotId(key[-16:]) for key, _value in entries]
    more = len(ids) > limit
    return LotPage(_lots(reader, ids[:limit]), ids[limit - 1] if more else None)


def _lots(reader: Reader, ids: Sequence[LotId]) -> tuple[Lot, ...]:
    found = (lot_by_id(reader, lot_id) for lot_id in ids)
    return tuple(lot for lot in found if lot is not None)
