"""Corrections: a delta that leaves everything legal, a forgotten record with all its signatures."""

from __future__ import annotations

import msgspec
import pytest

from ledger import civil
from ledger.records.correct import Correct
from ledger.refusal import RefusalCode
from ledger.state.tables import FACILITY_YEARS, MEMBER_MONTHS, QUOTAS
from ledger.vocabulary import Bucket, Element, Role
from ledger.wire.scalars import CivilDate, Grams, MemberId
from tests.support.founding import MINISTRY, UTC_OFFSET_MINUTES
from tests.support.refusals import assert_refused
from tests.support.supervising import (
    INSPECTORATE,
    file_month,
    filing,
    forgotten,
    hold,
    inspect,
    output_correction,
    shown,
    supervised_world,
    write_off,
)
from tests.support.trading import (
    BUYER,
    LOT_GROSS,
    MINE,
    PIT,
    accept,
    alerts_of,
    lot_of,
    lot_row,
    offer,
    offer_part,
    offered,
    output,
    suspend,
    transfer_of,
)
from tests.support.world import Signer, World

DUE_MS = civil.start_of(CivilDate(2024_04_10), UTC_OFFSET_MINUTES)
WITH_MINISTRY: tuple[Signer, ...] = ((MINE, Role.OPERATOR), (MINISTRY, Role.OPERATOR))


@pytest.fixture
def world() -> World:
    return supervised_world()


def close_march(world: World) -> None:
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, MINE, 202403)


def used(world: World) -> int:
    return world.expect(QUOTAS, 2024, int(Bucket.ROCK_MINING), MINE).used


def test_more_and_less_change_lot_account_and_mine_by_the_gram(world: World) -> None:
    made = world.apply(MINE, output())
    world.apply(MINE, output_correction(made, 100, (Element.ND, 7)))
    row = lot_row(world, lot_of(made))
    assert (row.gross, row.reo, used(world)) == (LOT_GROSS + 100, 500_007, 500_007)
    world.apply(MINE, output_correction(made, -200, (Element.CE, -9), (Element.DY, 2)))
    row = lot_row(world, lot_of(made))
    assert (row.gross, row.reo, used(world)) == (LOT_GROSS - 100, 500_000, 500_000)
    assert dict(row.parcels[0].grams)[Element.DY] == 2
    assert world.expect(FACILITY_YEARS, PIT, 2024).produced == 500_000


def test_a_filed_month_is_corrected_and_its_totals_stay(world: World) -> None:
    made = world.apply(MINE, output())
    close_march(world)
    filed = world.expect(MEMBER_MONTHS, MINE, 202403)
    world.apply(MINE, output_correction(made, -1_000, (Element.CE, -500)))
    assert world.expect(MEMBER_MONTHS, MINE, 202403) == filed
    world.move_to_date(2024_05_02)
    (line,) = filing(world, MINE, 202404).products
    assert (line.opening, line.lost, line.closing) == (LOT_GROSS, 1_000, LOT_GROSS - 1_000)


def test_the_ministry_signs_from_the_deadline_on(world: World) -> None:
    made = world.apply(MINE, output())
    close_march(world)
    record = output_correction(made, 100, (Element.ND, 1))
    world.move_to(DUE_MS - 1)
    world.build(world.transaction(MINE, record))
    early = world.refusal(MINE, record, signers=WITH_MINISTRY)
    assert early.code is RefusalCode.SIGNATURE_NOT_NEEDED
    world.move_to(DUE_MS)
    assert_refused(
        world.refusal(MINE, record),
        RefusalCode.SIGNATURE_MISSING,
        field="signatures",
        member=MINISTRY,
    )
    world.apply(MINE, record, signers=WITH_MINISTRY)
    (alert,) = (row for row in alerts_of(world) if row.code == "corrected-after-deadline")
    assert dict(alert.figures) == {"month": 202403, "deadline_ms": DUE_MS, "late_ms": 0}


def test_the_deadline_counts_whether_or_not_the_month_is_filed(world: World) -> None:
    made = world.apply(MINE, output())
    world.move_to(DUE_MS)
    record = output_correction(made, 100, (Element.ND, 1))
    assert world.refusal(MINE, record).code is RefusalCode.SIGNATURE_MISSING


