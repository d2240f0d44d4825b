"""What plants, importers and recyclers do in the market: production, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger import civil
from ledger.quantity import Composition, merge, take, totals_of
from ledger.records.assay import Assay
from ledger.records.campaign import Campaign, CampaignOutput
from ledger.records.campaign_inputs import CampaignInput
from ledger.records.declare_excess import DeclareExcess
from ledger.records.merge_lots import MergeLots
from ledger.records.move_lot import MoveLot
from ledger.records.opening_stock import LineStock, OpeningStock
from ledger.records.record import Record
from ledger.records.relabel import Relabel
from ledger.records.restate import Restate
from ledger.state.rows import LotRow
from ledger.state.tables import LINES
from ledger.vocabulary import CampaignKind, Element, ProductClass
from ledger.wire.scalars import CivilDate, FacilityId, Grams, LotId, MemberId, ProductCode
from tests.support.founding import CUSTOMS, UTC_OFFSET_MINUTES
from tests.support.production import (
    IMPORTER,
    LABORATORY,
    METAL_PLANT,
    RECYCLER,
    RECYCLING_PLANT,
    SEPARATION_PLANT,
    SEPARATOR,
    SMELTER,
    imported,
    scrap,
)
from tests.support.supervising import INSPECTORATE
from tests.support.world import digest_of

if TYPE_CHECKING:
    from tests.support.market import Market

PLANTS = (
    (SEPARATOR, SEPARATION_PLANT, CampaignKind.SEPARATION, (ProductClass.ORE, ProductClass.COMPOUND)),
    (SMELTER, METAL_PLANT, CampaignKind.METAL, (ProductClass.COMPOUND, ProductClass.METAL)),
    (RECYCLER, RECYCLING_PLANT, CampaignKind.RECYCLING, (ProductClass.SCRAP,)),
)  # fmt: skip
CLASS_OF = {
    "ORE-MIX": ProductClass.ORE, "ORE-ION": ProductClass.ORE, "MIX-CAR": ProductClass.COMPOUND,
    "OXI-LA": ProductClass.COMPOUND, "OXI-CE": ProductClass.COMPOUND,
    "OXI-NDPR": ProductClass.COMPOUND, "MET-ND": ProductClass.METAL, "SCR-MAG": ProductClass.SCRAP,
}  # fmt: skip
DAY_MS = 86_400_000
METALS = (Element.PR, Element.ND)


def draw_production(market: Market) -> tuple[MemberId, Record]:
    """Draw an import, a purchase of scrap, a merge or a campaign."""
    kind = market.choose(10)
    if not market.choose(4):
        return _small(market)
    if kind == 0:
        return IMPORTER, _import(market)
    if kind == 1:
        return RECYCLER, _scrap(market)
    if kind < 4:
        return _merge(market)
    return _campaign(market)


def _small(market: Market) -> tuple[MemberId, Record]:
    """Draw something about one lot, an excess, or an opening stock."""
    live = [entry for entry in market.lots() if entry[1].gross]
    kind = market.choose(12)
    if kind == 0 or not live:
        _author, output = market.output()
        return _author, DeclareExcess(*msgspec.structs.astuple(output))
    if kind == 1:
        author, facility = market.one_of([entry[:2] for entry in PLANTS])
        stock = LineStock(line=1 + market.choose(2), elements=_amounts(market, 900, *METALS))
        return author, OpeningStock(
            facility=facility, date=market.date(), inspectorate=INSPECTORATE,
            lots=(), stock=(stock,), evidence=digest_of("count"),
        )  # fmt: skip
    lot_id, lot = market.one_of(live)
    date = market.date()
    if kind < 4:
        return lot.holder, Relabel(lot=lot_id, date=date, code=market.code())
    if kind < 6:
        return lot.holder, MoveLot(lot=lot_id, date=date, place=f"store {market.choose(9)}")
    off = 970 + market.choose(36)
    found = tuple(
        (element, Grams(grams * off // 1_000 + market.choose(2)))
        for element, grams in totals_of(lot.parcels)
    )
    elements = tuple((element, grams) for element, grams in found if grams) or (
        (METALS[0], Grams(1)),
    )
    report, digest = f"R-{market.choose(99)}", digest_of("report")
    if kind < 8:
        return LABORATORY, Assay(
            lot=lot_id, date=date, report=report, report_digest=digest, elements=elements
        )
    return lot.holder, Restate(
        lot=lot_id, date=date, laboratory=LABORATORY, report=report, report_digest=digest,
        elements=elements, authority="",
    )  # fmt: skip


def _amounts(market: Market, reo: int, *kinds: Element) -> Composition:
    first = market.choose(reo + 1)
    amounts = zip(sorted(kinds), (first, reo - first), strict=True)
    return tuple((element, Grams(grams)) for element, grams in amounts if grams)


def _import(market: Market) -> Record:
    gross = 1_000 + market.choose(200_000)
    code = market.one_of(("MIX-CAR", "MIX-CAR", "SCR-MAG", "ORE-MIX"))
    return imported(
        customs=CUSTOMS,
        declaration=f"D-{market.choose(300)}",
        product=ProductCode(code),
        customs_code="2530.90.20" if code == "ORE-MIX" else "2846.90.28",
        code=market.code(),
        gross=Grams(gross),
        elements=_amounts(
            market, gross * (195 + market.choose(400)) // 1_000, Element.CE, Element.ND
        ),
        date=market.date(),
    )


def _scrap(market: Market) -> Record:
    gross = 1_000 + market.choose(200_000)
    return scrap(
        document=f"P-{market.choose(300)}",
        seller=market.one_of(("91-A", "91-B", "mine-a")),
        code=market.code(),
        gross=Grams(gross),
        elements=_amounts(
            market, gross * (95 + market.choose(800)) // 1_000, Element.PR, Element.ND
        ),
        date=market.date(),
    )


def _merge(market: Market) -> tuple[MemberId, Record]:
    live = [entry for entry in market.lots() if entry[1].gross]
    if not live:
        return IMPORTER, _import(market)
    _id, first = market.one_of(live)
    alike = [
        lot_id for lot_id, lot in live if (lot.product, lot.owner) == (first.product, first.owner)
    ]
    chosen = sorted({market.one_of(alike) for _ in range(2 + market.choose(3))})
    if not market.choose(10):
        chosen = sorted({*chosen, market.one_of(live)[0]})
    if len(chosen) < 2:
        chosen = [chosen[0], chosen[0]]
    return first.owner, MergeLots(lots=tuple(chosen), date=market.date(), code=market.code())


def _campaign(market: Market) -> tuple[MemberId, Record]:
    author, facility, kind, classes = market.one_of((PLANTS[0], PLANTS[0], *PLANTS))
    if not market.choose(6):
        kind = CampaignKind.BLENDING
        classes = (market.one_of(tuple(ProductClass)),)
    line = 1 + market.choose(2)
    row = market.world.row(LINES, facility, line)
    mine = [
        (lot_id, lot)
        for lot_id, lot in market.lots()
        if lot.gross and lot.holder == author and CLASS_OF.get(lot.product) in classes
    ]
    inputs = _inputs(market, mine)
    stock = () if row is None or kind is CampaignKind.BLENDING else row.stock
    opening = totals_of(stock)
    parts = [
        take(lot.parcels, lot.gross, entry.gross)[0]
        for entry in inputs
        for lot_id, lot in mine
        if lot_id == entry.lot
    ]
    fed = dict(totals_of(merge((*parts, stock))))
    gain: dict[Element, Grams] = {}
    if kind is not CampaignKind.BLENDING and fed and not market.choose(4):
        element = market.one_of(sorted(fed))
        gain[element] = Grams(max(1, fed[element] * (1 + market.choose(60)) // 10_000))
        fed[element] = Grams(fed[element] + gain[element])
    outputs, losses, closing = _come_out(market, kind, fed, [lot for _id, lot in mine])
    if not market.choose(12):
        closing = {**closing, Element.CE: Grams(closing.get(Element.CE, 0) + 1)}
    today = market.today
    to = civil.date_of(
        type(market.world.time_ms)(market.world.time_ms - DAY_MS * (market.choose(8) == 0)),
        UTC_OFFSET_MINUTES,
    )
    begin = (
        today
        if row is None or row.until >= to
        else CivilDate(max(row.until + 1, to // 100 * 100 + 1))
    )
    if not civil.is_date(begin) or begin > to:
        begin = to
    return author, Campaign(
        facility=FacilityId(facility),
        line=line,
        kind=kind,
        period_from=begin,
        period_to=to,
        inputs=inputs,
        outputs=outputs,
        opening=opening,
        gain=_spelled(gain),
        losses=_spelled(losses),
        closing=_spelled(closing),
        authority="",
    )


def _inputs(market: Market, mine: list[tuple[LotId, LotRow]]) -> tuple[CampaignInput, ...]:
    chosen: dict[LotId, LotRow] = {}
    for _ in range(market.choose(4) if mine else 0):
        lot_id, lot = market.one_of(mine)
        chosen[lot_id] = lot
    return tuple(
        CampaignInput(
            lot=lot_id,
            gross=Grams(lot.gross if market.choose(3) else 1 + market.choose(lot.gross)),
        )
        for lot_id, lot in sorted(chosen.items())
    )


def _come_out(
    market: Market, kind: CampaignKind, fed: dict[Element, Grams], lots: list[LotRow]
) -> tuple[tuple[CampaignOutput, ...], dict[Element, Grams], dict[Element, Grams]]:
    """Draw outputs, losses and closing that add up to what was fed."""
    if kind is CampaignKind.BLENDING:
        reo = sum(fed.values())
        product = lots[0].product if lots else ProductCode("ORE-MIX")
        gross = max(1, reo * (2 if reo else 1))
        return (_output(market, product, gross, fed),) if reo else (), {}, {}
    outputs: list[CampaignOutput] = []
    losses: dict[Element, Grams] = {}
    closing: dict[Element, Grams] = {}
    singles = {
        Element.LA: "OXI-LA",
        Element.CE: "OXI-CE",
        Element.PR: "OXI-NDPR",
        Element.ND: "OXI-NDPR",
    }
    for element, grams in sorted(fed.items()):
        lost = grams * market.choose(60 if market.choose(10) else 200) // 1_000
        kept = (grams - lost) * market.choose(4) // 10
        out = grams - lost - kept
        if kind is CampaignKind.METAL and element in (Element.PR, Element.ND) and out:
            outputs.append(
                _output(market, "MET-ND", -(-out * 1_000 // 1_200), {element: Grams(out)})
            )
        elif element in singles and out and kind is not CampaignKind.METAL:
            outputs.append(
                _output(market, singles[element], -(-out * 1_000 // 995), {element: Grams(out)})
            )
        else:
            kept += out
        losses[element], closing[element] = Grams(lost), Grams(kept)
    return tuple(outputs), losses, closing


def _output(
    market: Market, product: str, gross: int, grams: dict[Element, Grams]
) -> CampaignOutput:
    return CampaignOutput(
        product=ProductCode(product),
        code=market.code(),
        gross=Grams(gross),
        elements=_spelled(grams),
    )


def _spelled(grams: dict[Element, Grams]) -> Composition:
    return tuple((element, grams[element]) for element in sorted(grams) if grams[element])
