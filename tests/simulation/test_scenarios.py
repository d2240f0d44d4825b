"""Directed scenarios: traps that others fell into, one test each."""

from __future__ import annotations

import pytest

from consensus.effects import Accuse, Halt, HaltScope, Suspect
from consensus.messages import Certificates, Message, Proposal, Vote
from ledger.wire.certificate import CertificateKind
from tests.simulation.bench import Bench
from tests.simulation.checkers.progress import assert_silent
from tests.simulation.disk import Disk
from tests.simulation.world import Slot

NOTARIZE = CertificateKind.NOTARIZATION
NULLIFY = CertificateKind.NULLIFICATION
FINALIZE = CertificateKind.FINALIZATION


def is_vote(message: Message, kind: CertificateKind) -> bool:
    return isinstance(message, Vote) and message.kind is kind


def test_the_last_block_is_buried_when_its_finalize_votes_are_lost_for_ever() -> None:
    bench = Bench()
    bench.start()
    view = bench.node(0).engine.status().view

    def passes(_sender: str, _receiver: str, message: Message) -> bool:
        lost = is_vote(message, FINALIZE) and isinstance(message, Vote) and message.view == view
        return not lost

    bench.filter(passes)
    bench.submit(b"last")
    assert bench.time_until_stored(b"last") <= 400 + 6 * 10 + 40, "one bury delay and one block"
    bench.wait(20)
    assert {len(slot.disk.chain) for slot in bench.slots} == {2}
    assert not bench.slots[0].disk.chain[1].block.transactions
    assert_silent(bench.world, settle_ms=15_000, window_ms=60_000)


def test_one_node_that_missed_the_finalization_gets_it_without_waking_the_others() -> None:
    bench = Bench()
    bench.start()
    deaf = bench.slots[2].name
    bench.filter(
        lambda _s, receiver, message: (
            receiver != deaf
            or not (is_vote(message, FINALIZE) or isinstance(message, Certificates))
        )
    )
    bench.submit(b"tx")
    bench.wait(300)
    bench.unfilter()
    before = bench.sent().get("Vote", 0)
    bench.time_until_stored(b"tx", limit_ms=500)
    bench.wait(5_000)
    assert {bench.node(index).engine.status().view for index in range(4)} == {2}
    assert bench.sent()["Vote"] - before <= 6


def test_a_certified_split_heals() -> None:
    """Some leave a view by its notarization, others by its nullification; both go on together."""
    bench = Bench()
    bench.start()
    leader = bench.leader_of_current_view()
    alone = bench.slots[(leader + 2) % 4].name
    bench.filter(
        lambda _s, receiver, message: (
            not (
                (is_vote(message, NOTARIZE) and receiver != alone)
                or isinstance(message, Certificates)
            )
        )
    )
    bench.submit(b"tx")
    bench.wait(1_650)
    views = {slot.name: bench.node(slot.index).engine.status().view for slot in bench.slots}
    assert min(views.values()) == 2
    ends = {
        slot.name: [
            c.kind for c in bench.node(slot.index).engine._state.certificates.all() if c.view == 1
        ]
        for slot in bench.slots
    }
    assert NOTARIZE in ends[alone]
    assert [name for name, kinds in ends.items() if kinds == [NULLIFY]]
    bench.unfilter()
    bench.time_until_stored(b"tx")


def test_a_partition_without_a_quorum_leaves_no_trace_but_a_pause() -> None:
    bench = Bench()
    bench.start()
    left = {slot.name for slot in bench.slots[:2]}
    bench.conditions.blocked = {
        (a.name, b.name)
        for a in bench.slots
        for b in bench.slots
        if (a.name in left) != (b.name in left)
    }
    bench.submit(b"during")
    bench.wait(60_000)
    assert all(bench.node(i).engine.status().view == 1 for i in range(4))
    bench.conditions.blocked = set()
    bench.time_until_stored(b"during", limit_ms=4_000)


@pytest.mark.slow
def test_a_node_that_was_away_for_hundreds_of_blocks_catches_up_and_votes_again() -> None:
    bench = Bench()
    bench.start()
    away = bench.slots[3]
    bench.world.crash(away)
    bench.wait(30_000)
    for number in range(300):
        bench.submit(b"tx %d" % number)
        bench.wait(35)
    height = len(bench.slots[0].disk.chain)
    assert height > 200
    bench.world.start(away)
    bench.time_until_stored(b"tx 299", limit_ms=20_000)
    assert len(away.disk.chain) == len(bench.slots[0].disk.chain)
    bench.wait(3_000)
    before = away.sent.get("Vote", 0)
    bench.submit(b"more")
    bench.time_until_stored(b"more")
    assert away.sent["Vote"] > before


