"""``AdmitMember``: what the register takes in, and what it refuses."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.add_key import AddKey
from ledger.records.admit_member import REGISTRY_ISSUER, AdmitMember
from ledger.refusal import RefusalCode
from ledger.state.rows import ADMIN_KEYS_MAX
from ledger.state.tables import EXTERNAL_NUMBERS, KEYS, MEMBER_MONTHS, MEMBERS
from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    ExternalNumberKind,
    MemberKind,
    MemberStatus,
    Role,
)
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import SignatureBytes
from tests.support.founding import MINISTRY, NORTH
from tests.support.keys import key_of, new_key
from tests.support.refusals import assert_refused
from tests.support.world import World


def changed(world: World, **fields: object) -> AdmitMember:
    return msgspec.structs.replace(
        world.admission("mine-a", activities=(Activity.MINING,), licences=("LIC-1",)), **fields
    )


def test_an_admitted_member_stands_in_the_register_with_keys_and_numbers() -> None:
    world = World()
    record = changed(world)
    transaction = world.apply(MINISTRY, record)
    row = world.expect(MEMBERS, "mine-a")
    assert (row.name, row.kind, row.status) == (
        record.name, MemberKind.ENTERPRISE, MemberStatus.ACTIVE,
    )  # fmt: skip
    assert row.admitted_ms == world.time_ms
    assert row.admitted_by is not None
    assert row.admitted_by.tx_id == transaction.tx_id
    assert row.admin_keys == (key_of("mine-a", Role.ADMIN),)
    for new in record.keys:
        key = world.expect(KEYS, new.key)
        assert (key.owner, key.role, key.revoked_ms) == ("mine-a", new.role, 0)
    for kind, number in (
        (ExternalNumberKind.REGISTRATION, "REG-mine-a"),
        (ExternalNumberKind.LICENCE, "LIC-1"),
    ):
        number_row = world.expect(EXTERNAL_NUMBERS, int(kind), REGISTRY_ISSUER, number)
        assert number_row.counterparty == "mine-a"


def test_an_admission_counts_in_the_months_of_ministry_and_new_member() -> None:
    world = World()
    world.apply(MINISTRY, changed(world))
    assert world.expect(MEMBER_MONTHS, "mine-a", 202401).count == 1
    assert world.expect(MEMBER_MONTHS, MINISTRY, 202401).count == 1


def test_a_new_member_can_sign_in_the_next_transaction_of_the_same_block() -> None:
    world = World()
    admission = world.transaction(MINISTRY, changed(world))
    first = world.transaction(
        "mine-a",
        AddKey(owner=changed(world).id, new=new_key(world.network, "mine-a", Role.OPERATOR, 1)),
        signers=(("mine-a", Role.ADMIN),),
    )
    built = world.commit(admission, first)
    assert len(built.included) == 2


def test_only_the_ministry_admits() -> None:
    world = World()
    refusal = world.refusal(NORTH, changed(world))
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")


def test_the_ministry_signs_with_an_operator_key() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, changed(world), signers=((MINISTRY, Role.ADMIN),))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures")


def test_an_id_is_admitted_once() -> None:
    world = World()
    world.apply(MINISTRY, changed(world))
    refusal = world.refusal(MINISTRY, changed(world, registration="REG-other", licences=()))
    assert_refused(refusal, RefusalCode.MEMBER_EXISTS, field="id", member="mine-a")


def test_a_registration_number_belongs_to_one_member_founders_included() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, changed(world, registration=f"REG-{NORTH}"))
    assert_refused(refusal, RefusalCode.REGISTRATION_TAKEN, field="registration", member=NORTH)


def test_a_licence_belongs_to_one_member() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, changed(world, licences=("LIC-1", f"TRADE-{NORTH}")))
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licences", member=NORTH)


def test_a_licence_is_named_once() -> None:
    world = World()
    refusal = world.refusal(MINISTRY, changed(world, licences=("LIC-1", "LIC-1")))
    assert_refused(refusal, RefusalCode.LICENCE_TAKEN, field="licences", member="mine-a")


def test_a_number_may_be_both_a_registration_and_a_licence() -> None:
    world = World()
    world.apply(MINISTRY, changed(world, licences=("REG-mine-a",)))


def test_a_second_ministry_is_refused() -> None:
    world = World()
    record = changed(
        world, kind=MemberKind.AUTHORITY, office=AuthorityOffice.MINISTRY, activities=()
    )
    assert_refused(world.refusal(MINISTRY, record), RefusalCode.FIELD_INVALID, field="office")


@pytest.mark.parametrize(
    ("kind", "office", "activities", "group", "field"),
    [
        (MemberKind.AUTHORITY, AuthorityOffice.NONE, (), "", "office"),
        (MemberKind.ENTERPRISE, AuthorityOffice.TAX, (), "", "office"),
        (MemberKind.AUDITOR, AuthorityOffice.INSPECTORATE, (), "", "office"),
        (MemberKind.AUTHORITY, AuthorityOffice.TAX, (Activity.TRADE,), "", "activities"),
        (MemberKind.LABORATORY, AuthorityOffice.NONE, (Activity.TRADE,), "", "activities"),
        (MemberKind.AUDITOR, AuthorityOffice.NONE, (), "north-group", "group"),
        (
            MemberKind.ENTERPRISE, AuthorityOffice.NONE,
            (Activity.TRADE, Activity.MINING, Activity.TRADE), "", "activities",
        ),
    ],
)  # fmt: skip
def test_office_activities_and_group_fit_the_kind_of_member(
    kind: MemberKind,
    office: AuthorityOffice,
    activities: tuple[Activity, ...],
    group: str,
    field: str,
) -> None:
    world = World()
    record = changed(world, kind=kind, office=office, activities=activities, group=group)
    assert_refused(world.refusal(MINISTRY, record), RefusalCode.FIELD_INVALID, field=field)


@pytest.mark.parametrize("kind", [MemberKind.AUDITOR, MemberKind.LABORATORY, MemberKind.ENTERPRISE])
def test_those_without_office_and_activities_are_admitted(kind: MemberKind) -> None:
    world = World()
    world.apply(MINISTRY, changed(world, kind=kind, activities=()))


def test_one_admin_key_is_enough_and_none_is_too_few() -> None:
    world = World()
    without = tuple(new for new in changed(world).keys if new.role is not Role.ADMIN)
    refusal = world.refusal(MINISTRY, changed(world, keys=without))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="keys", admin_keys=0)
    only = tuple(new for new in changed(world).keys if new.role is Role.ADMIN)
    world.apply(MINISTRY, changed(world, keys=only))


def test_admin_keys_up_to_the_limit_are_admitted_and_one_more_is_refused() -> None:
    world = World()
    keys = tuple(
        new_key(world.network, "mine-a", Role.ADMIN, number) for number in range(ADMIN_KEYS_MAX + 1)
    )
    refusal = world.refusal(MINISTRY, changed(world, keys=keys))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="keys", admin_keys=ADMIN_KEYS_MAX + 1)
    world.apply(MINISTRY, changed(world, keys=keys[:-1]))
    assert len(world.expect(MEMBERS, "mine-a").admin_keys) == ADMIN_KEYS_MAX


def test_a_key_stands_on_the_ledger_once() -> None:
    world = World()
    stolen = new_key(world.network, "mine-a", Role.ADMIN)
    taken = msgspec.structs.replace(stolen, key=key_of(NORTH, Role.ADMIN))
    refusal = world.refusal(MINISTRY, changed(world, keys=(stolen, taken)))
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="keys[1].key", owner=NORTH)
    refusal = world.refusal(MINISTRY, changed(world, keys=(stolen, stolen)))
    assert_refused(refusal, RefusalCode.KEY_EXISTS, field="keys[1].key", owner="mine-a")


def test_each_key_is_proven_for_this_network_member_and_role() -> None:
    world = World()
    good = new_key(world.network, "mine-a", Role.ADMIN)
    for bad in (
        new_key("another-network", "mine-a", Role.ADMIN),
        new_key(world.network, "mine-b", Role.ADMIN),
        msgspec.structs.replace(new_key(world.network, "mine-a", Role.FILING), role=Role.OPERATOR),
        msgspec.structs.replace(good, key=key_of("mine-b", Role.ADMIN)),
        msgspec.structs.replace(good, proof=SignatureBytes(bytes(64))),
        msgspec.structs.replace(
            good, proof=SignatureBytes(good.proof[:-1] + bytes([good.proof[-1] ^ 1]))
        ),
    ):
        keys = (new_key(world.network, "mine-a", Role.ADMIN, 7), bad)
        refusal = world.refusal(MINISTRY, changed(world, keys=keys))
        assert_refused(refusal, RefusalCode.POSSESSION_NOT_PROVEN, field="keys[1].proof")


def test_a_validity_window_holds_at_least_one_millisecond_that_is_not_over() -> None:
    world = World()
    block_ms = world.time_ms + 1

    def admission(valid_from_ms: int, valid_until_ms: int) -> AdmitMember:
        key = new_key(
            world.network,
            "mine-a",
            Role.ADMIN,
            valid_from_ms=valid_from_ms,
            valid_until_ms=valid_until_ms,
        )
        return changed(world, keys=(key,))

    field = "keys[0].valid_until_ms"
    for valid_from_ms, valid_until_ms in ((5, 5), (block_ms + 9, block_ms + 8), (0, block_ms)):
        refusal = world.refusal(MINISTRY, admission(valid_from_ms, valid_until_ms))
        assert_refused(refusal, RefusalCode.VALIDITY_WINDOW, field=field)
    world.apply(MINISTRY, admission(block_ms, block_ms + 1))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "Mine-A"},
        {"id": "1mine"},
        {"id": "a" * 33},
        {"id": "mine\n"},
        {"group": "North Group"},
        {"group": "north\n"},
        {"name": ""},
        {"name": "x" * 129},
        {"registration": ""},
        {"keys": ()},
        {"kind": 9},
        {"activities": (9,)},
    ],
)
def test_fields_out_of_range_are_no_record_at_all(fields: dict[str, object]) -> None:
    data = encode(changed(World(), **fields))
    with pytest.raises(NotCanonicalError):
        decode(AdmitMember, data)
