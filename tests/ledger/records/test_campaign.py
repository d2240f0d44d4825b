"""A campaign adds up gram for gram, pays the separation quota once, and never overlaps another."""

from __future__ import annotations

import msgspec
import pytest

from ledger.quantity import merge, reo_of, totals_of
from ledger.records.campaign import Campaign, campaign_units
from ledger.refusal import RefusalCode
from ledger.state.rows import LineRow
from ledger.state.tables import GAIN_YEARS, LINE_MONTHS, LINES, LOTS, MEMBER_MONTHS, QUOTAS
from ledger.vocabulary import Bucket, CampaignKind, Element, Purpose, QuotaStatus, Role
from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import CivilDate, FacilityId, Grams, LotId, MemberId
from tests.support.founding import CUSTOMS, MINISTRY
from tests.support.production import (
    IMPORTER,
    METAL_PLANT,
    RECYCLER,
    RECYCLING_PLANT,
    SEPARATION_PLANT,
    SEPARATION_QUOTA,
    SEPARATOR,
    SMELTER,
    STOCK_CAP,
    assert_grams,
    campaign,
    elements,
    feed,
    hand_over,
    import_lot,
    line_row,
    made,
    ore_at_separator,
    plant_world,
    separated,
    separation,
    statuses,
    take_scrap,
)
from tests.support.refusals import assert_refused
from tests.support.trading import (
    MINE,
    PIT,
    accept,
    alerts_of,
    lot_of,
    lot_row,
    mark_filed,
    mined,
    offer,
    place_hold,
    suspend,
    transfer_of,
)
from tests.support.world import World

ACCOUNT = (2024, int(Bucket.SEPARATION), SEPARATOR)


@pytest.fixture
def world() -> World:
    return plant_world()


# --- what it does


def test_outputs_carry_their_origin_and_are_debited(world: World) -> None:
    transaction, lots = separated(world)
    rows = [lot_row(world, lot) for lot in lots]
    assert [row.reo for row in rows] == [121_500, 243_000, 121_500]
    for row in rows:
        assert {parcel.origin for parcel in row.parcels} == {f"mine/{PIT}"}
        assert statuses(row) == {QuotaStatus.DEBITED: row.reo}
        assert (row.owner, row.holder, row.creator) == (SEPARATOR, SEPARATOR, SEPARATOR)
        assert (row.place, row.date, row.parents) == ("Baotou", 20240331, ())
        assert row.made_by.tx_id == transaction.tx_id
    assert world.expect(QUOTAS, *ACCOUNT).used == 486_000


def test_the_input_is_used_up_or_keeps_what_was_not_taken(world: World) -> None:
    lot = ore_at_separator(world)
    before = lot_row(world, lot)
    part = msgspec.structs.replace(feed(world, lot)[0], gross=Grams(400_000))
    record = campaign([part], [], closing=elements(La=50_000, Ce=100_000, Pr=10_000, Nd=40_000))
    world.apply(SEPARATOR, record)
    rest = lot_row(world, lot)
    assert rest.gross == 600_000
    assert merge((rest.parcels, line_row(world).stock)) == before.parcels
    world.apply(SEPARATOR, continued(world, feed(world, lot)))
    assert (lot_row(world, lot).gross, lot_row(world, lot).parcels) == (0, ())


def continued(world: World, inputs: object, **changes: object) -> Campaign:
    """Return a campaign of one later day that puts everything into process."""
    line = line_row(world)
    opening = dict(totals_of(line.stock))
    closing = dict(opening)
    for entry in inputs:  # type: ignore[attr-defined]
        for element, grams in totals_of(lot_row(world, entry.lot).parcels):
            closing[element] = Grams(closing.get(element, 0) + grams)
    world.move_to_date(line.until + 1 if line.until % 100 < 30 else 2024_04_01 + line.until % 100)
    day = CivilDate(line.until + 1 if line.until % 100 < 31 else 2024_04_01)
    record = campaign(
        inputs,  # type: ignore[arg-type]
        [],
        period_from=day,
        period_to=day,
        opening=tuple(sorted(opening.items())),
        closing=tuple(sorted(closing.items())),
    )
    return msgspec.structs.replace(record, **changes)


