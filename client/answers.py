"""What nodes answer to questions, as frozen typed values.

Every answer carries ``height`` and ``time_ms``: the block as of which it was read. Answers are what one node
says, without proof; what must be proven comes as a receipt, or is audited with ``monazite verify``. Byte
strings stay in hexadecimal and vocabulary in its lower-case names, as people read them. Fields that a newer
node adds are ignored; a missing or odd one means that the node does not speak this version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, TypeVar

import msgspec

from client.transport import NodeTroubleError
from ledger.wire.scalars import LotId

A = TypeVar("A", bound=msgspec.Struct)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A value that shows itself as a table in a notebook."""

    def as_dict(self) -> dict[str, Any]:
        """Return the value as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self.as_dict().items()
        )
        return f"<table>{rows}</table>"


class RecordName(Shown, frozen=True, kw_only=True):
    """Names one record on the ledger."""

    tx_id: str
    index: int


class Parcel(Shown, frozen=True, kw_only=True):
    """The part of a lot that came from one origin in one quota status."""

    origin: str
    status: str
    grams: tuple[tuple[str, int], ...]
    """Grams of oxide per element symbol."""


class Hold(Shown, frozen=True, kw_only=True):
    """Why a lot may not move."""

    case: str


class Transfer(Shown, frozen=True, kw_only=True):
    """The offer that locks a lot."""

    transfer: str
    seller: str
    buyer: str
    purpose: str
    invoice: str
    terms: str | None
    offered: int
    """Claimed date, YYYYMMDD."""
    state: int | str
    received: int


class LotContent(Shown, frozen=True, kw_only=True):
    """A lot as it stands on the ledger."""

    id: str
    product: str
    product_version: int
    owner: str
    holder: str
    place: str
    date: int
    """Claimed date of its last change of hands or making, YYYYMMDD."""
    gross: int
    """Gross grams; 0 when it has been used up."""
    parcels: tuple[Parcel, ...]
    holds: tuple[Hold, ...]
    code: str
    creator: str
    parents: tuple[str, ...]
    made_by: RecordName
    made_height: int
    transfer: Transfer | None

    @property
    def lot_id(self) -> LotId:
        """The id as records carry it."""
        return LotId(bytes.fromhex(self.id))

    @property
    def name(self) -> str:
        """The lot as people call it: ``creator/code``, or its id when it has no code."""
        return f"{self.creator}/{self.code}" if self.code else self.id

    @property
    def reo(self) -> int:
        """Grams of oxide of all elements together."""
        return sum(self.grams_by_element.values())

    @property
    def grams_by_element(self) -> dict[str, int]:
        """Grams of oxide per element symbol, over all parcels."""
        totals: dict[str, int] = {}
        for parcel in self.parcels:
            for symbol, grams in parcel.grams:
                totals[symbol] = totals.get(symbol, 0) + grams
        return totals


class Lot(LotContent, frozen=True, kw_only=True):
    """A lot, and the block as of which it was read."""

    height: int
    time_ms: int


class Key(Shown, frozen=True, kw_only=True):
    """A public key and what it may sign."""

    key: str
    role: str
    person: str
    valid_from_ms: int
    valid_until_ms: int
    revoked_ms: int


class Facility(Shown, frozen=True, kw_only=True):
    """One site and line of an enterprise."""

    id: str
    owner: str
    activity: str
    place: str
    ore: str
    ore_kind: str
    licence: str
    lines: int
    yearly_capacity: int
    process_stock_cap: int


class MemberEntry(Shown, frozen=True, kw_only=True):
    """A member as the register lists it."""

    id: str
    name: str
    kind: str
    office: str
    activities: tuple[str, ...]
    group: str
    province: str
    registration: str
    licences: tuple[str, ...]
    status: str
    status_reason: str
    admitted_ms: int


class Member(MemberEntry, frozen=True, kw_only=True):
    """A member with its keys and facilities."""

    keys: tuple[Key, ...]
    facilities: tuple[Facility, ...]
    height: int
    time_ms: int


class Offer(Shown, frozen=True, kw_only=True):
    """A lot that is offered to a buyer and waits for an answer."""

    lot: str
    transfer: str
    seller: str
    invoice: str
    gross: int
    product: str
    code: str
    creator: str
    offered: int
    """Claimed date, YYYYMMDD."""

    @property
    def name(self) -> str:
        """The lot as people call it."""
        return f"{self.creator}/{self.code}" if self.code else self.lot


class Offers(Shown, frozen=True, kw_only=True):
    """The open offers to one buyer."""

    offers: tuple[Offer, ...]
    height: int
    time_ms: int

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)


class Quota(Shown, frozen=True, kw_only=True):
    """A member's account of one bucket and year, in grams of oxide."""

    year: int
    bucket: str
    member: str
    granted: int
    used: int
    grants: tuple[RecordName, ...]
    height: int
    time_ms: int

    @property
    def left(self) -> int:
        """What may still be produced."""
        return self.granted - self.used


