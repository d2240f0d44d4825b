"""What all records that bring content into the traced world, or make it anew, have in common.

A quantity that somebody states is gross grams and grams of oxide per element, by ascending atomic number,
none of them zero. It must fit its product: only elements that the product may hold, and as much oxide as
the product's range allows. What is compared with published compositions and with capacities only alerts.
Numbers that somebody else has issued (declarations, purchase documents, laboratory reports) serve
once per issuer and kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta

from ledger import civil
from ledger.quantity import Composition
from ledger.records.claimed_date import check_claimed_date, check_is_date, shown
from ledger.records.record import Context
from ledger.records.succession import facility_under_present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import (
    ExternalNumberRow,
    FacilityRow,
    FacilityYearRow,
    ProductRow,
    ShareBand,
)
from ledger.state.tables import EXTERNAL_NUMBERS, FACILITIES, FACILITY_YEARS, PRODUCTS
from ledger.vocabulary import Activity, Element, ExternalNumberKind, ProductClass
from ledger.wire.scalars import (
    CivilDate,
    FacilityId,
    Grams,
    LotGramsField,
    MemberId,
    ProductCode,
)

ElementsField = Annotated[tuple[tuple[Element, LotGramsField], ...], Meta(max_length=16)]
"""Grams of oxide per element, by ascending atomic number, none of them zero; may be empty."""
SomeElementsField = Annotated[
    tuple[tuple[Element, LotGramsField], ...], Meta(min_length=1, max_length=16)
]
"""Grams of oxide per element, by ascending atomic number, none of them zero; at least one."""
ALERT_FINGERPRINT: Final = "fingerprint"
ALERT_CAPACITY: Final = "capacity"


def oxide_of(elements: Composition) -> int:
    """Return the grams of oxide of all elements together."""
    return sum(grams for _element, grams in elements)


def facility_of_author(
    context: Context, facility_id: FacilityId, activity: Activity | None, *, doing: str
) -> FacilityRow:
    """Return a facility of the author, or refuse.

    Args:
        context: Of the record.
        facility_id: Named in the record's field ``facility``.
        activity: What facility and owner have to be approved for; None: whatever it is.
        doing: What needs that activity, for the sentence: ``only ... <doing>``.
    """
    facility = context.state.get(FACILITIES, facility_id)
    if facility is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"there is no facility {facility_id}; register it first.",
            field="facility",
            facility=facility_id,
        )
    facility = facility_under_present_name(context, facility)
    if facility.owner != context.author:
        context.refuse(
            RefusalCode.FACILITY_OF_ANOTHER,
            f"facility {facility_id} is one of {facility.owner}, the author is {context.author}.",
            field="facility",
            facility=facility_id,
            owner=facility.owner,
        )
    owner = context.active_member(context.author, field="author")
    wanted = facility.activity if activity is None else activity
    if facility.activity is not wanted or wanted not in owner.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"facility {facility_id} does {facility.activity.name.lower()}; only a facility for "
            f"{wanted.name.lower()} whose owner is approved for it {doing}.",
            field="facility",
            facility=facility_id,
            activity=facility.activity.name.lower(),
        )
    return facility


def product_of(
    context: Context,
    code: ProductCode,
    classes: Iterable[ProductClass],
    *,
    doing: str,
    field: str = "product",
) -> ProductRow:
    """Return the newest version of a product of one of ``classes``, or refuse."""
    product = context.state.get(PRODUCTS, code)
    if product is None:
        context.refuse(
            RefusalCode.PRODUCT_UNKNOWN,
            f"there is no product {code} in the catalogue.",
            field=field,
            product=code,
        )
    allowed = tuple(classes)
    if product.product_class not in allowed:
        names = " or ".join(kind.name.lower() for kind in allowed)
        context.refuse(
            RefusalCode.CLASS_MISMATCH,
            f"{code} is of class {product.product_class.name.lower()}; {doing} {names}.",
            field=field,
            product=code,
            product_class=product.product_class.name.lower(),
        )
    return product


def check_elements(context: Context, elements: Composition, *, field: str) -> None:
    """Refuse elements that do not ascend."""
    for (before, _), (after, _) in itertools.pairwise(elements):
        if before >= after:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"elements stand once each by ascending atomic number, {after.symbol} stands after "
                f"{before.symbol}.",
                field=field,
            )


def check_composition(
    context: Context,
    code: ProductCode,
    product: ProductRow,
    gross: int,
    elements: Composition,
    *,
    field: str = "elements",
) -> None:
    """Refuse elements out of order, or not the product's, and oxide outside the product's range."""
    check_elements(context, elements, field=field)
    for element, grams in elements:
        if product.elements and element not in product.elements:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"{grams:,} g of {element.symbol} oxide: {code} holds only "
                f"{', '.join(allowed.symbol for allowed in product.elements)}.",
                field=field,
                element=element.symbol,
                grams=grams,
            )
    reo = oxide_of(elements)
    low, high = product.reo_permille_low, product.reo_permille_high
    if not gross * low <= reo * 1_000 <= gross * high:
        # Rounded towards the inside, so that both bounds are themselves allowed.
        least, most = -(-gross * low // 1_000), gross * high // 1_000
        context.refuse(
            RefusalCode.COMPOSITION_INVALID,
            f"{gross:,} g of {code} hold {least:,} to {most:,} g of oxide "
            f"({low} to {high} per mille), not {reo:,} g.",
            field=field,
            reo=reo,
            least=least,
            most=most,
            gross=gross,
        )


def check_period(context: Context, period_from: CivilDate, period_to: CivilDate) -> None:
    """Refuse a period that is empty, lies in two quota years, or may not be claimed."""
    check_is_date(context, period_from, field="period_from")
    check_claimed_date(context, period_to, field="period_to")
    if period_from > period_to:
        context.refuse(
            RefusalCode.DATE_INVALID,
            f"the period ends on {shown(period_to)}, before it begins on {shown(period_from)}.",
            field="period_from",
            period_from=period_from,
            period_to=period_to,
        )
    if civil.year_of(period_from) != civil.year_of(period_to):
        context.refuse(
            RefusalCode.PERIOD_CROSSES_YEAR,
            f"the period from {shown(period_from)} to {shown(period_to)} lies in two "
            "quota years; enter one record for each.",
            field="period_from",
            period_from=period_from,
            period_to=period_to,
        )


def use_number(
    context: Context,
    kind: ExternalNumberKind,
    issuer: str,
    number: str,
    *,
    counterparty: str = "",
    field: str,
) -> None:
    """Note that a number of ``issuer`` is used by this record; refused when it was used before."""
    parts = (int(kind), issuer, number)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    if known is not None:
        context.refuse(
            RefusalCode.NUMBER_USED,
            f"{kind.name.lower().replace('_', ' ')} {number} of {issuer} was used by record "
            f"{known.reference.index} of transaction {known.reference.tx_id.hex()}; a number serves "
            "once.",
            field=field,
            number=number,
            issuer=issuer,
        )
    row = ExternalNumberRow(
        kind=kind, counterparty=counterparty, reference=context.reference, lot=None
    )
    context.state.put(EXTERNAL_NUMBERS, *parts, row=row)


def compare_with_bands(
    context: Context,
    member: MemberId,
    elements: Composition,
    bands: Iterable[ShareBand],
    *,
    of: str,
) -> None:
    """Alert for each band of a published composition that ``elements`` are off; ``of`` names it."""
    reo = oxide_of(elements)
    for band in bands:
        found = sum(grams for element, grams in elements if element in band.elements)
        if reo * band.low_permille <= found * 1_000 <= reo * band.high_permille:
            continue
        names = "+".join(element.symbol for element in band.elements)
        context.alert(
            ALERT_FINGERPRINT,
            member,
            f"{names} are {found:,} g of {reo:,} g of oxide; {of} has "
            f"{band.low_permille} to {band.high_permille} per mille.",
            found=found,
            reo=reo,
            low_permille=band.low_permille,
            high_permille=band.high_permille,
        )


def count_for_facility(
    context: Context, facility_id: FacilityId, facility: FacilityRow, date: CivilDate, reo: int
) -> None:
    """Add to what the facility has produced in the year, and alert over its capacity."""
    year = civil.year_of(date)
    before = context.state.get(FACILITY_YEARS, facility_id, year)
    produced = reo if before is None else before.produced + reo
    row = FacilityYearRow(produced=Grams(produced))
    context.state.put(FACILITY_YEARS, facility_id, year, row=row)
    if produced > facility.yearly_capacity:
        context.alert(
            ALERT_CAPACITY,
            facility.owner,
            f"facility {facility_id} has produced {produced:,} g of oxide in {year}, "
            f"{produced - facility.yearly_capacity:,} g more than it can in a year.",
            produced=produced,
            capacity=facility.yearly_capacity,
            excess=produced - facility.yearly_capacity,
        )