def test_process_stock_is_carried_over_and_owes_until_it_comes_out(world: World) -> None:
    lot = ore_at_separator(world)
    record = separation(
        world, lot, outputs=(made("OXI-CE", "E-1", 101_000, Ce=100_000),), losses=(),
        closing=elements(La=125_000, Ce=150_000, Pr=25_000, Nd=100_000),
    )  # fmt: skip
    world.apply(SEPARATOR, record)
    assert world.expect(QUOTAS, *ACCOUNT).used == 100_000
    line = line_row(world)
    assert [parcel.status for parcel in line.stock] == [QuotaStatus.UNDEBITED]
    world.move_to_date(2024_04_30)
    rest = campaign(
        [], [made("OXI-LA", "L-1", 126_000, La=125_000), made("OXI-CE", "E-2", 151_000, Ce=150_000),
             made("OXI-NDPR", "N-1", 126_000, Pr=25_000, Nd=100_000)],
        opening=record.closing, period_from=CivilDate(2024_04_01), period_to=CivilDate(2024_04_30),
    )  # fmt: skip
    transaction = world.apply(SEPARATOR, rest)
    assert world.expect(QUOTAS, *ACCOUNT).used == 500_000
    assert line_row(world).stock == ()
    for number in range(3):
        row = lot_row(world, lot_of(transaction, number))
        assert statuses(row) == {QuotaStatus.DEBITED: row.reo}


def test_two_origins_blend_in_every_output_and_add_up(world: World) -> None:
    ore = ore_at_separator(world)
    carbonate = hand_over(world, import_lot(world), IMPORTER, SEPARATOR)
    inputs = feed(world, ore, carbonate)
    before = merge(lot_row(world, entry.lot).parcels for entry in inputs)
    record = campaign(
        inputs,
        [
            made("OXI-CE", "E-1", 333_334, Ce=333_333),
            made("OXI-CE", "E-2", 200_001, Ce=200_000),
            made("OXI-NDPR", "N-1", 261_000, Pr=24_250, Nd=236_750),
            made("OXI-LA", "L-1", 123_000, La=122_222),
        ],
        losses=elements(La=2_778, Ce=16_667, Pr=750, Nd=7_250),
        closing=elements(Nd=6_000),
    )
    transaction = world.apply(SEPARATOR, record)
    rows = [lot_row(world, lot_of(transaction, number)) for number in range(4)]
    for row, output in zip(rows, record.outputs, strict=True):
        assert totals_of(row.parcels) == output.elements
    assert len(rows[0].parcels) == 2
    everything = merge((*(row.parcels for row in rows), line_row(world).stock))
    assert reo_of(before) == reo_of(everything) + sum(g for _e, g in record.losses)
    assert QuotaStatus.UNDEBITED not in {p.status for row in rows for p in row.parcels}
    assert {p.status for p in line_row(world).stock} == {QuotaStatus.UNDEBITED}


def test_a_gram_is_debited_once_however_often_it_is_processed(world: World) -> None:
    _transaction, lots = separated(world)
    world.move_to_date(2024_04_30)
    again = campaign(
        feed(world, lots[1]), [made("OXI-CE", "E-9", 240_000, Ce=239_000)],
        losses=elements(Ce=4_000), period_from=CivilDate(2024_04_01),
        period_to=CivilDate(2024_04_30),
    )  # fmt: skip
    world.apply(SEPARATOR, again)
    assert world.expect(QUOTAS, *ACCOUNT).used == 486_000


