"""What goes into a campaign: which lots, whose they are, what they hold, and what may come out of it."""

from __future__ import annotations

from typing import Final, TypeAlias

from ledger.blending import undebited_grams
from ledger.quantity import Parcels, merge, take
from ledger.records.claimed_date import shown
from ledger.records.lot_rules import check_free, live_lot
from ledger.records.record import Context
from ledger.records.succession import present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import LineRow, LotRow
from ledger.state.tables import PRODUCTS
from ledger.vocabulary import CampaignKind, ProductClass
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import CivilDate, LotGramsField, LotId, LotIdField, MemberId

INPUTS_OF_KIND: Final = {
    CampaignKind.SEPARATION: (ProductClass.ORE, ProductClass.COMPOUND),
    CampaignKind.METAL: (ProductClass.COMPOUND, ProductClass.METAL),
    CampaignKind.RECYCLING: (ProductClass.SCRAP,),
    CampaignKind.BLENDING: tuple(ProductClass),
}
OUTPUTS_OF_KIND: Final = {
    CampaignKind.SEPARATION: (ProductClass.COMPOUND,),
    CampaignKind.METAL: (ProductClass.METAL, ProductClass.ALLOY, ProductClass.SCRAP),
    CampaignKind.RECYCLING: (ProductClass.COMPOUND, ProductClass.METAL),
}


class CampaignInput(WireStruct, frozen=True, array_like=True):
    """A lot, or a part of one, that went into the process."""

    lot: LotIdField
    gross: LotGramsField
    """Gross grams taken out of it; all of its gross uses it up."""


InputLot: TypeAlias = tuple[LotId, LotRow, int]
"""Id, row, and gross grams taken."""


def input_lots(
    context: Context, entries: tuple[CampaignInput, ...], until: CivilDate
) -> list[InputLot]:
    """Return the lots that go in, or refuse one that may not."""
    ids = [entry.lot for entry in entries]
    if ids != sorted(set(ids)):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the inputs stand once each, by ascending lot id.",
            field="inputs",
        )
    inputs: list[InputLot] = []
    for number, entry in enumerate(entries):
        field = f"inputs[{number}]"
        lot = live_lot(context, entry.lot, field=field)
        if lot.holder != context.author:
            context.refuse(
                RefusalCode.LOT_OF_ANOTHER,
                f"lot {entry.lot.hex()} lies with {lot.holder}; only who holds it may process it.",
                field=field,
                lot=entry.lot.hex(),
                holder=lot.holder,
            )
        check_free(context, entry.lot, lot, field=field)
        if entry.gross > lot.gross:
            context.refuse(
                RefusalCode.QUANTITY_EXCEEDED,
                f"{entry.gross:,} g are {entry.gross - lot.gross:,} g more than the {lot.gross:,} g "
                f"of lot {entry.lot.hex()}.",
                field=field,
                asked=entry.gross,
                gross=lot.gross,
                excess=entry.gross - lot.gross,
            )
        if until < lot.date:
            context.refuse(
                RefusalCode.DATE_BEFORE_INPUT,
                f"period_to is {shown(until)}, lot {entry.lot.hex()} was made or came to its "
                f"holder on {shown(lot.date)}.",
                field=field,
                date=until,
                not_before=lot.date,
            )
        inputs.append((entry.lot, lot, entry.gross))
    return inputs


def owner_of(
    context: Context, kind: CampaignKind, inputs: list[InputLot], line: LineRow | None
) -> MemberId:
    """Return whose everything is that is mixed, or refuse when it is not one member's."""
    owners = {lot.owner: None for _lot_id, lot, _gross in inputs}
    if line is not None and line.stock and kind is not CampaignKind.BLENDING:
        owners[present_name(context, line.owner)] = None
    if len(owners) > 1:
        context.refuse(
            RefusalCode.LOTS_DIFFER,
            f"inputs and process stock belong to {', '.join(sorted(owners))}; what is mixed belongs to "
            "one owner: sell it first, or use another line.",
            field="inputs",
            owners=", ".join(sorted(owners)),
        )
    if not owners:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the campaign has neither inputs nor opening stock.",
            field="inputs",
        )
    return next(iter(owners))


def feed_of(
    context: Context, kind: CampaignKind, inputs: list[InputLot]
) -> tuple[Parcels, tuple[ProductClass, ...]]:
    """Return what the inputs hold, and the classes that may come out of it."""
    allowed = INPUTS_OF_KIND[kind]
    parts: list[Parcels] = []
    classes: dict[ProductClass, None] = {}
    for number, (_lot_id, lot, gross) in enumerate(inputs):
        product = context.state.get(PRODUCTS, lot.product)
        found = ProductClass.ORE if product is None else product.product_class
        if found not in allowed:
            names = " or ".join(entry.name.lower() for entry in allowed)
            context.refuse(
                RefusalCode.CLASS_MISMATCH,
                f"{lot.product} is of class {found.name.lower()}; a campaign of "
                f"{kind.name.lower()} takes {names}.",
                field=f"inputs[{number}]",
                product=lot.product,
                product_class=found.name.lower(),
            )
        classes[found] = None
        part, _rest = take(lot.parcels, lot.gross, gross)
        owes = undebited_grams(part)
        may_owe = kind is CampaignKind.SEPARATION or (
            kind is CampaignKind.BLENDING and found is ProductClass.ORE
        )
        if owes and not may_owe:
            context.refuse(
                RefusalCode.UNDEBITED,
                f"{owes:,} g of oxide in {lot.product} still owe the separation quota; a separator "
                "has to process them first.",
                field=f"inputs[{number}]",
                undebited=owes,
            )
        parts.append(part)
    if kind is not CampaignKind.BLENDING:
        return merge(parts), OUTPUTS_OF_KIND[kind]
    if len(classes) > 1:
        context.refuse(
            RefusalCode.CLASS_MISMATCH,
            f"the inputs are of classes {', '.join(entry.name.lower() for entry in classes)}; "
            "one class is blended.",
            field="inputs",
        )
    return merge(parts), tuple(classes)
