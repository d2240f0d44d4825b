"""``MineOutput``: a mine has produced a lot of ore; the quota pays for it in the same step.

The owner of a mine says what came out of it in a period. Its oxide is counted against the owner's account
of the period's year and of the bucket of the mine's kind of ore, atomically: either the account has
enough left and the lot exists, or neither happens. What was produced beyond the quota and did happen is a
record of its own (``DeclareExcess``), never this one.

The claimed date is the last day of the period. A period lies within one calendar year, so that no gram
falls between two quota years. All grams start ``undebited``: they still owe the separation quota.

It alerts, without refusing, when the composition is off the published fingerprint of the mine's ore, and
when the facility has produced more in the year than it can.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Final

from msgspec import Meta

from ledger import civil
from ledger.quantity import Composition, reo_of
from ledger.records.claimed_date import check_claimed_date, check_is_date, shown
from ledger.records.lot_rules import make_lot
from ledger.records.quota_account import debit
from ledger.records.record import Context, Record
from ledger.records.succession import facility_under_present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import FacilityRow, FacilityYearRow, Hold, LotRow, Parcel, ProductRow
from ledger.state.tables import FACILITIES, FACILITY_YEARS, PRODUCTS
from ledger.vocabulary import (
    Activity,
    Bucket,
    Element,
    OreKind,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    FacilityIdField,
    Grams,
    LotGramsField,
    ProductCodeField,
)

BUCKET_OF_ORE: Final = {OreKind.ROCK: Bucket.ROCK_MINING, OreKind.IONIC: Bucket.IONIC_MINING}
"""The quota bucket that each kind of ore counts against."""
ALERT_FINGERPRINT: Final = "fingerprint"
ALERT_CAPACITY: Final = "capacity"


class MineOutput(Record, frozen=True, array_like=True, tag=30):
    """Enter the lot that ``facility`` produced from ``period_from`` to ``period_to``."""

    facility: FacilityIdField
    period_from: CivilDateField
    period_to: CivilDateField
    """The claimed date."""
    product: ProductCodeField
    code: CodeField
    """Container code that the author gives the lot."""
    gross: LotGramsField
    elements: Annotated[
        tuple[tuple[Element, LotGramsField], ...], Meta(min_length=1, max_length=16)
    ]
    """Grams of oxide per element, by ascending atomic number, none of them zero."""
    assay_digest: DigestField
    """SHA-256 of the laboratory's report."""


def apply_mine_output(context: Context, record: MineOutput) -> None:
    """Apply; refused unless an active mine of the author produced ore of its kind within its quota."""
    facility = mine_of_author(context, record)
    enter_output(context, record, facility, holds=())
    reo = sum(grams for _element, grams in record.elements)
    bucket = BUCKET_OF_ORE[facility.ore_kind]
    year = civil.year_of(record.period_to)
    debit(context, year, bucket, context.author, reo, field="elements")


def enter_output(
    context: Context, record: MineOutput, facility: FacilityRow, *, holds: tuple[Hold, ...]
) -> None:
    """Check an output and make its lot, as far as it has nothing to do with quota."""
    author = context.author
    context.require(author, Role.OPERATOR)
    product = _ore_of_kind(context, record, facility)
    _check_period(context, record)
    _check_composition(context, record, product)
    reo = sum(grams for _element, grams in record.elements)
    origin = f"mine/{record.facility}"
    lot = LotRow(
        product=record.product,
        product_version=product.version,
        owner=author,
        holder=author,
        place=facility.place,
        date=record.period_to,
        gross=record.gross,
        parcels=(Parcel(origin=origin, status=QuotaStatus.UNDEBITED, grams=record.elements),),
        holds=holds,
        code=record.code,
        creator=author,
        parents=(),
        made_by=context.reference,
        made_height=context.height,
        transfer=None,
    )
    make_lot(context, context.new_lot_id(), lot, field="code")
    context.touch(author, record.period_to)
    _compare_with_fingerprint(context, facility, lot)
    _count_for_facility(context, record, facility, reo)


def mine_of_author(context: Context, record: MineOutput) -> FacilityRow:
    """Return the facility, or refuse unless it is an active mine of the author."""
    facility = context.state.get(FACILITIES, record.facility)
    if facility is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"there is no facility {record.facility}; register it first.",
            field="facility",
            facility=record.facility,
        )
    facility = facility_under_present_name(context, facility)
    if facility.owner != context.author:
        context.refuse(
            RefusalCode.FACILITY_OF_ANOTHER,
            f"facility {record.facility} is one of {facility.owner}, the author is "
            f"{context.author}.",
            field="facility",
            facility=record.facility,
            owner=facility.owner,
        )
    owner = context.active_member(context.author, field="author")
    if facility.activity is not Activity.MINING or Activity.MINING not in owner.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"facility {record.facility} does {facility.activity.name.lower()}; only a mine whose "
            "owner is approved for mining has an output of ore.",
            field="facility",
            facility=record.facility,
            activity=facility.activity.name.lower(),
        )
    return facility