def test_metal_is_made_of_what_was_debited(world: World) -> None:
    _transaction, lots = separated(world)
    lot = sold(world, lots[2], SEPARATOR, SMELTER)
    record = smelting(world, lot)
    transaction = world.apply(SMELTER, record)
    row = lot_row(world, lot_of(transaction))
    assert statuses(row) == {QuotaStatus.DEBITED: 119_000}
    assert statuses(lot_row(world, lot_of(transaction, 1))) == {QuotaStatus.DEBITED: 1_000}


def sold(world: World, lot: LotId, seller: str, buyer: str) -> LotId:
    """Sell a lot that was made on the last of March."""
    world.move_to_date(2024_04_02)
    record = offer(lot, buyer=MemberId(buyer), invoice="", date=CivilDate(2024_04_01))
    transfer = transfer_of(world.apply(seller, record))
    gross = lot_row(world, lot).gross
    world.apply(buyer, accept(lot, transfer, received_gross=gross, date=CivilDate(2024_04_01)))
    return lot


def smelting(world: World, lot: LotId, **changes: object) -> Campaign:
    record = campaign(
        feed(world, lot),
        [
            made("MET-ND", "T-1", 102_000, Pr=23_800, Nd=95_200),
            made("SCR-MAG", "T-2", 2_000, Pr=200, Nd=800),
        ],
        facility=METAL_PLANT,
        kind=CampaignKind.METAL,
        losses=elements(Pr=300, Nd=1_200),
        period_from=CivilDate(2024_04_01),
        period_to=CivilDate(2024_04_01),
    )
    return msgspec.structs.replace(record, **changes)


def recycling(world: World, lot: LotId, **changes: object) -> Campaign:
    record = campaign(
        feed(world, lot),
        [made("OXI-NDPR", "X-1", 290_000, Pr=57_600, Nd=230_400)],
        facility=RECYCLING_PLANT,
        kind=CampaignKind.RECYCLING,
        losses=elements(Pr=2_400, Nd=9_600),
    )
    return msgspec.structs.replace(record, **changes)


def test_recycled_oxide_is_exempt_and_debits_nobody(world: World) -> None:
    lot = take_scrap(world)
    transaction = world.apply(RECYCLER, recycling(world, lot))
    row = lot_row(world, lot_of(transaction))
    assert statuses(row) == {QuotaStatus.EXEMPT: 288_000}
    assert world.row(QUOTAS, 2024, int(Bucket.SEPARATION), RECYCLER) is None


def test_blending_is_the_sum_and_leaves_the_line_s_stock_alone(world: World) -> None:
    one = ore_at_separator(world)
    other = ore_at_separator(world, code="C-2")
    inputs = feed(world, one, other)
    mixed = made("ORE-MIX", "B-1", 2_000_000, La=250_000, Ce=500_000, Pr=50_000, Nd=200_000)
    record = campaign(inputs, [mixed], kind=CampaignKind.BLENDING)
    transaction = world.apply(SEPARATOR, record)
    row = lot_row(world, lot_of(transaction))
    assert statuses(row) == {QuotaStatus.UNDEBITED: 1_000_000}
    assert line_row(world).stock == ()
    assert world.row(GAIN_YEARS, 2024, SEPARATOR) is not None


