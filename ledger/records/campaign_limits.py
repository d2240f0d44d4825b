"""What a campaign may gain and lose: the limits of its balance, and the running total of gains.

Figures are parameters of the network. ``feed`` is what a campaign had: inputs and opening stock.

* **Gain** of an element: at most 0.5 % of what the feed held of it, or 0.02 % of all oxide of the feed,
  whichever is more; the second is for traces, which no assay tells better.
* **Net gains** of a member, element and calendar year, from campaigns and new assays, less what new assays
  took away: at most 0.5 % of what its campaigns of the year took in of the element. So that a first trace
  does not fail, 0.02 % of the present feed is allowed as well; that does not add up over campaigns.
* **Losses** of an element: the norm of the kind of campaign, of what it took in or of what left it (outputs
  and losses), whichever is more, and always 0.02 % of all oxide of the feed; above it an authority signs.
  Stock that merely lies there is no reason to lose anything, so the norm is not taken of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger import civil
from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.rows import GainYearRow, ProcessNorm
from ledger.state.tables import GAIN_YEARS
from ledger.vocabulary import CampaignKind, Element
from ledger.wire.scalars import CivilDate, Grams, MemberId

ALERT_GAINS: Final = "gains"
GAINS_PER_LOOK: Final = 10
"""After how many gains of a member's year its sum is looked at."""


@dataclass(frozen=True, slots=True)
class Throughflow:
    """Grams of oxide per element through one campaign."""

    inputs: dict[Element, int]
    opening: dict[Element, int]
    gain: dict[Element, int]
    outputs: dict[Element, int]
    losses: dict[Element, int]
    closing: dict[Element, int]

    @property
    def elements(self) -> list[Element]:
        """Every element that occurs, ascending."""
        parts = (
            self.inputs, self.opening, self.gain, self.outputs, self.losses, self.closing,
        )  # fmt: skip
        return sorted({element for part in parts for element in part})

    @property
    def feed_reo(self) -> int:
        """All oxide of inputs and opening stock."""
        return sum(self.inputs.values()) + sum(self.opening.values())

    def came(self, element: Element) -> int:
        """Inputs, opening and gain of an element."""
        return self.feed(element) + self.gain.get(element, 0)

    def went(self, element: Element) -> int:
        """Outputs, losses and closing of an element."""
        return self.left(element) + self.closing.get(element, 0)

    def feed(self, element: Element) -> int:
        """Inputs and opening of an element."""
        return self.inputs.get(element, 0) + self.opening.get(element, 0)

    def left(self, element: Element) -> int:
        """Outputs and losses of an element."""
        return self.outputs.get(element, 0) + self.losses.get(element, 0)


def norm_of(context: Context, kind: CampaignKind) -> ProcessNorm:
    """Return what is normal for a kind of campaign; nothing may be lost where nothing is said."""
    for norm in context.parameters.process_norms:
        if norm.kind is kind:
            return norm
    return ProcessNorm(kind=kind, loss_permille=0, yield_floor_permille=0)


