"""The rows of the state: what the ledger knows at one height.

Rows are canonical wire structs, immutable, replaced as a whole. A mass is in grams; a time in
milliseconds since 1970; a date is a civil day as YYYYMMDD. ``tx_id`` and ``index`` name the record that
made a row, so that every figure leads back to a signature.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    Element,
    ExternalNumberKind,
    MemberKind,
    MemberStatus,
    OreKind,
    ProductClass,
    Purpose,
    QuotaStatus,
    Role,
)
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    VALIDATORS_MAX,
    CivilDateField,
    CodeField,
    CountField,
    DigestField,
    GramsField,
    HeightField,
    LotIdField,
    MemberIdField,
    NameField,
    ProductCodeField,
    PublicKeyField,
    TextField,
    TimeField,
    TxId,
    TxIdField,
    VersionField,
)

ADMIN_KEYS_MAX: Final = 8
"""Admin keys of one member that are not revoked, at most; bounds the work of revoking one (D17)."""

Permille = Annotated[int, Meta(ge=0, le=2_000)]
"""Grams in a thousand; above 1,000 for metals counted as oxide."""


class RecordReference(WireStruct, frozen=True, array_like=True):
    """Names one record on the ledger."""

    tx_id: TxIdField
    index: CountField


GENESIS_REFERENCE: Final = RecordReference(tx_id=TxId(bytes(32)), index=0)
"""Stands where a row names its record but the genesis document made the row."""


class ShareBand(WireStruct, frozen=True, array_like=True):
    """How much of an ore's oxide is in a group of elements."""

    elements: tuple[Element, ...]
    low_permille: Permille
    high_permille: Permille


class Fingerprint(WireStruct, frozen=True, array_like=True):
    """Published composition of a known ore; a mine names the ore that it digs."""

    ore: NameField
    kind: OreKind
    bands: tuple[ShareBand, ...]


class ParametersRow(WireStruct, frozen=True, array_like=True):
    """Network parameters: set in the genesis, changed by governance, never retroactively."""

    network: NameField
    """Name of the network; part of every proof of possession."""
    ministry: MemberIdField
    """The member that holds the office of the ministry."""
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)]
    """Civil time of the network; no daylight saving, no time-zone database."""
    filing_deadline_day: Annotated[int, Meta(ge=1, le=28)]
    transit_tolerance_basis_points: Annotated[int, Meta(ge=0, le=10_000)]
    """Largest loss between sent and received that is booked without a dispute, in 1/10,000."""
    fingerprints: tuple[Fingerprint, ...]


class MemberRow(WireStruct, frozen=True, array_like=True):
    """An admitted organisation."""

    name: NameField
    kind: MemberKind
    office: AuthorityOffice
    activities: tuple[Activity, ...]
    group: Annotated[str, Meta(max_length=32)]
    """Id of the group that it belongs to; empty when none."""
    province: Annotated[str, Meta(max_length=128)]
    registration: CodeField
    licences: tuple[CodeField, ...]
    status: MemberStatus
    status_reason: TextField
    admitted_ms: TimeField
    admitted_by: RecordReference | None
    """None for founders, whom the genesis admits."""
    admin_keys: Annotated[tuple[PublicKeyField, ...], Meta(max_length=ADMIN_KEYS_MAX)]
    """The admin keys that are not revoked, oldest first: the last valid one cannot be."""


class KeyRow(WireStruct, frozen=True, array_like=True):
    """A public key, whose it is and what it may sign."""

    owner: MemberIdField
    role: Role
    person: NameField
    """Who holds it, in words; two inspectors are two persons."""
    valid_from_ms: TimeField
    valid_until_ms: TimeField
    """First time at which it is no longer valid."""
    revoked_ms: TimeField
    """Block time of its revocation; 0 while it is not revoked."""


class ValidatorRow(WireStruct, frozen=True, array_like=True):
    """One voter of the epoch, with the key that identifies its node to other nodes."""

    name: MemberIdField
    member: MemberIdField
    consensus_key: PublicKeyField
    node_key: PublicKeyField


class ValidatorsRow(WireStruct, frozen=True, array_like=True):
    """The voters of the epoch, ordered by name. Changed by governance only."""

    validators: Annotated[tuple[ValidatorRow, ...], Meta(min_length=1, max_length=VALIDATORS_MAX)]


class FacilityRow(WireStruct, frozen=True, array_like=True):
    """One site and line of an enterprise, with one activity."""

    owner: MemberIdField
    activity: Activity
    place: NameField
    ore: Annotated[str, Meta(max_length=128)]
    """Name of the ore's published fingerprint; empty when it has none."""
    ore_kind: OreKind
    licence: CodeField
    lines: Annotated[int, Meta(ge=1, le=1_000)]
    yearly_capacity: GramsField
    """Grams of oxide a year."""
    process_stock_cap: GramsField


class FacilityYearRow(WireStruct, frozen=True, array_like=True):
    """What a facility has produced in a calendar year, in grams of oxide."""

    produced: GramsField