def test_the_account_pays_for_a_correction_to_the_gram(world: World) -> None:
    made = world.apply(MINE, output())
    left = 2_000_000 - 500_000
    fits = output_correction(made, 3_000_000, (Element.CE, left))
    world.build(world.transaction(MINE, fits))
    over = output_correction(made, 3_000_000, (Element.CE, left + 1))
    refused = world.refusal(MINE, over)
    assert_refused(refused, RefusalCode.QUOTA_EXCEEDED, field="output")
    assert refused.figures["missing"] == 1


def test_what_has_been_passed_on_is_not_corrected_away(world: World) -> None:
    made = world.apply(MINE, output())
    lot = lot_of(made)
    world.apply(MINE, offer_part(lot, 600_000))
    # 400,000 g with 100,000 g of cerium are left.
    too_much = output_correction(made, -1, (Element.CE, -100_001))
    refused = world.refusal(MINE, too_much)
    assert_refused(refused, RefusalCode.CORRECTION_EXCEEDS_LOT, field="output")
    assert refused.figures["left"] == -1
    everything = output_correction(made, -400_000, (Element.CE, -1))
    assert world.refusal(MINE, everything).code is RefusalCode.CORRECTION_EXCEEDS_LOT


def test_the_lot_stays_what_its_product_may_be(world: World) -> None:
    made = world.apply(MINE, output())
    # 30 per cent of oxide is the least: 300,000 g.
    world.build(world.transaction(MINE, output_correction(made, 0, (Element.CE, -200_000))))
    refused = world.refusal(MINE, output_correction(made, 0, (Element.CE, -200_001)))
    assert refused.code is RefusalCode.COMPOSITION_INVALID


@pytest.mark.parametrize("name", ["tx_id", "index", "salt", "record"])
def test_what_is_shown_must_stand_on_the_ledger(world: World, name: str) -> None:
    made, other = world.apply(MINE, output()), world.apply(MINE, output(code="C-2"))
    correction = output_correction(made, 100, (Element.ND, 1))
    assert correction.output is not None
    wrong = {
        "tx_id": shown(other).tx_id,
        "index": 1,
        "salt": shown(other).salt,
        "record": shown(other).record,
    }[name]
    target = msgspec.structs.replace(correction.output.target, **{name: wrong})
    delta = msgspec.structs.replace(correction.output, target=target)
    refused = world.refusal(MINE, msgspec.structs.replace(correction, output=delta))
    assert_refused(refused, RefusalCode.TARGET_UNKNOWN, field="output")


def test_only_who_wrote_an_output_corrects_it_and_only_outputs_have_deltas(world: World) -> None:
    lot, _transfer = offered(world)
    made = world.apply(MINE, output(code="C-2"))
    refused = world.refusal(BUYER, output_correction(made, 1))
    assert refused.code is RefusalCode.TARGET_UNKNOWN
    sold = world.apply(MINE, offer(lot_of(made), invoice="INV-2"))
    refused = world.refusal(MINE, output_correction(sold, 1))
    assert_refused(refused, RefusalCode.NOT_CORRECTABLE, field="output")
    assert world.refusal(MINE, output_correction(made, 1)).code is RefusalCode.LOT_NOT_FREE
    assert lot_row(world, lot).gross == LOT_GROSS


def test_held_goods_are_not_corrected(world: World) -> None:
    made = world.apply(MINE, output())
    inspect(world, hold(lot_of(made)))
    assert world.refusal(MINE, output_correction(made, -1)).code is RefusalCode.LOT_HELD


def test_a_correction_says_one_thing_and_something(world: World) -> None:
    made = world.apply(MINE, output())
    delta = output_correction(made, 1)
    neither = Correct(reason="-", output=None, forgotten=None, authority="")
    both = msgspec.structs.replace(delta, forgotten=b"x")
    for record in (
        neither,
        both,
        output_correction(made, 0),
        output_correction(made, 1, (Element.CE, 0)),
    ):
        assert world.refusal(MINE, record).code is RefusalCode.FIELD_INVALID
    unordered = output_correction(made, 1, (Element.ND, 1), (Element.CE, 1))
    assert world.refusal(MINE, unordered).code is RefusalCode.COMPOSITION_INVALID