def check_losses(
    context: Context, flow: Throughflow, kind: CampaignKind, *, has_authority: bool
) -> None:
    """Refuse losses above the norm that no authority signs for."""
    if has_authority or not flow.losses:
        return
    norm = norm_of(context, kind).loss_permille
    trace = flow.feed_reo * context.parameters.gain_feed_basis_points // 10_000
    for element, lost in sorted(flow.losses.items()):
        base = max(flow.inputs.get(element, 0), flow.left(element))
        most = max(base * norm // 1_000, trace)
        if lost > most:
            context.refuse(
                RefusalCode.LOSS_ABOVE_NORM,
                f"{lost:,} g of {element.symbol} oxide are lost, {lost - most:,} g more than the "
                f"{most:,} g that are normal ({norm} per mille of {base:,} g); an authority has to "
                "sign for it.",
                field="losses",
                element=element.symbol,
                lost=lost,
                most=most,
                excess=lost - most,
            )


def count_gains(context: Context, flow: Throughflow, date: CivilDate) -> None:
    """Refuse a gain over its limits, and add throughput and gains to the author's year."""
    parameters = context.parameters
    trace = flow.feed_reo * parameters.gain_feed_basis_points // 10_000
    for element, gained in sorted(flow.gain.items()):
        feed = flow.feed(element)
        most = max(feed * parameters.gain_element_basis_points // 10_000, trace)
        if gained > most:
            context.refuse(
                RefusalCode.GAIN_EXCEEDED,
                f"a gain of {gained:,} g of {element.symbol} oxide is {gained - most:,} g more than the "
                f"{most:,} g that errors of measuring explain ({feed:,} g of it were fed).",
                field="gain",
                element=element.symbol,
                gain=gained,
                most=most,
                excess=gained - most,
            )
    change_gains(
        context, context.author, date, throughput=flow.inputs, gains=flow.gain, lost={}, trace=trace
    )


def change_gains(  # noqa: PLR0913 - what a year's gains are made of
    context: Context,
    member: MemberId,
    date: CivilDate,
    *,
    throughput: dict[Element, int],
    gains: dict[Element, int],
    lost: dict[Element, int],
    trace: int = 0,
) -> None:
    """Add to a member's year, or refuse when its net gains exceed what the year allows.

    Args:
        context: Of the record.
        member: Whose gains they are.
        date: Claimed; its year counts.
        throughput: Grams that went into a campaign.
        gains: Grams that appeared.
        lost: Grams that a new assay took away.
        trace: Grams that any element may have gained.
    """
    if not (throughput or gains or lost):
        return
    year = civil.year_of(date)
    row = context.state.get(GAIN_YEARS, year, member)
    cells: dict[Element, tuple[int, int, int]] = {}
    if row is not None:
        cells = {element: (fed, gained, gone) for element, fed, gained, gone in row.cells}
    for element in {**throughput, **gains, **lost}:
        fed, gained, gone = cells.get(element, (0, 0, 0))
        cells[element] = (
            fed + throughput.get(element, 0),
            gained + gains.get(element, 0),
            gone + lost.get(element, 0),
        )
    count = (0 if row is None else row.gains) + bool(gains)
    limit = context.parameters.gain_year_basis_points
    for element in sorted(gains):
        fed, gained, gone = cells[element]
        net, most = gained - gone, max(fed * limit // 10_000, trace)
        if net > most:
            context.refuse(
                RefusalCode.GAIN_EXCEEDED,
                f"{member} would have gained {net:,} g of {element.symbol} oxide in {year}, "
                f"{net - most:,} g more than the {most:,} g that {fed:,} g of throughput allow.",
                field="gain",
                element=element.symbol,
                net=net,
                most=most,
                excess=net - most,
                throughput=fed,
            )
    written = tuple(
        (element, Grams(fed), Grams(gained), Grams(gone))
        for element, (fed, gained, gone) in sorted(cells.items())
    )
    context.state.put(GAIN_YEARS, year, member, row=GainYearRow(gains=count, cells=written))
    if gains and count % GAINS_PER_LOOK == 0:
        _alert_about_gains(context, member, year, count, cells)


def _alert_about_gains(
    context: Context,
    member: MemberId,
    year: int,
    count: int,
    cells: dict[Element, tuple[int, int, int]],
) -> None:
    """Alert when a member's gains of some element are close to what the year allows."""
    limit = context.parameters.gain_year_basis_points
    for element, (fed, gained, gone) in sorted(cells.items()):
        net, most = gained - gone, fed * limit // 10_000
        if net > 0 and net * 4 >= most * 3:
            context.alert(
                ALERT_GAINS,
                member,
                f"{member} has gained {net:,} g of {element.symbol} oxide in {count} records of {year}; "
                f"{most:,} g are what errors explain, and errors should cancel.",
                gains=count,
                net=net,
                most=most,
                throughput=fed,
            )
            return
