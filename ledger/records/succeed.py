"""``Succeed``: one enterprise takes the place of another, or takes over one of its facilities.

*A merger* (no facility is named). From the next record on the successor owns and holds what the predecessor
owned and held, with every hold on it; it answers and cancels the open transfers; it runs the facilities and
has what is in process there; it owes the predecessor's debts. Quota accounts of the block's year and of the
years before and after it are added to the successor's, with the splits behind them; quota that one of the two
has split to the other is then nobody's split any more. Older accounts stay as they are: they have
lapsed, and a debt that a later cut makes there is the successor's. No lot is written: see ``succession``.

The predecessor is closed for ever. It still files and corrects its own months, because they are its own;
its name and numbers stay on what it has written. A suspension of the predecessor does not follow its goods,
the holds on them do. Validators and their keys are not touched: they change by governance.

*The sale of a facility.* The facility and its licence change hands, with what is in process there. Its lots
are sold by transfers like all goods, and quota is granted and cut by the ministry.

The ministry writes it and the successor countersigns with an admin key.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.records.admit_member import LICENCES_MAX, REGISTRY_ISSUER
from ledger.records.grant_quota import GRANTS_KEPT
from ledger.records.quota_account import account_of, write_credited
from ledger.records.record import Context, Record
from ledger.records.split_quota import SUBSIDIARIES_MAX
from ledger.records.succession import SUCCESSION_STEPS_MAX, present_name
from ledger.refusal import RefusalCode
from ledger.state.indexes import facility_entry, predecessor_entry
from ledger.state.rows import DebtRow, QuotaRow, SplitsRow, SuccessionRow
from ledger.state.tables import (
    DEBTS,
    EXTERNAL_NUMBERS,
    FACILITIES,
    MEMBERS,
    QUOTAS,
    SPLITS,
    SUCCESSIONS,
)
from ledger.vocabulary import Bucket, ExternalNumberKind, MemberKind, MemberStatus, Role
from ledger.wire.scalars import (
    I64_MAX,
    IDENTIFIER_PATTERN,
    FacilityId,
    Grams,
    MemberId,
    MemberIdField,
    TimeMs,
)

ADDED: Final = (
    "granted", "used", "advanced", "set_off", "split_in", "split_out", "cut", "debt", "debt_paid",
)  # fmt: skip
"""Figures of two accounts that are added up."""


class Succeed(Record, frozen=True, array_like=True, tag=9):
    """Put ``successor`` in the place of ``predecessor``."""

    predecessor: MemberIdField
    successor: MemberIdField
    facility: Annotated[str, Meta(pattern=rf"^\Z|{IDENTIFIER_PATTERN}")]
    """The one facility that is taken over; empty when everything is."""
    reason: Annotated[str, Meta(min_length=1, max_length=800)]


def apply_succeed(context: Context, record: Succeed) -> None:
    """Apply; refused unless ministry and successor sign for two enterprises, the second one active."""
    context.require_ministry()
    _check_enterprises(context, record)
    context.require(record.successor, Role.ADMIN)
    context.touch(record.predecessor)
    context.touch(record.successor)
    if record.facility:
        _take_facility(context, record, FacilityId(record.facility))
        return
    _close(context, record)
    this_year = civil.year_of(context.today)
    for bucket in Bucket:
        _take_debt(context, record, bucket)
        for year in (this_year - 1, this_year, this_year + 1):
            _take_account(context, record, year, bucket)


def _check_enterprises(context: Context, record: Succeed) -> None:
    before = context.member(record.predecessor, field="predecessor")
    after = context.active_member(record.successor, field="successor")
    if before.status is MemberStatus.SUCCEEDED:
        context.refuse(
            RefusalCode.MEMBER_NOT_ACTIVE,
            f"{record.predecessor} is closed: {before.status_reason}.",
            field="predecessor",
            member=record.predecessor,
        )
    if record.predecessor == record.successor:
        context.refuse(
            RefusalCode.FIELD_INVALID, "a member cannot succeed itself.", field="successor"
        )
    for field, row in (("predecessor", before), ("successor", after)):
        if row.kind is not MemberKind.ENTERPRISE:
            context.refuse(
                RefusalCode.FIELD_INVALID,
                f"only an enterprise succeeds another one; the {field} is of the kind "
                f"{row.kind.name.lower()}.",
                field=field,
            )


def _close(context: Context, record: Succeed) -> None:
    """Close the predecessor and lead its name to the successor's, within the allowed steps."""
    gone = context.state.get(SUCCESSIONS, record.predecessor)
    steps = 1 + (0 if gone is None else gone.steps)
    if steps > SUCCESSION_STEPS_MAX:
        context.refuse(
            RefusalCode.SUCCESSIONS_TOO_MANY,
            f"it would be {steps} steps from the first predecessor to {record.successor}, "
            f"{SUCCESSION_STEPS_MAX} are allowed.",
            field="predecessor",
            steps=steps,
            most=SUCCESSION_STEPS_MAX,
        )
    row = SuccessionRow(successor=record.successor, height=context.height, steps=steps - 1)
    context.state.put(SUCCESSIONS, record.predecessor, row=row)
    known = context.state.get(SUCCESSIONS, record.successor)
    longest = max(steps, 0 if known is None else known.steps)
    own = SuccessionRow(successor=None, height=context.height, steps=longest)
    context.state.put(SUCCESSIONS, record.successor, row=own)
    member = context.member(record.predecessor, field="predecessor")
    closed = msgspec.structs.replace(
        member,
        status=MemberStatus.SUCCEEDED,
        status_reason=f"{record.successor} has succeeded it; {record.reason}",
    )
    context.state.put(MEMBERS, record.predecessor, row=closed)
    context.state.put_index(predecessor_entry(record.successor, record.predecessor), b"")


