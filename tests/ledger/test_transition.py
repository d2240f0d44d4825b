"""The state transition: building a block, applying it, and catching every false one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import transition
from ledger.commit import commit_writes
from ledger.errors import InvalidBlockError
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.set_plan import SetPlan
from ledger.state.tables import MEMBER_MONTHS, PLANS
from ledger.state.view import Overlay
from ledger.store import HISTORY, STATE, history_key
from ledger.transition import BlockExecution, apply_block, build_block, current_parameters
from ledger.tree import update
from ledger.vocabulary import Bucket
from ledger.wire.block import Block, Header
from ledger.wire.codec import encode
from ledger.wire.merkle import leaf_hash, merkle_root
from ledger.wire.scalars import BLOCK_BYTES_MAX, Grams, Height, SignatureBytes, TimeMs
from ledger.wire.transaction import KeySignature, SignedTransaction
from tests.support.founding import MINISTRY
from tests.support.world import EVERY_UNIT, World, digest_of, grant

EMPTY_TREE: dict[bytes, bytes] = {}


def planning(year: int, total: int = 1_000) -> SetPlan:
    return SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(total), document=digest_of("notice")
    )


def block_of(world: World, *transactions: ParsedTransaction) -> Block:
    built = world.build(*transactions)
    assert len(built.included) == len(transactions)
    return built.block


def reparsed(block: Block) -> list[ParsedTransaction]:
    return [parse_transaction(data) for data in block.transactions]


def invalid(world: World, block: Block) -> InvalidBlockError:
    with pytest.raises(InvalidBlockError) as caught:
        apply_block(world.state, block, reparsed(block))
    assert caught.value.height == world.height + 1
    return caught.value


# --- a transaction applies whole or not at all


def test_a_transaction_whose_last_record_is_refused_leaves_nothing() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, planning(2024), planning(2025), planning(2024, 7))
    execution = BlockExecution(world.state, Height(1), TimeMs(world.time_ms + 1))
    with pytest.raises(Exception, match="already set"):
        execution.apply(transaction)
    overlay = execution.overlay
    assert (overlay.rows, overlay.index, overlay.transactions) == ({}, {}, {})
    assert execution.leaves == []
    execution.apply(world.transaction(MINISTRY, planning(2024)))
    assert overlay.row(PLANS.key(2024, 1), PLANS.kind) is not None
    assert overlay.row(PLANS.key(2025, 1), PLANS.kind) is None


def test_a_refused_transaction_between_two_others_leaves_them_alone() -> None:
    world = World()
    first = world.transaction(MINISTRY, planning(2024))
    second = world.transaction(MINISTRY, planning(2025), planning(2024))
    third = world.transaction(MINISTRY, planning(2026))
    built = world.commit(first, second, third)
    assert built.included == (first, third)
    assert [left_out for left_out, _refusal in built.left_out] == [second]
    assert built.left_out[0][1].record_index == 1
    assert world.row(PLANS, 2025, 1) is None
    assert world.expect(MEMBER_MONTHS, MINISTRY, 202401).count == 2


def test_records_of_one_transaction_see_each_other() -> None:
    world = World()
    world.admit_mine("mine-a", "pit-a")
    world.apply(
        MINISTRY,
        planning(2024, 10),
        grant(2024, Bucket.ROCK_MINING, "mine-a", 4),
        grant(2024, Bucket.ROCK_MINING, "mine-a", 6),
    )
    assert world.expect(PLANS, 2024, 1).granted == 10


# --- what a block commits to


def test_the_state_root_is_that_of_all_rows_at_every_height() -> None:
    world = World()
    for year in range(2024, 2030):
        world.apply(MINISTRY, planning(year))
        rows = [(key[1:], value) for key, value in world.store.scan(STATE)]
        assert update(EMPTY_TREE.get, rows).root == world.state.header.state_root


def test_the_log_root_is_that_of_all_headers_below() -> None:
    world = World()
    leaves = [leaf_hash(encode(world.genesis.header))]
    for year in range(2024, 2033):
        world.apply(MINISTRY, planning(year))
        assert world.state.header.log_root == merkle_root(leaves)
        leaves.append(leaf_hash(encode(world.state.header)))
        assert world.state.log.root() == merkle_root(leaves)


def test_every_version_of_a_row_is_kept_by_height() -> None:
    world = World()
    world.apply(MINISTRY, planning(2024, 10))
    world.admit_mine("mine-a", "pit-a")
    world.grant(2024, Bucket.ROCK_MINING, "mine-a", 3)
    key = PLANS.key(2024, 1)
    heights = [
        int.from_bytes(entry[-8:], "big")
        for entry, _value in world.store.scan(HISTORY)
        if entry[3:-8] == key
    ]
    assert heights == [1, 4]
    assert world.store.get(history_key(key, Height(4))) == encode(world.expect(PLANS, 2024, 1))


def test_an_empty_block_changes_the_log_and_nothing_else() -> None:
    world = World()
    state_root = world.state.header.state_root
    built = world.commit()
    assert built.block.transactions == ()
    assert world.state.header.state_root == state_root
    assert (
        commit_writes(built.overlay, b"block", b"")
        .keys()
        .isdisjoint({STATE + key for key in built.overlay.values})
    )


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(5)), st.integers(1, 5))
def test_what_applies_does_not_depend_on_how_transactions_are_cut_into_blocks(
    order: list[int], size: int
) -> None:
    one, many = World(), World()
    transactions = [one.transaction(MINISTRY, planning(2024 + number)) for number in order]
    one.commit(*transactions)
    for start in range(0, len(transactions), size):
        many.commit(*transactions[start : start + size])
    for number in order:
        assert one.expect(PLANS, 2024 + number, 1) == many.expect(PLANS, 2024 + number, 1)
    assert one.expect(MEMBER_MONTHS, MINISTRY, 202401).count == len(order)


# --- a leader takes what applies, within its limits


def test_candidates_are_taken_in_their_order() -> None:
    world = World()
    candidates = [world.transaction(MINISTRY, planning(2024 + number)) for number in range(5)]
    built = world.build(*candidates[::-1])
    assert list(built.block.transactions) == [
        candidate.signed_bytes for candidate in candidates[::-1]
    ]
    assert built.block.header.tx_root == merkle_root([entry.leaf for entry in candidates[::-1]])


def test_the_budget_ends_a_block_but_one_transaction_is_always_taken() -> None:
    world = World()
    candidates = [world.transaction(MINISTRY, planning(2024 + number)) for number in range(3)]
    units = candidates[0].work_units
    for budget_units, count in ((0, 1), (2 * units - 1, 1), (2 * units, 2), (3 * units, 3)):
        built = build_block(
            world.state,
            world.slot(),
            time_ms=TimeMs(world.time_ms + 1),
            candidates=candidates,
            budget_units=budget_units,
        )
        assert len(built.included) == count
        assert built.left_out == ()


def test_a_leader_stops_at_the_limits_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    candidates = [world.transaction(MINISTRY, planning(2024 + number)) for number in range(3)]
    size = len(candidates[0].signed_bytes)
    for name, limit, count in (
        ("BLOCK_BYTES_MAX", 2 * size, 2),
        ("BLOCK_BYTES_MAX", 2 * size - 1, 1),
        ("TRANSACTIONS_PER_BLOCK_MAX", 2, 2),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(transition, name, limit)
            assert len(world.build(*candidates).included) == count


def test_a_block_over_the_limit_of_bytes_is_invalid() -> None:
    world = World()
    block = block_of(world, world.transaction(MINISTRY, planning(2024)))
    count = BLOCK_BYTES_MAX // len(block.transactions[0]) + 1
    heavy = msgspec.structs.replace(block, transactions=block.transactions * count)
    parsed = reparsed(block) * count
    with pytest.raises(InvalidBlockError, match="bytes of transactions"):
        apply_block(world.state, heavy, parsed)


# --- a false block is caught, by name


HEADER_LIES: dict[str, object] = {
    "version": 2,
    "chain_id": b"\x01" * 32,
    "epoch": 1,
    "validators_digest": b"\x01" * 32,
    "height": 7,
    "parent": b"\x01" * 32,
    "rules_version": 2,
    "tx_count": 0,
    "tx_root": b"\x01" * 32,
    "state_root": b"\x01" * 32,
    "log_root": b"\x01" * 32,
    "next_validators_digest": b"\x01" * 32,
    "flags": 1,
}
NOT_COMPARED = {"view", "time_ms", "proposer"}
"""Chosen by the leader: view and time have to grow, the rest is consensus."""


def test_every_field_of_the_header_is_tried() -> None:
    assert set(Header.__struct_fields__) == set(HEADER_LIES) | NOT_COMPARED


@pytest.mark.parametrize("field", HEADER_LIES)
def test_a_tampered_header_is_caught_by_the_name_of_the_field(field: str) -> None:
    world = World()
    block = block_of(world, world.transaction(MINISTRY, planning(2024)))
    header = msgspec.structs.replace(block.header, **{field: HEADER_LIES[field]})
    error = invalid(world, msgspec.structs.replace(block, header=header))
    expected = "validator set" if field in {"epoch", "validators_digest"} else field
    assert error.what == expected
    assert error.expected != error.found


@pytest.mark.parametrize(
    "field", ["validators_digest", "parent", "tx_root", "state_root", "log_root"]
)
def test_one_flipped_bit_is_enough(field: str) -> None:
    world = World()
    block = block_of(world, world.transaction(MINISTRY, planning(2024)))
    true = getattr(block.header, field)
    header = msgspec.structs.replace(block.header, **{field: true[:-1] + bytes([true[-1] ^ 1])})
    error = invalid(world, msgspec.structs.replace(block, header=header))
    assert error.what in {field, "validator set"}


@pytest.mark.parametrize("field", ["time_ms", "view"])
def test_time_and_view_grow(field: str) -> None:
    world = World()
    world.commit()
    below = getattr(world.state.header, field)
    block = block_of(world)
    for value in (below, below - 1):
        header = msgspec.structs.replace(block.header, **{field: value})
        error = invalid(world, msgspec.structs.replace(block, header=header))
        assert error.what == field
    later = msgspec.structs.replace(block.header, **{field: below + 1})
    apply_block(world.state, msgspec.structs.replace(block, header=later), [])


def test_an_error_points_at_the_record_that_does_not_apply() -> None:
    world = World()
    good = world.transaction(MINISTRY, planning(2024))
    bad = world.transaction(MINISTRY, planning(2025), planning(2024))
    block = block_of(world, good)
    both = msgspec.structs.replace(block, transactions=(good.signed_bytes, bad.signed_bytes))
    error = invalid(world, both)
    assert (error.transaction_index, error.record_index) == (1, 1)
    assert "plan_exists" in error.what


def test_a_bad_signature_in_a_block_is_found_by_whoever_applies_it() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, planning(2024))
    entry = transaction.signed.signatures[0]
    flipped = SignatureBytes(
        entry.signature[:10] + bytes([entry.signature[10] ^ 1]) + entry.signature[11:]
    )
    forged = parse_transaction(
        encode(
            SignedTransaction(
                transaction=transaction.signed.transaction,
                signatures=(KeySignature(key=entry.key, signature=flipped),),
            )
        )
    )
    assert forged.tx_id == transaction.tx_id
    assert forged.leaf != transaction.leaf
    assert not forged.are_signatures_valid()
    # A leader that does not check is caught by everybody else.
    block = world.build(forged).block
    error = invalid(world, block)
    assert error.what.startswith("bad signature")
    assert error.transaction_index == 0


def test_the_transactions_given_are_those_of_the_block() -> None:
    world = World()
    first, second = (world.transaction(MINISTRY, planning(year)) for year in (2024, 2025))
    block = block_of(world, first, second)
    for given_transactions in ([], [first], [second, first], [first, second, second]):
        with pytest.raises(InvalidBlockError, match="parsed transactions"):
            apply_block(world.state, block, given_transactions)


def test_a_block_without_one_of_its_transactions_has_another_root() -> None:
    world = World()
    first, second = (world.transaction(MINISTRY, planning(year)) for year in (2024, 2025))
    block = block_of(world, first, second)
    without = msgspec.structs.replace(block, transactions=block.transactions[:1])
    assert invalid(world, without).what == "tx_count"
    swapped = msgspec.structs.replace(block, transactions=block.transactions[::-1])
    assert invalid(world, swapped).what in {"tx_root", "state_root"}


def test_nothing_stands_without_parameters() -> None:
    world = World()
    overlay = Overlay(world.state)
    overlay.rows[b"n"] = None
    with pytest.raises(InvalidBlockError, match="no network parameters"):
        current_parameters(overlay)


def test_a_world_of_blocks_on_an_unfinished_branch_is_the_same_world() -> None:
    world = World()
    parent = world.build(world.transaction(MINISTRY, planning(2024)))
    child = build_block(
        parent.overlay,
        world.slot(),
        time_ms=TimeMs(world.time_ms + 2),
        candidates=[world.transaction(MINISTRY, planning(year)) for year in (2024, 2025)],
        budget_units=EVERY_UNIT,
    )
    assert len(child.included) == 1, "the plan of 2024 stands on the branch already"
    assert child.block.header.parent == parent.block.header.block_id
    assert child.overlay.has_transaction(parent.included[0].tx_id)
    assert child.overlay.row(PLANS.key(2024, 1), PLANS.kind) is not None
