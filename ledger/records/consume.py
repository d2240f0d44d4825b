"""``Consume``: goods go into an article and leave the traced world as goods.

An enterprise approved for end use signs alone; for anybody else an authority signs too, because whoever is
not an end user has no reason to use goods up. Only who both owns and holds a lot uses it up. The article and
its mass are what an inspector compares with: a kilogram of oxide does not disappear in a gram of phosphor.
"""

from __future__ import annotations

from ledger.records.lot_rules import check_owned_and_held
from ledger.records.record import Context, Record
from ledger.records.sink_rules import OptionalMemberField, lot_for_sink, require_authority, sink
from ledger.refusal import RefusalCode
from ledger.vocabulary import Activity, SinkKind
from ledger.wire.scalars import CivilDateField, LotGramsField, LotIdField, NameField


class Consume(Record, frozen=True, array_like=True, tag=58):
    """Use up ``gross`` grams of ``lot`` in ``article``."""

    lot: LotIdField
    gross: LotGramsField
    date: CivilDateField
    """Claimed."""
    article: NameField
    article_gross: LotGramsField
    """Mass of the articles that were made of it."""
    authority: OptionalMemberField
    """Signs for a member that is no end user; empty for an end user."""


def apply_consume(context: Context, record: Consume) -> None:
    """Apply; refused unless an end user, or somebody with an authority, uses up its own goods."""
    lot = lot_for_sink(context, record.lot, record.gross, record.date)
    check_owned_and_held(context, record.lot, lot, "use up")
    if record.authority:
        require_authority(context, record.authority)
    elif Activity.END_USE not in context.member(context.author, field="author").activities:
        context.refuse(
            RefusalCode.AUTHORITY_NEEDED,
            f"{context.author} is not approved for end use; an authority signs for the "
            f"{record.gross:,} g that it uses up.",
            field="authority",
            gross=record.gross,
        )
    sink(context, record.lot, lot, record.gross, record.date, SinkKind.CONSUMED)
