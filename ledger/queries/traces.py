"""Where a lot came from and what became of it: ``trace_lot``, the question that the ledger exists for.

Upstream it follows the parents of a lot to the records that brought its content into the traced world, with
the quota account that paid for each, and collects the transfers on the way. Of a parent only what
happened before the part was taken is on the way: to whom the rest of it was sold later is another story.
Downstream it follows the lots that were taken from it.

Through a campaign it goes by lines: what came out of one was mixed of its inputs and of what the line had
in process, and that of the campaign before. So upstream of an output are the inputs of its campaign
and, while there was opening stock, those of the earlier campaigns of the line; downstream of an input are the
outputs of its campaign and, while stock was left, those of the later ones.

The walk is breadth first, parents in the order of the row, children in the order of their ids, and never
looks at more than ``limit`` lots and events together. A trace that was cut says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ledger import civil
from ledger.queries.lots import Lot, LotEvent, lot_by_id, lot_events
from ledger.queries.placed_records import Place, PlacedRecord, RecordFinder
from ledger.queries.rows import row_of
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.campaign import Campaign
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.declare_excess import DeclareExcess
from ledger.records.found_lot import FoundLot
from ledger.records.import_lot import ImportLot
from ledger.records.mine_output import BUCKET_OF_ORE, MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.opening_stock import OpeningStock
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.scrap_intake import ScrapIntake
from ledger.state.lot_indexes import child_prefix, fed_prefix, line_entry, line_prefix
from ledger.state.rows import FacilityRow, QuotaRow, RecordReference
from ledger.state.tables import FACILITIES, QUOTAS
from ledger.store import INDEX, Reader
from ledger.vocabulary import Bucket, CampaignKind, TransferState
from ledger.wire.codec import decode
from ledger.wire.scalars import CivilDate, FacilityId, Grams, LotId, MemberId, TxId
from ledger.wire.transaction import lot_id_of

TRACE_LIMIT: Final = 10_000
_ENTRIES: Final = (ImportLot, ScrapIntake, OpeningStock, DeclareExcess, FoundLot)
_Answer = AcceptTransfer | RejectTransfer | CancelTransfer


@dataclass(frozen=True, slots=True)
class TracedLot:
    """A lot in a trace, as it is now."""

    lot: Lot
    depth: int
    """Steps away from the lot that was asked for."""
    made: PlacedRecord | None
    """The record that made it; None where the block is not kept."""


@dataclass(frozen=True, slots=True)
class PayingAccount:
    """The account that paid for an output, as it stands now."""

    year: int
    bucket: Bucket
    member: MemberId
    row: QuotaRow | None


@dataclass(frozen=True, slots=True)
class MineOrigin:
    """Where content entered the traced world: a mine's output."""

    lot_id: LotId
    placed: PlacedRecord
    output: MineOutput
    facility: FacilityRow | None
    account: PayingAccount | None
    reo: Grams
    """Grams of oxide of the whole output; the traced lot may hold only a part of it."""


@dataclass(frozen=True, slots=True)
class TracedTransfer:
    """An offer of one of the lots on the way, with its answer."""

    transfer: LotId
    lot_id: LotId
    seller: MemberId
    offer: PlacedRecord
    answer: PlacedRecord | None
    """None while the offer waits, or when the answer lies after the part was taken."""
    state: TransferState


@dataclass(frozen=True, slots=True)
class Trace:
    """The story of one lot."""

    lot: TracedLot
    upstream: tuple[TracedLot, ...]
    """Every lot that it was taken from, nearest first."""
    origins: tuple[MineOrigin, ...]
    transfers: tuple[TracedTransfer, ...]
    """On the way from the origins to the lot, and of the lot itself, in order."""
    downstream: tuple[TracedLot, ...]
    """Every lot that was taken from it, nearest first."""
    held: tuple[LotId, ...]
    """Lots of the upstream, or the lot itself, that are held now."""
    is_cut: bool
    """There is more than the limit allowed to look at."""
    entries: tuple[PlacedRecord, ...] = ()
    """Records other than a mine's by which content upstream entered the traced world, nearest first."""


