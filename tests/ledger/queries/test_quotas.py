"""Plans and quota accounts, and what is behind them."""

from __future__ import annotations

from ledger.queries.quotas import owed, passed_on, plan, quota, quota_account, quotas
from ledger.records.grant_quota import GRANTS_KEPT
from ledger.vocabulary import Bucket
from ledger.wire.scalars import Height, MemberId
from tests.support.founding import MINISTRY
from tests.support.quotas import HOLDING, MINE_A, MINE_B, cut, group_world, produce, split
from tests.support.world import World, grant

ROCK = Bucket.ROCK_MINING
MINE = MemberId("mine-a")


def planned_world() -> World:
    world = World()
    world.admit_mine(MINE, "pit-a")
    world.admit_mine("mine-b", "pit-b")
    world.plan(2024, ROCK, 1_000)
    return world


def test_an_account_shows_every_block_that_changed_it() -> None:
    world = planned_world()
    for grams in (10, 25):
        world.grant(2024, ROCK, MINE, grams)
    account = quota_account(world.store, 2024, ROCK, MINE)
    assert account is not None
    assert [(entry.height, entry.granted, entry.used) for entry in account.movements] == [
        (world.height - 1, 10, 0),
        (world.height, 25, 0),
    ]
    assert sum(entry.granted for entry in account.movements) == account.row.granted == 35
    assert account.grants == account.row.grants


def test_grants_that_the_account_no_longer_keeps_are_found_in_its_history() -> None:
    world = planned_world()
    ids = []
    for _ in range(3):
        records = [grant(2024, ROCK, MINE, 1) for _ in range(GRANTS_KEPT)]
        ids.append(world.apply(MINISTRY, *records).tx_id)
    account = quota_account(world.store, 2024, ROCK, MINE)
    assert account is not None
    assert len(account.row.grants) == GRANTS_KEPT
    assert [(reference.tx_id, reference.index) for reference in account.grants] == [
        (tx_id, index) for tx_id in ids for index in range(GRANTS_KEPT)
    ]


def test_an_account_is_known_as_it_was() -> None:
    world = planned_world()
    world.grant(2024, ROCK, MINE, 10)
    height = world.height
    world.grant(2024, ROCK, MINE, 5)
    then = quota(world.store, 2024, ROCK, MINE, height=height)
    now = quota(world.store, 2024, ROCK, MINE)
    assert then is not None
    assert now is not None
    assert (then.left, now.left) == (10, 15)
    assert quota(world.store, 2024, ROCK, MINE, height=Height(0)) is None
    assert quota(world.store, 2025, ROCK, MINE) is None
    assert quota_account(world.store, 2024, Bucket.SEPARATION, MINE) is None


def test_the_accounts_of_a_bucket_are_listed_by_member() -> None:
    world = planned_world()
    for member in ("mine-b", MINE):
        world.grant(2024, ROCK, member, 10)
    page = quotas(world.store, 2024, ROCK, limit=1)
    assert [listed.member for listed in page.items] == [MINE]
    rest = quotas(world.store, 2024, ROCK, after=MINE)
    assert [listed.member for listed in rest.items] == ["mine-b"]
    assert quotas(world.store, 2025, ROCK).items == ()


def test_a_plan_says_what_is_granted() -> None:
    world = planned_world()
    world.grant(2024, ROCK, MINE, 10)
    row = plan(world.store, 2024, ROCK)
    assert row is not None
    assert (row.total, row.granted) == (1_000, 10)
    assert plan(world.store, 2024, Bucket.IONIC_MINING) is None


def test_debts_and_splits_are_told_by_name() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, split(600), split(400, MINE_B))
    world.apply(MINE_A, produce(600, MINE_A, "C-1"))
    world.apply(MINISTRY, cut(450))
    assert passed_on(world.store, 2024, ROCK, HOLDING) == ((MINE_A, 600),)
    assert owed(world.store, ROCK, HOLDING) == 50
    assert owed(world.store, ROCK, MINE_A) == 0
    assert passed_on(world.store, 2024, ROCK, MINE_A) == ()
