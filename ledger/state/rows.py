"""The rows of the state: what the ledger knows at one height.

Rows are canonical wire structs, immutable, replaced as a whole. A mass is in grams; a time in
milliseconds since 1970; a date is a civil day as YYYYMMDD. ``tx_id`` and ``index`` name the record that
made a row, so that every figure leads back to a signature.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from ledger.vocabulary import (
    CONTROLLED_ELEMENTS,
    Activity,
    AuthorityOffice,
    CampaignKind,
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
    I64_MAX,
    VALIDATORS_MAX,
    CivilDateField,
    CodeField,
    CountField,
    DigestField,
    Grams,
    GramsField,
    Height,
    HeightField,
    LotIdField,
    MemberIdField,
    NameField,
    ProductCodeField,
    PublicKeyField,
    TextField,
    TimeField,
    TimeMs,
    TxId,
    TxIdField,
    VersionField,
)

ADMIN_KEYS_MAX: Final = 8
"""Admin keys of one member that are not revoked, at most; bounds the work of revoking one (D17)."""

Permille = Annotated[int, Meta(ge=0, le=2_000)]
"""Grams in a thousand; above 1,000 for metals counted as oxide."""
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
"""Parts of 10,000."""


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


class ScrapFingerprint(WireStruct, frozen=True, array_like=True):
    """Usual composition of a kind of scrap, by the name under which it is taken in."""

    kind: NameField
    bands: tuple[ShareBand, ...]


class ProcessNorm(WireStruct, frozen=True, array_like=True):
    """What is normal for one kind of campaign."""

    kind: CampaignKind
    loss_permille: Permille
    """Losses of an element above it need the signature of an authority."""
    yield_floor_permille: Permille
    """A yield below it is an alert."""


PROCESS_NORMS: Final = (
    ProcessNorm(kind=CampaignKind.SEPARATION, loss_permille=150, yield_floor_permille=883),
    ProcessNorm(kind=CampaignKind.METAL, loss_permille=120, yield_floor_permille=900),
    ProcessNorm(kind=CampaignKind.RECYCLING, loss_permille=150, yield_floor_permille=900),
)
"""Where the genesis says nothing else; see ``docs/adr/0010-campaigns.md`` for the sources."""


class ParametersRow(WireStruct, frozen=True, array_like=True):
    """Network parameters: set in the genesis, changed by governance, never retroactively."""

    network: NameField
    """Name of the network; part of every proof of possession."""
    ministry: MemberIdField
    """The member that holds the office of the ministry."""
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)]
    """Civil time of the network; no daylight saving, no time-zone database."""
    filing_deadline_day: Annotated[int, Meta(ge=1, le=28)]
    """Day of the next month at whose beginning the deadline of a filing is."""
    transit_tolerance_basis_points: Annotated[int, Meta(ge=0, le=10_000)]
    """Largest loss between sent and received that is booked without a dispute, in 1/10,000."""
    fingerprints: tuple[Fingerprint, ...]
    hold_days: Annotated[int, Meta(ge=1, le=366)] = 30
    """Days after which a hold lapses unless the ministry renews it."""
    small_loss_allowance: GramsField = Grams(10_000)
    """Grams of oxide of one element that a member may write off in a calendar year without the
    signature of an authority."""
    controlled_elements: Annotated[tuple[Element, ...], Meta(max_length=16)] = CONTROLLED_ELEMENTS
    """Elements that leave the country only within the balance of an export licence, ascending."""
    process_norms: Annotated[tuple[ProcessNorm, ...], Meta(max_length=8)] = PROCESS_NORMS
    """Per kind of campaign, by ascending kind; blending has none, it loses and gains nothing."""
    gain_element_basis_points: BasisPoints = 50
    """Gain of a campaign, in 1/10,000 of what it had of the element."""
    gain_feed_basis_points: BasisPoints = 2
    """Gain or loss of an element that measuring alone explains, in 1/10,000 of all oxide of the feed."""
    gain_year_basis_points: BasisPoints = 50
    """Net gains of a member, element and year, in 1/10,000 of its throughput of the element."""
    yield_ceiling_permille: Permille = 995
    """A yield above it is an alert."""
    yield_baseline_permille: Permille = 30
    """A yield further from the line's own last 12 months is an alert."""
    assay_tolerance_permille: Permille = 20
    """An assay further from what the ledger says is an alert."""
    scrap_fingerprints: tuple[ScrapFingerprint, ...] = ()
    opening_stock_until_height: HeightField = Height(100_000)
    """The last block that may hold an ``OpeningStock``."""


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
    advanced: GramsField = Grams(0)
    """Allowed for production before the first batch."""
    set_off: GramsField = Grams(0)
    """Grams of grants that took the place of what was advanced; never more than ``advanced``."""
    split_in: GramsField = Grams(0)
    """Received from other accounts of the group, and not taken back by a cut."""
    split_out: GramsField = Grams(0)
    """Passed on to subsidiaries, and not taken back by a cut."""
    cut: GramsField = Grams(0)
    """Taken away by the ministry."""
    debt: GramsField = Grams(0)
    """By how much cuts and excess went below zero; owed until it is paid, also after the year."""
    debt_paid: GramsField = Grams(0)
    """Grams of this account that paid debts of the same bucket, of this year or an earlier one."""
    granted_ms: TimeField = TimeMs(0)
    """Block time of the newest grant; 0 when there was none."""

    @property
    def left(self) -> int:
        """What may still be produced; never below zero, because what is below is ``debt``."""
        came = self.granted - self.set_off + self.advanced + self.split_in + self.debt
        return came - self.used - self.split_out - self.cut - self.debt_paid


