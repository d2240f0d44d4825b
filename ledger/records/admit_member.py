"""``AdmitMember``: the ministry enters an organisation, with its keys, into the public register.

The register is what a buyer checks first. Registration number and licences are unique on the whole
ledger, whoever was admitted with them; the founders in the genesis document pass the same checks
(``admit``). Each key carries its holder's proof of possession, so the ministry enters keys but never
makes them. A key pair that signs for one member never signs for another.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from ledger.records.new_key import NewKey, register_key
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import ADMIN_KEYS_MAX, ExternalNumberRow, MemberRow, RecordReference
from ledger.state.tables import EXTERNAL_NUMBERS, MEMBERS
from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    ExternalNumberKind,
    MemberKind,
    MemberStatus,
    Role,
)
from ledger.wire.scalars import IDENTIFIER_PATTERN, CodeField, MemberId, MemberIdField, NameField

REGISTRY_ISSUER: Final = "registry"
"""Stands for the public registers that issue registration and licence numbers."""
KEYS_PER_ADMISSION_MAX: Final = 16
LICENCES_MAX: Final = 64


class AdmitMember(Record, frozen=True, array_like=True, tag=1):
    """Enter an organisation into the register of admitted members."""

    id: MemberIdField
    name: NameField
    kind: MemberKind
    office: AuthorityOffice
    """NONE exactly for those that are no authority."""
    activities: Annotated[tuple[Activity, ...], Meta(max_length=len(Activity))]
    """What an enterprise is approved to do; empty for everybody else."""
    group: Annotated[str, Meta(pattern=rf"^\Z|{IDENTIFIER_PATTERN}")]
    """Id of the group that it belongs to; empty when none."""
    province: Annotated[str, Meta(max_length=128)]
    registration: CodeField
    """Number in the public register of organisations."""
    licences: Annotated[tuple[CodeField, ...], Meta(max_length=LICENCES_MAX)]
    keys: Annotated[tuple[NewKey, ...], Meta(min_length=1, max_length=KEYS_PER_ADMISSION_MAX)]


def apply_admit_member(context: Context, record: AdmitMember) -> None:
    """Apply; refused unless the ministry admits somebody new with at least one admin key."""
    context.require_ministry()
    if record.office is AuthorityOffice.MINISTRY:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{context.parameters.ministry} holds the office of the ministry, "
            "and there is only one; it changes hands by governance.",
            field="office",
        )
    admit(context, record, admitted_by=context.reference)
    context.touch(record.id)


def admit(context: Context, record: AdmitMember, *, admitted_by: RecordReference | None) -> None:
    """Enter a member with its keys, or refuse; ``admitted_by`` is None for a founder."""
    _check_new(context, record)
    _check_kind(context, record)
    admin_keys = tuple(new.key for new in record.keys if new.role is Role.ADMIN)
    if not 1 <= len(admin_keys) <= ADMIN_KEYS_MAX:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{len(admin_keys)} of the keys are admin keys, 1 to {ADMIN_KEYS_MAX} are needed: "
            "without one the member could never change its keys.",
            field="keys",
            admin_keys=len(admin_keys),
        )
    for position, new in enumerate(record.keys):
        register_key(context, record.id, new, field=f"keys[{position}]")
    claim_number(context, record.id, ExternalNumberKind.REGISTRATION, record.registration)
    for licence in record.licences:
        claim_number(context, record.id, ExternalNumberKind.LICENCE, licence)
    row = MemberRow(
        name=record.name,
        kind=record.kind,
        office=record.office,
        activities=record.activities,
        group=record.group,
        province=record.province,
        registration=record.registration,
        licences=record.licences,
        status=MemberStatus.ACTIVE,
        status_reason="",
        admitted_ms=context.time_ms,
        admitted_by=admitted_by,
        admin_keys=admin_keys,
    )
    context.state.put(MEMBERS, record.id, row=row)


def _check_new(context: Context, record: AdmitMember) -> None:
    known = context.state.get(MEMBERS, record.id)
    if known is not None:
        context.refuse(
            RefusalCode.MEMBER_EXISTS,
            f"{record.id} is already admitted, as {known.name}; choose another id.",
            field="id",
            member=record.id,
        )


def _check_kind(context: Context, record: AdmitMember) -> None:
    """Refuse activities, office or group that do not fit the kind of member."""
    kind = record.kind.name.lower()
    is_authority = record.kind is MemberKind.AUTHORITY
    if is_authority != (record.office is not AuthorityOffice.NONE):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"an authority holds an office and nobody else does; the kind is {kind}, "
            f"the office is {record.office.name.lower()}.",
            field="office",
        )
    check_activities(context, record.kind, record.activities, record.group)


def check_activities(
    context: Context, member_kind: MemberKind, activities: tuple[Activity, ...], group: str
) -> None:
    """Refuse activities and a group of anybody but an enterprise, and an activity named twice."""
    kind = member_kind.name.lower()
    if member_kind is not MemberKind.ENTERPRISE and (activities or group):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"only an enterprise has activities and a group; the kind is {kind}.",
            field="activities" if activities else "group",
        )
    if len(set(activities)) != len(activities):
        context.refuse(RefusalCode.FIELD_INVALID, "an activity is named twice.", field="activities")


def claim_number(context: Context, member: MemberId, kind: ExternalNumberKind, number: str) -> None:
    """Enter a registration or licence number as ``member``'s, or refuse when somebody has it."""
    parts = (int(kind), REGISTRY_ISSUER, number)
    known = context.state.get(EXTERNAL_NUMBERS, *parts)
    is_licence = kind is ExternalNumberKind.LICENCE
    if known is not None:
        context.refuse(
            RefusalCode.LICENCE_TAKEN if is_licence else RefusalCode.REGISTRATION_TAKEN,
            f"{kind.name.lower()} {number} already belongs to {known.counterparty}.",
            field="licences" if is_licence else "registration",
            number=number,
            member=known.counterparty,
        )
    row = ExternalNumberRow(
        kind=kind,
        counterparty=member,
        reference=context.reference,
        lot=None,
    )
    context.state.put(EXTERNAL_NUMBERS, *parts, row=row)
