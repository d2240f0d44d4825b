from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from consensus.catchup.serve import assemble_range
from consensus.effects import Commit, Execute, Suspect
from consensus.messages import BlockReply, RangeEntry, RangeReply, RangeRequest
from ledger.wire.block import Block
from ledger.wire.certificate import Certificate
from ledger.wire.scalars import ChainId, Epoch, Height
from tests.consensus.catchup.test_repair import line
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Rig

Entries = list[RangeEntry]


class Behind(Rig):
    """A validator that knows that height 9 is final and asked for everything below."""

    def __init__(self, count: int = 9) -> None:
        super().__init__(0)
        self.line = line(self.chain, count)
        self.proofs = [
            self.chain.certificate(FINALIZE, point.view, point) for _block, point in self.line
        ]
        self.hear_certificate(self.proofs[-1])
        (self.asked,) = [voter for voter in self.others if self.sent_to(voter, RangeRequest)]

    def entries(self, proven: tuple[int, ...], through: int = 9) -> Entries:
        """Return the entries up to a height; those at the heights ``proven`` have their proofs."""
        return [
            RangeEntry(block=block, proof=self.proofs[i] if i + 1 in proven else None)
            for i, (block, _point) in enumerate(self.line[:through])
        ]

    def reply(self, entries: Entries, **fields: object) -> None:
        values = {"from_height": Height(1), "links": (), "anchor": None} | fields
        self.hear(self.asked, RangeReply(entries=tuple(entries), **values))  # type: ignore[arg-type]

    def execute_all(self) -> None:
        done = 0
        while len(self.all(Execute)) > done:
            done = len(self.all(Execute))
            self.executed()


def test_a_range_that_ends_in_the_block_known_to_be_final_needs_no_proof() -> None:
    rig = Behind()
    rig.reply(rig.entries(()))
    rig.execute_all()
    heights = [s.point.height for commit in rig.all(Commit) for s in commit.blocks]
    assert heights == list(range(1, 10))
    assert rig.all(Suspect) == []


def test_a_range_that_ends_in_a_proof_is_taken_and_the_rest_asked_for() -> None:
    rig = Behind()
    rig.reply(rig.entries((2, 4), through=4))
    rig.execute_all()
    stored = [s for commit in rig.all(Commit) for s in commit.blocks]
    assert [s.point.height for s in stored] == [1, 2, 3, 4]
    assert [s.proof is not None for s in stored] == [False, True, False, True]
    assert rig.said(RangeRequest)[-1].from_height == 5


def test_blocks_on_their_way_into_the_store_stay_while_views_pass() -> None:
    rig = Behind()
    rig.reply(rig.entries(()))
    for view in range(10, 90):
        rig.hear_certificate(rig.chain.certificate(NULLIFY, view))
    rig.execute_all()
    assert rig.state.blocks.base.height == 9


def test_a_range_may_be_proven_by_headers_above_it() -> None:
    rig = Behind()
    links = tuple(block.header for block, _point in rig.line[3:6])
    rig.reply(rig.entries((), through=3), links=links, anchor=rig.proofs[5])
    rig.execute_all()
    assert rig.state.blocks.base.height == 3


def test_headers_that_lead_up_to_the_known_final_block_prove_a_range_too() -> None:
    rig = Behind()
    links = tuple(block.header for block, _point in rig.line[3:])
    rig.reply(rig.entries((), through=3), links=links)
    rig.execute_all()
    assert rig.state.blocks.base.height == 3


def _unproven(rig: Behind) -> Entries:
    return rig.entries((2,), through=4)


def _gap(rig: Behind) -> Entries:
    return [e for i, e in enumerate(rig.entries((4,), through=4)) if i != 1]


def _other_start(rig: Behind) -> Entries:
    return rig.entries((4,), through=4)[1:]


def _payload(rig: Behind) -> Entries:
    entries = rig.entries((4,), through=4)
    header = entries[1].block.header
    entries[1] = RangeEntry(block=Block(header=header, transactions=(b"?",)), proof=None)
    return entries


def _foreign(rig: Behind, **changes: object) -> Entries:
    entries = rig.entries((), through=1)
    header = msgspec.structs.replace(entries[0].block.header, **changes)
    block = Block(header=header, transactions=entries[0].block.transactions)
    point = msgspec.structs.replace(rig.line[0][1], block_id=header.block_id)
    return [RangeEntry(block=block, proof=rig.chain.certificate(FINALIZE, 1, point))]


def _wrong_proof(rig: Behind, proof: Certificate) -> Entries:
    entries = rig.entries((), through=2)
    return [entries[0], RangeEntry(block=entries[1].block, proof=proof)]