class DebtRow(WireStruct, frozen=True, array_like=True):
    """What one member owes in one bucket, over all years; it blocks production while above zero."""

    grams: GramsField


class SuccessionRow(WireStruct, frozen=True, array_like=True):
    """Where a member's name leads, and how long the way from its predecessors is."""

    successor: MemberIdField | None
    """Who has taken its place; None for a member that has only succeeded others."""
    height: HeightField
    """Height of the newest succession that it had a part in."""
    steps: Annotated[int, Meta(ge=0, le=8)]
    """Steps from its first predecessor to it."""


class SplitsRow(WireStruct, frozen=True, array_like=True):
    """What one account has passed on to subsidiaries and not taken back."""

    parts: Annotated[tuple[tuple[MemberIdField, GramsField], ...], Meta(max_length=64)]
    """Subsidiary and grams, none of them zero; the one that received last stands last."""


class Parcel(WireStruct, frozen=True, array_like=True):
    """The part of a lot that came from one origin in one quota status."""

    origin: CodeField
    """Where it entered the traced world, such as ``mine/<facility>`` or ``import/<lot>``."""
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


HOLDS_PER_LOT_MAX: Final = 8
"""Holds in a lot's row, in force or lapsed, at most."""


class Hold(WireStruct, frozen=True, array_like=True):
    """A reason why a lot may not move."""

    case: NameField
    by: Annotated[str, Meta(max_length=32)] = ""
    """The authority that placed it and may release it; empty when only the ministry may."""
    until_ms: TimeField = TimeMs(0)
    """Block time at which it lapses; 0 when it never does."""

    def is_in_force(self, time_ms: int) -> bool:
        """Tell whether it holds in a block of ``time_ms``."""
        return not self.until_ms or time_ms < self.until_ms


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


class LineRow(WireStruct, frozen=True, array_like=True):
    """One line of a facility: what is in process after its last campaign."""

    campaigns: CountField
    """How many there were."""
    last: RecordReference
    """The last campaign, or the opening stock."""
    until: CivilDateField
    """The last day of it; the next campaign begins later."""
    owner: MemberIdField
    """Whose the stock is; differs from the facility's owner under toll work."""
    stock: tuple[Parcel, ...]
    """What is in process, in canonical form."""
    holds: tuple[Hold, ...]
    """Of goods that were consumed; outputs inherit them."""
    counted: CivilDateField
    """When inspectors last counted the stock; until then, when there first was some."""


class OpeningRow(WireStruct, frozen=True, array_like=True):
    """Notes that a facility has its opening stock."""

    entered: RecordReference


class LineMonthRow(WireStruct, frozen=True, array_like=True):
    """What left one line in the campaigns that ended in one month."""

    campaigns: CountField
    cells: Annotated[tuple[tuple[Element, GramsField, GramsField], ...], Meta(max_length=16)]
    """Element, grams in outputs, grams lost; by ascending atomic number."""


class GainYearRow(WireStruct, frozen=True, array_like=True):
    """What appeared and disappeared by measuring at one member in one calendar year."""

    gains: CountField
    """How many records gained something."""
    cells: Annotated[
        tuple[tuple[Element, GramsField, GramsField, GramsField], ...], Meta(max_length=16)
    ]
    """Element, grams put into campaigns, grams gained, grams lost by a new assay."""


class SinkRow(WireStruct, frozen=True, array_like=True):
    """What left the traced world in one way, from one member, in one calendar year."""

    records: CountField
    gross: GramsField
    grams: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""


class SmallLossRow(WireStruct, frozen=True, array_like=True):
    """What one member has written off in one calendar year without an authority."""

    grams: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""


class ExportLicenceRow(WireStruct, frozen=True, array_like=True):
    """A licence to export controlled elements, with its balance."""

    exporter: MemberIdField
    destination: NameField
    valid_from: CivilDateField
    valid_to: CivilDateField
    """The last day on which it is good."""
    granted: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""
    used: Annotated[tuple[tuple[Element, GramsField], ...], Meta(max_length=16)]
    granted_by: RecordReference


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


PRODUCTS_PER_MONTH_MAX: Final = 256
"""Products that one member moves in a month, at most."""
SignedGramsField = Annotated[int, Meta(ge=-I64_MAX, le=I64_MAX)]


