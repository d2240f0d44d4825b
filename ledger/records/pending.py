"""``AwaitApproval`` and ``Approve``: a record that several parties sign, one after the other.

A record that needs several parties can carry all signatures at once. Where they are not in one room, its
author enters it inside ``AwaitApproval``, with its own signatures only, and names whom it waits for. It is
then *pending*: the ledger has checked that it would apply and that it waits for exactly those. Each of them
writes ``Approve``, with the keys that the record needs of it. The record takes effect in the last
``Approve``: its rule runs again, at that block's time and on that block's state, as written by its author;
where it no longer applies, that approval is refused and the record stays pending. After 7 days, at the
millisecond, it has lapsed.

**A pending record locks nothing.** Goods, quota, codes and numbers that it names stay free for everybody
until it takes effect, because otherwise anybody could keep something of another from moving for a week by
asking for it, at no cost. Who loses the race is told so by the rule, like anybody else. The claimed date has
to be allowed when it takes effect: a month that was filed in between stays closed.

Lots and numbers that it makes are named after the record that it stands in. The months of all whom it touches
count the ``Approve`` that completed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode, Refused
from ledger.state.rows import PendingRow, PendingSignature, RecordReference
from ledger.state.tables import PENDING
from ledger.vocabulary import PendingState, Role
from ledger.wire.scalars import Height, MemberId, MemberIdField, TimeMs

APPROVAL_DAYS: Final = 7
"""Days in which a pending record has to find its approvals."""
PENDING_BYTES_MAX: Final = 16 * 1024
PENDING_UNITS_MAX: Final = 300
"""Work units of a record that may be pending: whoever approves it pays for it."""
Run: TypeAlias = Callable[[Context, bytes], None]
"""Applies one record that may be pending, from its bytes."""


class AwaitApproval(Record, frozen=True, array_like=True, tag=83):
    """Enter a record that other parties have yet to approve."""

    record: Annotated[bytes, Meta(min_length=1, max_length=PENDING_BYTES_MAX)]
    """Canonical bytes of the record."""
    parties: Annotated[tuple[MemberIdField, ...], Meta(min_length=1, max_length=8)]
    """Whose approval it waits for, by ascending id."""


class Approve(Record, frozen=True, array_like=True, tag=82):
    """Give the signatures of the author that a pending record needs."""

    pending: RecordReference
    """The ``AwaitApproval`` that holds it."""


def apply_await_approval(context: Context, record: AwaitApproval, run: Run) -> None:
    """Apply; refused unless the record would apply now and needs somebody else's signature."""
    needed = _needed_now(context, record.record, run)
    own = [place for place in needed if place[0] == context.author]
    missing = [place for place in needed if place[0] != context.author]
    if not missing:
        context.refuse(
            RefusalCode.APPROVAL_NOT_NEEDED,
            f"the record needs no signature but those of {context.author}; write it directly.",
            field="record",
        )
    parties = sorted({member for member, _role in missing})
    if list(record.parties) != parties:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"the record waits for {', '.join(parties)}; it names {', '.join(record.parties)}.",
            field="parties",
            missing=", ".join(parties),
        )
    for member, role in own:
        context.require(member, role, persons=needed[member, role])
    for party in record.parties:
        context.touch(party)
    row = PendingRow(
        author=context.author,
        record=record.record,
        signed=_signatures(needed, own),
        missing=_signatures(needed, missing),
        expires_ms=TimeMs(context.time_ms + APPROVAL_DAYS * civil.DAY_MS),
        state=int(PendingState.OPEN),
        closed_height=Height(0),
    )
    context.state.put(PENDING, context.tx_id, context.record_index, row=row)


