"""What can be proposed: a parameter, a rules version, a set of validators, a new admin key.

Every content is checked when it is proposed and again, by the same checks, when the last ballot makes it take
effect: in between the world may have changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from ledger.parameters_in_force import (
    NO_SCHEDULE,
    RULES,
    VALUE_BYTES_MAX,
    changeable_parameters,
    decode_parameter,
    parameters_at,
    rules_version_at,
)
from ledger.records.new_key import NewKey, check_new_key, register_key
from ledger.records.record import Context
from ledger.refusal import RefusalCode
from ledger.state.rows import (
    SCHEDULED_MAX,
    ScheduledChange,
    ScheduleRow,
    ValidatorRow,
    ValidatorsRow,
)
from ledger.state.tables import KEYS, MEMBERS, PARAMETERS, SCHEDULE, VALIDATORS
from ledger.vocabulary import Role
from ledger.wire.codec import WireStruct
from ledger.wire.errors import WireError
from ledger.wire.scalars import (
    VALIDATORS_MAX,
    Height,
    HeightField,
    MemberIdField,
    PublicKey,
    VersionField,
)

VALIDATORS_LEAST: Final = 4
"""Validators of a set that survives one faulty one."""
ALERT_VALIDATORS_DECIDED: Final = "validators-decided"


class SetParameter(WireStruct, frozen=True, array_like=True, tag=1):
    """Set a network parameter from a height on."""

    name: Annotated[str, Meta(max_length=64)]
    value: Annotated[bytes, Meta(max_length=VALUE_BYTES_MAX)]
    """Canonical MessagePack of the parameter's type."""
    from_height: HeightField


class SwitchRules(WireStruct, frozen=True, array_like=True, tag=2):
    """Let another version of the rules hold from a height on."""

    version: VersionField
    from_height: HeightField


class ChangeValidators(WireStruct, frozen=True, array_like=True, tag=3):
    """Let other validators vote from the first epoch that begins at or after a height."""

    validators: Annotated[tuple[ValidatorRow, ...], Meta(max_length=VALIDATORS_MAX)]
    """The whole new set, by ascending name."""
    from_height: HeightField


class ReplaceAdminKey(WireStruct, frozen=True, array_like=True, tag=4):
    """Revoke every admin key of a member that has lost them, and enter a new one."""

    owner: MemberIdField
    new: NewKey


Content: TypeAlias = SetParameter | SwitchRules | ChangeValidators | ReplaceAdminKey


def check_content(context: Context, content: Content) -> None:
    """Refuse a content that could not take effect as things are."""
    _CHECKS[type(content)](context, content)


def carry_out(context: Context, content: Content) -> None:
    """Let a content that has passed take effect: now for a key, at its height for everything else."""
    _EFFECTS[type(content)](context, content)


def present_validators(context: Context) -> ValidatorsRow:
    """Return the validators of the running epoch."""
    row = context.state.get(VALIDATORS)
    if row is None:
        context.refuse(RefusalCode.FIELD_INVALID, "the state has no validators.")
    return row


# --- parameters and rules


def _check_parameter(context: Context, content: SetParameter) -> None:
    if content.name not in changeable_parameters():
        context.refuse(
            RefusalCode.PARAMETER_INVALID,
            f"{content.name!r} is no parameter that can be set; these are: "
            f"{', '.join(changeable_parameters())}.",
            field="content.name",
            parameter=content.name,
        )
    try:
        decode_parameter(content.name, content.value)
    except WireError as error:
        context.refuse(
            RefusalCode.PARAMETER_INVALID,
            f"the value is none of {content.name}: {error}.",
            field="content.value",
            parameter=content.name,
        )


def _check_rules(context: Context, content: SwitchRules) -> None:
    schedule = context.state.get(SCHEDULE) or NO_SCHEDULE
    versions = [
        int.from_bytes(entry.value, "big") for entry in schedule.entries if entry.name == RULES
    ]
    newest = max((schedule.rules_version, *versions))
    if content.version != newest + 1:
        context.refuse(
            RefusalCode.PARAMETER_INVALID,
            f"the newest version of the rules that is in force or decided is {newest}; the next is "
            f"{newest + 1}, not {content.version}.",
            field="content.version",
            version=content.version,
            expected=newest + 1,
        )


def _schedule_parameter(context: Context, content: SetParameter) -> None:
    _check_parameter(context, content)
    _enter(context, content.name, content.value, content.from_height)


def _schedule_rules(context: Context, content: SwitchRules) -> None:
    _check_rules(context, content)
    _enter(context, RULES, content.version.to_bytes(2, "big"), content.from_height)


def _enter(context: Context, name: str, value: bytes, from_height: Height) -> None:
    """Enter a change from its height on, at the earliest from the next block on."""
    schedule = context.state.get(SCHEDULE) or NO_SCHEDULE
    held = context.state.get(PARAMETERS)
    if held is None:
        context.refuse(RefusalCode.FIELD_INVALID, "the state has no parameters.")
    # What holds already is folded into the row, so that the schedule only has what is to come.
    now = parameters_at(held, schedule, context.height)
    if now != held:
        context.state.put(PARAMETERS, row=now)
    to_come = [entry for entry in schedule.entries if entry.height > context.height]
    if len(to_come) >= SCHEDULED_MAX:
        context.refuse(
            RefusalCode.SCHEDULE_FULL,
            f"{len(to_come)} changes wait for their heights, no more are allowed; try again later.",
            field="proposal",
            waiting=len(to_come),
        )
    height = Height(max(from_height, context.height + 1))
    change = ScheduledChange(height=height, name=name, value=value, decided_by=context.reference)
    # A stable order: of two changes for one height the one that passed later holds.
    entries = sorted((*to_come, change), key=lambda entry: entry.height)
    row = ScheduleRow(
        rules_version=rules_version_at(schedule, context.height), entries=tuple(entries)
    )
    context.state.put(SCHEDULE, row=row)