FAULTS: dict[str, Callable[[Behind], Entries]] = {
    "height 3 on a parent of height 1": _gap,
    "height 2 on a parent of height 0": _other_start,
    "payload at height 2": _payload,
    "another chain or epoch": lambda rig: _foreign(rig, chain_id=ChainId(bytes(32))),
    "chain or epoch": lambda rig: _foreign(rig, epoch=Epoch(4)),
    "does not follow": lambda rig: _foreign(rig, parent=bytes(32)),
    "not later": lambda rig: _foreign(rig, time_ms=rig.chain.genesis.time_ms),
    "for something else": lambda rig: _wrong_proof(rig, rig.proofs[0]),
    "something else": lambda rig: _wrong_proof(
        rig, rig.chain.certificate(NOTARIZE, 2, rig.line[1][1])
    ),
    "proof at height 2": lambda rig: _wrong_proof(rig, rig.chain.certificate(NULLIFY, 2)),
    "2 signers": lambda rig: _wrong_proof(
        rig, rig.chain.certificate(FINALIZE, 2, rig.line[1][1], (1, 2))
    ),
}


def test_a_range_whose_end_is_not_proven_is_asked_for_elsewhere_without_blame() -> None:
    rig = Behind()
    rig.reply(_unproven(rig))
    assert rig.all(Suspect) == []
    assert rig.state.blocks.all() == ()
    assert sum(len(rig.sent_to(voter, RangeRequest)) for voter in rig.others) == 2


@pytest.mark.parametrize("reason", FAULTS)
def test_a_bad_range_leaves_nothing_behind_and_is_asked_for_elsewhere(reason: str) -> None:
    rig = Behind()
    rig.reply(FAULTS[reason](rig))
    (suspect,) = rig.all(Suspect)
    assert reason in suspect.reason
    assert suspect.peer == rig.chain.name(rig.asked)
    assert rig.state.blocks.all() == ()
    assert rig.all(Execute) == []
    elsewhere = [v for v in rig.others if v != rig.asked and rig.sent_to(v, RangeRequest)]
    assert len(elsewhere) == 1


def test_a_range_that_nobody_asked_this_peer_for_is_not_looked_at() -> None:
    rig = Behind()
    other = next(voter for voter in rig.others if voter != rig.asked)
    reply = RangeReply(
        from_height=Height(1), entries=tuple(rig.entries((9,))), links=(), anchor=None
    )
    rig.hear(other, reply)
    rig.reply(rig.entries((9,)), from_height=Height(2))
    rig.reply([])
    assert rig.state.blocks.all() == ()
    assert rig.all(Suspect) == []


def test_a_finalization_in_a_range_that_holds_an_unknown_own_vote_stops_signing() -> None:
    rig = Behind()
    (block, point), proof = rig.line[0], None
    assert block is not None
    proof = rig.chain.certificate(FINALIZE, 1, point, (0, 1, 2))
    rig.reply([RangeEntry(block=block, proof=proof)])
    assert len(rig.halts()) == 1
    assert not rig.engine.status().signing


def test_a_single_block_is_taken_only_if_it_is_needed_and_whole() -> None:
    rig = Rig.following()
    needed, other = rig.chain.block(1), rig.chain.block(1, transactions=(b"other",))
    rig.hear_certificate(rig.chain.certificate(NOTARIZE, 1, rig.chain.point(needed)))
    peer = rig.others[0]
    rig.hear(peer, BlockReply(block=other))
    assert rig.state.blocks.all() == ()
    assert rig.all(Suspect) == []
    rig.hear(peer, BlockReply(block=Block(header=needed.header, transactions=(b"?",))))
    assert rig.state.blocks.all() == ()
    assert len(rig.all(Suspect)) == 1
    rig.hear(peer, BlockReply(block=needed))
    assert [known.block for known in rig.state.blocks.all()] == [needed]


def test_what_one_node_serves_another_takes() -> None:
    rig = Behind()

    def block_at(height: Height) -> tuple[Block, Certificate | None] | None:
        if not 0 < height <= 9:
            return None
        return rig.line[height - 1][0], rig.proofs[height - 1] if height in (3, 8) else None

    rig.hear(rig.asked, assemble_range(Height(1), 5, block_at))
    rig.execute_all()
    assert rig.state.blocks.base.height == 5
    request = rig.said(RangeRequest)[-1]
    asked = next(voter for voter in rig.others if request in rig.sent_to(voter, RangeRequest))
    rig.hear(asked, assemble_range(request.from_height, request.max_blocks, block_at))
    rig.execute_all()
    assert rig.state.blocks.base.height == 9
    assert rig.all(Suspect) == []