@pytest.mark.parametrize("field", ["gain", "losses", "closing", "opening"])
def test_blending_gains_and_loses_not_a_gram(world: World, field: str) -> None:
    lot = ore_at_separator(world)
    output = made("ORE-MIX", "B-1", 1_000_000, La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    record = campaign(feed(world, lot), [output], kind=CampaignKind.BLENDING)
    changed = msgspec.structs.replace(record, **{field: elements(Ce=1)})
    refused = world.refusal(SEPARATOR, changed)
    assert_refused(refused, RefusalCode.FIELD_INVALID, field=field, grams=1)


def test_blending_mixes_one_class_and_no_compound_that_owes(world: World) -> None:
    ore = ore_at_separator(world)
    carbonate = hand_over(world, import_lot(world), IMPORTER, SEPARATOR)
    both = campaign(feed(world, ore, carbonate), [], kind=CampaignKind.BLENDING)
    assert world.refusal(SEPARATOR, both).code in (
        RefusalCode.CLASS_MISMATCH,
        RefusalCode.UNDEBITED,
    )
    alone = campaign(feed(world, carbonate), [], kind=CampaignKind.BLENDING)
    refused = world.refusal(SEPARATOR, alone)
    assert_grams(refused, RefusalCode.UNDEBITED, field="inputs[0]", undebited=450_000)


def test_toll_work_belongs_to_the_principal(world: World) -> None:
    lot = mined(world)
    transfer = transfer_of(world.apply(MINE, offer(lot, purpose=Purpose.TOLL, invoice="")))
    world.apply(SEPARATOR, accept(lot, transfer))
    before = world.expect(MEMBER_MONTHS, MINE, 202403).count
    transaction = world.apply(SEPARATOR, separation(world, lot))
    row = lot_row(world, lot_of(transaction))
    assert (row.owner, row.holder) == (MINE, SEPARATOR)
    assert world.expect(QUOTAS, *ACCOUNT).used == 486_000
    assert world.expect(MEMBER_MONTHS, MINE, 202403).count == before + 1


def test_goods_of_two_owners_are_not_mixed(world: World) -> None:
    own = ore_at_separator(world)
    toll = mined(world, code="C-2")
    transfer = transfer_of(world.apply(MINE, offer(toll, purpose=Purpose.TOLL, invoice="")))
    world.apply(SEPARATOR, accept(toll, transfer))
    refused = world.refusal(SEPARATOR, campaign(feed(world, own, toll), []))
    assert_refused(refused, RefusalCode.LOTS_DIFFER, field="inputs")


# --- the balance


@pytest.mark.parametrize("difference", [-1, 1])
@pytest.mark.parametrize("field", ["losses", "closing"])
def test_an_element_that_is_off_by_one_gram_is_refused(
    world: World, field: str, difference: int
) -> None:
    lot = ore_at_separator(world)
    record = separation(world, lot, closing=elements(Ce=1_000), losses=elements(
        La=3_500, Ce=6_000, Pr=700, Nd=2_800))  # fmt: skip
    world.build(world.transaction(SEPARATOR, record))
    off = tuple(
        (element, Grams(grams + difference * (element is Element.CE)))
        for element, grams in getattr(record, field)
    )
    refused = world.refusal(SEPARATOR, msgspec.structs.replace(record, **{field: off}))
    assert_grams(
        refused, RefusalCode.ELEMENTS_DO_NOT_ADD_UP, field="outputs",
        came=250_000, went=250_000 + difference,
    )  # fmt: skip
    assert refused.figures["difference"] == difference


def test_the_first_opening_is_nothing(world: World) -> None:
    lot = ore_at_separator(world)
    record = separation(world, lot, opening=elements(Ce=1), closing=elements(Ce=1))
    refused = world.refusal(SEPARATOR, record)
    assert_grams(refused, RefusalCode.OPENING_MISMATCH, field="opening", opening=1, closed=0)


@pytest.mark.parametrize("difference", [-1, 1])
def test_an_opening_equals_the_last_closing_to_the_gram(world: World, difference: int) -> None:
    lot = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=stock))
    world.move_to_date(2024_04_30)
    changed = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000 + difference)
    record = campaign(
        [], [], opening=changed, closing=changed, period_from=CivilDate(2024_04_01),
        period_to=CivilDate(2024_04_30),
    )  # fmt: skip
    refused = world.refusal(SEPARATOR, record)
    assert_grams(refused, RefusalCode.OPENING_MISMATCH, field="opening", closed=100_000)
    assert refused.figures["difference"] == difference
    world.apply(SEPARATOR, msgspec.structs.replace(record, opening=stock, closing=stock))


# --- quota