@dataclass(slots=True)
class _Walk:
    """One trace under way."""

    reader: Reader
    finder: RecordFinder
    budget: int
    is_cut: bool = False
    until: dict[LotId, Place] = field(default_factory=dict)
    """For each parent, the last record of it that is on the way."""
    campaigns: set[tuple[FacilityId, int, CivilDate, bool]] = field(default_factory=set)
    """Campaigns that were followed, by line and end, and whether backwards."""

    def upstream(self, start: TracedLot) -> list[TracedLot]:
        """Return all ancestors of ``start``, nearest first."""
        queue = deque([start])
        known = {start.lot.id}
        found: list[TracedLot] = []
        while queue:
            child = queue.popleft()
            for parent_id, place in self._sources(child):
                self._on_the_way(parent_id, place)
                if parent_id in known:
                    continue
                known.add(parent_id)
                parent = self.visit(parent_id, child.depth + 1)
                if parent is not None:
                    found.append(parent)
                    queue.append(parent)
        return found

    def downstream(self, start: TracedLot) -> list[TracedLot]:
        """Return all lots that were taken from ``start``, directly or not, nearest first."""
        queue = deque([start])
        known = {start.lot.id}
        found: list[TracedLot] = []
        while queue:
            parent = queue.popleft()
            for child_id in self._products(parent.lot.id):
                if child_id in known:
                    continue
                known.add(child_id)
                child = self.visit(child_id, parent.depth + 1)
                if child is None:
                    break
                found.append(child)
                queue.append(child)
        return found

    def visit(self, lot_id: LotId, depth: int) -> TracedLot | None:
        """Return a lot, or None when there is none or the budget is spent."""
        if not self.budget:
            self.is_cut = True
            return None
        self.budget -= 1
        lot = lot_by_id(self.reader, lot_id)
        return None if lot is None else TracedLot(lot, depth, self.finder.find(lot.row.made_by))

    def transfers(self, lots: Iterable[TracedLot]) -> list[TracedTransfer]:
        """Return the transfers of ``lots`` as far as they are on the way, in order."""
        found: list[TracedTransfer] = []
        for traced in lots:
            events = lot_events(self.reader, self.finder, traced.lot.id, limit=self.budget + 1)
            if len(events) > self.budget:
                self.is_cut = True
                events = events[: self.budget]
            self.budget -= len(events)
            last = self.until.get(traced.lot.id)
            on_the_way = [event for event in events if last is None or event.placed.place <= last]
            found.extend(_transfers_of(traced.lot.id, on_the_way))
        found.sort(key=lambda transfer: transfer.offer.place)
        return found

    def origin(self, traced: TracedLot) -> MineOrigin | None:
        """Return the mine output that made a lot, or None when something else did."""
        made = traced.made
        if made is None or not isinstance(made.record, MineOutput):
            return None
        output = made.record
        facility = row_of(self.reader, FACILITIES, output.facility)
        account = None
        if facility is not None:
            year, bucket = civil.year_of(output.period_to), BUCKET_OF_ORE[facility.ore_kind]
            row = row_of(self.reader, QUOTAS, year, int(bucket), made.author)
            account = PayingAccount(year, bucket, made.author, row)
        reo = Grams(sum(grams for _element, grams in output.elements))
        return MineOrigin(traced.lot.id, made, output, facility, account, reo)

    def _sources(self, child: TracedLot) -> Iterator[tuple[LotId, Place | None]]:
        """Yield the lots that ``child`` was taken from or mixed of, and the place of that record."""
        place = self.finder.place_of(child.lot.row.made_by)
        for parent_id in child.lot.row.parents:
            yield parent_id, place
        made = child.made
        if made is None or not isinstance(made.record, Campaign):
            return
        for campaign in self._line(made, backwards=True):
            record = campaign.record
            if isinstance(record, Campaign):
                for entry in record.inputs:
                    yield entry.lot, campaign.place

    def _products(self, parent_id: LotId) -> Iterator[LotId]:
        """Yield the lots that were taken from ``parent_id``, or mixed with what it held."""
        prefix = INDEX + child_prefix(parent_id)
        for key, _value in self.reader.scan(prefix, limit=self.budget + 1):
            yield LotId(key[len(prefix) :])
        prefix = INDEX + fed_prefix(parent_id)
        for key, _value in self.reader.scan(prefix, limit=self.budget + 1):
            name = key[len(prefix) + 8 :]
            reference = RecordReference(
                tx_id=TxId(name[:32]), index=int.from_bytes(name[32:], "big")
            )
            fed = self.finder.find(reference)
            if fed is None:
                continue
            for campaign in self._line(fed, backwards=False):
                if isinstance(campaign.record, Campaign):
                    for number in range(len(campaign.record.outputs)):
                        place = campaign.place
                        yield lot_id_of(campaign.tx_id, place.record_index, number)

    def _line(self, start: PlacedRecord, *, backwards: bool) -> Iterator[PlacedRecord]:
        """Yield a campaign, and those of its line that stock connects with it.

        Each campaign is yielded once in a direction: whoever comes to it again has seen what follows.
        """
        record = start.record
        if not isinstance(record, Campaign):
            return
        if not self._follow(record, backwards=backwards):
            return
        yield start
        if record.kind is CampaignKind.BLENDING:
            return
        prefix = INDEX + line_prefix(record.facility, record.line)
        here = INDEX + line_entry(record.facility, record.line, record.period_to)
        entries = self.reader.scan(prefix, start=here, reverse=backwards)
        is_open = bool(record.opening if backwards else record.closing)
        for key, value in entries:
            if not is_open:
                return
            placed = None if key == here else self.finder.find(decode(RecordReference, value))
            if placed is None or not isinstance(placed.record, Campaign):
                continue
            if placed.record.kind is CampaignKind.BLENDING:
                continue
            if not self._follow(placed.record, backwards=backwards):
                return
            yield placed
            is_open = bool(placed.record.opening if backwards else placed.record.closing)

    def _follow(self, record: Campaign, *, backwards: bool) -> bool:
        """Tell whether a campaign is new in this direction and the budget allows to look at it."""
        name = (record.facility, record.line, record.period_to, backwards)
        if name in self.campaigns:
            return False
        if not self.budget:
            self.is_cut = True
            return False
        self.budget -= 1
        self.campaigns.add(name)
        return True

    def _on_the_way(self, parent_id: LotId, place: Place | None) -> None:
        """Note that everything of the parent up to the record at ``place`` is on the way."""
        if place is not None and (parent_id not in self.until or self.until[parent_id] < place):
            self.until[parent_id] = place


