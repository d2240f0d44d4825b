"""``MergeLots``: 2 to 64 lots of one product become one lot that is exactly their sum.

The opposite of ``SplitLot``: same product, and all owned and held by the author, free, and not held. Lots of
different products are mixed only in a blending campaign, which declares it. The merged lot takes over the
newest of the parents' versions of the product; its content is the sum of theirs, cell by cell. Over 64
origins, the smallest are folded into one that names the merged lot, whose parents resolve it.
The parents are exhausted; their codes are free afterwards, for the next record.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.quantity import fold, merge
from ledger.records.claimed_date import check_claimed_date
from ledger.records.lot_rules import (
    change_lot,
    check_free,
    check_owned_and_held,
    exhausted,
    live_lot,
    make_lot,
)
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import LotRow
from ledger.vocabulary import Role
from ledger.wire.scalars import (
    CHILDREN_PER_SPLIT_MAX,
    LOT_GRAMS_MAX,
    CivilDateField,
    CodeField,
    Grams,
    LotId,
    LotIdField,
)


class MergeLots(Record, frozen=True, array_like=True, tag=37):
    """Pour ``lots`` together into one; the lot number of the new one is 0."""

    lots: Annotated[tuple[LotIdField, ...], Meta(min_length=2, max_length=CHILDREN_PER_SPLIT_MAX)]
    """By ascending id, each once."""
    date: CivilDateField
    """Claimed."""
    code: CodeField
    """Container code that the author gives the new lot."""


def merge_units(record: MergeLots) -> int:
    """Return the work units of a merge: each lot may bring 1,024 cells."""
    return 20 + 150 * len(record.lots)


def apply_merge_lots(context: Context, record: MergeLots) -> None:
    """Apply; refused unless the author owns and holds all lots free and they are of one product."""
    context.require(context.author, Role.OPERATOR)
    parents = _parents(context, record)
    latest = max(lot.date for _lot_id, lot in parents)
    check_claimed_date(
        context,
        record.date,
        not_before=latest,
        because="the youngest of the lots was made or came to its holder",
    )
    gross = sum(lot.gross for _lot_id, lot in parents)
    if gross > LOT_GRAMS_MAX:
        context.refuse(
            RefusalCode.QUANTITY_EXCEEDED,
            f"the lots weigh {gross:,} g together, {gross - LOT_GRAMS_MAX:,} g more than the "
            f"{LOT_GRAMS_MAX:,} g that a record puts into a lot; merge fewer.",
            field="lots",
            gross=gross,
            most=LOT_GRAMS_MAX,
        )
    lot_id = context.new_lot_id()
    first = parents[0][1]
    merged = msgspec.structs.replace(
        first,
        product_version=max(lot.product_version for _lot_id, lot in parents),
        date=record.date,
        gross=Grams(gross),
        parcels=fold(merge(lot.parcels for _lot_id, lot in parents), f"merge/{lot_id.hex()}"),
        holds=(),
        code=record.code,
        creator=context.author,
        parents=record.lots,
        made_by=context.reference,
        made_height=context.height,
    )
    make_lot(context, lot_id, merged, field="code")
    for parent_id, lot in parents:
        change_lot(context, parent_id, lot, exhausted(lot, record.date))
    context.touch(context.author, record.date)


def _parents(context: Context, record: MergeLots) -> list[tuple[LotId, LotRow]]:
    """Return the lots to merge, or refuse when one may not be merged or they differ."""
    if list(record.lots) != sorted(set(record.lots)):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the lots stand once each, by ascending id.",
            field="lots",
        )
    parents: list[tuple[LotId, LotRow]] = []
    for number, lot_id in enumerate(record.lots):
        field = f"lots[{number}]"
        lot = live_lot(context, lot_id, field=field)
        check_owned_and_held(context, lot_id, lot, "merge", field=field)
        check_free(context, lot_id, lot, field=field)
        parents.append((lot_id, lot))
        first = parents[0][1]
        if lot.product != first.product:
            context.refuse(
                RefusalCode.LOTS_DIFFER,
                f"lot {lot_id.hex()} is {lot.product}, lot {record.lots[0].hex()} is "
                f"{first.product}; only lots of one product are merged, others are blended.",
                field=field,
                product=lot.product,
                other=first.product,
            )
    return parents
