"""Committed rows: now, as of a height, and in pages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.queries.rows import (
    PAGE_SIZE_MAX,
    list_rows,
    row_at,
    row_of,
    scan_page,
    text_part,
    versions_of,
)
from ledger.state.rows import QuotaRow
from ledger.state.tables import MEMBERS, QUOTAS
from ledger.store import MemoryStore, history_key
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Height
from tests.support.world import World

ROCK = int(Bucket.ROCK_MINING)


def granted_world() -> World:
    world = World()
    world.admit_mine("mine-a", "pit-a")
    world.plan(2024, Bucket.ROCK_MINING, 100)
    for grams in (10, 20, 30):
        world.grant(2024, Bucket.ROCK_MINING, "mine-a", grams)
        world.commit()
    return world


def grams_of(row: QuotaRow | None) -> int | None:
    return None if row is None else row.granted


def test_a_row_is_known_as_of_every_height() -> None:
    world = granted_world()
    grams = [
        grams_of(row_at(world.store, QUOTAS, 2024, ROCK, "mine-a", height=Height(height)))
        for height in range(world.height + 3)
    ]
    assert grams == [None] * 4 + [10, 10, 30, 30, 60, 60, 60, 60]
    assert grams_of(row_of(world.store, QUOTAS, 2024, ROCK, "mine-a")) == 60


def test_versions_come_oldest_or_newest_first() -> None:
    world = granted_world()
    versions = [
        (version.height, grams_of(version.row))
        for version in versions_of(world.store, QUOTAS, 2024, ROCK, "mine-a")
    ]
    assert versions == [(4, 10), (6, 30), (8, 60)]
    newest_first = versions_of(world.store, QUOTAS, 2024, ROCK, "mine-a", reverse=True)
    assert [version.height for version in newest_first] == [8, 6, 4]


def test_a_deleted_row_is_gone_from_its_height_on() -> None:
    world = granted_world()
    key = QUOTAS.key(2024, ROCK, "mine-a")
    world.store.write({history_key(key, Height(7)): b""})
    at = {
        height: row_at(world.store, QUOTAS, 2024, ROCK, "mine-a", height=Height(height))
        for height in (6, 7, 8)
    }
    assert (grams_of(at[6]), at[7], grams_of(at[8])) == (30, None, 60)
    deleted = [
        version.height
        for version in versions_of(world.store, QUOTAS, 2024, ROCK, "mine-a")
        if version.row is None
    ]
    assert deleted == [7]


def test_rows_of_a_longer_key_are_no_versions_of_a_shorter_one() -> None:
    world = World()
    world.admit("mine")
    world.admit("mine-a")
    assert row_at(world.store, MEMBERS, "min", height=world.height) is None
    for member in ("mine", "mine-a"):
        row = row_at(world.store, MEMBERS, member, height=world.height)
        assert row is not None
        assert row.registration == f"REG-{member}"


@settings(max_examples=60, deadline=None)
@given(st.sets(st.binary(min_size=1, max_size=3), max_size=20), st.integers(1, 7), st.booleans())
def test_pages_together_are_the_whole_listing(
    rests: set[bytes],
    limit: int,
    reverse: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    store = MemoryStore()
    store.write({b"p" + rest: rest for rest in rests} | {b"o": b"", b"q": b""})
    found: list[bytes] = []
    after: bytes | None = None
    while True:
        page = scan_page(store, b"p", after=after, limit=limit, reverse=reverse)
        found += [rest for rest, _value in page.items]
        if page.next_after is None:
            break
        assert len(page.items) == limit
        after = page.next_after
    assert found == sorted(rests, reverse=reverse)


def test_a_page_is_never_larger_than_allowed_nor_empty_for_a_silly_limit() -> None:
    store = MemoryStore()
    store.write({b"p" + number.to_bytes(2, "big"): b"" for number in range(PAGE_SIZE_MAX + 5)})
    assert len(scan_page(store, b"p", after=None, limit=10**9).items) == PAGE_SIZE_MAX
    for limit in (0, -5):
        assert len(scan_page(store, b"p", after=None, limit=limit).items) == 1


def test_a_listing_may_begin_behind_something_that_is_not_there() -> None:
    world = World()
    page = list_rows(world.store, MEMBERS, after=b"d")
    assert [text_part(rest)[0] for rest, _row in page.items] == [
        "ministry", "north-group", "south-group",
    ]  # fmt: skip
