from __future__ import annotations

from consensus.catchup.requests import Need, RequestBook
from consensus.config import ConsensusConfig
from consensus.effects import Send
from consensus.messages import BlockRequest, CertificatesRequest, RangeRequest
from consensus.outbox import Outbox
from consensus.peers import PeerBook
from ledger.wire.scalars import BlockId, Epoch, Height, View
from tests.consensus.rig import Chain

CHAIN = Chain()
NAMES = CHAIN.electorate.names
CERTIFICATES = CertificatesRequest(epoch=Epoch(0), from_view=View(1), to_view=View(2))
RANGE = RangeRequest(from_height=Height(1), max_blocks=8)
BLOCK = BlockRequest(block_id=BlockId(bytes(32)), height=Height(1))


class Desk:
    def __init__(self) -> None:
        self.outbox = Outbox()
        self.peers = PeerBook(CHAIN.electorate)
        self.peers.start(0)
        self.book = RequestBook(ConsensusConfig(), self.outbox, self.peers)

    def update(self, at_ms: int, *needs: Need) -> list[tuple[str, object]]:
        self.book.update(needs, at_ms)
        sent = [effect for effect in self.outbox.flush() if isinstance(effect, Send)]
        return [(effect.peer, effect.message) for effect in sent]


def test_a_need_is_asked_for_once_of_the_first_hint_and_then_of_others() -> None:
    desk = Desk()
    need = Need(CERTIFICATES, (NAMES[2],))
    assert desk.update(0, need) == [(NAMES[2], CERTIFICATES)]
    assert desk.update(499, need) == []
    assert desk.book.next_due_ms() == 500
    ((second, _),) = desk.update(500, need)
    assert second != NAMES[2]
    assert desk.book.next_due_ms() == 500 + 750


def test_different_needs_are_asked_for_side_by_side() -> None:
    desk = Desk()
    assert len(desk.update(0, Need(CERTIFICATES), Need(RANGE))) == 2
    assert len(desk.book.all()) == 2


def test_a_need_that_vanished_is_forgotten_and_asked_for_anew_when_it_comes_back() -> None:
    desk = Desk()
    desk.update(0, Need(RANGE))
    assert desk.update(10) == []
    assert desk.book.next_due_ms() is None
    assert len(desk.update(20, Need(RANGE))) == 1


def test_a_block_is_asked_for_after_its_grace_only() -> None:
    desk = Desk()
    assert desk.update(0, Need(BLOCK)) == []
    assert desk.book.next_due_ms() == 50
    assert desk.book.find(BlockRequest, NAMES[0]) == []
    ((peer, _),) = desk.update(50, Need(BLOCK))
    assert desk.book.find(BlockRequest, peer) == [BLOCK]


def test_after_a_bad_answer_the_next_peer_is_asked_at_once() -> None:
    desk = Desk()
    ((first, _),) = desk.update(0, Need(RANGE))
    desk.book.fail(RANGE, 100)
    ((second, _),) = desk.update(100, Need(RANGE))
    assert first != second
    desk.book.fail(BLOCK, 100)
    assert desk.update(100, Need(RANGE)) == []


def test_without_peers_nothing_is_asked_and_nothing_kept() -> None:
    alone = Chain(1).electorate
    outbox = Outbox()
    peers = PeerBook(alone)
    book = RequestBook(ConsensusConfig(), outbox, peers)
    book.update([Need(RANGE)], 0)
    assert outbox.flush() == ()
    assert book.next_due_ms() is None