# --- validators


def _check_validators(context: Context, content: ChangeValidators) -> None:
    rows = content.validators
    if len(rows) < VALIDATORS_LEAST:
        context.refuse(
            RefusalCode.VALIDATORS_INVALID,
            f"a set of {len(rows)} validators does not survive a faulty one, at least "
            f"{VALIDATORS_LEAST} are needed.",
            field="content.validators",
            found=len(rows),
            least=VALIDATORS_LEAST,
        )
    for before, after in itertools.pairwise(rows):
        if before.name >= after.name:
            context.refuse(
                RefusalCode.VALIDATORS_INVALID,
                f"validators stand once each by ascending name, {after.name} stands after "
                f"{before.name}.",
                field="content.validators",
            )
    keys = [key for row in rows for key in (row.consensus_key, row.node_key)]
    if len(set(keys)) != len(keys):
        context.refuse(
            RefusalCode.VALIDATORS_INVALID, "a key stands twice.", field="content.validators"
        )
    for row in rows:
        _check_key(context, row, row.consensus_key, Role.CONSENSUS)
        _check_key(context, row, row.node_key, Role.NODE)
    _check_few_change(context, content)


def _check_key(context: Context, row: ValidatorRow, key: PublicKey, role: Role) -> None:
    """Refuse a key that its member has not entered, with its proof of possession, in this role."""
    known = context.state.get(KEYS, key)
    is_entered = known is not None and (known.owner, known.role) == (row.member, role)
    if (
        not is_entered
        or known is None
        or known.revoked_ms
        or known.valid_until_ms <= context.time_ms
    ):
        context.refuse(
            RefusalCode.VALIDATORS_INVALID,
            f"{key.hex()} is no valid {role.name.lower()} key of {row.member}; the member enters it "
            "first, with its proof of possession.",
            field="content.validators",
            validator=row.name,
            key=key.hex(),
        )


def _check_few_change(context: Context, content: ChangeValidators) -> None:
    """Refuse when more validators come, go or change their keys than may fail."""
    present = present_validators(context).validators
    gone = sum(row not in content.validators for row in present)
    new = sum(row not in present for row in content.validators)
    fault_limit = (len(present) - 1) // 3
    changed = max(gone, new)
    if not changed:
        context.refuse(
            RefusalCode.VALIDATORS_INVALID,
            "these are the present validators; nothing would change.",
            field="content.validators",
        )
    if changed > fault_limit:
        context.refuse(
            RefusalCode.VALIDATORS_INVALID,
            f"{changed} validators would change, at most {fault_limit} of {len(present)} may at once.",
            field="content.validators",
            changed=changed,
            most=fault_limit,
        )


def _decide_validators(context: Context, content: ChangeValidators) -> None:
    """Check the set again and say that it is decided; the epoch does not change here."""
    _check_validators(context, content)
    names = ", ".join(row.name for row in content.validators)
    context.alert(
        ALERT_VALIDATORS_DECIDED,
        context.author,
        f"{len(content.validators)} validators are decided from height {content.from_height} on"
        f"{f': {names}' if len(names) < 600 else ''}. The present ones go on voting: the change of epoch "
        "that puts the decision into effect is not part of this version of the rules.",
        from_height=content.from_height,
        validators=len(content.validators),
    )


# --- keys


def _check_replacement(context: Context, content: ReplaceAdminKey) -> None:
    context.member(content.owner, field="content.owner")
    if content.new.role is not Role.ADMIN:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"the new key is one for {content.new.role.name.lower()}; a quorum replaces admin keys only, "
            "with which the member enters all others itself.",
            field="content.new.role",
        )


def _propose_replacement(context: Context, content: ReplaceAdminKey) -> None:
    """Check everything that the entry of the key will check, without entering it."""
    _check_replacement(context, content)
    check_new_key(context, content.owner, content.new, field="content.new")


def _replace_keys(context: Context, content: ReplaceAdminKey) -> None:
    _check_replacement(context, content)
    register_key(context, content.owner, content.new, field="content.new")
    row = context.member(content.owner, field="content.owner")
    for key in row.admin_keys:
        known = context.state.get(KEYS, key)
        if known is not None:
            revoked = msgspec.structs.replace(known, revoked_ms=context.time_ms)
            context.state.put(KEYS, key, row=revoked)
    replaced = msgspec.structs.replace(row, admin_keys=(content.new.key,))
    context.state.put(MEMBERS, content.owner, row=replaced)


_CHECKS: Final[dict[type, Callable[[Context, Any], None]]] = {
    SetParameter: _check_parameter,
    SwitchRules: _check_rules,
    ChangeValidators: _check_validators,
    ReplaceAdminKey: _propose_replacement,
}
_EFFECTS: Final[dict[type, Callable[[Context, Any], None]]] = {
    SetParameter: _schedule_parameter,
    SwitchRules: _schedule_rules,
    ChangeValidators: _decide_validators,
    ReplaceAdminKey: _replace_keys,
}
