"""``Restate``: a laboratory finds that a lot holds something else than the ledger says.

The holder writes it and a registered laboratory countersigns; its report's number serves once. The
lot's gross stays, its oxide becomes what the report says. Per element, what is less is taken out of all
origins and statuses alike (``ledger.blending``) and is booked as a loss by measuring; what is more is a gain
with the origin ``restate/<lot>``, which owes the separation quota when anything in the lot does.

Gains count in the holder's year with those of its campaigns, and against the same limit: who puts nothing
through campaigns may find traces only. A mine's ore therefore does not grow past its quota by a new assay.
A loss of an element over the tolerance of an assay needs the signature of an authority: a lot must not
vanish on paper, report by report.
"""

from __future__ import annotations

import msgspec

from ledger.blending import blend, undebited_grams
from ledger.quantity import Composition, Parcels, fold, merge, reo_of, totals_of
from ledger.records.campaign import OptionalMemberField
from ledger.records.campaign_limits import change_gains
from ledger.records.claimed_date import check_claimed_date
from ledger.records.content_rules import (
    SomeElementsField,
    check_composition,
    product_of,
    use_number,
)
from ledger.records.lot_rules import change_lot, check_free, live_lot
from ledger.records.record import Context, Record
from ledger.records.supervision_rules import authority
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, MemberRow, Parcel
from ledger.vocabulary import (
    Element,
    ExternalNumberKind,
    MemberKind,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    Grams,
    LotId,
    LotIdField,
    MemberId,
    MemberIdField,
)


class Restate(Record, frozen=True, array_like=True, tag=40):
    """Let ``lot`` hold what a report says."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    laboratory: MemberIdField
    report: CodeField
    """Number of the laboratory's report."""
    report_digest: DigestField
    elements: SomeElementsField
    """What the whole lot holds."""
    authority: OptionalMemberField
    """The authority that signs for a loss over the tolerance; empty when there is none."""


def apply_restate(context: Context, record: Restate) -> None:
    """Apply; refused unless holder and laboratory sign for differences within their limits."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    if lot.holder != context.author:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {record.lot.hex()} lies with {lot.holder}; only who holds it may restate it.",
            field="lot",
            lot=record.lot.hex(),
            holder=lot.holder,
        )
    check_free(context, record.lot, lot)
    laboratory_of(context, record.laboratory)
    context.require(record.laboratory, Role.OPERATOR)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    product = product_of(context, lot.product, ProductClass, doing="a lot is")
    check_composition(context, lot.product, product, lot.gross, record.elements)
    use_number(
        context,
        ExternalNumberKind.LABORATORY_REPORT,
        record.laboratory,
        record.report,
        counterparty=context.author,
        field="report",
    )
    gains, losses = _differences(context, record, lot)
    trace = reo_of(lot.parcels) * context.parameters.gain_feed_basis_points // 10_000
    change_gains(
        context, context.author, record.date, throughput={}, gains=gains, lost=losses, trace=trace
    )
    parcels = _content(record.lot, lot, record.elements, gains)
    change_lot(
        context, record.lot, lot, msgspec.structs.replace(lot, parcels=parcels, date=record.date)
    )
    for member in (context.author, lot.owner, record.laboratory):
        context.touch(member, record.date)


def laboratory_of(context: Context, member: MemberId) -> MemberRow:
    """Return the row of an active laboratory, or refuse."""
    row = context.active_member(member, field="laboratory")
    if row.kind is not MemberKind.LABORATORY:
        context.refuse(
            RefusalCode.NOT_A_LABORATORY,
            f"{member} is no registered laboratory.",
            field="laboratory",
            member=member,
        )
    return row


def tolerance_of(context: Context, grams: int, reo: int) -> int:
    """Return by how many grams an assay of an element may differ without meaning anything."""
    parameters = context.parameters
    return max(
        grams * parameters.assay_tolerance_permille // 1_000,
        reo * parameters.gain_feed_basis_points // 10_000,
    )


def _differences(
    context: Context, record: Restate, lot: LotRow
) -> tuple[dict[Element, int], dict[Element, int]]:
    """Return what is more and what is less, or refuse a loss that no authority signs for."""
    if record.authority:
        authority(context, MemberId(record.authority), field="authority")
        context.require(MemberId(record.authority), Role.OPERATOR)
    before, after = dict(totals_of(lot.parcels)), dict(record.elements)
    gains: dict[Element, int] = {}
    losses: dict[Element, int] = {}
    for element in sorted({*before, *after}):
        old, new = before.get(element, 0), after.get(element, 0)
        if new > old:
            gains[element] = new - old
        elif old > new:
            losses[element] = old - new
            most = tolerance_of(context, old, reo_of(lot.parcels))
            if old - new > most and not record.authority:
                context.refuse(
                    RefusalCode.LOSS_ABOVE_NORM,
                    f"{old - new:,} g of {element.symbol} oxide would be gone, {old - new - most:,} g "
                    f"more than the {most:,} g that an assay may be off; an authority has to sign.",
                    field="elements",
                    element=element.symbol,
                    lost=old - new,
                    most=most,
                    excess=old - new - most,
                )
    return gains, losses


def _content(
    lot_id: LotId, lot: LotRow, elements: Composition, gains: dict[Element, int]
) -> Parcels:
    """Return the parcels of the lot after the report."""
    kept = tuple(
        (element, Grams(grams - gains.get(element, 0)))
        for element, grams in elements
        if grams > gains.get(element, 0)
    )
    (content,), _gone = blend(lot.parcels, [kept])
    if not gains:
        return content
    origin = f"restate/{lot_id.hex()}"
    owes = undebited_grams(lot.parcels) > 0
    appeared = Parcel(
        origin=origin,
        status=QuotaStatus.UNDEBITED if owes else QuotaStatus.EXEMPT,
        grams=tuple((element, Grams(grams)) for element, grams in sorted(gains.items())),
    )
    return fold(merge((content, (appeared,))), origin)