def granted_world(quota: int) -> World:
    """Return a world in which the separator has ``quota`` grams left, by using up the others."""
    world = plant_world()
    used = SEPARATION_QUOTA - quota
    carbonate = import_lot(world, gross=Grams(2 * used), elements=elements(Ce=used))
    lot = hand_over(world, carbonate, IMPORTER, SEPARATOR)
    record = campaign(feed(world, lot), [made("OXI-CE", "E-8", used + 1, Ce=used)], line=2)
    world.apply(SEPARATOR, record)
    assert world.expect(QUOTAS, *ACCOUNT).left == quota
    return world


def test_the_last_gram_of_the_quota_passes_and_one_more_is_refused() -> None:
    for quota, passes in ((486_000, True), (485_999, False)):
        world = granted_world(quota)
        lot = ore_at_separator(world)
        record = separation(world, lot)
        if passes:
            world.apply(SEPARATOR, record)
            assert world.expect(QUOTAS, *ACCOUNT).left == 0
        else:
            refused = world.refusal(SEPARATOR, record)
            assert_grams(refused, RefusalCode.QUOTA_EXCEEDED, field="outputs", missing=1)
            assert lot_row(world, lot).gross == 1_000_000


def test_two_campaigns_that_race_for_the_last_quota_exactly_one_wins() -> None:
    world = granted_world(486_000)
    one = ore_at_separator(world)
    other = ore_at_separator(world, code="C-2")
    first = world.transaction(SEPARATOR, separation(world, one))
    outputs = tuple(
        msgspec.structs.replace(output, code=f"{output.code}-2")
        for output in separation(world, other).outputs
    )
    second_record = separation(world, other, outputs=outputs)
    second = world.transaction(SEPARATOR, msgspec.structs.replace(
        second_record, period_from=CivilDate(2024_03_25)), )  # fmt: skip
    world.commit(first, second)
    assert world.expect(QUOTAS, *ACCOUNT).left == 0
    assert world.row(LOTS, lot_of(second)) is None


def test_the_quota_year_is_that_of_the_period_s_end(world: World) -> None:
    lot = ore_at_separator(world)
    world.move_to_date(2025_01_05)
    record = separation(
        world, lot, period_from=CivilDate(2025_01_01), period_to=CivilDate(2025_01_05)
    )
    refused = world.refusal(SEPARATOR, record)
    assert refused.code is RefusalCode.QUOTA_EXCEEDED
    world.apply(
        SEPARATOR,
        msgspec.structs.replace(
            record, period_from=CivilDate(2024_12_01), period_to=CivilDate(2024_12_31)
        ),
    )


# --- gains and losses