def _ore_of_kind(context: Context, record: MineOutput, facility: FacilityRow) -> ProductRow:
    product = context.state.get(PRODUCTS, record.product)
    if product is None:
        context.refuse(
            RefusalCode.PRODUCT_UNKNOWN,
            f"there is no product {record.product} in the catalogue.",
            field="product",
            product=record.product,
        )
    if product.product_class is not ProductClass.ORE:
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"{record.product} is of class {product.product_class.name.lower()}; a mine produces "
            "ore.",
            field="product",
            product=record.product,
        )
    if product.ore_kind is not facility.ore_kind:
        context.refuse(
            RefusalCode.ORE_KIND_MISMATCH,
            f"{record.product} is {product.ore_kind.name.lower()} ore, facility {record.facility} "
            f"digs {facility.ore_kind.name.lower()} ore.",
            field="product",
            product=record.product,
            facility=record.facility,
        )
    return product


def _check_period(context: Context, record: MineOutput) -> None:
    check_is_date(context, record.period_from, field="period_from")
    check_claimed_date(context, record.period_to, field="period_to")
    if record.period_from > record.period_to:
        context.refuse(
            RefusalCode.DATE_INVALID,
            f"the period ends on {shown(record.period_to)}, before it begins on "
            f"{shown(record.period_from)}.",
            field="period_from",
            period_from=record.period_from,
            period_to=record.period_to,
        )
    if civil.year_of(record.period_from) != civil.year_of(record.period_to):
        context.refuse(
            RefusalCode.PERIOD_CROSSES_YEAR,
            f"the period from {shown(record.period_from)} to {shown(record.period_to)} lies in two "
            "quota years; enter one output for each.",
            field="period_from",
            period_from=record.period_from,
            period_to=record.period_to,
        )


def _check_composition(context: Context, record: MineOutput, product: ProductRow) -> None:
    for (before, _), (after, _) in itertools.pairwise(record.elements):
        if before >= after:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"elements stand once each by ascending atomic number, {after.symbol} stands after "
                f"{before.symbol}.",
                field="elements",
            )
    for element, grams in record.elements:
        if product.elements and element not in product.elements:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"{grams:,} g of {element.symbol} oxide: {record.product} holds only "
                f"{', '.join(allowed.symbol for allowed in product.elements)}.",
                field="elements",
                element=element.symbol,
                grams=grams,
            )
    reo = sum(grams for _element, grams in record.elements)
    low, high = product.reo_permille_low, product.reo_permille_high
    if not record.gross * low <= reo * 1_000 <= record.gross * high:
        # Rounded towards the inside, so that both bounds are themselves allowed.
        least, most = -(-record.gross * low // 1_000), record.gross * high // 1_000
        context.refuse(
            RefusalCode.COMPOSITION_INVALID,
            f"{record.gross:,} g of {record.product} hold {least:,} to {most:,} g of oxide "
            f"({low} to {high} per mille), not {reo:,} g.",
            field="elements",
            reo=reo,
            least=least,
            most=most,
            gross=record.gross,
        )


def _compare_with_fingerprint(context: Context, facility: FacilityRow, lot: LotRow) -> None:
    """Alert for each band of the ore's fingerprint that the composition is off."""
    composition: Composition = lot.parcels[0].grams
    reo = reo_of(lot.parcels)
    for fingerprint in context.parameters.fingerprints:
        if (fingerprint.ore, fingerprint.kind) != (facility.ore, facility.ore_kind):
            continue
        for band in fingerprint.bands:
            found = sum(grams for element, grams in composition if element in band.elements)
            if reo * band.low_permille <= found * 1_000 <= reo * band.high_permille:
                continue
            names = "+".join(element.symbol for element in band.elements)
            context.alert(
                ALERT_FINGERPRINT,
                lot.owner,
                f"{names} are {found:,} g of {reo:,} g of oxide; ore of {facility.ore} has "
                f"{band.low_permille} to {band.high_permille} per mille.",
                found=found,
                reo=reo,
                low_permille=band.low_permille,
                high_permille=band.high_permille,
            )


def _count_for_facility(
    context: Context, record: MineOutput, facility: FacilityRow, reo: int
) -> None:
    """Add to what the facility has produced in the year, and alert over its capacity."""
    year = civil.year_of(record.period_to)
    before = context.state.get(FACILITY_YEARS, record.facility, year)
    produced = reo if before is None else before.produced + reo
    row = FacilityYearRow(produced=Grams(produced))
    context.state.put(FACILITY_YEARS, record.facility, year, row=row)
    if produced > facility.yearly_capacity:
        context.alert(
            ALERT_CAPACITY,
            facility.owner,
            f"facility {record.facility} has produced {produced:,} g of oxide in {year}, "
            f"{produced - facility.yearly_capacity:,} g more than it can in a year.",
            produced=produced,
            capacity=facility.yearly_capacity,
            excess=produced - facility.yearly_capacity,
        )
