"""Master data of the demo as ledger records: members, products, facilities, plans, grants, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from ledger.records.admit_member import AdmitMember
from ledger.records.define_product import DefineProduct
from ledger.records.grant_quota import GrantQuota
from ledger.records.new_key import NewKey
from ledger.records.register_facility import RegisterFacility
from ledger.records.set_plan import SetPlan
from ledger.state.rows import Fingerprint, ParametersRow, ShareBand
from ledger.vocabulary import (
    CONTROLLED_ELEMENTS,
    LIGHT_ELEMENTS,
    Activity,
    AuthorityOffice,
    Bucket,
    Element,
    MemberKind,
    OreKind,
    ProductClass,
    QuotaStatus,
)
from ledger.wire.scalars import Digest, FacilityId, Grams, MemberId, ProductCode
from node.demo.published import Figures, Product
from node.demo.records import Facility, Grant, Member, Plan

NETWORK: Final = "monazite-demo"
MINISTRY: Final = MemberId("ministry")
CIVIL_OFFSET_MINUTES: Final = 480
_OFFICES: Final = {
    "ministry": AuthorityOffice.MINISTRY,
    "customs": AuthorityOffice.CUSTOMS,
    "tax": AuthorityOffice.TAX,
}


def parameters(figures: Figures) -> ParametersRow:
    """Return the network parameters: China's civil time, the rule book's defaults."""
    return ParametersRow(
        network=NETWORK,
        ministry=MINISTRY,
        utc_offset_minutes=CIVIL_OFFSET_MINUTES,
        filing_deadline_day=10,
        transit_tolerance_basis_points=20,
        fingerprints=tuple(_fingerprints(figures)),
        hold_days=30,
        small_loss_allowance=Grams(10_000),
        controlled_elements=CONTROLLED_ELEMENTS,
    )


def _fingerprints(figures: Figures) -> Iterator[Fingerprint]:
    bands: dict[tuple[str, str], list[ShareBand]] = {}
    element_of = {factor.oxide: factor.element for factor in figures.oxide_factors}
    for row in figures.fingerprints:
        bands.setdefault((row.ore, row.kind), []).append(
            ShareBand(
                elements=_elements_of_share(row.share_of, element_of),
                low_permille=row.low_permille,
                high_permille=row.high_permille,
            )
        )
    for (ore, kind), shares in sorted(bands.items()):
        yield Fingerprint(ore=ore, kind=OreKind[kind.upper()], bands=tuple(shares))


def _elements_of_share(share_of: str, element_of: dict[str, str]) -> tuple[Element, ...]:
    if share_of == "light total":
        return LIGHT_ELEMENTS
    if share_of == "heavy total":
        return tuple(element for element in Element if element not in LIGHT_ELEMENTS)
    return (Element[element_of[share_of].upper()],)


def admission(member: Member, keys: Sequence[NewKey]) -> AdmitMember:
    """Return the record that admits a member with its keys."""
    return AdmitMember(
        id=MemberId(member.id),
        name=member.name,
        kind=MemberKind[member.kind.upper()],
        office=_OFFICES.get(member.id, AuthorityOffice.NONE),
        activities=tuple(sorted(Activity[name.upper()] for name in member.activities)),
        group=member.group,
        province=member.province,
        registration=member.registration,
        licences=member.licences,
        keys=tuple(keys),
    )


def product_definition(product: Product) -> DefineProduct:
    """Return the record that enters a product into the catalogue."""
    return DefineProduct(
        code=ProductCode(product.code),
        version=1,
        name=product.name,
        product_class=ProductClass[product.product_class.upper()],
        elements=tuple(Element[symbol.upper()] for symbol in product.elements),
        reo_permille_low=product.reo_permille_low,
        reo_permille_high=product.reo_permille_high,
        status_at_origin=QuotaStatus[product.status_at_origin.upper()],
        customs_codes=product.hs_codes,
        ore_kind=OreKind[product.ore_kind.upper()],
    )


def facility_registration(facility: Facility) -> RegisterFacility:
    """Return the record by which a facility enters the register."""
    return RegisterFacility(
        id=FacilityId(facility.id),
        owner=MemberId(facility.owner),
        activity=Activity[facility.activity.upper()],
        place=facility.place,
        ore=facility.ore,
        ore_kind=OreKind[facility.ore_kind.upper()],
        licence=facility.licence,
        lines=facility.lines,
        yearly_capacity=Grams(facility.yearly_capacity_g),
        process_stock_cap=Grams(facility.process_stock_cap_g),
    )


def plan_record(plan: Plan) -> SetPlan:
    """Return the record that sets a national total."""
    return SetPlan(
        year=plan.year,
        bucket=Bucket[plan.bucket.upper()],
        total=Grams(plan.total_g),
        document=Digest(bytes.fromhex(plan.document_digest)),
    )


def grant_record(grant: Grant) -> GrantQuota:
    """Return the record that grants a share of a plan."""
    return GrantQuota(
        year=grant.year,
        bucket=Bucket[grant.bucket.upper()],
        batch=grant.batch,
        grantee=MemberId(grant.grantee),
        grams=Grams(grant.grams),
        document=Digest(bytes.fromhex(grant.document_digest)),
    )


def month_number(day: date) -> int:
    """Return a day's month as YYYYMM."""
    return day.year * 100 + day.month
