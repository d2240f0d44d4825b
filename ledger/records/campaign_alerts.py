"""What a campaign alerts about: its yields, and the stock that it leaves in process.

The **yield** of an element is outputs in outputs and losses: what left the line as a product. Elements that
are less than a thousandth of what left the line are too small to say anything. Each code is raised once in
a campaign, for the element that is furthest off.

The **baseline** of a line is what left it in the campaigns that ended in the present month and the eleven
before, at least three of them, kept as one small row for each month.
"""

from __future__ import annotations

from typing import Final

from ledger import civil
from ledger.quantity import reo_of
from ledger.records.campaign_limits import Throughflow, norm_of
from ledger.records.claimed_date import shown
from ledger.records.record import Context
from ledger.state.rows import FacilityRow, LineMonthRow, LineRow
from ledger.state.tables import LINE_MONTHS
from ledger.vocabulary import CampaignKind, Element
from ledger.wire.scalars import CivilDate, FacilityId, Grams, Month

ALERT_YIELD_LOW: Final = "yield-low"
ALERT_YIELD_HIGH: Final = "yield-high"
ALERT_YIELD_BASELINE: Final = "yield-baseline"
ALERT_STOCK_CAP: Final = "process-stock-cap"
ALERT_STOCK_UNCOUNTED: Final = "process-stock-uncounted"
BASELINE_CAMPAIGNS: Final = 3
"""Campaigns that a baseline needs."""
BASELINE_MONTHS: Final = 12
TRACE: Final = 1_000
"""An element that is less than one part in this many of what left the line is not judged."""

Place = tuple[FacilityId, int]
"""A facility and the number of a line."""


def alert_about_yield(
    context: Context, place: Place, kind: CampaignKind, flow: Throughflow, date: CivilDate
) -> None:
    """Compare the yields of a campaign with floor, ceiling and baseline, and add them to the month."""
    total = sum(flow.outputs.values()) + sum(flow.losses.values())
    judged = {
        element: flow.outputs.get(element, 0)
        for element in flow.elements
        if flow.left(element) and flow.left(element) * TRACE >= total
    }
    count, baseline = _baseline(context, place, civil.month_of(date))
    floor, ceiling = (
        norm_of(context, kind).yield_floor_permille,
        context.parameters.yield_ceiling_permille,
    )
    _alert_furthest(
        context, ALERT_YIELD_LOW, flow,
        {element: floor - _permille(out, flow.left(element)) for element, out in judged.items()
         if out * 1_000 < floor * flow.left(element)},
        f"below the floor of {floor} per mille",
    )  # fmt: skip
    _alert_furthest(
        context, ALERT_YIELD_HIGH, flow,
        {element: _permille(out, flow.left(element)) - ceiling for element, out in judged.items()
         if out * 1_000 > ceiling * flow.left(element)},
        f"above {ceiling} per mille, which no process reaches",
    )  # fmt: skip
    if count >= BASELINE_CAMPAIGNS:
        off = {
            element: abs(_permille(out, flow.left(element)) - _permille(*baseline[element]))
            for element, out in judged.items()
            if element in baseline
        }
        _alert_furthest(
            context, ALERT_YIELD_BASELINE, flow,
            {element: by for element, by in off.items()
             if by > context.parameters.yield_baseline_permille},
            f"more than {context.parameters.yield_baseline_permille} per mille off the line's own "
            f"{count} campaigns of the last 12 months",
        )  # fmt: skip
    _add_to_month(context, place, civil.month_of(date), flow)


def alert_about_stock(context: Context, place: Place, facility: FacilityRow, line: LineRow) -> None:
    """Alert about process stock above the facility's cap, or not counted for a year."""
    stock = reo_of(line.stock)
    cap = facility.process_stock_cap
    if stock > cap:
        context.alert(
            ALERT_STOCK_CAP,
            facility.owner,
            f"line {place[1]} of {place[0]} has {stock:,} g of oxide in process, {stock - cap:,} g more "
            f"than the {cap:,} g that the facility was registered for.",
            stock=stock,
            cap=cap,
            excess=stock - cap,
        )
    # Dates are digits, so a year later is 10,000 more.
    if stock and line.until > line.counted + 10_000:
        context.alert(
            ALERT_STOCK_UNCOUNTED,
            facility.owner,
            f"inspectors have not counted the {stock:,} g of oxide in process on line {place[1]} of "
            f"{place[0]} since {shown(line.counted)}, more than 12 months.",
            stock=stock,
            counted=line.counted,
            until=line.until,
        )


def _baseline(
    context: Context, place: Place, month: Month
) -> tuple[int, dict[Element, tuple[int, int]]]:
    """Return the campaigns of the last twelve months, and per element (outputs, outputs and losses)."""
    campaigns = 0
    sums: dict[Element, tuple[int, int]] = {}
    for _ in range(BASELINE_MONTHS):
        row = context.state.get(LINE_MONTHS, *place, month)
        if row is not None:
            campaigns += row.campaigns
            for element, out, lost in row.cells:
                before = sums.get(element, (0, 0))
                sums[element] = (before[0] + out, before[1] + out + lost)
        month = Month(month - 1 if month % 100 > 1 else month - 89)
    return campaigns, sums


def _add_to_month(context: Context, place: Place, month: Month, flow: Throughflow) -> None:
    row = context.state.get(LINE_MONTHS, *place, month)
    cells: dict[Element, tuple[int, int]] = {}
    if row is not None:
        cells = {element: (out, lost) for element, out, lost in row.cells}
    for element in flow.elements:
        if flow.left(element):
            out, lost = cells.get(element, (0, 0))
            cells[element] = (
                out + flow.outputs.get(element, 0),
                lost + flow.losses.get(element, 0),
            )
    written = tuple(
        (element, Grams(out), Grams(lost)) for element, (out, lost) in sorted(cells.items())
    )
    count = 1 if row is None else row.campaigns + 1
    context.state.put(LINE_MONTHS, *place, month, row=LineMonthRow(campaigns=count, cells=written))


def _permille(part: int, whole: int) -> int:
    return part * 1_000 // whole if whole else 0


def _alert_furthest(
    context: Context, code: str, flow: Throughflow, off: dict[Element, int], what: str
) -> None:
    """Alert about the element that is furthest off, the first of equal ones."""
    if not off:
        return
    element = min(off, key=lambda found: (-off[found], found))
    out, left = flow.outputs.get(element, 0), flow.left(element)
    context.alert(
        code,
        context.author,
        f"the yield of {element.symbol} is {_permille(out, left)} per mille ({out:,} g of {left:,} g), "
        f"{what}; {len(off)} elements are.",
        outputs=out,
        left=left,
        permille=_permille(out, left),
        elements=len(off),
    )
