"""The public register: admitted members, their keys, their facilities, and the validators."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.parameters_in_force import parameters_at
from ledger.queries.rows import PAGE_SIZE_MAX, Listing, list_rows, row_of, scan_page, text_part
from ledger.state.indexes import facility_prefix, member_key_prefix
from ledger.state.rows import FacilityRow, KeyRow, MemberRow, ParametersRow, ValidatorRow
from ledger.state.tables import FACILITIES, KEYS, MEMBERS, PARAMETERS, SCHEDULE, VALIDATORS
from ledger.store import INDEX, META_TIP, Reader
from ledger.wire.block import Header
from ledger.wire.codec import decode
from ledger.wire.scalars import FacilityId, MemberId, PublicKey


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member with its id."""

    id: MemberId
    row: MemberRow


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of a member."""

    key: PublicKey
    row: KeyRow


@dataclass(frozen=True, slots=True)
class ListedFacility:
    """A facility with its id."""

    id: FacilityId
    row: FacilityRow


def parameters(reader: Reader) -> ParametersRow | None:
    """Return the network parameters of the next block; None in an empty store."""
    row, schedule, tip = row_of(reader, PARAMETERS), row_of(reader, SCHEDULE), reader.get(META_TIP)
    if row is None or schedule is None or tip is None:
        return row
    return parameters_at(row, schedule, decode(Header, tip).height + 1)


def validators(reader: Reader) -> tuple[ValidatorRow, ...]:
    """Return the voters of the epoch with the keys of their nodes, by name."""
    row = row_of(reader, VALIDATORS)
    return () if row is None else row.validators


def member(reader: Reader, member_id: MemberId) -> MemberRow | None:
    """Return an admitted member, or None."""
    return row_of(reader, MEMBERS, member_id)


def members(
    reader: Reader, *, after: MemberId | None = None, limit: int = PAGE_SIZE_MAX
) -> Listing[ListedMember]:
    """Return one page of the register, by id, beginning behind ``after`` (which need not exist)."""
    page = list_rows(
        reader, MEMBERS, after=None if after is None else after.encode() + b"\0", limit=limit
    )
    items = tuple(ListedMember(MemberId(text_part(rest)[0]), row) for rest, row in page.items)
    return Listing(items, None if page.next_after is None else page.next_after.rstrip(b"\0"))


def keys_of(reader: Reader, member_id: MemberId) -> tuple[ListedKey, ...]:
    """Return all keys that a member ever had, by role; revoked and expired ones too."""
    prefix = INDEX + member_key_prefix(member_id)
    listed: list[ListedKey] = []
    for entry, _value in reader.scan(prefix):
        key = PublicKey(entry[-32:])
        row = row_of(reader, KEYS, key)
        if row is not None:
            listed.append(ListedKey(key, row))
    return tuple(listed)


def key(reader: Reader, public_key: PublicKey) -> KeyRow | None:
    """Return whose a key is and what it may sign, or None when it does not stand on the ledger."""
    return row_of(reader, KEYS, public_key)


def facility(reader: Reader, facility_id: FacilityId) -> FacilityRow | None:
    """Return a facility, or None."""
    return row_of(reader, FACILITIES, facility_id)


def facilities_of(
    reader: Reader,
    owner: MemberId,
    *,
    after: FacilityId | None = None,
    limit: int = PAGE_SIZE_MAX,
) -> Listing[ListedFacility]:
    """Return one page of the facilities of ``owner``, by id, beginning behind ``after``."""
    page = scan_page(
        reader,
        INDEX + facility_prefix(owner),
        after=None if after is None else after.encode(),
        limit=limit,
    )
    listed: list[ListedFacility] = []
    for rest, _value in page.items:
        facility_id = FacilityId(rest.decode())
        row = row_of(reader, FACILITIES, facility_id)
        if row is not None:
            listed.append(ListedFacility(facility_id, row))
    return Listing(tuple(listed), page.next_after)