def test_a_forgotten_record_enters_a_filed_month_through_its_own_rule(world: World) -> None:
    lot = lot_of(world.apply(MINE, output()))
    close_march(world)
    late = write_off(lot, 40_000)
    assert world.refusal(MINE, late).code is RefusalCode.MONTH_FILED
    world.apply(MINE, forgotten(late))
    assert lot_row(world, lot).gross == 960_000
    # The rule refuses what it always refuses: here the allowance, which is used up.
    again = world.refusal(MINE, forgotten(late))
    assert again.code is RefusalCode.AUTHORITY_NEEDED
    made = world.apply(MINE, forgotten(output(code="C-2")))
    assert lot_row(world, lot_of(made)).date == 20240320


def test_a_forgotten_answer_counts_for_both_sides(world: World) -> None:
    lot, transfer = offered(world)
    file_month(world, BUYER, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, BUYER, 202403)
    answer = accept(lot, transfer)
    assert world.refusal(BUYER, answer).code is RefusalCode.MONTH_FILED
    world.apply(BUYER, forgotten(answer))
    assert lot_row(world, lot).holder == BUYER


@pytest.mark.parametrize("kind", ["hold", "garbage"])
def test_holds_keys_and_nonsense_are_never_forgotten_records(world: World, kind: str) -> None:
    lot = lot_of(world.apply(MINE, output()))
    record = forgotten(hold(lot))
    if kind == "garbage":
        record = msgspec.structs.replace(record, forgotten=b"\xc1")
    assert_refused(world.refusal(MINE, record), RefusalCode.NOT_CORRECTABLE, field="forgotten")


def test_a_suspended_member_corrects_and_smuggles_nothing_in(world: World) -> None:
    made = world.apply(MINE, output())
    suspend(world, MINE)
    world.apply(MINE, output_correction(made, -100))
    refused = world.refusal(MINE, forgotten(offer(lot_of(made))))
    assert_refused(refused, RefusalCode.AUTHOR_SUSPENDED, field="forgotten")


def test_the_ministry_corrects_with_a_second_authority_and_nobody_else(world: World) -> None:
    lot = lot_of(world.apply(MINE, output()))
    for author, authority in (
        (MINISTRY, ""),
        (MINISTRY, MINISTRY),
        (MINE, INSPECTORATE),
    ):
        record = forgotten(write_off(lot, 10), authority=MemberId(authority))
        assert world.refusal(author, record).code is RefusalCode.AUTHORITY_NEEDED


def test_a_correction_of_a_correction_is_a_correction(world: World) -> None:
    made = world.apply(MINE, output())
    world.apply(MINE, output_correction(made, 100, (Element.ND, 10)))
    world.apply(MINE, output_correction(made, -100, (Element.ND, -10)))
    assert lot_row(world, lot_of(made)).gross == Grams(LOT_GROSS)


def test_what_a_correction_brings_after_it_left_is_filed_below_zero(world: World) -> None:
    """The mine forgets an output of March, sells it in April, and corrects in May."""
    file_month(world, MINE, 202401, 202402)
    world.move_to_date(2024_04_05)
    file_month(world, MINE, 202403)
    world.move_to_date(2024_05_20)
    made = world.apply(MINE, forgotten(output()), signers=WITH_MINISTRY)
    sold = world.apply(MINE, offer(lot_of(made), date=CivilDate(2024_04_10)))
    answer = accept(lot_of(made), transfer_of(sold), date=CivilDate(2024_04_12))
    world.apply(BUYER, answer)
    (april,) = filing(world, MINE, 202404).products
    assert (april.outgoing, april.closing) == (LOT_GROSS, -LOT_GROSS)
    file_month(world, MINE, 202404)
    world.move_to_date(2024_06_02)
    (may,) = filing(world, MINE, 202405).products
    assert (may.opening, may.produced, may.closing) == (-LOT_GROSS, LOT_GROSS, 0)
    file_month(world, MINE, 202405)
