"""``ScrapIntake``: a recycler takes in scrap from somebody who is not a member.

Members hand scrap over by a transfer, so that it keeps its history; who states a member's registration
number or id as the seller is refused. The purchase document's number serves once per seller. The content
is ``exempt`` from the separation quota, which is why the product must be of class scrap and the facility one
for recycling: an ore that enters here would escape every quota.

It alerts, without refusing, when the composition is off the usual one of the named kind of scrap, and when
the facility has taken in more in the year than it can recycle.
"""

from __future__ import annotations

from ledger.records.admit_member import REGISTRY_ISSUER
from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import (
    SomeElementsField,
    check_composition,
    compare_with_bands,
    count_for_facility,
    facility_of_author,
    oxide_of,
    product_of,
    use_number,
)
from ledger.records.lot_rules import make_lot
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, Parcel
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBERS
from ledger.vocabulary import Activity, ExternalNumberKind, ProductClass, QuotaStatus, Role
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    FacilityIdField,
    LotGramsField,
    NameField,
    ProductCodeField,
)


class ScrapIntake(Record, frozen=True, array_like=True, tag=34):
    """Enter the scrap that ``facility`` has bought from a seller outside the register."""

    facility: FacilityIdField
    seller: CodeField
    """Registration number, or number of the identity document of a person."""
    seller_name: NameField
    document: CodeField
    """Number of the purchase document."""
    kind: NameField
    """Kind of scrap, such as ``NdFeB grinding sludge``."""
    product: ProductCodeField
    code: CodeField
    """Container code that the author gives the lot."""
    gross: LotGramsField
    elements: SomeElementsField
    assay_digest: DigestField
    """SHA-256 of the laboratory's report."""
    date: CivilDateField
    """Claimed."""


def apply_scrap_intake(context: Context, record: ScrapIntake) -> None:
    """Apply; refused unless a recycler takes in scrap from a seller that is not a member."""
    author = context.author
    context.require(author, Role.OPERATOR)
    context.count_flows(gain="incoming")
    facility = facility_of_author(
        context, record.facility, Activity.RECYCLING, doing="takes in scrap"
    )
    _check_seller(context, record)
    product = product_of(
        context, record.product, (ProductClass.SCRAP,), doing="a recycler takes in"
    )
    check_claimed_date(context, record.date)
    check_composition(context, record.product, product, record.gross, record.elements)
    use_number(
        context, ExternalNumberKind.PURCHASE, record.seller, record.document, field="document"
    )
    lot_id = context.new_lot_id()
    parcel = Parcel(
        origin=f"scrap/{lot_id.hex()}", status=QuotaStatus.EXEMPT, grams=record.elements
    )
    lot = LotRow(
        product=record.product,
        product_version=product.version,
        owner=author,
        holder=author,
        place=facility.place,
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
    for fingerprint in context.parameters.scrap_fingerprints:
        if fingerprint.kind == record.kind:
            compare_with_bands(
                context, author, record.elements, fingerprint.bands, of=f"scrap of {record.kind}"
            )
    count_for_facility(context, record.facility, facility, record.date, oxide_of(record.elements))


def _check_seller(context: Context, record: ScrapIntake) -> None:
    """Refuse a seller that is in the register, under its number or its id."""
    parts = (int(ExternalNumberKind.REGISTRATION), REGISTRY_ISSUER, record.seller)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    member = known.counterparty if known is not None else record.seller
    if known is not None or context.state.get(MEMBERS, record.seller) is not None:
        context.refuse(
            RefusalCode.SELLER_IS_MEMBER,
            f"{record.seller} is the member {member}; members hand scrap over by a transfer, which "
            "keeps its history.",
            field="seller",
            member=member,
        )
