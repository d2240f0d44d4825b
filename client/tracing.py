"""The story of a lot, as typed values: what ``Client.trace`` returns and ``monazite trace`` draws."""

from __future__ import annotations

from client.answers import LotContent, RecordShown, Shown


class PlaceOnLedger(Shown, frozen=True, kw_only=True):
    """Where a record stands; places are ordered as the records were applied."""

    height: int
    transaction_index: int
    record_index: int


class PlacedRecord(Shown, frozen=True, kw_only=True):
    """A record with everything about it that is not in it."""

    place: PlaceOnLedger
    time_ms: int
    tx_id: str
    author: str
    record: RecordShown


class TracedLot(Shown, frozen=True, kw_only=True):
    """A lot on the way, as it is now."""

    lot: LotContent
    depth: int
    """Steps away from the lot that was asked for."""
    made: PlacedRecord | None
    """The record that made it."""


class MineFacility(Shown, frozen=True, kw_only=True):
    """The mine of an origin."""

    owner: str
    place: str
    ore: str
    ore_kind: str
    licence: str


class OriginAccount(Shown, frozen=True, kw_only=True):
    """The quota account that paid for an output, as it stands now, in grams of oxide."""

    year: int
    bucket: str
    member: str
    granted: int = 0
    used: int = 0


class MineOrigin(Shown, frozen=True, kw_only=True):
    """Where content entered the traced world: a mine's output."""

    lot_id: str
    placed: PlacedRecord
    output: RecordShown
    facility: MineFacility | None
    account: OriginAccount | None
    reo: int
    """Grams of oxide of the whole output; the traced lot may hold only a part of it."""


class TracedTransfer(Shown, frozen=True, kw_only=True):
    """An offer of one of the lots on the way, with its answer."""

    transfer: str
    lot_id: str
    seller: str
    offer: PlacedRecord
    answer: PlacedRecord | None
    """None while the offer waits, or when the answer lies after the part was taken."""
    state: str


class Trace(Shown, frozen=True, kw_only=True):
    """Where a lot came from and what was taken from it."""

    lot: TracedLot
    upstream: tuple[TracedLot, ...]
    """Every lot that it was taken from, nearest first."""
    origins: tuple[MineOrigin, ...]
    transfers: tuple[TracedTransfer, ...]
    """On the way from the origins to the lot, and of the lot itself, in order."""
    downstream: tuple[TracedLot, ...]
    """Every lot that was taken from it, nearest first."""
    held: tuple[str, ...]
    """Lots of the upstream, or the lot itself, that are held now."""
    is_cut: bool
    """There is more than the node was ready to look at."""
    height: int
    time_ms: int
