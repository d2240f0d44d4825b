"""``AwaitApproval`` and ``Approve``: signatures that come one after the other."""

from __future__ import annotations

from ledger import civil
from ledger.records.ballot import Ballot
from ledger.records.pending import Approve, AwaitApproval
from ledger.records.record import Record
from ledger.records.succeed import Succeed
from ledger.refusal import RefusalCode
from ledger.state.rows import GENESIS_REFERENCE, RecordReference
from ledger.state.tables import FACILITIES, MEMBER_MONTHS, MEMBERS, PENDING
from ledger.vocabulary import Activity, BallotChoice, MemberStatus, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import MemberId
from tests.support.founding import MINISTRY, NORTH
from tests.support.governing import Governed, reference_of
from tests.support.refusals import assert_refused
from tests.support.trading import BUYER, MINE, TRADER, mined, offer, suspend, trading_world
from tests.support.world import World, mine, ore_product


def waiting(record: Record, *parties: str) -> AwaitApproval:
    named = tuple(MemberId(party) for party in parties or (MINISTRY,))
    return AwaitApproval(record=encode(record), parties=named)


def mine_world() -> Governed:
    """Return a world with an enterprise that mines and has no mine yet."""
    world = World()
    world.admit("mine-a", activities=(Activity.MINING,), licences=("LIC-pit",))
    return Governed(world)


def registered(governed: Governed) -> RecordReference:
    return reference_of(governed.apply("mine-a", waiting(mine("mine-a", "pit"))))


def test_the_last_approval_lets_the_record_take_effect_and_not_a_moment_before() -> None:
    governed = mine_world()
    world = governed.world
    pending = registered(governed)
    row = world.expect(PENDING, pending.tx_id, 0)
    assert [(entry.member, entry.role) for entry in row.missing] == [(MINISTRY, Role.OPERATOR)]
    assert row.expires_ms == world.time_ms + 7 * civil.DAY_MS
    assert world.row(FACILITIES, "pit") is None
    governed.apply(MINISTRY, Approve(pending=pending))
    assert world.expect(FACILITIES, "pit").owner == "mine-a"
    row = world.expect(PENDING, pending.tx_id, 0)
    assert (row.missing, row.closed_height) == ((), world.height)
    assert world.expect(MEMBER_MONTHS, "mine-a", 202401).count == 3
    refusal = world.refusal(MINISTRY, Approve(pending=pending))
    assert_refused(refusal, RefusalCode.PENDING_CLOSED, field="pending", height=world.height)


def test_an_approval_counts_until_the_last_millisecond_of_seven_days() -> None:
    governed = mine_world()
    pending = registered(governed)
    end_ms = governed.world.time_ms + 7 * civil.DAY_MS
    governed.world.move_to(end_ms)
    refusal = governed.world.refusal(MINISTRY, Approve(pending=pending))
    assert_refused(refusal, RefusalCode.PENDING_CLOSED, field="pending", expires_ms=end_ms)
    governed.world.move_to(end_ms - 1)
    governed.apply(MINISTRY, Approve(pending=pending))


def test_what_no_longer_applies_is_refused_in_the_approval_and_stays_pending() -> None:
    governed = mine_world()
    pending = registered(governed)
    other = mine("mine-a", "pit")
    signers = (("mine-a", Role.OPERATOR), (MINISTRY, Role.OPERATOR))
    governed.apply("mine-a", other, signers=signers)
    refusal = governed.world.refusal(MINISTRY, ore_product(), Approve(pending=pending))
    assert_refused(refusal, RefusalCode.FACILITY_EXISTS, field="id")
    assert refusal.record_index == 1
    assert governed.world.expect(PENDING, pending.tx_id, 0).closed_height == 0


def test_what_would_be_refused_now_does_not_even_wait() -> None:
    governed = mine_world()
    refusal = governed.world.refusal("mine-a", waiting(mine("mine-a", "pit-x")))
    assert_refused(refusal, RefusalCode.LICENCE_UNKNOWN, field="licence")


def test_a_pending_record_locks_nothing() -> None:
    world = trading_world()
    heir = Succeed(predecessor=MINE, successor=TRADER, facility="", reason="merger")
    lot = mined(world)
    governed = Governed(world)
    pending = reference_of(governed.apply(MINISTRY, waiting(heir, TRADER)))
    governed.apply(MINE, offer(lot, buyer=BUYER))
    governed.apply(TRADER, Approve(pending=pending), signers=((TRADER, Role.ADMIN),))
    assert world.expect(MEMBERS, MINE).status is MemberStatus.SUCCEEDED


def test_an_approval_needs_the_keys_that_the_record_needs() -> None:
    world = trading_world()
    heir = Succeed(predecessor=MINE, successor=TRADER, facility="", reason="merger")
    pending = reference_of(world.apply(MINISTRY, waiting(heir, TRADER)))
    refusal = world.refusal(TRADER, Approve(pending=pending))
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures", role="admin")
    refusal = world.refusal(BUYER, Approve(pending=pending))
    assert_refused(refusal, RefusalCode.APPROVAL_NOT_NEEDED, field="pending", missing=TRADER)


def test_an_author_that_was_suspended_since_gets_no_effect() -> None:
    governed = mine_world()
    pending = registered(governed)
    suspend(governed.world, MemberId("mine-a"))
    refusal = governed.world.refusal(MINISTRY, Approve(pending=pending))
    assert_refused(refusal, RefusalCode.MEMBER_NOT_ACTIVE, field="pending", member="mine-a")


def test_only_a_record_that_needs_others_waits_and_no_wrapping_in_wrappings() -> None:
    world = trading_world()
    lot = mined(world)
    refusal = world.refusal(MINE, waiting(offer(lot)))
    assert_refused(refusal, RefusalCode.APPROVAL_NOT_NEEDED, field="record")
    for record in (
        waiting(offer(lot)),
        Approve(pending=GENESIS_REFERENCE),
        Ballot(proposal=GENESIS_REFERENCE, choice=BallotChoice.YES),
    ):
        refusal = world.refusal(MINE, waiting(record))
        assert_refused(refusal, RefusalCode.FIELD_INVALID, field="record")
    refusal = world.refusal(MINE, AwaitApproval(record=b"\x90", parties=(MINISTRY,)))
    assert_refused(refusal, RefusalCode.FIELD_INVALID, field="record")
    refusal = world.refusal(NORTH, Approve(pending=GENESIS_REFERENCE))
    assert_refused(refusal, RefusalCode.PENDING_UNKNOWN, field="pending")


def test_the_author_signs_what_the_record_needs_of_it() -> None:
    governed = mine_world()
    refusal = governed.world.refusal(
        "mine-a", waiting(mine("mine-a", "pit")), signers=(("mine-a", Role.ADMIN),)
    )
    assert_refused(refusal, RefusalCode.SIGNATURE_MISSING, field="signatures", member="mine-a")


def test_it_names_exactly_whom_it_waits_for() -> None:
    governed = mine_world()
    for parties in ((NORTH,), (MINISTRY, NORTH)):
        refusal = governed.world.refusal("mine-a", waiting(mine("mine-a", "pit"), *parties))
        assert_refused(refusal, RefusalCode.FIELD_INVALID, field="parties", missing=MINISTRY)
