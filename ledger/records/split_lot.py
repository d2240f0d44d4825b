"""``SplitLot``: a lot becomes 2 to 64 lots that together are exactly what it was.

Only who both owns and holds the lot may divide it, and only while it is free. A held lot stays in one
piece: a hold names a container that an inspector will look for, and dividing it would leave him with
labels that nobody ordered. The children take over product, place, owner and holder; they share the oxide by
``ledger.quantity.divide``. Their codes belong to the author. The parent is exhausted and its own code is
free afterwards, for the next record: a child does not take the parent's label, which would
then mean two things.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.quantity import divide, reo_of
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    change_lot,
    check_free,
    check_owned_and_held,
    exhausted,
    live_lot,
    make_lot,
    part_of,
)
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CHILDREN_PER_SPLIT_MAX,
    CivilDateField,
    CodeField,
    LotGramsField,
    LotIdField,
)


class Child(WireStruct, frozen=True, array_like=True):
    """One of the lots that a lot is divided into."""

    gross: LotGramsField
    code: CodeField
    """Container code that the author gives it."""


class SplitLot(Record, frozen=True, array_like=True, tag=36):
    """Divide ``lot`` into ``children``; the lot number of a child is its position."""

    lot: LotIdField
    date: CivilDateField
    """Claimed."""
    children: Annotated[tuple[Child, ...], Meta(min_length=2, max_length=CHILDREN_PER_SPLIT_MAX)]


def split_units(record: SplitLot) -> int:
    """Return the work units of a split: each child shares up to 1,024 cells."""
    return 20 + 115 * len(record.children)


def apply_split_lot(context: Context, record: SplitLot) -> None:
    """Apply; refused unless the author owns and holds the lot free and the children add up to it."""
    context.require(context.author, Role.OPERATOR)
    lot = live_lot(context, record.lot)
    check_owned_and_held(context, record.lot, lot, "divide")
    check_free(context, record.lot, lot)
    check_claimed_date(
        context, record.date, not_before=lot.date, because="the lot was made or came to its holder"
    )
    _check_sum(context, record, lot.gross)
    contents = divide(lot.parcels, [child.gross for child in record.children])
    for number, (child, parcels) in enumerate(zip(record.children, contents, strict=True)):
        field = f"children[{number}]"
        if not reo_of(parcels):
            context.refuse(
                RefusalCode.FIELD_INVALID,
                f"{child.gross:,} g of this lot hold less than one gram of oxide, at least one "
                "is needed to trace it.",
                field=field,
                gross=child.gross,
            )
        part = part_of(
            context, record.lot, lot, gross=child.gross, parcels=parcels, code=child.code
        )
        dated = msgspec.structs.replace(part, date=record.date)
        make_lot(context, context.new_lot_id(number), dated, field=field)
    change_lot(context, record.lot, lot, exhausted(lot, record.date))
    context.touch(context.author, record.date)


def _check_sum(context: Context, record: SplitLot, gross: int) -> None:
    total = sum(child.gross for child in record.children)
    if total != gross:
        by = (
            f"{total - gross:,} g too much" if total > gross else f"{gross - total:,} g are missing"
        )
        context.refuse(
            RefusalCode.PARTS_DO_NOT_ADD_UP,
            f"the children weigh {total:,} g together, the lot {gross:,} g: {by}.",
            field="children",
            children=total,
            lot=gross,
            difference=total - gross,
        )