class ProductRow(WireStruct, frozen=True, array_like=True):
    """One version of a product of the catalogue."""

    version: VersionField
    name: NameField
    product_class: ProductClass
    elements: tuple[Element, ...]
    """The elements of a single product; empty when mixed: any."""
    reo_permille_low: Permille
    reo_permille_high: Permille
    status_at_origin: QuotaStatus
    customs_codes: tuple[CodeField, ...]
    ore_kind: OreKind
    """Kind of mine that an ore comes from; NONE for every other class."""


class PlanRow(WireStruct, frozen=True, array_like=True):
    """The national total of one bucket and year."""

    total: GramsField
    granted: GramsField
    document: DigestField
    set_by: RecordReference


class QuotaRow(WireStruct, frozen=True, array_like=True):
    """One member's account of one bucket and year, in grams of oxide."""

    granted: GramsField
    used: GramsField
    grants: tuple[RecordReference, ...]
    """The newest grants behind the account, at most 64; older ones are found by history."""

    @property
    def left(self) -> int:
        """What may still be produced."""
        return self.granted - self.used


class Parcel(WireStruct, frozen=True, array_like=True):
    """The part of a lot that came from one origin in one quota status."""

    origin: CodeField
    """Where it entered the traced world: ``mine/<facility>`` so far."""
    status: QuotaStatus
    grams: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""


class OpenTransfer(WireStruct, frozen=True, array_like=True):
    """An offer that waits for the buyer; it locks the whole lot that carries it."""

    transfer: LotIdField
    """Id of the transfer, derived from its record; a lot may be offered again under another."""
    seller: MemberIdField
    buyer: MemberIdField
    purpose: Purpose
    invoice: Annotated[str, Meta(max_length=64)]
    """Invoice number of the seller; empty while it is to follow."""
    terms: DigestField | None
    """Digest of the sealed commercial terms."""
    offered: CivilDateField
    """Claimed date of the offer."""
    state: Annotated[int, Meta(ge=1, le=5)]
    """``TransferState``; OPEN, or DISPUTED when the received quantity is off."""
    received: GramsField
    """Received gross grams of a disputed transfer; 0 before."""


class Hold(WireStruct, frozen=True, array_like=True):
    """A reason why a lot may not move."""

    case: NameField


class LotRow(WireStruct, frozen=True, array_like=True):
    """A quantity of one product at one facility or place."""

    product: ProductCodeField
    product_version: VersionField
    owner: MemberIdField
    """Whose it is."""
    holder: MemberIdField
    """Who has it; differs from the owner under toll work and consignment."""
    place: TextField
    date: CivilDateField
    """Claimed date of its last change of hands or making; nothing that uses it is dated earlier."""
    gross: GramsField
    """0 when it has been used up."""
    parcels: tuple[Parcel, ...]
    holds: tuple[Hold, ...]
    code: Annotated[str, Meta(max_length=64)]
    """Container code given by ``creator``; empty when none."""
    creator: MemberIdField
    """The member that made the lot; codes are unique per creator while the lot is live."""
    parents: tuple[LotIdField, ...]
    """The lots that it was taken from; empty at an origin."""
    made_by: RecordReference
    made_height: HeightField
    transfer: OpenTransfer | None

    @property
    def reo(self) -> int:
        """Grams of oxide of all elements together."""
        return sum(grams for parcel in self.parcels for _element, grams in parcel.grams)


class LossRow(WireStruct, frozen=True, array_like=True):
    """What went missing on the way to one member in one calendar year, within the tolerance."""

    receipts: CountField
    """How many of its receipts were short."""
    sent: GramsField
    """Gross grams that were sent under those receipts."""
    gross: GramsField
    """Gross grams of them that did not arrive."""
    grams: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""


class ExternalNumberRow(WireStruct, frozen=True, array_like=True):
    """The use of a number that somebody else issued."""

    kind: ExternalNumberKind
    counterparty: Annotated[str, Meta(max_length=32)]
    """The other party of an invoice; the member of a registration or licence; empty elsewhere."""
    reference: RecordReference
    """The first record that used it; ``GENESIS_REFERENCE`` for a founder's."""
    lot: LotIdField | None
    """The live lot that carries a container code."""
    facility: Annotated[str, Meta(max_length=32)] = ""
    """The mine that a licence serves: one facility per mining licence. Empty elsewhere."""


class MemberMonthRow(WireStruct, frozen=True, array_like=True):
    """Every record that touches one member in one month: how many, and their running digest."""

    count: CountField
    digest: DigestField
    """``H(member-month, previous || tx_id || index u32 || height u64 || time u64)``, from 32 zero bytes."""
    filed_ms: TimeField
    """Block time of the member's filing; 0 while the month is open."""


class AlertRow(WireStruct, frozen=True, array_like=True):
    """A deterministic finding that does not refuse: authorities see it, and it stays for ever."""

    code: CodeField
    member: MemberIdField
    reference: RecordReference
    height: HeightField
    sentence: TextField
    figures: tuple[tuple[str, int], ...]
    """Names and numbers behind the sentence, in order."""