def apply_approve(context: Context, record: Approve, run: Run) -> None:
    """Apply; refused unless the author's approval is missing, in time, and the last one completes it."""
    row = _open_pending(context, record)
    given = tuple(entry for entry in row.missing if entry.member == context.author)
    if not given:
        parties = ", ".join(sorted({entry.member for entry in row.missing}))
        context.refuse(
            RefusalCode.APPROVAL_NOT_NEEDED,
            f"the record waits for {parties}, not for {context.author}.",
            field="pending",
            missing=parties,
        )
    for entry in given:
        context.require(entry.member, entry.role, persons=entry.persons)
    context.touch(row.author)
    left = tuple(entry for entry in row.missing if entry.member != context.author)
    after = msgspec.structs.replace(row, signed=(*row.signed, *given), missing=left)
    if not left:
        after = msgspec.structs.replace(
            after, state=int(PendingState.EFFECTIVE), closed_height=context.height
        )
    context.state.put(PENDING, record.pending.tx_id, record.pending.index, row=after)
    if not left:
        _complete(context, record, after, run)


def _open_pending(context: Context, record: Approve) -> PendingRow:
    row = context.state.get(PENDING, record.pending.tx_id, record.pending.index)
    if row is None:
        context.refuse(
            RefusalCode.PENDING_UNKNOWN,
            f"record {record.pending.index} of transaction {record.pending.tx_id.hex()} waits for no "
            "approval.",
            field="pending",
            transaction=record.pending.tx_id.hex(),
        )
    if row.state != PendingState.OPEN:
        context.refuse(
            RefusalCode.PENDING_CLOSED,
            f"the record took effect at height {row.closed_height}.",
            field="pending",
            height=row.closed_height,
        )
    if context.time_ms >= row.expires_ms:
        context.refuse(
            RefusalCode.PENDING_CLOSED,
            f"the record lapsed at {row.expires_ms} ms, {context.time_ms - row.expires_ms} ms before the "
            f"block's time {context.time_ms} ms; its author may enter it again.",
            field="pending",
            expires_ms=row.expires_ms,
            time_ms=context.time_ms,
        )
    return row


def _needed_now(context: Context, data: bytes, run: Run) -> dict[tuple[MemberId, Role], int]:
    """Return the signatures that a record would need now, or refuse what it would be refused."""
    touched, flows = dict(context.touched), dict(context.flows)
    view, alerts = context.state, context.alerts_count
    context.state = view.fork()
    with _apart(context) as needed:
        run(context, data)
    context.state, context.alerts_count = view, alerts
    context.touched, context.flows = touched, flows
    context.count_flows()
    return needed


def _complete(context: Context, record: Approve, row: PendingRow, run: Run) -> None:
    """Run the rule of the record as its author's, and refuse when it needs more by now."""
    place = (context.author, context.tx_id, context.record_index)
    context.author = row.author
    context.tx_id, context.record_index = record.pending.tx_id, record.pending.index
    context.active_member(row.author, field="pending")
    with _apart(context) as needed:
        try:
            run(context, row.record)
        except Refused as refusal:
            # The refusal is of this approval; what the rule says about the record stays.
            refusal.record_index = place[2]
            raise
    context.author, context.tx_id, context.record_index = place
    signed = {(entry.member, entry.role): entry.persons for entry in row.signed}
    for (member, role), persons in needed.items():
        if signed.get((member, role), 0) < persons:
            context.refuse(
                RefusalCode.SIGNATURE_MISSING,
                f"by now the record also needs a signature of {member} in the role "
                f"{role.name.lower()}; its author may enter it again.",
                field="pending",
                member=member,
                role=role.name.lower(),
            )


@contextmanager
def _apart(context: Context) -> Iterator[dict[tuple[MemberId, Role], int]]:
    """Collect the signatures that a record asks for, apart from those of the transaction."""
    required = context.required
    context.required = {}
    needed = context.required
    yield needed
    context.required = required


def _signatures(
    needed: dict[tuple[MemberId, Role], int], places: list[tuple[MemberId, Role]]
) -> tuple[PendingSignature, ...]:
    return tuple(
        PendingSignature(member=member, role=role, persons=needed[member, role])
        for member, role in places
    )
