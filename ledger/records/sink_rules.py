"""What all records have in common by which a quantity leaves the traced world.

A sink takes a lot whole, or a part in the lot's own composition, and counts it by year, kind of sink and
holder. A part leaves no lot behind: it is gone. What a sink may take, a hold and an open offer forbid.

Losses that nobody but the holder has seen are small: each member may write off ``small_loss_allowance`` grams
of oxide of each element in a calendar year, over all its lots and records together. From the first gram
beyond that an authority signs, and what it has signed for does not count against the allowance. So a large
loss cannot be cut into small ones.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.quantity import Composition, Parcels, add_compositions, reo_of, take, totals_of
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import change_lot, check_free, exhausted, live_lot
from ledger.records.record import Context
from ledger.records.supervision_rules import authority
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow, SinkRow, SmallLossRow
from ledger.state.tables import SINKS, SMALL_LOSSES
from ledger.vocabulary import Role, SinkKind
from ledger.wire.scalars import CivilDate, Grams, LotId, MemberId

OptionalMemberField = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9-]{0,31})?\Z")]
"""A member that signs too, or nobody."""
NO_SINK: Final = SinkRow(records=0, gross=Grams(0), grams=())
NO_SMALL_LOSS: Final = SmallLossRow(grams=())


def lot_for_sink(context: Context, lot_id: LotId, gross: int, date: CivilDate) -> LotRow:
    """Return a free lot that the author holds and that has ``gross`` grams on ``date``, or refuse."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, lot_id)
    if lot.holder != context.author:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {lot_id.hex()} lies with {lot.holder}; only who holds it says that it is gone.",
            field="lot",
            lot=lot_id.hex(),
            holder=lot.holder,
        )
    check_free(context, lot_id, lot)
    check_claimed_date(
        context, date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    if gross > lot.gross:
        context.refuse(
            RefusalCode.QUANTITY_EXCEEDED,
            f"{gross:,} g are {gross - lot.gross:,} g more than the {lot.gross:,} g of lot "
            f"{lot_id.hex()}.",
            field="gross",
            asked=gross,
            left=lot.gross,
            missing=gross - lot.gross,
        )
    return lot


def sink(
    context: Context, lot_id: LotId, lot: LotRow, gross: Grams, date: CivilDate, kind: SinkKind
) -> Parcels:
    """Take ``gross`` grams out of a lot and out of the traced world; return what they held."""
    gone, rest = take(lot.parcels, lot.gross, gross)
    if not reo_of(gone):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{gross:,} g of this lot hold less than one gram of oxide, at least one is needed to "
            "trace it.",
            field="gross",
            gross=gross,
        )
    if gross == lot.gross:
        after = exhausted(lot, date)
    else:
        left = Grams(lot.gross - gross)
        after = msgspec.structs.replace(lot, gross=left, parcels=rest, date=date)
    change_lot(context, lot_id, lot, after)
    parts = (civil.year_of(date), int(kind), lot.holder)
    before = context.state.get(SINKS, *parts) or NO_SINK
    row = SinkRow(
        records=before.records + 1,
        gross=Grams(before.gross + gross),
        grams=add_compositions(before.grams, totals_of(gone)),
    )
    context.state.put(SINKS, *parts, row=row)
    context.touch(context.author, date)
    if lot.owner != context.author:
        context.touch(lot.owner, date)
    return gone


def require_authority(context: Context, member: str, *, field: str = "authority") -> None:
    """Refuse unless an active authority other than the author is named, and ask for its signature."""
    named = MemberId(member)
    authority(context, named, field=field)
    context.require(named, Role.OPERATOR)
    context.touch(named)


def check_allowance(context: Context, gone: Composition, date: CivilDate, signer: str) -> None:
    """Count a loss against the author's allowance, or ask for the authority that signs for it."""
    if signer:
        require_authority(context, signer)
        return
    parts = (civil.year_of(date), context.author)
    before = context.state.get(SMALL_LOSSES, *parts) or NO_SMALL_LOSS
    after = add_compositions(before.grams, gone)
    allowed = context.parameters.small_loss_allowance
    for element, grams in after:
        if grams > allowed:
            context.refuse(
                RefusalCode.AUTHORITY_NEEDED,
                f"{context.author} would have written off {grams:,} g of {element.symbol} oxide in "
                f"{parts[0]}, {grams - allowed:,} g more than the {allowed:,} g that need no "
                "authority; name one that signs.",
                field="authority",
                element=element.symbol,
                grams=grams,
                allowed=allowed,
                excess=grams - allowed,
            )
    context.state.put(SMALL_LOSSES, *parts, row=SmallLossRow(grams=after))
