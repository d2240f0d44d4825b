"""A genesis for tests: four validators run by the ministry, two enterprise groups and customs."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from ledger.genesis import Genesis, GenesisDocument, encode_genesis, open_genesis
from ledger.records.admit_member import AdmitMember
from ledger.state.rows import Fingerprint, ParametersRow, ShareBand, ValidatorRow
from ledger.vocabulary import (
    CONTROLLED_ELEMENTS,
    LIGHT_ELEMENTS,
    Activity,
    AuthorityOffice,
    Element,
    MemberKind,
    OreKind,
    Role,
)
from ledger.wire.scalars import Grams, MemberId, TimeMs
from tests.support.keys import key_of, new_key

NETWORK = "monazite-test"
MINISTRY = MemberId("ministry")
CUSTOMS = MemberId("customs")
NORTH = MemberId("north-group")
SOUTH = MemberId("south-group")
FOUNDERS = (CUSTOMS, MINISTRY, NORTH, SOUTH)
UTC_OFFSET_MINUTES = 480
GENESIS_MS = TimeMs(1_704_153_600_000)
"""2024-01-02 08:00 in the network's civil time."""
FOUNDER_ROLES = (Role.ADMIN, Role.OPERATOR, Role.FILING, Role.CONSENSUS, Role.NODE)

FINGERPRINTS = (
    Fingerprint(
        ore="Bayan Obo",
        kind=OreKind.ROCK,
        bands=(
            ShareBand(elements=(Element.CE,), low_permille=470, high_permille=530),
            ShareBand(elements=LIGHT_ELEMENTS, low_permille=950, high_permille=1_000),
        ),
    ),
    Fingerprint(
        ore="Longnan",
        kind=OreKind.IONIC,
        bands=(ShareBand(elements=(Element.Y,), low_permille=600, high_permille=700),),
    ),
)

PARAMETERS = ParametersRow(
    network=NETWORK,
    ministry=MINISTRY,
    utc_offset_minutes=UTC_OFFSET_MINUTES,
    filing_deadline_day=10,
    transit_tolerance_basis_points=20,
    fingerprints=FINGERPRINTS,
    hold_days=30,
    small_loss_allowance=Grams(10_000),
    controlled_elements=CONTROLLED_ELEMENTS,
)


def authority(member: MemberId, office: AuthorityOffice) -> AdmitMember:
    return AdmitMember(
        id=member,
        name=f"{member} of the test network",
        kind=MemberKind.AUTHORITY,
        office=office,
        activities=(),
        group="",
        province="Beijing",
        registration=f"REG-{member}",
        licences=(),
        keys=tuple(new_key(NETWORK, member, role) for role in FOUNDER_ROLES),
    )


def group(member: MemberId) -> AdmitMember:
    return AdmitMember(
        id=member,
        name=f"{member} of the test network",
        kind=MemberKind.ENTERPRISE,
        office=AuthorityOffice.NONE,
        activities=(Activity.TRADE,),
        group=member,
        province="Jiangxi",
        registration=f"REG-{member}",
        licences=(f"TRADE-{member}",),
        keys=tuple(new_key(NETWORK, member, role) for role in FOUNDER_ROLES),
    )


def validator(member: MemberId) -> ValidatorRow:
    return ValidatorRow(
        name=member,
        member=member,
        consensus_key=key_of(member, Role.CONSENSUS),
        node_key=key_of(member, Role.NODE),
    )


@lru_cache(maxsize=1)
def genesis_document() -> GenesisDocument:
    return GenesisDocument(
        version=1,
        time_ms=GENESIS_MS,
        parameters=PARAMETERS,
        members=(
            authority(CUSTOMS, AuthorityOffice.CUSTOMS),
            authority(MINISTRY, AuthorityOffice.MINISTRY),
            group(NORTH),
            group(SOUTH),
        ),
        validators=tuple(validator(member) for member in FOUNDERS),
        products=(),
    )


@lru_cache(maxsize=1)
def genesis_bytes() -> bytes:
    return encode_genesis(genesis_document())


def open_test_genesis() -> Genesis:
    return open_genesis(genesis_bytes())


@lru_cache(maxsize=1)
def sole_genesis() -> Genesis:
    """Return the genesis of a network whose only validator is the ministry's."""
    document = msgspec.structs.replace(genesis_document(), validators=(validator(MINISTRY),))
    return open_genesis(encode_genesis(document))
