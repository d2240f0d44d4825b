"""Over-production that did happen enters: held, and owed."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.declare_excess import DeclareExcess
from ledger.refusal import RefusalCode
from ledger.state.tables import DEBTS, FACILITY_YEARS, QUOTAS
from ledger.vocabulary import Bucket, Element, QuotaStatus, Role
from ledger.wire.scalars import CivilDate, Grams, ProductCode
from tests.support.production import statuses
from tests.support.trading import (
    GRANTED,
    MINE,
    PIT,
    lot_of,
    lot_row,
    mark_filed,
    offer,
    output,
    suspend,
    trading_world,
)
from tests.support.world import World

BUCKET = int(Bucket.ROCK_MINING)


@pytest.fixture
def world() -> World:
    return trading_world()


def excess(reo: int, **changes: object) -> DeclareExcess:
    record = DeclareExcess(
        *msgspec.structs.astuple(
            output(gross=Grams(2 * reo), elements=((Element.CE, Grams(reo)),), code="X-1")
        )
    )
    return msgspec.structs.replace(record, **changes)


def test_one_gram_over_the_quota_is_a_held_lot_and_a_debt_of_one_gram(world: World) -> None:
    lot = lot_of(world.apply(MINE, excess(GRANTED + 1)))
    row = lot_row(world, lot)
    assert statuses(row) == {QuotaStatus.UNDEBITED: GRANTED + 1}
    assert [hold.case for hold in row.holds] == ["excess"]
    assert world.expect(DEBTS, BUCKET, MINE).grams == 1
    account = world.expect(QUOTAS, 2024, BUCKET, MINE)
    assert (account.used, account.debt, account.left) == (GRANTED + 1, 1, 0)
    assert world.expect(FACILITY_YEARS, PIT, 2024).produced == GRANTED + 1
    assert world.refusal(MINE, offer(lot)).code is RefusalCode.LOT_HELD


def test_what_the_quota_can_pay_is_no_excess(world: World) -> None:
    refused = world.refusal(MINE, excess(GRANTED))
    assert (refused.code, refused.field) == (RefusalCode.NO_EXCESS, "elements")
    assert (refused.figures["asked"], refused.figures["left"]) == (GRANTED, GRANTED)


def test_the_debt_blocks_production_and_not_a_further_declaration(world: World) -> None:
    world.apply(MINE, excess(GRANTED + 1))
    small = output(gross=Grams(2), elements=((Element.CE, Grams(1)),))
    assert world.refusal(MINE, small).code is RefusalCode.QUOTA_DEBT
    world.apply(MINE, excess(5, code="X-2"))
    assert world.expect(DEBTS, BUCKET, MINE).grams == 6


def test_a_later_grant_pays_the_debt_first(world: World) -> None:
    world.apply(MINE, excess(GRANTED + 100))
    world.grant(2024, Bucket.ROCK_MINING, MINE, 150, batch=2)
    assert world.expect(DEBTS, BUCKET, MINE).grams == 0
    assert world.expect(QUOTAS, 2024, BUCKET, MINE).left == 50


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": ProductCode("ORE-ION")}, RefusalCode.ORE_KIND_MISMATCH),
        ({"facility": "pit-b"}, RefusalCode.FACILITY_OF_ANOTHER),
        ({"gross": Grams(GRANTED + 1)}, RefusalCode.COMPOSITION_INVALID),
        ({"period_to": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"period_from": CivilDate(2023_12_31)}, RefusalCode.PERIOD_CROSSES_YEAR),
    ],
)
def test_it_is_refused_for_what_refuses_an_output(
    world: World, changes: dict[str, object], code: str
) -> None:
    assert world.refusal(MINE, excess(GRANTED + 1, **changes)).code == code


def test_code_month_key_and_suspension(world: World) -> None:
    world.apply(MINE, output())
    record = excess(GRANTED + 1)
    assert world.refusal(MINE, excess(GRANTED + 1, code="C-1")).code is RefusalCode.CODE_TAKEN
    refused = world.refusal(MINE, record, signers=((MINE, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, MINE, 202403)
    assert world.refusal(MINE, record).code is RefusalCode.MONTH_FILED
    suspend(world, MINE)
    assert world.refusal(MINE, record).code is RefusalCode.AUTHOR_SUSPENDED
