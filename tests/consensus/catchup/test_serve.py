from __future__ import annotations

from consensus.catchup.serve import RANGE_BYTES_MAX, assemble_range
from consensus.messages import RANGE_LINKS_MAX, decode_message, encode_message
from ledger.wire.block import Block
from ledger.wire.certificate import Certificate
from ledger.wire.scalars import Height
from tests.consensus.catchup.test_repair import line
from tests.consensus.rig import FINALIZE, Chain

CHAIN = Chain()
LINE = line(CHAIN, 20)
PROOFS = {7: CHAIN.certificate(FINALIZE, 7, LINE[6][1])}


def block_at(height: Height) -> tuple[Block, Certificate | None] | None:
    if not 0 < height <= len(LINE):
        return None
    return LINE[height - 1][0], PROOFS.get(height)


def test_a_range_that_ends_in_a_proof_needs_no_links() -> None:
    reply = assemble_range(Height(5), 3, block_at)
    assert [entry.block.header.height for entry in reply.entries] == [5, 6, 7]
    assert (reply.links, reply.anchor) == ((), None)


def test_a_range_without_a_proof_at_its_end_is_linked_to_the_next_one() -> None:
    reply = assemble_range(Height(2), 3, block_at)
    assert [header.height for header in reply.links] == [5, 6, 7]
    assert reply.anchor == PROOFS[7]


def test_without_any_proof_above_the_links_reach_the_end_of_the_chain() -> None:
    reply = assemble_range(Height(10), 3, block_at)
    assert [header.height for header in reply.links] == list(range(13, 21))
    assert reply.anchor is None


def test_above_the_stored_chain_there_is_nothing() -> None:
    assert assemble_range(Height(21), 3, block_at).entries == ()


def test_a_range_stops_before_it_outgrows_a_message_but_always_makes_progress() -> None:
    big = Block(header=CHAIN.genesis, transactions=(bytes(RANGE_BYTES_MAX // 3),))
    reply = assemble_range(Height(1), 64, lambda _height: (big, None))
    assert len(reply.entries) == 2
    assert len(reply.links) == RANGE_LINKS_MAX
    huge = Block(header=CHAIN.genesis, transactions=(bytes(200_000),) * 20)
    reply = assemble_range(Height(1), 64, lambda _height: (huge, None))
    assert len(reply.entries) == 1
    assert decode_message(encode_message(reply)) == reply
