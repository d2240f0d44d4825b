"""What all records about lots have in common: finding one, that it is free, writing it.

A lot is *live* while its gross is above zero, and *exhausted* afterwards: its row stays, empty, for ever.
It is *free* when no transfer is open on it and nothing holds it. Its container code belongs to its
creator: of one creator's live lots no two carry the same code, and the code is free again when the lot
is exhausted. Codes are compared as they are spelled.

Whoever writes a lot through ``make_lot`` and ``change_lot`` need not think of codes and index entries.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger.quantity import Parcels
from ledger.records.claimed_date import shown
from ledger.records.record import Context
from ledger.records.succession import lot_under_present_names
from ledger.refusal import RefusalCode
from ledger.state.lot_indexes import (
    LotStep,
    child_prefix,
    code_entry,
    holder_prefix,
    offer_prefix,
    owner_prefix,
    step_entry,
)
from ledger.state.rows import HOLDS_PER_LOT_MAX, ExternalNumberRow, Hold, LotRow
from ledger.state.tables import EXTERNAL_NUMBERS, LOTS
from ledger.vocabulary import ExternalNumberKind
from ledger.wire.codec import encode
from ledger.wire.scalars import CivilDate, Grams, LotId

OptionalCodeField = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9./_-]{0,63})?\Z")]
"""A code or number, or nothing."""
ReasonField = Annotated[str, Meta(min_length=1, max_length=1_024)]
"""In words, for the people on the other side."""


def live_lot(context: Context, lot_id: LotId, *, field: str = "lot") -> LotRow:
    """Return the row of a live lot under the present names of its parties, or refuse."""
    lot = context.state.get(LOTS, lot_id)
    if lot is None:
        context.refuse(
            RefusalCode.LOT_UNKNOWN,
            f"there is no lot {lot_id.hex()}.",
            field=field,
            lot=lot_id.hex(),
        )
    if not lot.gross:
        context.refuse(
            RefusalCode.LOT_EXHAUSTED,
            f"lot {lot_id.hex()} has been used up, 0 g are left.",
            field=field,
            lot=lot_id.hex(),
        )
    return lot_under_present_names(context, lot)


def check_owned_and_held(
    context: Context, lot_id: LotId, lot: LotRow, verb: str, *, field: str = "lot"
) -> None:
    """Refuse unless the author both owns and holds the lot."""
    if not lot.owner == lot.holder == context.author:
        context.refuse(
            RefusalCode.LOT_OF_ANOTHER,
            f"lot {lot_id.hex()} belongs to {lot.owner} and lies with {lot.holder}; only who "
            f"owns and holds it may {verb} it.",
            field=field,
            lot=lot_id.hex(),
            owner=lot.owner,
            holder=lot.holder,
        )


def check_free(context: Context, lot_id: LotId, lot: LotRow, *, field: str = "lot") -> None:
    """Refuse a lot that is offered, disputed or held."""
    transfer = lot.transfer
    if transfer is not None:
        context.refuse(
            RefusalCode.LOT_NOT_FREE,
            f"lot {lot_id.hex()} is offered to {transfer.buyer} since {shown(transfer.offered)} under "
            f"transfer {transfer.transfer.hex()}, which is not closed.",
            field=field,
            lot=lot_id.hex(),
            transfer=transfer.transfer.hex(),
            buyer=transfer.buyer,
        )
    check_not_held(context, lot_id, lot, field=field)


def check_not_held(context: Context, lot_id: LotId, lot: LotRow, *, field: str = "lot") -> None:
    """Refuse a lot with a hold on it that is in force at the block's time."""
    in_force = holds_in_force(context, lot)
    if in_force:
        cases = ", ".join(hold.case for hold in in_force)
        context.refuse(
            RefusalCode.LOT_HELD,
            f"lot {lot_id.hex()} is held (case {cases}); it may not move until it is released.",
            field=field,
            lot=lot_id.hex(),
            cases=cases,
        )


def holds_in_force(context: Context, lot: LotRow) -> tuple[Hold, ...]:
    """Return the holds on a lot that have not lapsed."""
    return tuple(hold for hold in lot.holds if hold.is_in_force(context.time_ms))


def with_hold(context: Context, lot: LotRow, hold: Hold) -> tuple[Hold, ...]:
    """Return a lot's holds and one more; the oldest lapsed one gives way when there is no room."""
    holds = list(lot.holds)
    if len(holds) == HOLDS_PER_LOT_MAX:
        lapsed = [kept for kept in holds if not kept.is_in_force(context.time_ms)]
        if not lapsed:
            context.refuse(
                RefusalCode.TOO_MANY_HOLDS,
                f"{HOLDS_PER_LOT_MAX} holds are on the lot and in force, no more fit; release one.",
                field="lot",
                holds=HOLDS_PER_LOT_MAX,
            )
        holds.remove(lapsed[0])
    return (*holds, hold)


def part_of(
    context: Context, parent_id: LotId, parent: LotRow, *, gross: int, parcels: Parcels, code: str
) -> LotRow:
    """Return the row of a lot that the current record takes from ``parent``; writes nothing."""
    return LotRow(
        product=parent.product,
        product_version=parent.product_version,
        owner=parent.owner,
        holder=parent.holder,
        place=parent.place,
        date=parent.date,
        gross=Grams(gross),
        parcels=parcels,
        holds=parent.holds,
        code=code,
        creator=context.author,
        parents=(parent_id,),
        made_by=context.reference,
        made_height=context.height,
        transfer=None,
    )


