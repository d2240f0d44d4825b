"""A world with plants, and records about production that are valid until a test breaks them.

``plant_world()`` adds to ``trading_world()`` a separator, a metal plant, a recycler and an importer, with
facilities of two lines each, the products that they make, and a separation quota. It stands on 2024-03-31.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger.parsed import ParsedTransaction
from ledger.quantity import Composition
from ledger.records.campaign import Campaign, CampaignOutput
from ledger.records.campaign_inputs import CampaignInput
from ledger.records.define_product import DefineProduct
from ledger.records.import_lot import ImportLot
from ledger.records.merge_lots import MergeLots
from ledger.records.register_facility import RegisterFacility
from ledger.records.scrap_intake import ScrapIntake
from ledger.refusal import RefusalCode, Refused
from ledger.state.rows import LineRow, LotRow
from ledger.state.tables import LINES
from ledger.vocabulary import (
    Activity,
    Bucket,
    CampaignKind,
    Element,
    MemberKind,
    OreKind,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.scalars import (
    CivilDate,
    FacilityId,
    Grams,
    LotId,
    MemberId,
    ProductCode,
)
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    MINE,
    accept,
    lot_of,
    lot_row,
    mined,
    offer,
    trading_world,
    transfer_of,
)
from tests.support.world import World, digest_of, single_product

SEPARATOR = BUYER
SMELTER = MemberId("smelter-e")
RECYCLER = MemberId("recycler-f")
IMPORTER = MemberId("importer-g")
LABORATORY = MemberId("laboratory-h")
SEPARATION_PLANT = FacilityId("plant-c")
METAL_PLANT = FacilityId("plant-e")
RECYCLING_PLANT = FacilityId("plant-f")
SEPARATION_QUOTA = 1_500_000
"""Grams of oxide that the separator may separate in 2024."""
STOCK_CAP = 1_000_000
LA, CE, PR, ND, DY = Element.LA, Element.CE, Element.PR, Element.ND, Element.DY


def elements(**grams: int) -> Composition:
    """Return a composition: ``elements(Ce=3, Nd=1)``."""
    return tuple(
        sorted((Element[symbol.upper()], Grams(amount)) for symbol, amount in grams.items())
    )


def mixed_product(
    code: str,
    product_class: ProductClass,
    status: QuotaStatus,
    *,
    low: int = 200,
    high: int = 600,
    members: tuple[Element, ...] = (),
    customs_codes: tuple[str, ...] = (),
) -> DefineProduct:
    return DefineProduct(
        code=ProductCode(code),
        version=1,
        name=f"Product {code}",
        product_class=product_class,
        elements=members,
        reo_permille_low=low,
        reo_permille_high=high,
        status_at_origin=status,
        customs_codes=customs_codes,
        ore_kind=OreKind.NONE,
    )


PRODUCTS = (
    single_product("OXI-LA", LA),
    single_product("OXI-CE", CE),
    single_product("OXI-NDPR", PR, ND),
    mixed_product("MIX-CAR", ProductClass.COMPOUND, QuotaStatus.UNDEBITED,
                  customs_codes=("2846.90.28",)),
    mixed_product("MET-ND", ProductClass.METAL, QuotaStatus.DEBITED, low=1_100, high=1_250,
                  members=(PR, ND)),
    mixed_product("SCR-MAG", ProductClass.SCRAP, QuotaStatus.EXEMPT, low=100, high=1_000),
)  # fmt: skip


def plant(owner: str, facility: str, activity: Activity) -> RegisterFacility:
    """Return the record that registers a plant under the licence ``LIC-<facility>``."""
    return RegisterFacility(
        id=FacilityId(facility),
        owner=MemberId(owner),
        activity=activity,
        place="Baotou",
        ore="",
        ore_kind=OreKind.NONE,
        licence=f"LIC-{facility}",
        lines=2,
        yearly_capacity=Grams(10_000_000),
        process_stock_cap=Grams(STOCK_CAP),
    )


def with_plants(world: World) -> World:
    """Add plants, products and a separation quota to a world of mines and traders."""
    for member, activity in (
        (SMELTER, Activity.METAL),
        (RECYCLER, Activity.RECYCLING),
        (IMPORTER, Activity.IMPORT),
    ):
        world.admit(
            member, activities=(activity,), licences=(f"LIC-{_PLANT.get(member, 'import')}",)
        )
    for owner, facility, activity in (
        (SEPARATOR, SEPARATION_PLANT, Activity.SEPARATION),
        (SMELTER, METAL_PLANT, Activity.METAL),
        (RECYCLER, RECYCLING_PLANT, Activity.RECYCLING),
    ):
        world.apply(
            owner,
            plant(owner, facility, activity),
            signers=((owner, Role.OPERATOR), (MINISTRY, Role.OPERATOR)),
        )
    for product in PRODUCTS:
        world.apply(MINISTRY, product)
    return world


def admit_laboratory(world: World) -> None:
    """Admit the laboratory that signs reports."""
    world.apply(
        MINISTRY,
        msgspec.structs.replace(world.admission(LABORATORY), kind=MemberKind.LABORATORY),
    )


_PLANT = {SMELTER: METAL_PLANT, RECYCLER: RECYCLING_PLANT}


def plant_world() -> World:
    world = with_plants(trading_world())
    world.plan(2024, Bucket.SEPARATION, 10_000_000)
    world.grant(2024, Bucket.SEPARATION, SEPARATOR, SEPARATION_QUOTA)
    return world


# --- what comes from outside


def imported(**changes: object) -> ImportLot:
    record = ImportLot(
        customs=CUSTOMS,
        declaration="DEC-1",
        origin="Mountain Pass",
        supplier="Overseas Carbonates",
        product=ProductCode("MIX-CAR"),
        customs_code="2846.90.28",
        code="I-1",
        gross=Grams(1_000_000),
        elements=elements(Ce=300_000, Nd=150_000),
        assay_digest=digest_of("assay"),
        place="Tianjin",
        date=CivilDate(2024_03_10),
    )
    return msgspec.structs.replace(record, **changes)


IMPORT_SIGNERS = ((IMPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))


def import_lot(world: World, **changes: object) -> LotId:
    return lot_of(world.apply(IMPORTER, imported(**changes), signers=IMPORT_SIGNERS))


def scrap(**changes: object) -> ScrapIntake:
    record = ScrapIntake(
        facility=RECYCLING_PLANT,
        seller="91360000-X",
        seller_name="Magnet grinding workshop",
        document="P-1",
        kind="NdFeB grinding sludge",
        product=ProductCode("SCR-MAG"),
        code="R-1",
        gross=Grams(1_000_000),
        elements=elements(Pr=60_000, Nd=240_000),
        assay_digest=digest_of("assay"),
        date=CivilDate(2024_03_10),
    )
    return msgspec.structs.replace(record, **changes)


def take_scrap(world: World, **changes: object) -> LotId:
    return lot_of(world.apply(RECYCLER, scrap(**changes)))


# --- merging and moving


def merged(*lots: LotId, **changes: object) -> MergeLots:
    record = MergeLots(lots=tuple(sorted(lots)), date=CivilDate(2024_03_21), code="M-1")
    return msgspec.structs.replace(record, **changes)


def hand_over(world: World, lot: LotId, seller: str, buyer: str, **changes: object) -> LotId:
    """Sell a whole lot and accept it in full."""
    record = offer(lot, buyer=MemberId(buyer), **{"invoice": "", **changes})
    transfer = transfer_of(world.apply(seller, record))
    row = lot_row(world, lot)
    world.apply(buyer, accept(lot, transfer, received_gross=row.gross))
    return lot


def ore_at_separator(world: World, **changes: object) -> LotId:
    """Mine a lot and sell it to the separator."""
    return hand_over(world, mined(world, **changes), MINE, SEPARATOR)


# --- campaigns of plants


def made(product: str, code: str, gross: int, **grams: int) -> CampaignOutput:
    return CampaignOutput(
        product=ProductCode(product), code=code, gross=Grams(gross), elements=elements(**grams)
    )


def feed(world: World, *lots: LotId) -> tuple[CampaignInput, ...]:
    """Return whole lots as inputs."""
    return tuple(CampaignInput(lot=lot, gross=lot_row(world, lot).gross) for lot in sorted(lots))


def campaign(
    fed: Sequence[CampaignInput], made_of_it: Sequence[CampaignOutput], **changes: object
) -> Campaign:
    """Return a campaign of the separator's first line at the end of March."""
    record = Campaign(
        facility=SEPARATION_PLANT,
        line=1,
        kind=CampaignKind.SEPARATION,
        period_from=CivilDate(2024_03_25),
        period_to=CivilDate(2024_03_31),
        inputs=tuple(fed),
        outputs=tuple(made_of_it),
        opening=(),
        gain=(),
        losses=(),
        closing=(),
        authority="",
    )
    return msgspec.structs.replace(record, **changes)


