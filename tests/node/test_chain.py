"""The chain of one node: overlays of unfinalized blocks, and what storing one changes."""

from __future__ import annotations

import msgspec
import pytest

from consensus.effects import FinalizedBlock
from ledger.commit import EmptyStoreError, open_committed
from ledger.errors import InvalidBlockError
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.set_plan import SetPlan
from ledger.store import MemoryStore, block_key, proof_key
from ledger.transition import Slot
from ledger.vocabulary import Bucket
from ledger.wire.block import Block, Point, decode_block
from ledger.wire.certificate import BlockProof
from ledger.wire.codec import decode
from ledger.wire.errors import WireError
from ledger.wire.scalars import BlockId, Digest, Grams, Height, TimeMs, View
from node.chain import Chain, ExecutedBlock, UnknownParentError
from tests.support.founding import MINISTRY
from tests.support.world import EVERY_UNIT, World, digest_of


class Rig:
    """A chain over a store, and blocks for it."""

    def __init__(self) -> None:
        self.world = World()
        self.store = self.world.store
        self.known: dict[bytes, ParsedTransaction] = {}
        self.chain = Chain(self.store, self.known.get)
        self.view = int(self.world.state.header.view)

    def plan(self, year: int) -> ParsedTransaction:
        record = SetPlan(
            year=year, bucket=Bucket.ROCK_MINING, total=Grams(9), document=digest_of("plan")
        )
        return self.world.transaction(MINISTRY, record)

    def build(self, parent: BlockId, *transactions: ParsedTransaction) -> Block:
        """Return a block on ``parent``; the chain that built it is another one."""
        self.view += 1
        below = self.chain.state_after(parent).header
        slot = Slot(
            epoch=below.epoch,
            validators_digest=below.next_validators_digest,
            view=View(self.view),
            proposer=self.world.slot().proposer,
        )
        block_id, built = self.chain.build(
            parent,
            slot,
            time_ms=TimeMs(below.time_ms + 1),
            candidates=transactions,
            budget_units=EVERY_UNIT,
        )
        self.chain.drop((block_id,))
        return built.block

    def execute(self, block: Block) -> BlockId:
        block_id = block.header.block_id
        self.chain.execute(block, block_id, block.header.parent, self.chain.parse_block(block))
        return block_id

    def extend(self, parent: BlockId, *transactions: ParsedTransaction) -> BlockId:
        return self.execute(self.build(parent, *transactions))

    def final(self, block_id: BlockId) -> FinalizedBlock:
        executed = self.chain.executed(block_id)
        assert executed is not None
        header = executed.block.header
        point = Point(
            epoch=header.epoch,
            view=header.view,
            parent_view=View(header.view - 1),
            height=header.height,
            block_id=block_id,
        )
        return FinalizedBlock(executed.block, block_id, point, None, ())

    def store_blocks(self, *block_ids: BlockId) -> list[ExecutedBlock]:
        finals = tuple(self.final(block_id) for block_id in block_ids)
        self.store.write(self.chain.writes(finals))
        return [self.chain.advance(final) for final in finals]


def test_an_empty_store_holds_no_chain() -> None:
    with pytest.raises(EmptyStoreError):
        Chain(MemoryStore(), lambda _data: None)


def test_blocks_stand_on_blocks_and_several_are_stored_in_one_write() -> None:
    rig = Rig()
    plans = [rig.plan(2030 + number) for number in range(3)]
    ids = [rig.chain.committed_id]
    for parsed in plans:
        ids.append(rig.extend(ids[-1], parsed))
    assert rig.chain.transactions_above_tip(ids[-1]) == {parsed.tx_id for parsed in plans}
    stored = rig.store_blocks(ids[1], ids[2])
    assert [entry.transactions[0].tx_id for entry in stored] == [p.tx_id for p in plans[:2]]
    assert rig.chain.committed_id == ids[2]
    assert rig.chain.transactions_above_tip(ids[3]) == {plans[2].tx_id}
    rig.store_blocks(ids[3])
    reopened = open_committed(rig.store)
    assert reopened.header == rig.chain.tip
    for height, block_id in enumerate(ids[1:], start=1):
        data = rig.store.get(block_key(Height(reopened.header.height - 3 + height)))
        assert data is not None
        assert decode_block(data).header.block_id == block_id
        proof = rig.store.get(proof_key(decode_block(data).header.height))
        assert proof is not None
        assert decode(BlockProof, proof).point.block_id == block_id


