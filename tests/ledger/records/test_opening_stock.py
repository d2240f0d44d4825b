"""What lay at a facility before the ledger enters once, in time, under everybody's signature."""

from __future__ import annotations

import msgspec
import pytest

from ledger.commit import open_committed
from ledger.records.opening_stock import LineStock, OpeningStock
from ledger.refusal import RefusalCode
from ledger.state.tables import OPENINGS, PARAMETERS
from ledger.store import STATE
from ledger.vocabulary import Bucket, QuotaStatus, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import CivilDate, Height
from tests.support.founding import MINISTRY
from tests.support.production import (
    RECYCLER,
    RECYCLING_PLANT,
    SEPARATION_PLANT,
    SEPARATOR,
    STOCK_CAP,
    campaign,
    elements,
    line_row,
    made,
    separated,
    statuses,
    with_plants,
)
from tests.support.refusals import assert_refused
from tests.support.supervising import INSPECTORATE, INSPECTORS, supervised_world
from tests.support.trading import alerts_of, lot_of, lot_row, mark_filed
from tests.support.world import Signer, World, digest_of

SIGNERS: tuple[Signer, ...] = (
    (SEPARATOR, Role.OPERATOR), *INSPECTORS, (MINISTRY, Role.OPERATOR),
)  # fmt: skip


@pytest.fixture
def world() -> World:
    return with_plants(supervised_world())


def opening(**changes: object) -> OpeningStock:
    record = OpeningStock(
        facility=SEPARATION_PLANT,
        date=CivilDate(2024_03_15),
        inspectorate=INSPECTORATE,
        lots=(
            made("ORE-MIX", "O-1", 1_000_000, La=200_000, Ce=300_000),
            made("OXI-CE", "O-2", 100_000, Ce=99_500),
        ),
        stock=(LineStock(line=1, elements=elements(Ce=50_000, Nd=20_000)),),
        evidence=digest_of("count"),
    )
    return msgspec.structs.replace(record, **changes)


def test_lots_and_process_stock_start_in_the_status_of_their_stage(world: World) -> None:
    transaction = world.apply(SEPARATOR, opening(), signers=SIGNERS)
    ore, oxide = (lot_row(world, lot_of(transaction, number)) for number in range(2))
    assert statuses(ore) == {QuotaStatus.UNDEBITED: 500_000}
    assert statuses(oxide) == {QuotaStatus.DEBITED: 99_500}
    assert {p.origin for row in (ore, oxide) for p in row.parcels} == {
        f"opening/{SEPARATION_PLANT}"
    }
    line = line_row(world)
    assert [parcel.status for parcel in line.stock] == [QuotaStatus.UNDEBITED]
    assert (line.campaigns, line.until, line.counted) == (0, 20240315, 20240315)
    assert world.expect(OPENINGS, SEPARATION_PLANT).entered.tx_id == transaction.tx_id


def test_what_a_recycler_has_in_process_is_exempt(world: World) -> None:
    record = opening(facility=RECYCLING_PLANT, lots=())
    signers = ((RECYCLER, Role.OPERATOR), *SIGNERS[1:])
    world.apply(RECYCLER, record, signers=signers)
    assert line_row(world, RECYCLING_PLANT).stock[0].status is QuotaStatus.EXEMPT


def test_the_first_campaign_opens_with_it(world: World) -> None:
    world.apply(SEPARATOR, opening(), signers=SIGNERS)
    stock = elements(Ce=50_000, Nd=20_000)
    record = campaign([], [], opening=stock, closing=stock)
    world.apply(SEPARATOR, record)
    assert line_row(world).campaigns == 1


def test_it_enters_once_per_facility(world: World) -> None:
    world.apply(SEPARATOR, opening(), signers=SIGNERS)
    refused = world.refusal(SEPARATOR, opening(), signers=SIGNERS)
    assert_refused(refused, RefusalCode.OPENING_EXISTS, field="facility")


