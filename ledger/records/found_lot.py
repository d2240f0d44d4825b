"""``FoundLot``: goods turn up that nobody has on the books; they enter, under a hold.

Whoever has them writes it and an authority signs, always. The lot's grams start where the product says
(undebited for ore and mixed compounds: a find does not wash the quota off), their origin is the find itself,
and the lot is held by the authority until its inspectors release it.
"""

from __future__ import annotations

from typing import Final

from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import SomeElementsField, check_composition, product_of
from ledger.records.lot_rules import ReasonField, make_lot
from ledger.records.record import Context, Record
from ledger.records.sink_rules import require_authority
from ledger.state.rows import Hold, LotRow, Parcel
from ledger.vocabulary import ProductClass, Role
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    LotGramsField,
    MemberIdField,
    NameField,
    ProductCodeField,
)

FOUND_CASE: Final = "found"
"""Case of the hold on a lot that was found."""


class FoundLot(Record, frozen=True, array_like=True, tag=63):
    """Enter goods that were found."""

    product: ProductCodeField
    code: CodeField
    """Container code that the author gives the lot."""
    gross: LotGramsField
    elements: SomeElementsField
    place: NameField
    date: CivilDateField
    """Claimed: the day of the find."""
    reason: ReasonField
    evidence: DigestField
    """SHA-256 of protocol and assay."""
    authority: MemberIdField
    """Signs, and holds the lot."""


def apply_found_lot(context: Context, record: FoundLot) -> None:
    """Apply; refused unless finder and authority enter a possible lot of a product."""
    author = context.author
    context.require(author, Role.OPERATOR)
    context.count_flows(gain="incoming")
    product = product_of(
        context, record.product, ProductClass, doing="a find is of any class, also"
    )
    check_claimed_date(context, record.date)
    check_composition(context, record.product, product, record.gross, record.elements)
    require_authority(context, record.authority)
    lot_id = context.new_lot_id()
    parcel = Parcel(
        origin=f"found/{lot_id.hex()}", status=product.status_at_origin, grams=record.elements
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
        holds=(Hold(case=FOUND_CASE, by=record.authority),),
        code=record.code,
        creator=author,
        parents=(),
        made_by=context.reference,
        made_height=context.height,
        transfer=None,
    )
    make_lot(context, lot_id, lot, field="code")
    context.touch(author, record.date)
