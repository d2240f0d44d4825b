"""Inspectors hold a million grams; the mine tries every way to make them less, others or somebody else's."""

from __future__ import annotations

from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate
from tests.support.founding import CUSTOMS
from tests.support.production import merged
from tests.support.supervising import (
    EXPORTER,
    INSPECTORATE,
    consume,
    export,
    exporting_world,
    hold,
    incident,
    inspect,
    release,
    supervised_world,
    write_off,
)
from tests.support.trading import MINE, lot_row, mined, offer, split
from tests.support.world import Signer

WITH_INSPECTOR: tuple[Signer, ...] = ((MINE, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR))


def test_held_goods_are_not_divided_offered_consumed_lost_or_burnt() -> None:
    world = supervised_world()
    lot = mined(world)
    inspect(world, hold(lot))
    before = lot_row(world, lot)
    alone = (split(lot, 500_000, 500_000), offer(lot), write_off(lot, 10), incident(lot, 10))
    for record in alone:
        assert world.refusal(MINE, record).code is RefusalCode.LOT_HELD
    # Not even with an authority's signature: the hold has to be released first, by two persons.
    for signed in (
        consume(lot, 10, authority=INSPECTORATE),
        write_off(lot, 10, authority=INSPECTORATE),
        incident(lot, 10, authority=INSPECTORATE),
    ):
        assert world.refusal(MINE, signed, signers=WITH_INSPECTOR).code is RefusalCode.LOT_HELD
    assert lot_row(world, lot) == before


def test_held_goods_are_not_poured_together_with_free_ones() -> None:
    world = supervised_world()
    lot, other = mined(world), mined(world, code="C-2")
    inspect(world, hold(lot))
    for pair in ((lot, other), (other, lot)):
        assert world.refusal(MINE, merged(*pair)).code is RefusalCode.LOT_HELD
    inspect(world, release(lot))
    world.apply(MINE, merged(lot, other))


def test_held_goods_do_not_leave_the_country() -> None:
    world, lot = exporting_world()
    inspect(world, hold(lot))
    signers = ((EXPORTER, Role.OPERATOR), (CUSTOMS, Role.OPERATOR))
    refused = world.refusal(EXPORTER, export(lot, 1_000), signers=signers)
    assert refused.code is RefusalCode.LOT_HELD


def test_a_month_of_waiting_sets_them_free_unless_the_ministry_looks() -> None:
    world = supervised_world()
    lot = mined(world)
    inspect(world, hold(lot))
    world.move_to_date(2024_05_15)
    world.apply(MINE, split(lot, 500_000, 500_000, date=CivilDate(2024_05_15)))