class Product(Shown, frozen=True, kw_only=True):
    """A product of the catalogue."""

    code: str
    version: int
    name: str
    product_class: str
    elements: tuple[str, ...]
    reo_permille_low: int
    reo_permille_high: int
    status_at_origin: str


class RecordShown(Shown, frozen=True, kw_only=True):
    """A record as its type and its fields."""

    type: str
    fields: dict[str, Any]


class TransactionState(Shown, frozen=True, kw_only=True):
    """What became of a transaction, as one node says."""

    tx_id: str
    state: str
    """``final``, ``pending`` or ``refused``."""
    reason: str = ""
    code: str = ""
    height: int | None = None
    """The block that holds it, when it is final."""
    index: int | None = None
    author: str = ""
    block_time_ms: int | None = None
    records: tuple[RecordShown, ...] = ()


class NamedValidator(Shown, frozen=True, kw_only=True):
    """A voter and who runs it."""

    name: str
    member: str


class PeerState(Shown, frozen=True, kw_only=True):
    """Another node, as seen from this one."""

    name: str
    connected: bool


class MempoolSize(Shown, frozen=True, kw_only=True):
    """What waits at a node."""

    transactions: int
    bytes: int


class Status(Shown, frozen=True, kw_only=True):
    """Where a node stands, as it says itself."""

    network: str
    chain_id: str
    node: str
    member: str
    software: str
    height: int
    time_ms: int
    block_id: str
    state_root: str
    log_root: str
    validators: tuple[NamedValidator, ...]
    view: int
    leader: str
    mempool: MempoolSize
    peers: tuple[PeerState, ...]
    evidence: tuple[Any, ...]
    halted: str
    validating: bool | None = None
    """Whether the node is a validator itself; None from a node that does not say."""

    @property
    def quorum(self) -> int:
        """How many validators have to agree on a block: all but the third that may fail."""
        return len(self.validators) - (len(self.validators) - 1) // 3

    @property
    def validators_reached(self) -> int:
        """How many validators the node is connected to, itself among them if it is one."""
        names = {entry.name for entry in self.validators}
        own = self.node in names if self.validating is None else self.validating
        connected = sum(peer.connected and peer.name in names for peer in self.peers)
        return connected + own

    @property
    def without_quorum(self) -> str:
        """Why nothing can become final as this node sees it, in words; empty when a quorum is there."""
        if self.validators_reached >= self.quorum:
            return ""
        return (
            f"no quorum reachable: {self.node} reaches {self.validators_reached} of "
            f"{len(self.validators)} validators, {self.quorum} are needed"
        )


def answer_of(kind: type[A], body: Mapping[str, Any]) -> A:
    """Return a JSON answer as a typed value.

    Raises:
        NodeTroubleError: A field is missing or of another kind; it is named.
    """
    try:
        return msgspec.convert(_without_rows(body), kind, strict=True)
    except msgspec.ValidationError as error:
        raise NodeTroubleError(
            f"answered with an odd {kind.__name__.lower()}: {error}; does it speak another version?"
        ) from error


def _without_rows(value: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Return the answer with ``{"id": …, "row": {…}}`` written as one object at every depth."""
    if isinstance(value, list):
        return [_without_rows(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if name == "row" and isinstance(item, Mapping):
            flat.update(_without_rows(item))
        else:
            flat[name] = _without_rows(item)
    return flat
