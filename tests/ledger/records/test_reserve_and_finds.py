"""Goods in the reserve and goods that were found stay where they are until they are released."""

from __future__ import annotations

import pytest

from ledger.refusal import RefusalCode
from ledger.vocabulary import QuotaStatus, Role
from ledger.wire.scalars import CivilDate, Grams, MemberId
from tests.support.founding import CUSTOMS
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    filing,
    found,
    hold,
    inspect,
    release,
    release_reserve,
    supervised_world,
    to_reserve,
)
from tests.support.trading import MINE, TODAY, TRADER, lot_of, lot_row, mined, offer, offered
from tests.support.world import Signer, World

SIGNERS: tuple[Signer, ...] = ((MINE, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR))


@pytest.fixture
def world() -> World:
    return supervised_world()


def test_the_reserve_moves_nowhere_until_the_same_authority_releases_it(world: World) -> None:
    lot = mined(world)
    assert world.refusal(MINE, to_reserve(lot)).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINE, to_reserve(lot), signers=SIGNERS)
    assert world.refusal(MINE, offer(lot)).figures["cases"] == "reserve"
    by_customs = release_reserve(lot, authority=CUSTOMS)
    refused = world.refusal(
        MINE, by_customs, signers=((MINE, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    )
    assert_refused(refused, RefusalCode.HOLD_OF_ANOTHER, field="authority", by=INSPECTORATE)
    assert world.refusal(MINE, release_reserve(lot)).code is RefusalCode.SIGNATURE_MISSING
    world.apply(MINE, release_reserve(lot), signers=SIGNERS)
    world.apply(MINE, offer(lot))


def test_what_is_not_in_the_reserve_is_not_released_and_not_put_there_twice(world: World) -> None:
    lot = mined(world)
    refused = world.refusal(MINE, release_reserve(lot), signers=SIGNERS)
    assert_refused(refused, RefusalCode.HOLD_UNKNOWN, field="lot")
    world.apply(MINE, to_reserve(lot), signers=SIGNERS)
    assert world.refusal(MINE, to_reserve(lot), signers=SIGNERS).code is RefusalCode.LOT_HELD


def test_only_the_owner_puts_free_goods_aside(world: World) -> None:
    lot, _transfer = offered(world)
    record = to_reserve(lot, date=TODAY)
    assert world.refusal(MINE, record, signers=SIGNERS).code is RefusalCode.LOT_NOT_FREE
    stranger = ((TRADER, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR))
    assert world.refusal(TRADER, record, signers=stranger).code is RefusalCode.LOT_OF_ANOTHER
    held = mined(world, code="C-2")
    inspect(world, hold(held))
    assert world.refusal(MINE, to_reserve(held), signers=SIGNERS).code is RefusalCode.LOT_HELD
    free = mined(world, code="C-3")
    for changes, code in (
        ({"date": CivilDate(2024_03_19)}, RefusalCode.DATE_BEFORE_INPUT),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"authority": TRADER}, RefusalCode.NOT_AN_AUTHORITY),
        ({"authority": MemberId("nobody")}, RefusalCode.MEMBER_UNKNOWN),
    ):
        assert world.refusal(MINE, to_reserve(free, **changes), signers=SIGNERS).code is code


def test_a_find_enters_held_and_owes_what_its_product_owes(world: World) -> None:
    assert world.refusal(MINE, found()).code is RefusalCode.SIGNATURE_MISSING
    lot = lot_of(world.apply(MINE, found(), signers=SIGNERS))
    row = lot_row(world, lot)
    (parcel,) = row.parcels
    assert (parcel.origin, parcel.status) == (f"found/{lot.hex()}", QuotaStatus.UNDEBITED)
    assert [(placed.case, placed.by, placed.until_ms) for placed in row.holds] == [
        ("found", INSPECTORATE, 0)
    ]
    assert world.refusal(MINE, offer(lot)).code is RefusalCode.LOT_HELD
    (line,) = filing(world, MINE, 202403).products
    assert (line.incoming, line.produced) == (1_000, 0)
    refused = world.refusal(MINE, release(lot, case="found"))
    assert refused.code is RefusalCode.NOT_AN_AUTHORITY
    world.apply(INSPECTORATE, release(lot, case="found"), signers=INSPECTORS)
    world.apply(MINE, offer(lot))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": "ORE-ZZZ"}, RefusalCode.PRODUCT_UNKNOWN),
        ({"gross": Grams(666)}, RefusalCode.COMPOSITION_INVALID),
        ({"gross": Grams(1_334)}, RefusalCode.COMPOSITION_INVALID),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"authority": MINE}, RefusalCode.NOT_AN_AUTHORITY),
    ],
)
def test_an_impossible_find_is_refused(
    world: World, changes: dict[str, object], code: RefusalCode
) -> None:
    for gross in (667, 1_333):
        world.build(world.transaction(MINE, found(gross=Grams(gross)), signers=SIGNERS))
    assert world.refusal(MINE, found(**changes), signers=SIGNERS).code is code
