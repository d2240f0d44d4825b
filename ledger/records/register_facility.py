"""``RegisterFacility``: a site and line of an enterprise enters the register.

The owner writes it and the ministry countersigns. A facility has one activity, which its owner is
approved for, and names the licence of its owner that it works under; a mining licence serves one facility.
A mine says what kind of ore it digs, and which published ore if there is one: the fingerprint that
its output is compared with. Capacity and the cap of its process stock are what alerts measure against.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.records.admit_member import REGISTRY_ISSUER
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.indexes import facility_entry
from ledger.state.rows import FacilityRow, MemberRow
from ledger.state.tables import EXTERNAL_NUMBERS, FACILITIES
from ledger.vocabulary import Activity, ExternalNumberKind, OreKind, Role
from ledger.wire.scalars import CodeField, FacilityIdField, GramsField, MemberIdField, NameField


class RegisterFacility(Record, frozen=True, array_like=True, tag=7):
    """Enter a facility of ``owner``."""

    id: FacilityIdField
    owner: MemberIdField
    """The author."""
    activity: Activity
    place: NameField
    ore: Annotated[str, Meta(max_length=128)]
    """Name of the published ore that a mine digs; empty when it has no published fingerprint."""
    ore_kind: OreKind
    """NONE exactly for those that are no mine."""
    licence: CodeField
    """One of the owner's licences."""
    lines: Annotated[int, Meta(ge=1, le=1_000)]
    yearly_capacity: GramsField
    """Grams of oxide a year, at least 1."""
    process_stock_cap: GramsField
    """Grams of oxide that may be in process."""


def apply_register_facility(context: Context, record: RegisterFacility) -> None:
    """Apply; refused unless owner and ministry sign for a new facility that the owner may run."""
    if context.author != record.owner:
        context.refuse(
            RefusalCode.FACILITY_OF_ANOTHER,
            f"{record.owner} registers its facilities itself, the author is {context.author}.",
            field="owner",
            owner=record.owner,
            author=context.author,
        )
    context.require(record.owner, Role.OPERATOR)
    context.require(context.parameters.ministry, Role.OPERATOR)
    context.touch(context.parameters.ministry)
    owner = context.active_member(record.owner, field="owner")
    known = context.state.get(FACILITIES, record.id)
    if known is not None:
        context.refuse(
            RefusalCode.FACILITY_EXISTS,
            f"facility {record.id} is already registered, as one of {known.owner}; "
            "choose another id.",
            field="id",
            facility=record.id,
            owner=known.owner,
        )
    _check_activity(context, record, owner)
    _check_ore(context, record)
    _use_licence(context, record, owner)
    row = FacilityRow(
        owner=record.owner,
        activity=record.activity,
        place=record.place,
        ore=record.ore,
        ore_kind=record.ore_kind,
        licence=record.licence,
        lines=record.lines,
        yearly_capacity=record.yearly_capacity,
        process_stock_cap=record.process_stock_cap,
    )
    context.state.put(FACILITIES, record.id, row=row)
    context.state.put_index(facility_entry(record.owner, record.id), b"")


def _check_activity(context: Context, record: RegisterFacility, owner: MemberRow) -> None:
    if record.activity not in owner.activities:
        approved = ", ".join(activity.name.lower() for activity in owner.activities) or "nothing"
        context.refuse(
            RefusalCode.ACTIVITY_MISSING,
            f"{record.owner} is approved for {approved}, not for {record.activity.name.lower()}.",
            field="activity",
            member=record.owner,
            activity=record.activity.name.lower(),
        )
    if record.yearly_capacity < 1:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "the yearly capacity is 0 grams, at least 1 gram is needed.",
            field="yearly_capacity",
            found=0,
            least=1,
        )


def _check_ore(context: Context, record: RegisterFacility) -> None:
    """Refuse an ore on anything but a mine, a mine without a kind, and an ore that is not known."""
    is_mine = record.activity is Activity.MINING
    kind = record.ore_kind.name.lower()
    if is_mine != (record.ore_kind is not OreKind.NONE):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"a mine has a kind of ore and no other facility has; the activity is "
            f"{record.activity.name.lower()}, the kind of ore is {kind}.",
            field="ore_kind",
        )
    if not record.ore:
        return
    if not is_mine:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"only a mine names an ore, this one names {record.ore!r}; leave it empty.",
            field="ore",
        )
    for fingerprint in context.parameters.fingerprints:
        if (fingerprint.ore, fingerprint.kind) == (record.ore, record.ore_kind):
            return
    published = ", ".join(
        fingerprint.ore
        for fingerprint in context.parameters.fingerprints
        if fingerprint.kind is record.ore_kind
    )
    context.refuse(
        RefusalCode.ORE_UNKNOWN,
        f"no {kind} ore {record.ore!r} has a published fingerprint; "
        f"name one of: {published or '(none)'}, or leave it empty.",
        field="ore",
        ore=record.ore,
    )


def _use_licence(context: Context, record: RegisterFacility, owner: MemberRow) -> None:
    """Refuse a licence that is not the owner's or serves a mine; bind a mine to its licence."""
    parts = (int(ExternalNumberKind.LICENCE), REGISTRY_ISSUER, record.licence)
    number = context.state.get(EXTERNAL_NUMBERS, *parts)
    if record.licence not in owner.licences or number is None:
        context.refuse(
            RefusalCode.LICENCE_UNKNOWN,
            f"licence {record.licence} is none of {record.owner}: "
            f"it holds {', '.join(owner.licences) or 'no licence'}.",
            field="licence",
            licence=record.licence,
        )
    if number.facility:
        context.refuse(
            RefusalCode.LICENCE_TAKEN,
            f"licence {record.licence} already serves the mine {number.facility}; "
            "a mining licence serves one facility.",
            field="licence",
            licence=record.licence,
            facility=number.facility,
        )
    if record.activity is Activity.MINING:
        bound = msgspec.structs.replace(number, facility=record.id)
        context.state.put(EXTERNAL_NUMBERS, *parts, row=bound)
