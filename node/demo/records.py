"""What the demo history consists of: the rows of its files, as values.

Flows come in *sheets*: one member's rows of one kind, for one month and one *wave*. A row in
wave k depends only on earlier months and on waves below k of its own month, so a loader may
submit a whole wave at once, wait until it is final, and go on. Rows of a sheet stand in the
order of their dates.

A lot is named by who made it and the code that it was given. A part that was taken by an offer,
or a child of a split, is a lot of its own, made by the seller or splitter; what is left keeps
its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from node.demo.published import Product

Kind = Literal["authority", "enterprise"]
Activity = Literal[
    "mining", "separation", "metal", "recycling", "export", "import", "trade", "end_use"
]
FacilityOre = Literal["rock", "ionic", "none"]
Bucket = Literal["rock_mining", "ionic_mining", "separation"]
Purpose = Literal["sale", "toll", "consignment", "return"]
SheetKind = Literal["outputs", "splits", "offers", "receipts", "rejections", "cancellations"]


@dataclass(frozen=True, slots=True)
class Member:
    """An admitted organisation. ``group`` is the id of its group, empty for none."""

    id: str
    name: str
    kind: Kind
    activities: tuple[Activity, ...]
    group: str
    province: str
    registration: str
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facility:
    """One site of a member with one activity, under one of its owner's licences.

    ``ore`` names the published ore that a mine's output is compared with; empty for all others.
    """

    id: str
    owner: str
    activity: Activity
    place: str
    ore_kind: FacilityOre
    lines: int
    yearly_capacity_g: int
    process_stock_cap_g: int
    ore: str
    licence: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The national total of a bucket for a year."""

    year: int
    bucket: Bucket
    total_g: int
    document_digest: str
    day: date


@dataclass(frozen=True, slots=True)
class Grant:
    """One member's part of one batch."""

    year: int
    bucket: Bucket
    batch: int
    grantee: str
    grams: int
    document_digest: str
    day: date


@dataclass(frozen=True, slots=True, order=True)
class LotName:
    """Who made a lot, and the code that it was given."""

    creator: str
    code: str

    @property
    def text(self) -> str:
        """The name as files spell it: ``creator/code``."""
        return f"{self.creator}/{self.code}"


@dataclass(frozen=True, slots=True)
class Output:
    """A lot that a mine made. ``oxides_g`` stands in the order of ``ELEMENTS``."""

    period_from: date
    period_to: date
    facility: str
    product: str
    code: str
    gross_g: int
    oxides_g: tuple[int, ...]
    assay_digest: str

    @property
    def reo_g(self) -> int:
        """The sum of the oxides, which is what the quota counts."""
        return sum(self.oxides_g)


@dataclass(frozen=True, slots=True)
class Split:
    """A lot divided into children that add up to it exactly."""

    day: date
    lot: LotName
    codes: tuple[str, ...]
    gross_g: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A lot, or a part of it, offered to a buyer. Without a part the lot goes whole."""

    day: date
    lot: LotName
    part: tuple[int, str] | None
    buyer: str
    purpose: Purpose
    invoice: str
    terms_digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The buyer's acceptance of an offered lot. ``place`` is the facility that took it in."""

    day: date
    seller: str
    invoice: str
    lot: LotName
    received_gross_g: int
    place: str
    seals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """The buyer's refusal of an offered lot, which stays the seller's."""

    day: date
    seller: str
    invoice: str
    lot: LotName
    reason: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The seller's withdrawal of an offer that was not yet answered."""

    day: date
    lot: LotName
    invoice: str
    reason: str


Flow = Output | Split | Offer | Receipt | Rejection | Cancellation


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one kind that one member wrote for one wave of one month.

    ``month`` has the digits YYYYMM.
    """

    month: int
    wave: int
    member: str
    kind: SheetKind
    rows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class DemoHistory:
    """The whole history: master data in the order to submit them, then sheets by month and wave."""

    members: tuple[Member, ...]
    validators: tuple[str, ...]
    facilities: tuple[Facility, ...]
    products: tuple[Product, ...]
    plans: tuple[Plan, ...]
    grants: tuple[Grant, ...]
    sheets: tuple[Sheet, ...]

    @property
    def record_count(self) -> int:
        """How many records the history is: every row of master data and of flows counts one."""
        masters = (self.members, self.facilities, self.products, self.plans, self.grants)
        return sum(map(len, masters)) + sum(len(sheet.rows) for sheet in self.sheets)
