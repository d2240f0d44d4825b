"""Index entries of members' keys and facilities."""

from __future__ import annotations

from ledger.member_months import MONTH_INDEX
from ledger.state import indexes, lot_indexes
from ledger.state.indexes import (
    facility_entry,
    facility_prefix,
    member_key_entry,
    member_key_prefix,
)
from ledger.vocabulary import Role
from ledger.wire.scalars import FacilityId, MemberId, PublicKey


def test_no_kind_of_entry_begins_like_another() -> None:
    words = [MONTH_INDEX] + [
        value
        for module in (indexes, lot_indexes)
        for name, value in vars(module).items()
        if name.endswith("_INDEX")
    ]
    assert len(words) >= 9
    for one in words:
        assert [other for other in words if other.startswith(one)] == [one]


def test_entries_of_one_member_never_show_under_another() -> None:
    key = PublicKey(b"k" * 32)
    entry = member_key_entry(MemberId("mine-a"), Role.NODE, key)
    assert entry == b"key-ofmine-a\0\x05" + key
    assert entry.startswith(member_key_prefix(MemberId("mine-a")))
    assert not entry.startswith(member_key_prefix(MemberId("mine")))
    facility = facility_entry(MemberId("mine-a"), FacilityId("pit"))
    assert facility.startswith(facility_prefix(MemberId("mine-a")))
    assert not facility.startswith(facility_prefix(MemberId("mine")))
