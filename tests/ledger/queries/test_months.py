"""A member's month, complete."""

from __future__ import annotations

from ledger.member_months import encode_month_place, extended_month
from ledger.month_totals import EMPTY_MONTH
from ledger.queries.months import member_month, month_entries
from ledger.store import block_key
from ledger.vocabulary import Bucket
from ledger.wire.block import decode_block
from ledger.wire.scalars import MemberId, Month
from tests.support.founding import MINISTRY
from tests.support.world import World, grant

MINE = MemberId("mine-a")
JANUARY = Month(202401)


def test_the_entries_of_a_month_give_the_digest_in_the_state() -> None:
    world = World()
    world.admit_mine(MINE, "pit-a")
    world.plan(2024, Bucket.ROCK_MINING, 100)
    world.apply(MINISTRY, *(grant(2024, Bucket.ROCK_MINING, MINE, 1) for _ in range(5)))
    digest = EMPTY_MONTH
    after: int | None = None
    while True:
        page = month_entries(world.store, MINE, JANUARY, after=after, limit=2)
        for entry in page.items:
            assert entry.number == digest.count
            data = world.store.get(block_key(entry.height))
            assert data is not None
            place = encode_month_place(entry.tx_id, entry.record_index, entry.height)
            digest = extended_month(digest, place, decode_block(data).header.time_ms)
        if page.next_after is None:
            break
        after = page.items[-1].number
    assert digest == member_month(world.store, MINE, JANUARY)
    assert digest.count == 7


def test_a_month_that_nothing_touches_has_no_row_and_no_entries() -> None:
    world = World()
    assert member_month(world.store, MINE, JANUARY) is None
    assert month_entries(world.store, MINE, JANUARY).items == ()