def test_a_dropped_branch_leaves_nothing_and_the_other_one_stands() -> None:
    rig = Rig()
    one, other = rig.plan(2030), rig.plan(2031)
    tip = rig.chain.committed_id
    left, right = rig.extend(tip, one), rig.extend(tip, other)
    above = rig.extend(left, other)
    rig.store_blocks(left)
    rig.chain.drop((right,))
    assert rig.chain.executed(right) is None
    assert rig.chain.transactions_above_tip(above) == {other.tx_id}
    with pytest.raises(UnknownParentError):
        rig.chain.state_after(right)
    rig.store_blocks(above)
    assert not rig.chain._executed


def test_a_child_reads_through_to_the_store_after_its_parent_was_stored() -> None:
    rig = Rig()
    first, second = rig.plan(2030), rig.plan(2031)
    parent = rig.extend(rig.chain.committed_id, first)
    child = rig.build(parent, second)
    rig.store_blocks(parent)
    rig.execute(child)
    assert rig.chain.state_after(child.header.block_id).has_transaction(first.tx_id)


def test_a_transaction_is_applied_once_on_one_branch() -> None:
    rig = Rig()
    parsed = rig.plan(2030)
    parent = rig.extend(rig.chain.committed_id, parsed)
    assert rig.build(parent, parsed).transactions == ()


def test_a_block_on_an_unknown_parent_is_our_own_mistake() -> None:
    rig = Rig()
    block = rig.build(rig.chain.committed_id)
    with pytest.raises(UnknownParentError):
        rig.chain.execute(block, block.header.block_id, BlockId(bytes(32)), ())


def test_an_invalid_block_is_not_kept() -> None:
    rig = Rig()
    block = rig.build(rig.chain.committed_id, rig.plan(2030))

    header = msgspec.structs.replace(block.header, state_root=Digest(bytes(32)))
    wrong = msgspec.structs.replace(block, header=header)
    with pytest.raises(InvalidBlockError, match="state_root"):
        rig.execute(wrong)
    assert not rig.chain._executed


def test_a_block_whose_transactions_do_not_parse_is_invalid() -> None:
    rig = Rig()
    block = rig.build(rig.chain.committed_id)
    with pytest.raises(WireError):
        rig.chain.parse_block(Block(header=block.header, transactions=(b"\xc1",)))


def test_what_was_parsed_before_is_not_parsed_again() -> None:
    rig = Rig()
    parsed = parse_transaction(rig.plan(2030).signed_bytes)
    block = rig.build(rig.chain.committed_id, parsed)
    rig.known[parsed.signed_bytes] = parsed
    assert rig.chain.parse_block(block)[0] is parsed


def test_transactions_of_the_present_view_are_told_apart_from_those_of_earlier_ones() -> None:
    rig = Rig()
    tip = rig.chain.committed_id
    one, other = rig.plan(2030), rig.plan(2031)
    old, new = rig.build(tip, one), rig.build(tip, other)
    for block in (old, new):
        rig.execute(block)
    assert rig.chain.transactions_proposed(old.header.view) == {one.tx_id}
    assert rig.chain.transactions_proposed(new.header.view) == {other.tx_id}
    assert rig.chain.transactions_proposed(View(rig.view + 1)) == frozenset()


def test_every_change_is_seen_by_whoever_remembers_the_generation() -> None:
    rig = Rig()
    seen = [rig.chain.generation]
    first = rig.build(rig.chain.committed_id, rig.plan(2030))
    seen.append(rig.chain.generation)
    block_id = rig.execute(first)
    seen.append(rig.chain.generation)
    rig.store_blocks(block_id)
    seen.append(rig.chain.generation)
    rig.chain.drop(())
    seen.append(rig.chain.generation)
    assert len(set(seen)) == len(seen)