def _take_debt(context: Context, record: Succeed, bucket: Bucket) -> None:
    row = context.state.get(DEBTS, int(bucket), record.predecessor)
    if row is None:
        return
    known = context.state.get(DEBTS, int(bucket), record.successor)
    total = row.grams + (0 if known is None else known.grams)
    if total > I64_MAX:
        context.refuse(
            RefusalCode.SUM_TOO_LARGE,
            f"{record.successor} would owe {total} g, {total - I64_MAX} g more than can be written down.",
            field="successor",
            total=total,
            most=I64_MAX,
        )
    context.state.delete(DEBTS, int(bucket), record.predecessor)
    context.state.put(DEBTS, int(bucket), record.successor, row=DebtRow(grams=Grams(total)))


def _take_account(context: Context, record: Succeed, year: int, bucket: Bucket) -> None:
    """Add the predecessor's account and splits of a year to the successor's."""
    gone = context.state.get(QUOTAS, year, int(bucket), record.predecessor)
    own = account_of(context, year, bucket, record.successor)
    between = _join_splits(context, record, year, bucket)
    if gone is None:
        return
    added = {name: Grams(getattr(own, name) + getattr(gone, name)) for name in ADDED}
    added["split_in"] = Grams(added["split_in"] - between)
    added["split_out"] = Grams(added["split_out"] - between)
    joined = QuotaRow(
        grants=(*gone.grants, *own.grants)[-GRANTS_KEPT:],
        granted_ms=TimeMs(max(gone.granted_ms, own.granted_ms)),
        **added,
    )
    context.state.delete(QUOTAS, year, int(bucket), record.predecessor)
    if year < civil.year_of(context.today):
        # What is left of a year that is over has lapsed and pays nothing.
        context.state.put(
            QUOTAS, year, int(bucket), record.successor, row=_checked(context, joined)
        )
    else:
        write_credited(context, year, bucket, record.successor, joined, field="successor")


def _checked(context: Context, account: QuotaRow) -> QuotaRow:
    """Return an account whose sums fit their fields, or refuse."""
    for name in ADDED:
        total = getattr(account, name)
        if total > I64_MAX:
            context.refuse(
                RefusalCode.SUM_TOO_LARGE,
                f"{name.replace('_', ' ')} would be {total} g together, {total - I64_MAX} g more than "
                "an account can hold.",
                field="successor",
                total=total,
                most=I64_MAX,
            )
    return account


def _join_splits(context: Context, record: Succeed, year: int, bucket: Bucket) -> int:
    """Join what both have passed on; return the grams that one of them had passed to the other."""
    rows = [
        context.state.get(SPLITS, year, int(bucket), member)
        for member in (record.predecessor, record.successor)
    ]
    parts = [part for row in rows if row is not None for part in row.parts]
    between = 0
    joined: dict[MemberId, int] = {}
    for member, grams in parts:
        if present_name(context, member) == record.successor:
            between += grams
        else:
            joined[member] = joined.pop(member, 0) + grams
    if len(joined) > SUBSIDIARIES_MAX:
        context.refuse(
            RefusalCode.SPLITS_TOO_MANY,
            f"both together have passed quota of {year} on to {len(joined)} subsidiaries, "
            f"{SUBSIDIARIES_MAX} are allowed.",
            field="successor",
            subsidiaries=len(joined),
        )
    if parts:
        context.state.delete(SPLITS, year, int(bucket), record.predecessor)
        row = SplitsRow(parts=tuple((member, Grams(grams)) for member, grams in joined.items()))
        context.state.put(SPLITS, year, int(bucket), record.successor, row=row)
    return between


def _take_facility(context: Context, record: Succeed, facility_id: FacilityId) -> None:
    """Give one facility and its licence to the successor."""
    facility = context.state.get(FACILITIES, facility_id)
    if facility is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"there is no facility {facility_id}.",
            field="facility",
            facility=facility_id,
        )
    owner = present_name(context, facility.owner)
    if owner != record.predecessor:
        context.refuse(
            RefusalCode.FACILITY_OF_ANOTHER,
            f"facility {facility_id} is one of {owner}, not of {record.predecessor}.",
            field="facility",
            facility=facility_id,
            owner=owner,
        )
    _take_licence(context, record, facility.licence)
    moved = msgspec.structs.replace(facility, owner=record.successor)
    context.state.put(FACILITIES, facility_id, row=moved)
    context.state.put_index(facility_entry(facility.owner, facility_id), None)
    context.state.put_index(facility_entry(record.successor, facility_id), b"")


def _take_licence(context: Context, record: Succeed, licence: str) -> None:
    """Move the licence that a facility works under, when it serves that facility alone."""
    parts = (int(ExternalNumberKind.LICENCE), REGISTRY_ISSUER, licence)
    number = context.state.get(EXTERNAL_NUMBERS, *parts)
    if number is None or not number.facility:
        # Several facilities may share a licence that is no mine's; then it stays where it is.
        return
    after = context.member(record.successor, field="successor")
    if len(after.licences) >= LICENCES_MAX:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{record.successor} has {len(after.licences)} licences, no more are allowed.",
            field="successor",
            licences=len(after.licences),
        )
    before = context.member(record.predecessor, field="predecessor")
    kept = tuple(known for known in before.licences if known != licence)
    context.state.put(
        MEMBERS, record.predecessor, row=msgspec.structs.replace(before, licences=kept)
    )
    more = msgspec.structs.replace(after, licences=(*after.licences, licence))
    context.state.put(MEMBERS, record.successor, row=more)
    moved = msgspec.structs.replace(number, counterparty=record.successor)
    context.state.put(EXTERNAL_NUMBERS, *parts, row=moved)
