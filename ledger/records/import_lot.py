"""``ImportLot``: goods from abroad enter the traced world, with the signature of customs.

The importer writes it and a customs authority countersigns: the declaration is theirs, and its number
serves once. The declared customs code must be one of the product's, when the catalogue names any.

Imported ore and mixed compounds start ``undebited``: whoever separates them here needs quota for it, wherever
they were dug. Everything else is ``exempt``: it was separated abroad. The origin of the content is
``import/<id of the lot>``, which leads to this record, its declaration and its supplier.

It alerts, without refusing, when the composition is off the published fingerprint of the ore that the
origin names: a false origin is the cheapest way to bring domestic ore past the mining quota.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import (
    SomeElementsField,
    check_composition,
    compare_with_bands,
    product_of,
    use_number,
)
from ledger.records.lot_rules import make_lot
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, Parcel, ProductRow
from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    ExternalNumberKind,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    LotGramsField,
    MemberIdField,
    NameField,
    ProductCodeField,
)


class ImportLot(Record, frozen=True, array_like=True, tag=33):
    """Enter the lot that the author has brought into the country."""

    customs: MemberIdField
    """The customs authority that signs."""
    declaration: CodeField
    """Number of the import declaration."""
    origin: NameField
    """Country or mine that it comes from; the name of a published ore is compared with its fingerprint."""
    supplier: NameField
    """Who sold it, abroad."""
    product: ProductCodeField
    customs_code: Annotated[str, Meta(min_length=1, max_length=64)]
    code: CodeField
    """Container code that the author gives the lot."""
    gross: LotGramsField
    elements: SomeElementsField
    assay_digest: DigestField
    """SHA-256 of the laboratory's report."""
    place: NameField
    """Where it lies."""
    date: CivilDateField
    """Claimed: the day on which customs released it."""


def apply_import_lot(context: Context, record: ImportLot) -> None:
    """Apply; refused unless importer and customs sign for a new declaration of a product."""
    author = context.author
    context.require(author, Role.OPERATOR)
    context.count_flows(gain="incoming")
    _check_importer(context)
    _check_customs(context, record)
    product = product_of(
        context, record.product, ProductClass, doing="an import is of any class, also"
    )
    _check_customs_code(context, record, product)
    check_claimed_date(context, record.date)
    check_composition(context, record.product, product, record.gross, record.elements)
    use_number(
        context,
        ExternalNumberKind.DECLARATION,
        record.customs,
        record.declaration,
        counterparty=author,
        field="declaration",
    )
    lot_id = context.new_lot_id()
    owes = product.status_at_origin is QuotaStatus.UNDEBITED
    parcel = Parcel(
        origin=f"import/{lot_id.hex()}",
        status=QuotaStatus.UNDEBITED if owes else QuotaStatus.EXEMPT,
        grams=record.elements,
    )
    lot = LotRow(
        product=record.product,
        product_version=product.version,
        owner=author,
        holder=author,
        place=record.place,
        date=record.date,
        gross=record.gross,
        parcels=(parcel,),
        holds=(),
        code=record.code,
        creator=author,
        parents=(),
        made_by=context.reference,
        made_height=context.height,
        transfer=None,
    )
    make_lot(context, lot_id, lot, field="code")
    context.touch(author, record.date)
    context.touch(record.customs, record.date)
    for fingerprint in context.parameters.fingerprints:
        if fingerprint.ore == record.origin and product.product_class is ProductClass.ORE:
            compare_with_bands(
                context, author, record.elements, fingerprint.bands, of=f"ore of {record.origin}"
            )


def _check_importer(context: Context) -> None:
    author = context.active_member(context.author, field="author")
    if Activity.IMPORT not in author.activities:
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{context.author} is not approved for import.",
            field="author",
            member=context.author,
            activity="import",
        )


def _check_customs(context: Context, record: ImportLot) -> None:
    """Refuse a member that is no active customs authority, and ask for its signature."""
    customs = context.active_member(record.customs, field="customs")
    if customs.office is not AuthorityOffice.CUSTOMS:
        context.refuse(
            RefusalCode.NOT_CUSTOMS,
            f"{record.customs} is no customs authority; name the one that released the goods.",
            field="customs",
            member=record.customs,
        )
    context.require(record.customs, Role.OPERATOR)


def _check_customs_code(context: Context, record: ImportLot, product: ProductRow) -> None:
    if product.customs_codes and record.customs_code not in product.customs_codes:
        context.refuse(
            RefusalCode.CUSTOMS_CODE_MISMATCH,
            f"{record.product} is declared under {', '.join(product.customs_codes)}, not under "
            f"{record.customs_code}.",
            field="customs_code",
            customs_code=record.customs_code,
        )