def separation(world: World, lot: LotId, **changes: object) -> Campaign:
    """Return the separation of a lot of ``trading.ROCK`` at a yield of 97 % and more."""
    outputs = (
        made("OXI-LA", "L-1", 122_000, La=121_500),
        made("OXI-CE", "E-1", 244_000, Ce=243_000),
        made("OXI-NDPR", "N-1", 122_000, Pr=24_300, Nd=97_200),
    )
    losses = elements(La=3_500, Ce=7_000, Pr=700, Nd=2_800)
    return campaign(feed(world, lot), outputs, **{"losses": losses, **changes})


def separated(world: World, **changes: object) -> tuple[ParsedTransaction, list[LotId]]:
    """Mine, sell and separate a lot; return the transaction and the lots that came out."""
    lot = ore_at_separator(world)
    transaction = world.apply(SEPARATOR, separation(world, lot, **changes))
    return transaction, [lot_of(transaction, number) for number in range(3)]


def line_row(world: World, facility: str = SEPARATION_PLANT, line: int = 1) -> LineRow:
    return world.expect(LINES, facility, line)


def statuses(row: LotRow) -> dict[QuotaStatus, int]:
    """Return the grams of a lot in each quota status."""
    found: dict[QuotaStatus, int] = {}
    for parcel in row.parcels:
        grams = sum(amount for _element, amount in parcel.grams)
        found[parcel.status] = found.get(parcel.status, 0) + grams
    return found


def assert_grams(refusal: Refused, code: RefusalCode, *, field: str, **figures: int) -> None:
    """Check code, field and figures of a refusal whose sentence spells them with commas."""
    assert_refused(refusal, code, field=field)
    for name, figure in figures.items():
        assert refusal.figures[name] == figure, (name, refusal.figures)
        assert f"{abs(figure):,}" in refusal.sentence, (name, refusal.sentence)