def make_lot(context: Context, lot_id: LotId, lot: LotRow, *, field: str) -> None:
    """Write a new lot and take its code; refused when the code is on a live lot of its creator.

    ``field`` names the field of the record that holds the code.
    """
    _take_code(context, lot_id, lot, field)
    put_index = context.state.put_index
    for parent in lot.parents:
        put_index(child_prefix(parent) + lot_id, b"")
    _write(context, lot_id, None, lot)


def relabel_lot(
    context: Context, lot_id: LotId, before: LotRow, after: LotRow, *, field: str
) -> None:
    """Write a lot under another code; refused when that is on a live lot, its own included."""
    _take_code(context, lot_id, after, field)
    context.state.delete(
        EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), before.creator, before.code
    )
    _write(context, lot_id, before, after)


def _take_code(context: Context, lot_id: LotId, lot: LotRow, field: str) -> None:
    """Note which lot carries its code, or refuse when another one does."""
    parts = (int(ExternalNumberKind.CONTAINER_CODE), lot.creator, lot.code)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    if known is not None:
        carrier = "" if known.lot is None else known.lot.hex()
        context.refuse(
            RefusalCode.CODE_TAKEN,
            f"code {lot.code} of {lot.creator} is on the live lot {carrier}; "
            "give the new lot another one.",
            field=field,
            container=lot.code,
            lot=carrier,
        )
    row = ExternalNumberRow(
        kind=ExternalNumberKind.CONTAINER_CODE,
        counterparty="",
        reference=context.reference,
        lot=lot_id,
    )
    context.state.put(EXTERNAL_NUMBERS, *parts, row=row)
    entry = code_entry(lot.creator, lot.code, context.height, lot_id)
    context.state.put_index(entry, b"")


def change_lot(context: Context, lot_id: LotId, before: LotRow, after: LotRow) -> None:
    """Write a changed lot; one that is exhausted gives its code back."""
    if before.gross and not after.gross:
        context.state.delete(
            EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), before.creator, before.code
        )
    _write(context, lot_id, before, after)


def exhausted(lot: LotRow, date: CivilDate) -> LotRow:
    """Return the row of ``lot`` after all of it was used up on ``date``."""
    return LotRow(
        product=lot.product,
        product_version=lot.product_version,
        owner=lot.owner,
        holder=lot.holder,
        place=lot.place,
        date=date,
        gross=Grams(0),
        parcels=(),
        holds=(),
        code=lot.code,
        creator=lot.creator,
        parents=lot.parents,
        made_by=lot.made_by,
        made_height=lot.made_height,
        transfer=None,
    )


def _write(context: Context, lot_id: LotId, before: LotRow | None, after: LotRow) -> None:
    stored = None if before is None else context.state.get(LOTS, lot_id)
    if before is not None and stored is not None and _parties(stored) != _parties(before):
        # Written before a succession: the goods first come to who has taken the writer's place.
        _note_flows(context, stored, lot_under_present_names(context, stored))
    context.state.put(LOTS, lot_id, row=after)
    _note_flows(context, before, after)
    old, new = _index_prefixes(stored), _index_prefixes(after)
    put_index = context.state.put_index
    for prefix in old:
        if prefix not in new:
            put_index(prefix + lot_id, None)
    for prefix, value in new.items():
        if old.get(prefix) != value:
            put_index(prefix + lot_id, value)
    step = LotStep(
        owner=after.owner,
        holder=after.holder,
        gross=after.gross,
        transfer=None if after.transfer is None else after.transfer.transfer,
        holds=len(after.holds),
    )
    entry = step_entry(lot_id, context.height, context.tx_id, context.record_index)
    put_index(entry, encode(step))


def _parties(lot: LotRow) -> tuple[str, ...]:
    sides = () if lot.transfer is None else (lot.transfer.seller, lot.transfer.buyer)
    return (lot.owner, lot.holder, *sides)


def _note_flows(context: Context, before: LotRow | None, after: LotRow) -> None:
    """Note for the totals of months what a change of a lot does to its holders' goods."""
    here = context.flow(after.holder, after.product)
    if before is None:
        here.net += after.gross
    elif before.holder == after.holder:
        here.net += after.gross - before.gross
    else:
        context.flow(before.holder, before.product).handed_over += before.gross
        here.received += before.gross
        here.lost += before.gross - after.gross
    for row, sign in ((before, -1), (after, 1)):
        if row is None or row.transfer is None or row.transfer.seller != row.holder:
            continue
        context.flow(row.holder, row.product).transit += sign * row.gross


def _index_prefixes(lot: LotRow | None) -> dict[bytes, bytes]:
    """Return under which prefixes a lot is entered now, with the values."""
    if lot is None or not lot.gross:
        return {}
    entries = {owner_prefix(lot.owner): b""}
    if lot.holder != lot.owner:
        entries[holder_prefix(lot.holder)] = b""
    if lot.transfer is not None:
        entries[offer_prefix(lot.transfer.buyer)] = lot.transfer.transfer
    return entries
