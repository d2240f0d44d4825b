"""``Campaign``: what one line of a facility made of its inputs in a period, element by element.

    inputs + opening + gain = outputs + losses + closing          grams of oxide, per element, exactly

A line's campaigns never overlap, and each opens with exactly what the last one closed with; the first
opens with nothing, or with its ``OpeningStock``. All that is mixed belongs to one owner: the holder itself,
or the principal of toll work, whose the outputs are too. What goes in and what may come out:

===========  ===========================  =====================  ==========================================
kind         inputs                       outputs                quota
===========  ===========================  =====================  ==========================================
separation   ore, compound                compound               undebited grams of the outputs are debited
metal        compound, metal              metal, alloy, scrap    no undebited gram goes in
recycling    scrap                        compound, metal        no undebited gram goes in
blending     one class                    the same class         undebited grams only in ore
===========  ===========================  =====================  ==========================================

The first three are made where that is the facility's activity. Blending happens anywhere; it loses and
gains nothing and leaves the line's stock alone. Outputs, losses and closing stock inherit the blend of
everything that was mixed (``ledger.blending``). A debited gram was counted once, in the account of the line's
owner and in the year in which the period ends, in the same step in which the lot comes to exist: either the
account has enough or nothing happens.

**Gains** are errors of measuring: what appears has the origin ``gain/<facility>``, owes the separation quota
where it appears in a separation, and is bounded per campaign and per member, element and year.
**Losses** above the norm need the signature of an authority, which the record names. Parameters hold all
figures.

It alerts on a yield that is too low, too high, or unlike the line's own last twelve months; on stock above
the facility's cap or that inspectors have not counted for a year; and on a member whose gains come close to
what a year allows, at every tenth of them. Of several elements, the one that is furthest off is named.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.blending import blend, debited
from ledger.quantity import Composition, Parcels, fold, merge, take, totals_of
from ledger.records.campaign_alerts import alert_about_stock, alert_about_yield
from ledger.records.campaign_inputs import CampaignInput, feed_of, input_lots, owner_of
from ledger.records.campaign_limits import Throughflow, check_losses, count_gains
from ledger.records.claimed_date import shown
from ledger.records.content_rules import (
    ElementsField,
    SomeElementsField,
    check_composition,
    check_elements,
    check_period,
    facility_of_author,
    oxide_of,
    product_of,
)
from ledger.records.lot_rules import change_lot, exhausted, make_lot
from ledger.records.quota_account import debit
from ledger.records.record import Context, Record
from ledger.records.succession import present_name
from ledger.records.supervision_rules import authority
from ledger.refusal import RefusalCode
from ledger.state.lot_indexes import fed_entry, line_entry
from ledger.state.rows import FacilityRow, LineRow, LotRow, Parcel
from ledger.state.tables import LINES
from ledger.vocabulary import (
    Activity,
    Bucket,
    CampaignKind,
    Element,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.codec import WireStruct, encode
from ledger.wire.scalars import (
    IDENTIFIER_PATTERN,
    LOT_GRAMS_MAX,
    CivilDateField,
    CodeField,
    FacilityIdField,
    Grams,
    LotGramsField,
    LotIdField,
    MemberId,
    ProductCodeField,
)

CAMPAIGN_PART: Final = 2_000
"""Number under which the id of a campaign is derived, beside those of its outputs."""
LOTS_PER_CAMPAIGN_MAX: Final = 64
ACTIVITY_OF_KIND: Final = {
    CampaignKind.SEPARATION: Activity.SEPARATION,
    CampaignKind.METAL: Activity.METAL,
    CampaignKind.RECYCLING: Activity.RECYCLING,
    CampaignKind.BLENDING: None,
}
OptionalMemberField = Annotated[str, Meta(pattern=rf"^\Z|{IDENTIFIER_PATTERN}")]
"""A member, or nothing."""


class CampaignOutput(WireStruct, frozen=True, array_like=True):
    """A lot that came out; its lot number is its position."""

    product: ProductCodeField
    code: CodeField
    """Container code that the author gives it."""
    gross: LotGramsField
    elements: SomeElementsField


class Campaign(Record, frozen=True, array_like=True, tag=35):
    """Enter what ``line`` of ``facility`` made from ``period_from`` to ``period_to``."""

    facility: FacilityIdField
    line: Annotated[int, Meta(ge=1, le=1_000)]
    kind: CampaignKind
    period_from: CivilDateField
    period_to: CivilDateField
    """The claimed date."""
    inputs: Annotated[tuple[CampaignInput, ...], Meta(max_length=LOTS_PER_CAMPAIGN_MAX)]
    """By ascending lot id, each lot once."""
    outputs: Annotated[tuple[CampaignOutput, ...], Meta(max_length=LOTS_PER_CAMPAIGN_MAX)]
    opening: ElementsField
    """Process stock at the beginning: exactly what the last campaign closed with."""
    gain: ElementsField
    losses: ElementsField
    closing: ElementsField
    """Process stock at the end."""
    authority: OptionalMemberField
    """The authority that signs for losses above the norm; empty when there are none."""


def campaign_units(record: Campaign) -> int:
    """Return the work units of a campaign: most is shares of cells, 1,024 of them in a full lot."""
    return 100 + 150 * len(record.inputs) + 130 * len(record.outputs)


def apply_campaign(context: Context, record: Campaign) -> None:
    """Apply; refused unless everything adds up, within limits, quota and what the kind allows."""
    context.require(context.author, Role.OPERATOR)
    activity = ACTIVITY_OF_KIND[record.kind]
    facility = facility_of_author(
        context, record.facility, activity, doing=f"has campaigns of {record.kind.name.lower()}"
    )
    line = _line(context, record, facility)
    check_period(context, record.period_from, record.period_to)
    _check_follows(context, record, line)
    inputs = input_lots(context, record.inputs, record.period_to)
    owner = owner_of(context, record.kind, inputs, line)
    feed, classes = feed_of(context, record.kind, inputs)
    flow = _flow(context, record, feed, line)
    if record.authority:
        authority(context, MemberId(record.authority), field="authority")
        context.require(MemberId(record.authority), Role.OPERATOR)
    check_losses(context, flow, record.kind, has_authority=bool(record.authority))
    count_gains(context, flow, record.period_to)
    place = (record.facility, record.line)
    closing = _make(context, record, facility, line, owner, feed, classes)
    if record.kind is CampaignKind.BLENDING:
        _write_line(context, record, line, None, ())
    else:
        row = _write_line(context, record, line, owner, closing)
        alert_about_yield(context, place, record.kind, flow, record.period_to)
        alert_about_stock(context, place, facility, row)
    for lot_id, lot, part in inputs:
        _use_up(context, record, lot_id, lot, part)
    context.touch(context.author, record.period_to)
    if owner != context.author:
        context.touch(owner, record.period_to)


def _line(context: Context, record: Campaign, facility: FacilityRow) -> LineRow | None:
    if record.line > facility.lines:
        context.refuse(
            RefusalCode.LINE_UNKNOWN,
            f"facility {record.facility} has {facility.lines} lines, there is no line {record.line}.",
            field="line",
            line=record.line,
            lines=facility.lines,
        )
    return context.state.get(LINES, record.facility, record.line)


def _check_follows(context: Context, record: Campaign, line: LineRow | None) -> None:
    """Refuse a campaign that begins before the last one has ended."""
    if line is not None and record.period_from <= line.until:
        context.refuse(
            RefusalCode.PERIOD_OVERLAPS,
            f"the last campaign of line {record.line} ended on {shown(line.until)}; this one begins "
            f"on {shown(record.period_from)}, it may begin on the day after.",
            field="period_from",
            period_from=record.period_from,
            until=line.until,
        )


def _flow(context: Context, record: Campaign, feed: Parcels, line: LineRow | None) -> Throughflow:
    """Return the balance per element, or refuse when it is none."""
    for field in ("opening", "gain", "losses", "closing"):
        check_elements(context, getattr(record, field), field=field)
        if record.kind is CampaignKind.BLENDING and getattr(record, field):
            context.refuse(
                RefusalCode.FIELD_INVALID,
                f"{field} holds {oxide_of(getattr(record, field)):,} g; blending gains and loses "
                "nothing and leaves the process stock alone.",
                field=field,
                grams=oxide_of(getattr(record, field)),
            )
    if record.kind is not CampaignKind.BLENDING:
        _check_opening(context, record, line)
    outputs: dict[Element, int] = {}
    for output in record.outputs:
        for element, grams in output.elements:
            outputs[element] = outputs.get(element, 0) + grams
    flow = Throughflow(
        inputs=dict(totals_of(feed)),
        opening=dict(record.opening),
        gain=dict(record.gain),
        outputs=outputs,
        losses=dict(record.losses),
        closing=dict(record.closing),
    )
    _check_balance(context, flow)
    return flow


def _check_opening(context: Context, record: Campaign, line: LineRow | None) -> None:
    """Refuse an opening that is not what the last campaign has left."""
    stock = dict(totals_of(() if line is None else line.stock))
    opening = dict(record.opening)
    for element in sorted({*stock, *opening}):
        found, expected = opening.get(element, 0), stock.get(element, 0)
        if found != expected:
            by = "too much" if found > expected else "are missing"
            context.refuse(
                RefusalCode.OPENING_MISMATCH,
                f"the opening holds {found:,} g of {element.symbol} oxide, the line closed with "
                f"{expected:,} g: {abs(found - expected):,} g {by}.",
                field="opening",
                element=element.symbol,
                opening=found,
                closed=expected,
                difference=found - expected,
            )


def _check_balance(context: Context, flow: Throughflow) -> None:
    total = 0
    for element in flow.elements:
        came, went = flow.came(element), flow.went(element)
        total += came
        if came != went:
            by = f"{went - came:,} g too much" if went > came else f"{came - went:,} g are missing"
            context.refuse(
                RefusalCode.ELEMENTS_DO_NOT_ADD_UP,
                f"{element.symbol}: inputs, opening and gain are {came:,} g, outputs, losses and "
                f"closing {went:,} g: {by}.",
                field="outputs",
                element=element.symbol,
                came=came,
                went=went,
                difference=went - came,
            )
    if total > LOT_GRAMS_MAX:
        context.refuse(
            RefusalCode.QUANTITY_EXCEEDED,
            f"the campaign mixes {total:,} g of oxide, {total - LOT_GRAMS_MAX:,} g more than the "
            f"{LOT_GRAMS_MAX:,} g that one may.",
            field="inputs",
            total=total,
            most=LOT_GRAMS_MAX,
        )


def _make(  # noqa: PLR0913, PLR0917 - the one place where everything comes together
    context: Context,
    record: Campaign,
    facility: FacilityRow,
    line: LineRow | None,
    owner: MemberId,
    feed: Parcels,
    classes: tuple[ProductClass, ...],
) -> Parcels:
    """Blend, debit the quota, make the outputs, and return the closing stock."""
    is_separation = record.kind is CampaignKind.SEPARATION
    is_blending = record.kind is CampaignKind.BLENDING
    appeared = Parcel(
        origin=f"gain/{record.facility}",
        status=QuotaStatus.UNDEBITED if is_separation else QuotaStatus.EXEMPT,
        grams=record.gain,
    )
    stock = () if line is None or is_blending else line.stock
    pool = merge((feed, stock, (appeared,) if record.gain else ()))
    pool = fold(pool, f"campaign/{context.new_lot_id(CAMPAIGN_PART).hex()}")
    wanted: list[Composition] = [output.elements for output in record.outputs]
    contents, closing = blend(pool, [*wanted, record.losses])
    # What is mixed with held stock is held; a line keeps holds while it has stock.
    holds = line.holds if line is not None and stock else ()
    owed = 0
    for number, (output, mixed) in enumerate(zip(record.outputs, contents, strict=False)):
        field = f"outputs[{number}]"
        product = product_of(
            context, output.product, classes, doing="this campaign makes", field=field
        )
        check_composition(
            context, output.product, product, output.gross, output.elements, field=field
        )
        parcels, grams = debited(mixed) if is_separation else (mixed, 0)
        owed += grams
        lot = LotRow(
            product=output.product,
            product_version=product.version,
            owner=owner,
            holder=context.author,
            place=facility.place,
            date=record.period_to,
            gross=output.gross,
            parcels=parcels,
            holds=holds,
            code=output.code,
            creator=context.author,
            parents=(),
            made_by=context.reference,
            made_height=context.height,
            transfer=None,
        )
        make_lot(context, context.new_lot_id(number), lot, field=field)
    if owed:
        year = civil.year_of(record.period_to)
        debit(context, year, Bucket.SEPARATION, context.author, owed, field="outputs")
    return closing


def _write_line(
    context: Context,
    record: Campaign,
    line: LineRow | None,
    owner: MemberId | None,
    closing: Parcels,
) -> LineRow:
    """Write the line after the campaign; without an owner, its stock is left alone."""
    had_stock = line is not None and bool(line.stock)
    stock = closing
    if owner is None:
        stock = () if line is None else line.stock
        owner = context.author if line is None else present_name(context, line.owner)
    row = LineRow(
        campaigns=1 if line is None else line.campaigns + 1,
        last=context.reference,
        until=record.period_to,
        owner=owner,
        stock=stock,
        holds=() if line is None or not stock else line.holds,
        counted=line.counted if line is not None and had_stock else record.period_to,
    )
    context.state.put(LINES, record.facility, record.line, row=row)
    entry = line_entry(record.facility, record.line, record.period_to)
    context.state.put_index(entry, encode(context.reference))
    return row


def _use_up(
    context: Context, record: Campaign, lot_id: LotIdField, lot: LotRow, gross: int
) -> None:
    """Take an input off its lot."""
    if gross == lot.gross:
        after = exhausted(lot, record.period_to)
    else:
        _part, rest = take(lot.parcels, lot.gross, gross)
        after = msgspec.structs.replace(lot, gross=Grams(lot.gross - gross), parcels=rest)
    change_lot(context, lot_id, lot, after)
    entry = fed_entry(lot_id, context.height, context.tx_id, context.record_index)
    context.state.put_index(entry, b"")