class ProductTotals(WireStruct, frozen=True, array_like=True):
    """What one member did with one product in one month; gross grams of what it holds."""

    product: ProductCodeField
    opening: SignedGramsField
    """Closing of the month before; known when that month is filed, 0 until then. Below zero when goods
    left in a month before the one in which a correction brought them."""
    incoming: GramsField
    """Came from another holder, or from outside the traced world."""
    produced: GramsField
    consumed: GramsField
    outgoing: GramsField
    """Went to another holder, or out of the country."""
    lost: GramsField
    """Lost on the way or written off."""
    transit_opening: SignedGramsField
    """Offered and unanswered at the end of the month before; as ``opening``."""
    transit_change: SignedGramsField
    """Offered less answered during the month."""

    @property
    def closing(self) -> int:
        """What lies with the member at the end, in transit included."""
        came = self.opening + self.incoming + self.produced
        return came - self.consumed - self.outgoing - self.lost

    @property
    def in_transit(self) -> int:
        """What of the closing is offered and unanswered."""
        return self.transit_opening + self.transit_change


class MemberMonthRow(WireStruct, frozen=True, array_like=True):
    """Every record that touches one member in one month: how many, and their running digest."""

    count: CountField
    digest: DigestField
    """``H(member-month, previous || tx_id || index u32 || height u64 || time u64)``, from 32 zero bytes."""
    filed_ms: TimeField
    """Block time of the member's filing; 0 while the month is open."""
    totals: Annotated[tuple[ProductTotals, ...], Meta(max_length=PRODUCTS_PER_MONTH_MAX)] = ()
    """By product code: running totals of the flows that count in the month."""


class FilingRow(WireStruct, frozen=True, array_like=True):
    """How far a member has filed."""

    first_month: Annotated[int, Meta(ge=0, le=9999_12)]
    """The earliest month in which it moved goods; 0 while it moved none."""
    filed_through: Annotated[int, Meta(ge=0, le=9999_12)]
    """The newest month that it has filed; no month up to it is open. 0 before the first."""


class AlertRow(WireStruct, frozen=True, array_like=True):
    """A deterministic finding that does not refuse: authorities see it, and it stays for ever."""

    code: CodeField
    member: MemberIdField
    reference: RecordReference
    height: HeightField
    sentence: TextField
    figures: tuple[tuple[str, int], ...]
    """Names and numbers behind the sentence, in order."""


SCHEDULED_MAX: Final = 64
"""Decisions that wait for their height, at most."""


class ScheduledChange(WireStruct, frozen=True, array_like=True):
    """A parameter, or the version of the rules, from a height on."""

    height: HeightField
    """The first block in which it holds."""
    name: Annotated[str, Meta(max_length=64)]
    """Of the parameter; ``rules_version`` for the rules."""
    value: Annotated[bytes, Meta(max_length=16_384)]
    """Canonical MessagePack of the parameter's type; a version as u16."""
    decided_by: RecordReference
    """The ballot that decided it."""


class ScheduleRow(WireStruct, frozen=True, array_like=True):
    """What was decided for later heights."""

    rules_version: VersionField
    """Of the rules, where no entry says otherwise."""
    entries: Annotated[tuple[ScheduledChange, ...], Meta(max_length=SCHEDULED_MAX)]
    """By height; of several for one height the later one holds."""


class ProposalRow(WireStruct, frozen=True, array_like=True):
    """Something that was put to the vote."""

    content: Annotated[bytes, Meta(max_length=65_536)]
    """Canonical encoding of what is proposed (``ledger.records.proposal_content``)."""
    proposer: MemberIdField
    expires_ms: TimeField
    """The first block time at which it is over."""
    state: Annotated[int, Meta(ge=1, le=2)]
    """``ProposalState``."""
    yes: Annotated[tuple[MemberIdField, ...], Meta(max_length=VALIDATORS_MAX + 1)]
    """Members that agree, in the order of their ballots."""
    no: Annotated[tuple[MemberIdField, ...], Meta(max_length=VALIDATORS_MAX + 1)]
    decided_height: HeightField
    """Height at which it passed; 0 before."""


class PendingSignature(WireStruct, frozen=True, array_like=True):
    """Signatures of one member that a pending record needs."""

    member: MemberIdField
    role: Role
    persons: Annotated[int, Meta(ge=1, le=8)]
    """How many different persons."""


class PendingRow(WireStruct, frozen=True, array_like=True):
    """A record that waits for approvals."""

    author: MemberIdField
    record: Annotated[bytes, Meta(max_length=16_384)]
    """Its canonical bytes."""
    signed: Annotated[tuple[PendingSignature, ...], Meta(max_length=64)]
    missing: Annotated[tuple[PendingSignature, ...], Meta(max_length=64)]
    """Empty when it has taken effect."""
    expires_ms: TimeField
    """The first block time at which it has lapsed."""
    state: Annotated[int, Meta(ge=1, le=2)]
    """``PendingState``."""
    closed_height: HeightField
    """Height at which it took effect; 0 before."""
