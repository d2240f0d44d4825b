"""A hold stops a lot, passes to its children, and ends at an exact millisecond."""

from __future__ import annotations

import pytest

from ledger.civil import DAY_MS
from ledger.refusal import RefusalCode
from ledger.state.rows import HOLDS_PER_LOT_MAX
from ledger.state.tables import MEMBER_MONTHS
from ledger.vocabulary import Role
from ledger.wire.scalars import LotId
from tests.support.founding import MINISTRY
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    ONE_PERSON_TWICE,
    hold,
    inspect,
    release,
    renewal,
    supervised_world,
)
from tests.support.trading import (
    BUYER,
    MINE,
    accept,
    cancel,
    lot_row,
    mined,
    offer,
    offered,
    reject,
    split,
)
from tests.support.world import World

HOLD_MS = 30 * DAY_MS


@pytest.fixture
def world() -> World:
    return supervised_world()


def test_a_held_lot_is_neither_offered_nor_divided_nor_accepted(world: World) -> None:
    lot, transfer = offered(world)
    inspect(world, hold(lot))
    row = lot_row(world, lot)
    (placed,) = row.holds
    assert (placed.case, placed.by) == ("2024-9", INSPECTORATE)
    assert placed.until_ms == world.time_ms + HOLD_MS
    assert_refused(
        world.refusal(BUYER, accept(lot, transfer)),
        RefusalCode.LOT_HELD,
        field="lot",
        cases="2024-9",
    )
    other = mined(world, code="C-2")
    inspect(world, hold(other))
    assert world.refusal(MINE, offer(other)).code is RefusalCode.LOT_HELD
    assert world.refusal(MINE, split(other, 500_000, 500_000)).code is RefusalCode.LOT_HELD


def test_rejecting_and_cancelling_move_nothing_and_keep_the_hold(world: World) -> None:
    lot, transfer = offered(world)
    inspect(world, hold(lot))
    world.build(world.transaction(MINE, cancel(lot, transfer)))
    world.apply(BUYER, reject(lot, transfer))
    assert [placed.case for placed in lot_row(world, lot).holds] == ["2024-9"]


def test_a_hold_lapses_after_thirty_days_to_the_millisecond(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot))
    until_ms = world.time_ms + HOLD_MS
    world.move_to(until_ms - 1)
    halves = split(lot, 500_000, 500_000)
    assert world.refusal(MINE, halves).code is RefusalCode.LOT_HELD
    world.move_to(until_ms)
    world.apply(MINE, halves)


def test_only_the_ministry_renews_and_only_before_the_lapse(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot))
    until_ms = world.time_ms + HOLD_MS
    refused = world.refusal(INSPECTORATE, renewal(lot), signers=INSPECTORS)
    assert refused.code is RefusalCode.NOT_THE_MINISTRY
    again = world.refusal(INSPECTORATE, hold(lot), signers=INSPECTORS)
    assert_refused(again, RefusalCode.HOLD_EXISTS, field="case", until_ms=until_ms)
    world.move_to(until_ms)
    assert_refused(
        world.refusal(MINISTRY, renewal(lot)),
        RefusalCode.HOLD_UNKNOWN, field="case", time_ms=until_ms,
    )  # fmt: skip
    world.move_to(until_ms - 1)
    world.apply(MINISTRY, renewal(lot))
    assert lot_row(world, lot).holds[0].until_ms == until_ms - 1 + HOLD_MS


def test_a_lapsed_case_is_not_placed_again(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot))
    world.move_to(world.time_ms + HOLD_MS)
    refused = world.refusal(INSPECTORATE, hold(lot), signers=INSPECTORS)
    assert refused.code is RefusalCode.HOLD_EXISTS
    inspect(world, hold(lot, case="2024-11"))
    assert world.refusal(MINE, offer(lot)).figures["cases"] == "2024-11"


def test_renewing_what_never_stood_or_never_ends_is_refused(world: World) -> None:
    lot = mined(world)
    assert world.refusal(MINISTRY, renewal(lot)).code is RefusalCode.HOLD_UNKNOWN