@pytest.mark.slow
def test_a_slow_node_catches_up_while_the_others_go_on() -> None:
    bench = Bench()
    bench.start()
    away = bench.slots[3]
    bench.world.crash(away)
    bench.wait(30_000)
    for number in range(150):
        bench.submit(b"tx %d" % number)
        bench.wait(35)
    away.execute_ms = 30
    bench.world.start(away)
    for number in range(150, 400):
        bench.submit(b"tx %d" % number)
        bench.wait(35)
    assert len(away.disk.chain) > len(bench.slots[0].disk.chain) - 20
    bench.time_until_stored(b"tx 399", limit_ms=10_000)


def test_a_node_with_an_old_clock_follows_and_its_own_blocks_are_passed_over() -> None:
    bench = Bench()
    slow = bench.slots[1]
    slow.wall_skew_ms = -30_000
    bench.start()
    for number in range(6):
        bench.submit(b"tx %d" % number)
        bench.time_until_stored(b"tx %d" % number)
        bench.wait(6_000)
    proposers = {stored.block.header.proposer for stored in slow.disk.chain}
    assert slow.index not in proposers


def test_a_leader_ahead_of_the_others_clocks_is_waited_for_within_bounds() -> None:
    bench = Bench()
    bench.start()
    bench.slots[bench.leader_of_current_view()].wall_skew_ms = 2_500
    bench.submit(b"tx")
    waited = bench.time_until_stored(b"tx")
    assert 450 <= waited <= 700


class Notices:
    def __init__(self) -> None:
        self.halts: list[tuple[str, HaltScope]] = []

    def on_send(self, slot: Slot, message: Message) -> None:
        pass

    def on_stored(self, slot: Slot) -> None:
        pass

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None:
        if isinstance(notice, Halt):
            self.halts.append((slot.name, notice.scope))


def test_a_validator_whose_journal_was_lost_stops_signing_when_its_old_vote_shows_up() -> None:
    bench = Bench()
    notices = Notices()
    bench.world.checkers = [notices]
    bench.start()
    victim = bench.slots[1]
    keep_finality = bench.slots[0].name
    bench.filter(
        lambda _s, receiver, message: not is_vote(message, FINALIZE) or receiver == keep_finality
    )
    bench.submit(b"tx")
    bench.wait(60)
    chain = victim.disk.chain
    bench.world.crash(victim)
    victim.disk = Disk()
    victim.disk.chain = list(chain)
    bench.world.start(victim)
    bench.unfilter()
    bench.wait(5_000)
    bench.submit(b"next")
    bench.time_until_stored(b"next")
    assert notices.halts == [(victim.name, HaltScope.SIGNING)]


def test_a_hot_stand_by_with_the_same_key_stops_signing() -> None:
    bench = Bench()
    notices = Notices()
    bench.world.checkers = [notices]
    original = bench.slots[0]
    twin = Slot(index=4, name=original.name, correct=True, make=original.make, which=1)
    bench.slots.append(twin)
    bench.conditions.twin_of[original.name, bench.slots[1].name] = (0,)
    bench.start()
    bench.world.crash(bench.slots[2])
    bench.submit(b"tx", [0, 1, 3])
    bench.wait(30_000)
    assert set(notices.halts) == {(original.name, HaltScope.SIGNING)}
    assert len(notices.halts) <= 2


def test_a_silent_leader_is_passed_over_by_a_quorum_that_has_work() -> None:
    bench = Bench()
    bench.start()
    silent = bench.slots[bench.leader_of_current_view()].name
    bench.filter(lambda sender, _r, message: sender != silent or not isinstance(message, Proposal))
    bench.submit(b"tx")
    assert bench.time_until_stored(b"tx") <= 800 + 100
    assert bench.slots[0].disk.chain[0].point.view == 2


def test_a_leader_that_shows_its_block_to_some_only_cannot_stop_the_others() -> None:
    bench = Bench()
    bench.start()
    leader = bench.leader_of_current_view()
    blind = bench.slots[(leader + 1) % 4].name
    bench.filter(
        lambda sender, receiver, message: (
            not (
                receiver == blind
                and isinstance(message, Proposal)
                and sender == bench.slots[leader].name
            )
        )
    )
    bench.submit(b"tx")
    assert bench.time_until_stored(b"tx") <= 300, "the block is fetched after its notarization"


def test_statuses_alone_bring_a_cut_off_node_back() -> None:
    bench = Bench()
    bench.start()
    cut = bench.slots[2].name
    bench.filter(lambda sender, receiver, _message: cut not in (sender, receiver))
    bench.submit(b"tx", [0, 1, 3])
    bench.wait(5_000)
    bench.filter(lambda _s, _r, message: not isinstance(message, Vote | Proposal))
    bench.time_until_stored(b"tx", limit_ms=12_000)