def trace_lot(reader: Reader, lot_id: LotId, *, limit: int = TRACE_LIMIT) -> Trace | None:
    """Return where a lot came from and what was taken from it, or None when there is no such lot.

    Args:
        reader: The store to read.
        lot_id: The lot, live or exhausted.
        limit: Lots and events to look at, at most; the trace says when that was not enough.
    """
    walk = _Walk(reader, RecordFinder(reader), max(1, limit))
    start = walk.visit(lot_id, 0)
    if start is None:
        return None
    upstream = walk.upstream(start)
    chain = [start, *upstream]
    transfers = walk.transfers(chain)
    downstream = walk.downstream(start)
    origins = (walk.origin(traced) for traced in chain)
    return Trace(
        lot=start,
        upstream=tuple(upstream),
        origins=tuple(origin for origin in origins if origin is not None),
        transfers=tuple(transfers),
        downstream=tuple(downstream),
        held=tuple(traced.lot.id for traced in chain if traced.lot.row.holds),
        is_cut=walk.is_cut,
        entries=tuple(
            traced.made
            for traced in chain
            if traced.made is not None and isinstance(traced.made.record, _ENTRIES)
        ),
    )


def _transfers_of(lot_id: LotId, events: Iterable[LotEvent]) -> list[TracedTransfer]:
    """Pair the offers of one lot with their answers."""
    offers: dict[LotId, PlacedRecord] = {}
    answers: dict[LotId, tuple[PlacedRecord, TransferState]] = {}
    for event in events:
        record = event.placed.record
        if isinstance(record, OfferTransfer) and event.transfer is not None:
            offers[event.transfer] = event.placed
        elif isinstance(record, _Answer):
            is_locked = event.transfer is not None
            answers[record.transfer] = (event.placed, _state_after(record, is_locked=is_locked))
    found: list[TracedTransfer] = []
    for transfer, offer in offers.items():
        answer, state = answers.get(transfer, (None, TransferState.OPEN))
        found.append(TracedTransfer(transfer, lot_id, offer.author, offer, answer, state))
    return found


def _state_after(answer: _Answer, *, is_locked: bool) -> TransferState:
    if isinstance(answer, RejectTransfer):
        return TransferState.REJECTED
    if isinstance(answer, CancelTransfer):
        return TransferState.CANCELLED
    return TransferState.DISPUTED if is_locked else TransferState.ACCEPTED