def test_two_persons_of_an_authority_sign(world: World) -> None:
    lot = mined(world)
    first = ((INSPECTORATE, Role.OPERATOR),)
    assert_refused(
        world.refusal(INSPECTORATE, hold(lot), signers=first),
        RefusalCode.SIGNATURE_MISSING, field="signatures", needed=2, found=1,
    )  # fmt: skip
    assert_refused(
        world.refusal(INSPECTORATE, hold(lot), signers=ONE_PERSON_TWICE),
        RefusalCode.SAME_PERSON, field="signatures", needed=2,
    )  # fmt: skip
    three = (*INSPECTORS, (INSPECTORATE, Role.OPERATOR, 2))
    assert_refused(
        world.refusal(INSPECTORATE, hold(lot), signers=three),
        RefusalCode.SIGNATURE_NOT_NEEDED, field="signatures", found=3,
    )  # fmt: skip
    assert_refused(
        world.refusal(MINE, hold(lot)), RefusalCode.NOT_AN_AUTHORITY, field="author", member=MINE
    )


def test_the_ninth_hold_needs_a_lapsed_one_to_give_way(world: World) -> None:
    lot = mined(world)
    for number in range(HOLDS_PER_LOT_MAX):
        inspect(world, hold(lot, case=f"K-{number}"))
    ninth = hold(lot, case="K-8")
    refused = world.refusal(INSPECTORATE, ninth, signers=INSPECTORS)
    assert_refused(refused, RefusalCode.TOO_MANY_HOLDS, field="lot", holds=8)
    world.move_to(world.time_ms + HOLD_MS)
    inspect(world, ninth)
    assert [placed.case for placed in lot_row(world, lot).holds] == [
        f"K-{number}" for number in range(1, 9)
    ]


def test_a_hold_on_nothing_is_refused(world: World) -> None:
    unknown = world.refusal(INSPECTORATE, hold(LotId(bytes(16))), signers=INSPECTORS)
    assert unknown.code is RefusalCode.LOT_UNKNOWN
    gone = mined(world)
    world.apply(MINE, split(gone, 500_000, 500_000))
    refused = world.refusal(INSPECTORATE, hold(gone), signers=INSPECTORS)
    assert refused.code is RefusalCode.LOT_EXHAUSTED


def test_owner_and_holder_are_told_in_their_months(world: World) -> None:
    lot = mined(world)
    before = world.expect(MEMBER_MONTHS, MINE, 202403).count
    inspect(world, hold(lot))
    assert world.expect(MEMBER_MONTHS, MINE, 202403).count == before + 1
    assert world.expect(MEMBER_MONTHS, INSPECTORATE, 202403).count == 1


def test_a_release_ends_one_case_and_leaves_the_others(world: World) -> None:
    lot = mined(world)
    inspect(world, hold(lot), hold(lot, case="2024-12"))
    inspect(world, release(lot))
    assert world.refusal(MINE, offer(lot)).figures["cases"] == "2024-12"
    inspect(world, release(lot, case="2024-12"))
    world.apply(MINE, offer(lot))


def test_who_placed_a_hold_releases_it_or_the_ministry(world: World) -> None:
    lot = mined(world)
    two_of_ministry = ((MINISTRY, Role.OPERATOR), (MINISTRY, Role.OPERATOR, 1))
    world.apply(MINISTRY, hold(lot), signers=two_of_ministry)
    refused = world.refusal(INSPECTORATE, release(lot), signers=INSPECTORS)
    assert_refused(refused, RefusalCode.HOLD_OF_ANOTHER, field="case", by=MINISTRY)
    world.apply(MINISTRY, release(lot), signers=two_of_ministry)
    refused = world.refusal(INSPECTORATE, release(lot), signers=INSPECTORS)
    assert_refused(refused, RefusalCode.HOLD_UNKNOWN, field="case", case="2024-9")
    inspect(world, hold(lot))
    world.apply(MINISTRY, release(lot), signers=two_of_ministry)
    assert world.refusal(MINE, release(lot)).code is RefusalCode.NOT_AN_AUTHORITY