@pytest.mark.parametrize(("gain", "passes"), [(1_250, True), (1_251, False)])
def test_a_gain_of_half_a_percent_passes_and_a_gram_more_is_refused(
    world: World,
    gain: int,
    passes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lot = ore_at_separator(world)
    record = separation(
        world, lot, gain=elements(Ce=gain), losses=elements(La=3_500, Ce=7_000, Pr=700, Nd=2_800),
        closing=elements(Ce=gain),
    )  # fmt: skip
    if passes:
        world.apply(SEPARATOR, record)
        cells = {cell[0]: cell[1:] for cell in world.expect(GAIN_YEARS, 2024, SEPARATOR).cells}
        assert cells[Element.CE] == (250_000, 1_250, 0)
    else:
        refused = world.refusal(SEPARATOR, record)
        assert_grams(refused, RefusalCode.GAIN_EXCEEDED, field="gain", gain=1_251, excess=1)


@pytest.mark.parametrize(("gain", "passes"), [(100, True), (101, False)])
def test_a_trace_may_be_found_up_to_a_part_of_all_oxide(
    world: World,
    gain: int,
    passes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lot = ore_at_separator(world)
    record = separation(world, lot, gain=elements(Dy=gain), closing=elements(Dy=gain))
    if passes:
        world.apply(SEPARATOR, record)
        (gained,) = [p for p in line_row(world).stock if p.origin == f"gain/{SEPARATION_PLANT}"]
        assert (gained.status, gained.grams) == (QuotaStatus.UNDEBITED, elements(Dy=100))
    else:
        refused = world.refusal(SEPARATOR, record)
        assert_grams(refused, RefusalCode.GAIN_EXCEEDED, field="gain", gain=101, most=100)


@pytest.mark.parametrize(("lost", "passes"), [(37_500, True), (37_501, False)])
def test_losses_at_the_norm_pass_and_a_gram_more_needs_an_authority(
    world: World,
    lost: int,
    passes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lot = ore_at_separator(world)
    ce = 250_000 - lost
    outputs = (made("OXI-CE", "E-1", ce + 1, Ce=ce),)
    closing = elements(La=125_000, Pr=25_000, Nd=100_000)
    record = campaign(feed(world, lot), outputs, losses=elements(Ce=lost), closing=closing)
    if passes:
        world.apply(SEPARATOR, record)
        return
    refused = world.refusal(SEPARATOR, record)
    assert_grams(refused, RefusalCode.LOSS_ABOVE_NORM, field="losses", lost=37_501, excess=1)
    signed = msgspec.structs.replace(record, authority=MINISTRY)
    assert world.refusal(SEPARATOR, signed).code is RefusalCode.SIGNATURE_MISSING
    signers = ((SEPARATOR, Role.OPERATOR), (MINISTRY, Role.OPERATOR))
    world.apply(SEPARATOR, signed, signers=signers)


def test_only_an_authority_signs_for_losses(world: World) -> None:
    lot = ore_at_separator(world)
    record = separation(world, lot, authority=MINE)
    signers = ((SEPARATOR, Role.OPERATOR), (MINE, Role.OPERATOR))
    refused = world.refusal(SEPARATOR, record, signers=signers)
    assert_refused(refused, RefusalCode.NOT_AN_AUTHORITY, field="authority")
    world.apply(
        SEPARATOR,
        msgspec.structs.replace(record, authority=CUSTOMS),
        signers=((SEPARATOR, Role.OPERATOR), (CUSTOMS, Role.OPERATOR)),
    )


def test_stock_that_merely_lies_there_loses_nothing(world: World) -> None:
    lot = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=stock))
    world.move_to_date(2024_04_30)
    record = campaign(
        [], [], opening=stock, losses=elements(Ce=101),
        closing=elements(La=125_000, Ce=249_899, Pr=25_000, Nd=100_000),
        period_from=CivilDate(2024_04_01), period_to=CivilDate(2024_04_30),
    )  # fmt: skip
    refused = world.refusal(SEPARATOR, record)
    assert_grams(refused, RefusalCode.LOSS_ABOVE_NORM, field="losses", lost=101, most=100)


# --- who, where, when


def test_campaigns_of_one_line_never_overlap_and_other_lines_do_not_matter(world: World) -> None:
    separated(world)
    lot = ore_at_separator(world, code="C-2")
    outputs = tuple(
        msgspec.structs.replace(output, code=f"{output.code}-2")
        for output in separation(world, lot).outputs
    )
    record = separation(world, lot, outputs=outputs, period_from=CivilDate(2024_03_31))
    refused = world.refusal(SEPARATOR, record)
    assert_refused(refused, RefusalCode.PERIOD_OVERLAPS, field="period_from")
    world.apply(SEPARATOR, msgspec.structs.replace(record, line=2))


def test_a_line_that_is_not_there_and_a_facility_of_another(world: World) -> None:
    lot = ore_at_separator(world)
    for changes, code in (
        ({"line": 3}, RefusalCode.LINE_UNKNOWN),
        ({"facility": METAL_PLANT}, RefusalCode.FACILITY_OF_ANOTHER),
        ({"facility": FacilityId("nowhere")}, RefusalCode.FACILITY_UNKNOWN),
        ({"kind": CampaignKind.METAL}, RefusalCode.ACTIVITY_MISSING),
        ({"kind": CampaignKind.RECYCLING}, RefusalCode.ACTIVITY_MISSING),
        ({"period_to": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
        ({"period_from": CivilDate(2023_12_31)}, RefusalCode.PERIOD_CROSSES_YEAR),
        ({"period_to": CivilDate(2024_03_24)}, RefusalCode.DATE_INVALID),
        ({"inputs": (), "outputs": (), "losses": ()}, RefusalCode.FIELD_INVALID),
    ):
        assert world.refusal(SEPARATOR, separation(world, lot, **changes)).code is code, changes


def test_a_campaign_does_not_end_before_its_input_was_there(world: World) -> None:
    lot = ore_at_separator(world)
    record = separation(
        world, lot, period_from=CivilDate(2024_03_01), period_to=CivilDate(2024_03_24)
    )
    assert world.refusal(SEPARATOR, record).code is RefusalCode.DATE_BEFORE_INPUT
    world.apply(SEPARATOR, msgspec.structs.replace(record, period_to=CivilDate(2024_03_25)))


def test_inputs_are_held_by_the_author_free_and_enough(world: World) -> None:
    own = mined(world, code="C-7")
    refused = world.refusal(SEPARATOR, separation(world, own))
    assert_refused(refused, RefusalCode.LOT_OF_ANOTHER, field="inputs[0]", holder=MINE)
    lot = ore_at_separator(world)
    entry = feed(world, lot)[0]
    too_much = msgspec.structs.replace(entry, gross=Grams(1_000_001))
    refused = world.refusal(SEPARATOR, separation(world, lot, inputs=(too_much,)))
    assert_grams(refused, RefusalCode.QUANTITY_EXCEEDED, field="inputs[0]", excess=1)
    twice = separation(world, lot, inputs=(entry, entry))
    assert world.refusal(SEPARATOR, twice).code is RefusalCode.FIELD_INVALID
    unknown = msgspec.structs.replace(entry, lot=LotId(bytes(16)))
    assert (
        world.refusal(SEPARATOR, separation(world, lot, inputs=(unknown,))).code
        is RefusalCode.LOT_UNKNOWN
    )
    record = separation(world, lot)
    place_hold(world, lot)
    assert world.refusal(SEPARATOR, record).code is RefusalCode.LOT_HELD


def test_outputs_fit_their_product(world: World) -> None:
    lot = ore_at_separator(world)
    good = separation(world, lot)
    for number, bad, code in (
        (0, made("OXI-LA", "L-1", 123_000, La=121_500), RefusalCode.COMPOSITION_INVALID),
        (0, made("OXI-CE", "L-1", 122_000, La=121_500), RefusalCode.COMPOSITION_INVALID),
        (0, made("MET-ND", "L-1", 122_000, La=121_500), RefusalCode.CLASS_MISMATCH),
        (0, made("NOTHING", "L-1", 122_000, La=121_500), RefusalCode.PRODUCT_UNKNOWN),
        (0, made("OXI-LA", "E-1", 122_000, La=121_500), RefusalCode.CODE_TAKEN),
    ):
        outputs = list(good.outputs)
        outputs[number] = bad
        refused = world.refusal(SEPARATOR, msgspec.structs.replace(good, outputs=tuple(outputs)))
        assert refused.code is code
        assert refused.field.startswith("outputs[")


def test_a_filed_month_a_wrong_key_and_a_suspended_author(world: World) -> None:
    lot = ore_at_separator(world)
    record = separation(world, lot)
    refused = world.refusal(SEPARATOR, record, signers=((SEPARATOR, Role.ADMIN),))
    assert refused.code is RefusalCode.SIGNATURE_MISSING
    mark_filed(world, SEPARATOR, 202403)
    assert world.refusal(SEPARATOR, record).code is RefusalCode.MONTH_FILED
    suspend(world, SEPARATOR)
    assert world.refusal(SEPARATOR, record).code is RefusalCode.AUTHOR_SUSPENDED


@pytest.mark.parametrize(
    "changes",
    [
        {"line": 0}, {"gain": ((Element.CE, 0),)}, {"authority": "Not An Id"},
        {"inputs": ((b"\0" * 16, 1),) * 65},
    ],
)  # fmt: skip
def test_fields_are_within_their_ranges(changes: dict[str, object]) -> None:
    with pytest.raises(NotCanonicalError):
        decode(Campaign, encode(campaign([], [], **changes)))


def test_work_units_grow_with_inputs_and_outputs(world: World) -> None:
    lot = ore_at_separator(world)
    assert campaign_units(separation(world, lot)) == 100 + 150 + 390


# --- alerts


def codes(world: World) -> list[str]:
    return [alert.code for alert in alerts_of(world)]


def yielding(world: World, lost: int, *, code: str, day: int) -> None:
    """Process 250,000 g of cerium of a fresh lot on one day, with some grams lost."""
    lot = ore_at_separator(
        world, code=f"C-{code}", gross=Grams(500_000), elements=elements(Ce=250_000)
    )
    out = 250_000 - lost
    date = CivilDate(day)
    world.apply(
        SEPARATOR,
        campaign(
            feed(world, lot), [made("OXI-CE", code, out + 1, Ce=out)], losses=elements(Ce=lost),
            period_from=date, period_to=date,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("lost", "alerted"), [(29_250, []), (29_251, ["yield-low"])])
def test_a_yield_under_the_floor_is_an_alert(world: World, lost: int, alerted: list[str]) -> None:
    yielding(world, lost, code="E-1", day=2024_03_25)
    assert [code for code in codes(world) if code.startswith("yield")] == alerted


@pytest.mark.parametrize(("lost", "alerted"), [(1_250, []), (1_249, ["yield-high"])])
def test_a_yield_that_no_process_reaches_is_an_alert(
    world: World, lost: int, alerted: list[str]
) -> None:
    yielding(world, lost, code="E-1", day=2024_03_25)
    assert [code for code in codes(world) if code.startswith("yield")] == alerted


@pytest.mark.parametrize(("lost", "alerted"), [(12_500, False), (12_501, True)])
def test_a_yield_off_the_line_s_own_year_is_an_alert_after_three_campaigns(
    world: World,
    lost: int,
    alerted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    for number in range(3):
        yielding(world, 5_000, code=f"E-{number}", day=2024_03_25 + number)
    assert world.expect(LINE_MONTHS, SEPARATION_PLANT, 1, 202403).campaigns == 3
    yielding(world, lost, code="E-9", day=2024_03_29)
    assert ("yield-baseline" in codes(world)) is alerted


def test_stock_above_the_cap_is_an_alert_at_the_first_gram(world: World) -> None:
    for extra in (0, 1):
        world = plant_world()
        one = ore_at_separator(
            world, gross=Grams(2 * STOCK_CAP + extra), elements=elements(Ce=STOCK_CAP + extra)
        )
        world.apply(
            SEPARATOR,
            campaign(feed(world, one), [], closing=elements(Ce=STOCK_CAP + extra)),
        )
        assert codes(world).count("process-stock-cap") == extra


def test_stock_that_inspectors_have_not_counted_for_a_year_is_an_alert(world: World) -> None:
    lot = ore_at_separator(world)
    stock = elements(La=125_000, Ce=250_000, Pr=25_000, Nd=100_000)
    world.apply(SEPARATOR, campaign(feed(world, lot), [], closing=stock))
    assert line_row(world).counted == 2024_03_31
    for day, alerted in ((2025_03_31, False), (2025_04_01, True)):
        world.move_to_date(day)
        date = CivilDate(day)
        world.apply(
            SEPARATOR,
            campaign([], [], opening=stock, closing=stock, period_from=date, period_to=date),
        )
        assert ("process-stock-uncounted" in codes(world)) is alerted


def test_the_line_says_what_its_last_campaign_was(world: World) -> None:
    transaction, _lots = separated(world)
    row: LineRow = world.expect(LINES, SEPARATION_PLANT, 1)
    assert (row.campaigns, row.last.tx_id, row.until) == (1, transaction.tx_id, 2024_03_31)
