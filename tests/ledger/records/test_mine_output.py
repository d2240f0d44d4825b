"""A mine's output: the quota pays for it in the same step, or there is no lot."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.records.mine_output import MineOutput
from ledger.records.register_facility import RegisterFacility
from ledger.refusal import RefusalCode
from ledger.state.rows import Parcel, QuotaRow
from ledger.state.tables import EXTERNAL_NUMBERS, FACILITY_YEARS, LOTS, MEMBER_MONTHS, QUOTAS
from ledger.vocabulary import (
    Activity,
    Bucket,
    Element,
    ExternalNumberKind,
    OreKind,
    QuotaStatus,
    Role,
)
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, FacilityId, Grams, ProductCode
from tests.support.founding import MINISTRY
from tests.support.trading import (
    BUYER,
    CAPACITY,
    GRANTED,
    IONIC_PIT,
    LOT_GROSS,
    MINE,
    OTHER_MINE,
    PIT,
    ROCK,
    TODAY,
    alerts_of,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    output,
    suspend,
    trading_world,
)
from tests.support.world import World, mine, ore_product, single_product

LONGNAN = ((Element.Y, Grams(325_000)), (Element.DY, Grams(175_000)))


@pytest.fixture
def world() -> World:
    return trading_world()


def account(world: World, year: int = 2024) -> QuotaRow:
    return world.expect(QUOTAS, year, int(Bucket.ROCK_MINING), MINE)


def rock(grams: int) -> tuple[tuple[Element, Grams], ...]:
    """About the composition of Bayan Obo."""
    half = grams // 2
    return ((Element.LA, Grams(grams - half)), (Element.CE, Grams(half)))


def test_an_output_makes_one_undebited_lot_of_its_mine(world: World) -> None:
    transaction = world.apply(MINE, output())
    lot = lot_row(world, lot_of(transaction))
    assert (lot.owner, lot.holder, lot.creator, lot.code) == (MINE, MINE, MINE, "C-1")
    assert (lot.gross, lot.reo, lot.date, lot.place) == (
        LOT_GROSS,
        500_000,
        20240320,
        "Inner Mongolia",
    )
    assert lot.parcels == (Parcel(origin=f"mine/{PIT}", status=QuotaStatus.UNDEBITED, grams=ROCK),)
    assert (lot.parents, lot.transfer, lot.holds) == ((), None, ())
    assert (lot.made_by.tx_id, lot.made_height) == (transaction.tx_id, world.height)


def test_an_output_debits_the_account_of_its_year_and_kind_of_ore(world: World) -> None:
    mined(world)
    assert (account(world).used, account(world).left) == (500_000, GRANTED - 500_000)
    world.apply(
        OTHER_MINE, output(facility=IONIC_PIT, product=ProductCode("ORE-ION"), elements=LONGNAN)
    )
    assert world.expect(QUOTAS, 2024, int(Bucket.IONIC_MINING), OTHER_MINE).used == 500_000
    assert account(world).used == 500_000


def test_the_claimed_month_is_that_of_the_periods_last_day(world: World) -> None:
    before = world.row(MEMBER_MONTHS, MINE, 202402)
    mined(world, period_from=CivilDate(2024_02_01), period_to=CivilDate(2024_02_29))
    after = world.expect(MEMBER_MONTHS, MINE, 202402)
    assert after.count == (0 if before is None else before.count) + 1


def test_the_last_gram_of_the_quota_may_be_used_and_not_one_more(world: World) -> None:
    mined(world, gross=Grams(4_000_000), elements=rock(GRANTED - 1), code="C-1")
    refused = world.refusal(MINE, output(gross=Grams(5), elements=rock(2), code="C-2"))
    assert refused.code is RefusalCode.QUOTA_EXCEEDED
    assert refused.field == "elements"
    assert (refused.figures["asked"], refused.figures["left"], refused.figures["missing"]) == (
        2,
        1,
        1,
    )
    mined(world, gross=Grams(3), elements=((Element.CE, Grams(1)),), code="C-2")
    assert account(world).left == 0


def test_of_two_outputs_that_race_for_the_last_gram_in_one_block_exactly_one_wins(
    world: World,
) -> None:
    mined(world, gross=Grams(4_000_000), elements=rock(GRANTED - 1), code="C-1")
    last = (Element.CE, Grams(1))
    one = world.transaction(MINE, output(gross=Grams(3), elements=(last,), code="C-2"))
    other = world.transaction(MINE, output(gross=Grams(3), elements=(last,), code="C-3"))
    for first, second in ((one, other), (other, one)):
        built = world.build(first, second)
        assert built.included == (first,)
        assert [refused.code for _left_out, refused in built.left_out] == [
            RefusalCode.QUOTA_EXCEEDED
        ]
    world.commit(other, one)
    assert account(world).left == 0
    assert world.row(LOTS, lot_of(other)) is not None
    assert world.row(LOTS, lot_of(one)) is None


def test_two_outputs_of_one_transaction_that_exceed_the_quota_together_both_fail(
    world: World,
) -> None:
    halves = [
        output(gross=Grams(2_500_000), elements=rock(GRANTED // 2 + extra), code=f"C-{extra}")
        for extra in (0, 1)
    ]
    refused = world.refusal(MINE, *halves)
    assert (refused.code, refused.record_index) == (RefusalCode.QUOTA_EXCEEDED, 1)
    assert refused.figures["missing"] == 1


def test_a_mine_without_a_grant_has_nothing_left(world: World) -> None:
    refused = world.refusal(
        MINE, output(period_from=CivilDate(2023_12_01), period_to=CivilDate(2023_12_31))
    )
    assert refused.code is RefusalCode.QUOTA_EXCEEDED
    assert refused.figures["left"] == 0


def test_a_rock_mine_cannot_produce_ionic_ore_nor_an_ionic_mine_rock(world: World) -> None:
    refused = world.refusal(MINE, output(product=ProductCode("ORE-ION")))
    assert (refused.code, refused.field) == (RefusalCode.ORE_KIND_MISMATCH, "product")
    refused = world.refusal(OTHER_MINE, output(facility=IONIC_PIT))
    assert refused.code is RefusalCode.ORE_KIND_MISMATCH


def test_only_the_owner_of_the_mine_reports_its_output(world: World) -> None:
    refused = world.refusal(OTHER_MINE, output())
    assert (refused.code, refused.figures["owner"]) == (RefusalCode.FACILITY_OF_ANOTHER, MINE)
    refused = world.refusal(MINE, output(facility=FacilityId("pit-z")))
    assert refused.code is RefusalCode.FACILITY_UNKNOWN


def test_a_facility_that_is_no_mine_has_no_output(world: World) -> None:
    world.admit("plant-e", activities=(Activity.SEPARATION,), licences=("LIC-line-e",))
    line: RegisterFacility = msgspec.structs.replace(
        mine("plant-e", "line-e"), activity=Activity.SEPARATION, ore="", ore_kind=OreKind.NONE
    )
    world.apply("plant-e", line, signers=(("plant-e", Role.OPERATOR), (MINISTRY, Role.OPERATOR)))
    refused = world.refusal("plant-e", output(facility=FacilityId("line-e")))
    assert (refused.code, refused.figures["activity"]) == (
        RefusalCode.ACTIVITY_MISSING,
        "separation",
    )


def test_a_product_that_is_unknown_or_no_ore_is_refused(world: World) -> None:
    assert (
        world.refusal(MINE, output(product=ProductCode("ORE-X"))).code
        is RefusalCode.PRODUCT_UNKNOWN
    )
    world.apply(MINISTRY, single_product("OXI-CE", Element.CE))
    refused = world.refusal(MINE, output(product=ProductCode("OXI-CE")))
    assert refused.code is RefusalCode.PRODUCT_INVALID


@pytest.mark.parametrize("gross", [1_000, 999])
def test_the_oxide_may_be_exactly_at_each_end_of_the_products_range(
    world: World, gross: int
) -> None:
    least, most = -(-gross * 300 // 1_000), gross * 600 // 1_000
    for code, grams in (("C-1", least), ("C-2", most)):
        mined(world, gross=Grams(gross), elements=rock(grams), code=code)
    for grams in (least - 1, most + 1):
        refused = world.refusal(MINE, output(gross=Grams(gross), elements=rock(grams), code="C-3"))
        assert (refused.code, refused.field) == (RefusalCode.COMPOSITION_INVALID, "elements")
        assert (refused.figures["least"], refused.figures["most"]) == (least, most)


def test_elements_stand_once_each_in_ascending_order(world: World) -> None:
    for elements in (
        ((Element.CE, Grams(250_000)), (Element.LA, Grams(250_000))),
        ((Element.CE, Grams(250_000)), (Element.CE, Grams(250_000))),
    ):
        refused = world.refusal(MINE, output(elements=elements))
        assert refused.code is RefusalCode.COMPOSITION_INVALID


@pytest.mark.parametrize("elements", [(), ((Element.CE, Grams(0)),), ((Element.CE, Grams(-1)),)])
def test_an_output_of_no_or_negative_grams_is_no_record(
    elements: tuple[tuple[Element, Grams], ...],
) -> None:
    with pytest.raises(NotCanonicalError):
        decode(MineOutput, encode(output(elements=elements)))
    for gross in (0, -1, 10**12 + 1):
        with pytest.raises(NotCanonicalError):
            decode(MineOutput, encode(output(gross=Grams(gross))))


def test_an_ore_of_named_elements_holds_no_others(world: World) -> None:
    only = msgspec.structs.replace(ore_product("ORE-CE"), elements=(Element.CE,))
    world.apply(MINISTRY, only)
    mined(world, product=ProductCode("ORE-CE"), elements=((Element.CE, Grams(500_000)),))
    refused = world.refusal(MINE, output(product=ProductCode("ORE-CE"), code="C-2"))
    assert (refused.code, refused.figures["element"]) == (RefusalCode.COMPOSITION_INVALID, "La")


def test_a_period_may_end_today_and_not_tomorrow(world: World) -> None:
    mined(world, period_to=TODAY)
    refused = world.refusal(MINE, output(period_to=CivilDate(2024_04_01), code="C-2"))
    assert (refused.code, refused.field) == (RefusalCode.DATE_IN_FUTURE, "period_to")
    assert refused.figures["today"] == TODAY


def test_a_period_may_be_one_day_and_not_less(world: World) -> None:
    mined(world, period_from=CivilDate(2024_03_20))
    refused = world.refusal(MINE, output(period_from=CivilDate(2024_03_21), code="C-2"))
    assert refused.code is RefusalCode.DATE_INVALID


def test_a_period_lies_within_one_calendar_year(world: World) -> None:
    mined(world, period_from=CivilDate(2024_01_01), period_to=CivilDate(2024_01_31))
    crossing = output(
        period_from=CivilDate(2023_12_31), period_to=CivilDate(2024_01_31), code="C-2"
    )
    assert world.refusal(MINE, crossing).code is RefusalCode.PERIOD_CROSSES_YEAR


@pytest.mark.parametrize("field", ["period_from", "period_to"])
@pytest.mark.parametrize("date", [2024_02_30, 2024_00_10, 2024_03_00])
def test_digits_that_are_no_day_are_refused(world: World, field: str, date: int) -> None:
    refused = world.refusal(MINE, output(**{field: CivilDate(date)}))
    assert (refused.code, refused.field) == (RefusalCode.DATE_INVALID, field)


def test_a_filed_month_takes_no_output(world: World) -> None:
    mark_filed(world, MINE, 202402)
    february = output(period_from=CivilDate(2024_02_01), period_to=CivilDate(2024_02_29))
    assert world.refusal(MINE, february).code is RefusalCode.MONTH_FILED
    mined(world, period_from=CivilDate(2024_02_01), period_to=CivilDate(2024_03_01))


def test_a_code_is_unique_among_the_live_lots_of_its_creator_only(world: World) -> None:
    first = mined(world)
    refused = world.refusal(MINE, output())
    assert (refused.code, refused.figures["lot"]) == (RefusalCode.CODE_TAKEN, first.hex())
    world.apply(
        OTHER_MINE, output(facility=IONIC_PIT, product=ProductCode("ORE-ION"), elements=LONGNAN)
    )
    row = world.expect(EXTERNAL_NUMBERS, int(ExternalNumberKind.CONTAINER_CODE), MINE, "C-1")
    assert row.lot == first


def test_the_operator_signs_and_nobody_else(world: World) -> None:
    refused = world.refusal(MINE, output(), signers=((MINE, Role.FILING),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    both = ((MINE, Role.OPERATOR), (BUYER, Role.OPERATOR))
    assert world.refusal(MINE, output(), signers=both).code is RefusalCode.SIGNATURE_NOT_NEEDED


def test_a_suspended_mine_produces_nothing(world: World) -> None:
    suspend(world, MINE)
    assert world.refusal(MINE, output()).code is RefusalCode.AUTHOR_SUSPENDED


def test_a_composition_off_the_fingerprint_enters_with_an_alert_per_band(world: World) -> None:
    mined(world, elements=((Element.CE, Grams(250_000)), (Element.DY, Grams(250_000))))
    (light,) = alerts_of(world)
    assert (light.code, light.member) == ("fingerprint", MINE)
    assert dict(light.figures) == {
        "found": 250_000, "reo": 500_000, "low_permille": 950, "high_permille": 1_000,
    }  # fmt: skip
    mined(world, elements=((Element.DY, Grams(500_000)),), code="C-2")
    assert [alert.code for alert in alerts_of(world)] == ["fingerprint"] * 3


@pytest.mark.parametrize(("cerium", "alerts"), [(470, 0), (530, 0), (469, 1), (531, 1)])
def test_a_share_at_the_end_of_a_band_raises_no_alert(
    world: World, cerium: int, alerts: int
) -> None:
    elements = ((Element.LA, Grams(1_000 - cerium)), (Element.CE, Grams(cerium)))
    mined(world, gross=Grams(2_000), elements=elements)
    assert len(alerts_of(world)) == alerts


def test_an_unpublished_ore_is_not_compared(world: World) -> None:
    world.admit_mine("mine-f", "pit-f", ore="")
    world.grant(2024, Bucket.ROCK_MINING, "mine-f", GRANTED)
    record = output(facility=FacilityId("pit-f"), elements=((Element.DY, Grams(500_000)),))
    world.apply("mine-f", record)
    assert alerts_of(world) == []


def test_producing_exactly_the_capacity_is_quiet_and_one_gram_more_is_not(world: World) -> None:
    mined(world, gross=Grams(3 * LOT_GROSS), elements=rock(CAPACITY), code="C-1")
    assert alerts_of(world) == []
    mined(world, gross=Grams(3), elements=((Element.CE, Grams(1)),), code="C-2")
    capacity = [alert for alert in alerts_of(world) if alert.code == "capacity"]
    assert [dict(alert.figures) for alert in capacity] == [
        {"produced": CAPACITY + 1, "capacity": CAPACITY, "excess": 1}
    ]
    assert world.expect(FACILITY_YEARS, PIT, 2024).produced == CAPACITY + 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, GRANTED), min_size=1, max_size=8))
def test_whatever_is_asked_the_account_never_goes_below_zero(asked: list[int]) -> None:
    world = trading_world()
    made = 0
    transactions = [
        world.transaction(
            MINE,
            output(
                gross=Grams(2 * grams), elements=((Element.CE, Grams(grams)),), code=f"C-{number}"
            ),
        )
        for number, grams in enumerate(asked)
    ]
    built = world.commit(*transactions)
    for transaction in built.included:
        made += lot_row(world, lot_of(transaction)).reo
    row = world.row(QUOTAS, 2024, int(Bucket.ROCK_MINING), MINE)
    assert row is not None
    assert row.used == made <= GRANTED
    for _left_out, refused in built.left_out:
        assert refused.code is RefusalCode.QUOTA_EXCEEDED
