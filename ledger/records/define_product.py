"""``DefineProduct``: the ministry enters a product into the catalogue, or a new version of one.

Versions are numbered from 1 without gaps. The newest is found by the code, every version by code and
number: a lot names the version under which it was made and keeps it. A product keeps its class for
ever, because what may be done with a lot hangs on it.

The quota status at the origin is that of a gram that enters the traced world as this product: ore and
mixed compounds still owe the separation quota, scrap never does, and nothing that is separated already
can be undebited.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Final

from msgspec import Meta

from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import Permille, ProductRow
from ledger.state.tables import PRODUCT_VERSIONS, PRODUCTS
from ledger.vocabulary import Element, OreKind, ProductClass, QuotaStatus
from ledger.wire.scalars import CodeField, NameField, ProductCodeField, VersionField

CUSTOMS_CODES_MAX: Final = 16
_METALLIC: Final = (ProductClass.METAL, ProductClass.ALLOY)


class DefineProduct(Record, frozen=True, array_like=True, tag=8):
    """Enter version ``version`` of the product ``code``."""

    code: ProductCodeField
    version: VersionField
    """1 for a new product, otherwise the newest version plus 1."""
    name: NameField
    product_class: ProductClass
    elements: Annotated[tuple[Element, ...], Meta(max_length=len(Element))]
    """The elements of a single product by ascending atomic number; empty when mixed: any."""
    reo_permille_low: Permille
    reo_permille_high: Permille
    """Grams of oxide in 1,000 g gross; above 1,000 only for metal and alloy, counted as oxide."""
    status_at_origin: QuotaStatus
    customs_codes: Annotated[tuple[CodeField, ...], Meta(max_length=CUSTOMS_CODES_MAX)]
    ore_kind: OreKind
    """Kind of mine that an ore comes from; NONE exactly for those that are no ore."""


def apply_define_product(context: Context, record: DefineProduct) -> None:
    """Apply; refused unless the ministry enters the next version of a product that makes sense."""
    context.require_ministry()
    enter_product(context, record)


def enter_product(context: Context, record: DefineProduct) -> None:
    """Enter a product, or refuse; also for the products of the genesis document."""
    _check_version(context, record)
    _check_content(context, record)
    _check_status(context, record)
    _check_ore_kind(context, record)
    row = ProductRow(
        version=record.version,
        name=record.name,
        product_class=record.product_class,
        elements=record.elements,
        reo_permille_low=record.reo_permille_low,
        reo_permille_high=record.reo_permille_high,
        status_at_origin=record.status_at_origin,
        customs_codes=record.customs_codes,
        ore_kind=record.ore_kind,
    )
    context.state.put(PRODUCTS, record.code, row=row)
    context.state.put(PRODUCT_VERSIONS, record.code, record.version, row=row)


def _check_version(context: Context, record: DefineProduct) -> None:
    newest = context.state.get(PRODUCTS, record.code)
    expected = 1 if newest is None else newest.version + 1
    if record.version != expected:
        context.refuse(
            RefusalCode.PRODUCT_VERSION,
            f"the next version of {record.code} is {expected}, not {record.version}.",
            field="version",
            found=record.version,
            expected=expected,
        )
    if newest is not None and newest.product_class is not record.product_class:
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"{record.code} is of class {newest.product_class.name.lower()} for ever, not "
            f"{record.product_class.name.lower()}; define a product with another code.",
            field="product_class",
        )


def _check_content(context: Context, record: DefineProduct) -> None:
    """Refuse elements out of order, and a range of oxide that no such product can have."""
    for before, after in itertools.pairwise(record.elements):
        if before >= after:
            context.refuse(
                RefusalCode.PRODUCT_INVALID,
                f"elements stand once each by ascending atomic number, "
                f"{after.symbol} stands after {before.symbol}.",
                field="elements",
            )
    low, high = record.reo_permille_low, record.reo_permille_high
    if high == 0 or low > high:
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"the range of oxide is {low} to {high} per mille; it must not be empty "
            "and must end above 0.",
            field="reo_permille_high",
            low_permille=low,
            high_permille=high,
        )
    if high > 1_000 and record.product_class not in _METALLIC:
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"{high} g of oxide in 1,000 g: only metal and alloy, counted as oxide, exceed 1,000.",
            field="reo_permille_high",
            high_permille=high,
            limit_permille=1_000,
        )
    if len(set(record.customs_codes)) != len(record.customs_codes):
        context.refuse(
            RefusalCode.PRODUCT_INVALID, "a customs code is named twice.", field="customs_codes"
        )


def _check_status(context: Context, record: DefineProduct) -> None:
    """Refuse a quota status at the origin that the class of product cannot have."""
    is_mixed_compound = record.product_class is ProductClass.COMPOUND and not record.elements
    if record.product_class is ProductClass.ORE or is_mixed_compound:
        allowed: tuple[QuotaStatus, ...] = (QuotaStatus.UNDEBITED,)
    elif record.product_class is ProductClass.SCRAP:
        allowed = (QuotaStatus.EXEMPT,)
    else:
        allowed = (QuotaStatus.DEBITED, QuotaStatus.EXEMPT)
    if record.status_at_origin not in allowed:
        names = " or ".join(status.name.lower() for status in allowed)
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"{'mixed ' if is_mixed_compound else ''}{record.product_class.name.lower()} is {names} "
            f"at its origin, not {record.status_at_origin.name.lower()}.",
            field="status_at_origin",
        )


def _check_ore_kind(context: Context, record: DefineProduct) -> None:
    """Refuse an ore that no kind of mine digs, and a kind of mine on anything else."""
    if (record.product_class is ProductClass.ORE) != (record.ore_kind is not OreKind.NONE):
        context.refuse(
            RefusalCode.PRODUCT_INVALID,
            f"an ore names the kind of mine that it comes from and nothing else does; the class is "
            f"{record.product_class.name.lower()}, the kind {record.ore_kind.name.lower()}.",
            field="ore_kind",
        )