@pytest.mark.parametrize("late", [0, 1])
def test_it_enters_up_to_a_height_and_not_a_block_later(world: World, late: int) -> None:
    row = world.expect(PARAMETERS)
    last = Height(world.height + 1 - late)
    changed = msgspec.structs.replace(row, opening_stock_until_height=last)
    world.store.write({STATE + PARAMETERS.key(): encode(changed)})
    world.state = open_committed(world.store)
    if late:
        refused = world.refusal(SEPARATOR, opening(), signers=SIGNERS)
        assert_refused(refused, RefusalCode.OPENING_TOO_LATE, field="facility", last=last)
    else:
        world.apply(SEPARATOR, opening(), signers=SIGNERS)


@pytest.mark.parametrize("missing", range(4))
def test_every_signature_is_needed(world: World, missing: int) -> None:
    signers = SIGNERS[:missing] + SIGNERS[missing + 1 :]
    assert world.refusal(SEPARATOR, opening(), signers=signers).code in (
        RefusalCode.SIGNATURE_MISSING,
        RefusalCode.SAME_PERSON,
    )


def test_two_keys_of_one_inspector_are_one_person(world: World) -> None:
    same = (SIGNERS[0], (INSPECTORATE, Role.OPERATOR), (INSPECTORATE, Role.OPERATOR, 2), SIGNERS[3])
    assert world.refusal(SEPARATOR, opening(), signers=same).code is RefusalCode.SAME_PERSON


def test_another_authority_than_the_ministry_counts(world: World) -> None:
    for member, code in (
        (MINISTRY, RefusalCode.FIELD_INVALID),
        (RECYCLER, RefusalCode.NOT_AN_AUTHORITY),
    ):
        refused = world.refusal(SEPARATOR, opening(inspectorate=member), signers=SIGNERS)
        assert_refused(refused, code, field="inspectorate")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lots": (), "stock": ()}, RefusalCode.FIELD_INVALID),
        ({"facility": RECYCLING_PLANT}, RefusalCode.FACILITY_OF_ANOTHER),
        ({"stock": (LineStock(line=3, elements=elements(Ce=1)),)}, RefusalCode.LINE_UNKNOWN),
        ({"stock": (LineStock(line=1, elements=elements(Ce=1)),) * 2}, RefusalCode.FIELD_INVALID),
        ({"lots": (made("ORE-MIX", "O-1", 10, Ce=7),)}, RefusalCode.COMPOSITION_INVALID),
        ({"lots": (made("NOTHING", "O-1", 10, Ce=5),)}, RefusalCode.PRODUCT_UNKNOWN),
        ({"date": CivilDate(2024_04_01)}, RefusalCode.DATE_IN_FUTURE),
    ],
)
def test_what_is_wrong_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    assert world.refusal(SEPARATOR, opening(**changes), signers=SIGNERS).code == code


def test_a_line_that_has_worked_has_no_opening_stock(world: World) -> None:
    world.plan(2024, Bucket.SEPARATION, 10_000_000)
    world.grant(2024, Bucket.SEPARATION, SEPARATOR, 1_000_000)
    separated(world)
    refused = world.refusal(SEPARATOR, opening(), signers=SIGNERS)
    assert_refused(refused, RefusalCode.LINE_UNKNOWN, field="stock", line=1)


def test_stock_above_the_cap_is_an_alert_and_a_filed_month_is_closed(world: World) -> None:
    over = (LineStock(line=1, elements=elements(Ce=STOCK_CAP + 1)),)
    record = opening(stock=over)
    mark_filed(world, SEPARATOR, 202403)
    assert world.refusal(SEPARATOR, record, signers=SIGNERS).code is RefusalCode.MONTH_FILED
    world = with_plants(supervised_world())
    world.apply(SEPARATOR, record, signers=SIGNERS)
    assert [alert.code for alert in alerts_of(world)] == ["process-stock-cap"]
