"""Tables and their keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.state import tables
from ledger.state.table import Table, encode_key_part
from ledger.state.tables import MEMBERS, QUOTAS, TABLES


def test_every_table_is_listed_and_has_a_prefix_of_its_own() -> None:
    declared = [value for value in vars(tables).values() if isinstance(value, Table)]
    assert sorted(table.name for table in declared) == sorted(table.name for table in TABLES)
    assert len({table.prefix for table in TABLES}) == len(TABLES)
    assert len({table.name for table in TABLES}) == len(TABLES)
    assert all(len(table.prefix) == 1 for table in TABLES)


IDENTIFIERS = st.from_regex(r"\A[a-z][a-z0-9-]{0,31}\Z")
NUMBERS = st.integers(0, 2**63 - 1)


@given(st.tuples(NUMBERS, NUMBERS, IDENTIFIERS), st.tuples(NUMBERS, NUMBERS, IDENTIFIERS))
def test_two_rows_never_share_a_key_and_sort_by_their_parts(
    first: tuple[int, int, str], second: tuple[int, int, str]
) -> None:
    one, other = QUOTAS.key(*first), QUOTAS.key(*second)
    assert (one == other) == (first == second)
    assert (one < other) == (first < second)


def test_a_key_is_prefix_numbers_and_texts() -> None:
    assert QUOTAS.key(2024, 1, "mine-a") == (
        b"q" + (2024).to_bytes(8, "big") + (1).to_bytes(8, "big") + b"mine-a\0"
    )
    assert MEMBERS.key("mine") == b"mmine\0"


def test_a_part_is_text_a_number_or_bytes() -> None:
    assert encode_key_part("a") == b"a\0"
    assert encode_key_part(258) == b"\0\0\0\0\0\0\x01\x02"
    assert encode_key_part(b"raw") == b"raw"
