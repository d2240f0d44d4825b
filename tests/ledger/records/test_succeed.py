"""``Succeed``: one enterprise in the place of another."""

from __future__ import annotations

import itertools

from ledger.invariants import Ledgerbook
from ledger.records.record import Record
from ledger.records.succeed import Succeed
from ledger.refusal import RefusalCode
from ledger.state.tables import (
    EXTERNAL_NUMBERS,
    FACILITIES,
    KEYS,
    MEMBER_MONTHS,
    MEMBERS,
    QUOTAS,
    SPLITS,
    SUCCESSIONS,
    VALIDATORS,
)
from ledger.vocabulary import Element, ExternalNumberKind, MemberStatus, Role
from ledger.wire.scalars import Grams, LotId, MemberId, ProductCode
from tests.support.founding import CUSTOMS, MINISTRY, NORTH
from tests.support.keys import key_of
from tests.support.quotas import (
    HOLDING,
    MINE_A,
    MINE_B,
    ROCK,
    account,
    cut,
    debt,
    group_world,
    produce,
    split,
)
from tests.support.refusals import assert_refused
from tests.support.trading import (
    BUYER,
    IONIC_PIT,
    MINE,
    OTHER_MINE,
    PIT,
    TRADER,
    accept,
    cancel,
    lot_of,
    lot_row,
    mined,
    offer,
    offered,
    output,
    place_hold,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.trading import split as split_lot
from tests.support.world import World


def succeeding(predecessor: str, successor: str, facility: str = "") -> Succeed:
    return Succeed(
        predecessor=MemberId(predecessor),
        successor=MemberId(successor),
        facility=facility,
        reason="merger",
    )


def succeed(world: World, predecessor: str, successor: str, facility: str = "") -> None:
    record = succeeding(predecessor, successor, facility)
    world.apply(MINISTRY, record, signers=both(successor))


def both(successor: str) -> tuple[tuple[str, Role], ...]:
    return ((MINISTRY, Role.OPERATOR), (successor, Role.ADMIN))


def refusal_code(world: World, predecessor: str, successor: str, facility: str = "") -> RefusalCode:
    record = succeeding(predecessor, successor, facility)
    return world.refusal(MINISTRY, record, signers=both(successor)).code


class Watched:
    """A world whose every block the books read and find nothing in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.book = Ledgerbook(world.store)

    def apply(self, author: str, record: Record, *more: tuple[str, Role]) -> bytes:
        signers = ((author, Role.OPERATOR), *more)
        transaction = self.world.transaction(author, record, signers=signers)
        built = self.world.commit(transaction)
        assert built.left_out == (), built.left_out
        header = built.block.header
        self.book.observe(header.height, header.time_ms, built.included)
        assert self.book.check(self.world.store) == []
        return transaction.tx_id


def test_lots_follow_their_owner_without_being_written() -> None:
    world = trading_world()
    lot = mined(world)
    before = lot_row(world, lot)
    succeed(world, MINE, TRADER)
    assert lot_row(world, lot) == before
    refusal = world.refusal(OTHER_MINE, offer(lot))
    assert_refused(refusal, RefusalCode.LOT_OF_ANOTHER, field="lot", owner=TRADER)
    transaction = world.apply(TRADER, offer(lot))
    assert lot_row(world, lot).owner == TRADER
    world.apply(BUYER, accept(lot, transfer_of(transaction)))
    assert lot_row(world, lot).owner == BUYER


def test_the_books_follow_every_step_of_a_merger() -> None:
    world = trading_world()
    lot, transfer = offered(world)
    other = mined(world, code="C-2", gross=Grams(1_000_000))
    watched = Watched(world)
    watched.apply(MINISTRY, succeeding(MINE, TRADER), (TRADER, Role.ADMIN))
    watched.apply(BUYER, accept(lot, transfer))
    watched.apply(MINISTRY, succeeding(BUYER, OTHER_MINE), (OTHER_MINE, Role.ADMIN))
    watched.apply(TRADER, split_lot(other, 400_000, 600_000))
    watched.apply(OTHER_MINE, offer(lot, buyer=TRADER, date=accept(lot, transfer).date))


def test_holds_stay_on_the_goods() -> None:
    world = trading_world()
    lot = mined(world)
    place_hold(world, lot)
    succeed(world, MINE, TRADER)
    assert_refused(world.refusal(TRADER, offer(lot)), RefusalCode.LOT_HELD, field="lot")


def test_open_transfers_are_answered_by_the_successors_of_both_sides() -> None:
    world = trading_world()
    lot, transfer = offered(world)
    succeed(world, BUYER, OTHER_MINE)
    refusal = world.refusal(BUYER, accept(lot, transfer))
    assert_refused(refusal, RefusalCode.NOT_THE_BUYER, field="transfer", buyer=OTHER_MINE)
    succeed(world, MINE, TRADER)
    assert world.refusal(OTHER_MINE, cancel(lot, transfer)).code is RefusalCode.NOT_THE_SELLER
    world.build(world.transaction(TRADER, cancel(lot, transfer)))
    world.apply(OTHER_MINE, accept(lot, transfer))
    row = lot_row(world, lot)
    assert (row.owner, row.holder) == (OTHER_MINE, OTHER_MINE)


def test_a_mine_runs_on_under_its_new_owner_with_its_quota() -> None:
    world = trading_world()
    mined(world)
    left = world.expect(QUOTAS, 2024, int(ROCK), MINE).left
    succeed(world, MINE, OTHER_MINE)
    assert world.row(QUOTAS, 2024, int(ROCK), MINE) is None
    assert world.expect(QUOTAS, 2024, int(ROCK), OTHER_MINE).left == left
    world.apply(OTHER_MINE, output(code="C-2"))
    assert world.refusal(MINE, output(code="C-3")).code is RefusalCode.AUTHOR_SUSPENDED


def test_the_predecessor_is_closed_for_ever() -> None:
    world = trading_world()
    suspend(world, MINE)
    succeed(world, MINE, TRADER)
    row = world.expect(MEMBERS, MINE)
    assert (row.status, row.admin_keys) == (
        MemberStatus.SUCCEEDED, (key_of(MINE, Role.ADMIN),)
    )  # fmt: skip
    assert refusal_code(world, MINE, BUYER) is RefusalCode.MEMBER_NOT_ACTIVE
    assert refusal_code(world, BUYER, MINE) is RefusalCode.MEMBER_NOT_ACTIVE
    refusal = world.refusal(OTHER_MINE, offer(mined_by_other(world), buyer=MINE))
    assert_refused(refusal, RefusalCode.BUYER_NOT_ACTIVE, field="buyer")
    assert world.expect(MEMBER_MONTHS, TRADER, 202403).count == 1


def mined_by_other(world: World) -> LotId:
    record = output(
        facility=IONIC_PIT,
        product=ProductCode("ORE-ION"),
        gross=Grams(1_000),
        elements=((Element.Y, Grams(400)),),
    )
    return lot_of(world.apply(OTHER_MINE, record))


def test_debts_and_splits_move_and_what_one_gave_the_other_is_nobodys_split() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, split(300), split(200, MINE_B))
    world.apply(MINE_A, produce(300, MINE_A, "C-1"))
    world.apply(MINISTRY, cut(50, MINE_A))
    succeed(world, MINE_A, HOLDING)
    row = account(world)
    assert (row.split_out, row.split_in, row.used, row.cut) == (200, 0, 300, 50)
    # 500 g were left and 50 g owed; the debt was paid out of them at once.
    assert (row.left, debt(world), debt(world, MINE_A)) == (450, 0, 0)
    assert world.expect(SPLITS, 2024, int(ROCK), HOLDING).parts == ((MINE_B, 200),)
    succeed(world, MINE_B, HOLDING)
    assert (account(world).left, account(world).split_out) == (650, 0)


def test_a_cut_follows_the_split_to_the_successor_of_the_subsidiary() -> None:
    world = group_world(granted=1_000)
    watched = Watched(world)
    watched.apply(HOLDING, split(1_000))
    watched.apply(MINISTRY, succeeding(MINE_A, MINE_B), (MINE_B, Role.ADMIN))
    watched.apply(MINISTRY, cut(400))
    assert (account(world, MINE_B).left, account(world).left, debt(world)) == (600, 0, 0)


def test_a_cut_of_an_account_that_is_too_old_to_move_makes_a_debt_of_the_successor() -> None:
    world = group_world(granted=1_000)
    world.apply(HOLDING, produce(1_000, HOLDING, "C-1"))
    world.move_to_date(2026_02_01)
    watched = Watched(world)
    watched.apply(MINISTRY, succeeding(HOLDING, MINE_A), (MINE_A, Role.ADMIN))
    watched.apply(MINISTRY, cut(10))
    assert (debt(world, MINE_A), debt(world)) == (10, 0)


def test_one_facility_is_sold_with_its_licence_and_nothing_else() -> None:
    world = trading_world()
    lot = mined(world)
    watched = Watched(world)
    watched.apply(MINISTRY, succeeding(MINE, OTHER_MINE, PIT), (OTHER_MINE, Role.ADMIN))
    assert world.expect(FACILITIES, PIT).owner == OTHER_MINE
    assert world.expect(MEMBERS, MINE).licences == ()
    assert world.expect(MEMBERS, OTHER_MINE).licences[-1] == f"LIC-{PIT}"
    number = world.expect(
        EXTERNAL_NUMBERS, int(ExternalNumberKind.LICENCE), "registry", f"LIC-{PIT}"
    )
    assert (number.counterparty, number.facility) == (OTHER_MINE, PIT)
    assert world.refusal(MINE, output(code="C-2")).code is RefusalCode.FACILITY_OF_ANOTHER
    assert world.refusal(OTHER_MINE, output(code="C-2")).code is RefusalCode.QUOTA_EXCEEDED
    watched.apply(MINE, offer(lot))
    assert refusal_code(world, MINE, OTHER_MINE, PIT) is RefusalCode.FACILITY_OF_ANOTHER
    assert refusal_code(world, MINE, OTHER_MINE, "pit-x") is RefusalCode.FACILITY_UNKNOWN


def test_eight_successions_follow_one_another_and_a_ninth_does_not() -> None:
    world = World()
    names = [f"firm-{number}" for number in range(10)]
    for name in names:
        world.admit(name)
    for before, after in itertools.pairwise(names[:9]):
        succeed(world, before, after)
    assert world.expect(SUCCESSIONS, names[8]).steps == 8
    refusal = world.refusal(MINISTRY, succeeding(names[8], names[9]), signers=both(names[9]))
    assert_refused(refusal, RefusalCode.SUCCESSIONS_TOO_MANY, field="predecessor", steps=9, most=8)


def test_ministry_and_successor_sign_and_both_are_enterprises() -> None:
    world = trading_world()
    refusal = world.refusal(MINISTRY, succeeding(MINE, TRADER))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures", member=TRADER)
    refusal = world.refusal(TRADER, succeeding(MINE, TRADER), signers=both(TRADER))
    assert_refused(refusal, RefusalCode.NOT_THE_MINISTRY, field="")
    for predecessor, successor, code in (
        (MINE, MINE, RefusalCode.FIELD_INVALID),
        (CUSTOMS, TRADER, RefusalCode.FIELD_INVALID),
        (MINE, CUSTOMS, RefusalCode.FIELD_INVALID),
        ("nobody", TRADER, RefusalCode.MEMBER_UNKNOWN),
    ):
        assert refusal_code(world, predecessor, successor) is code


def test_validators_and_keys_of_the_predecessor_are_not_touched() -> None:
    world = trading_world()
    before = world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))
    succeed(world, NORTH, TRADER)
    assert (world.expect(VALIDATORS), world.expect(KEYS, key_of(NORTH, Role.CONSENSUS))) == before
