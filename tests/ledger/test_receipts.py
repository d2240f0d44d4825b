"""Receipts made from a store: each verifies offline, proves no more than it shows, and nothing else."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.parsed import ParsedTransaction
from ledger.receipts import BLOCKS_KEPT_MAX, NoReceiptError, ReceiptMaker
from ledger.records.set_plan import SetPlan
from ledger.store import MemoryStore, log_node_key, proof_key
from ledger.vocabulary import Bucket
from ledger.wire.block import decode_block
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.receipt import ProvenPlace, Receipt, RecordReceipt, verify_receipt
from ledger.wire.scalars import ChainId, Grams, Height, TxId
from ledger.wire.transaction import tx_id_of
from tests.support.founding import MINISTRY, open_test_genesis
from tests.support.history import blocks_of, prove_blocks
from tests.support.world import World, digest_of

SIZES = (1, 0, 2, 3, 1, 7, 8, 0, 1, 9)
"""Transactions in the blocks of the history, from height 1."""
WITHOUT_PROOF = (3, 4, 6)
"""Heights that are final through a later block only."""
RECORDS = (1, 5, 8)
"""Numbers of records, taken in turn by the transactions."""


class Ledger:
    """A store with blocks and proofs, and the transactions in it."""

    def __init__(self) -> None:
        world = World()
        self.transactions: list[tuple[int, ParsedTransaction]] = []
        years = iter(range(2100, 9_999))
        for size in SIZES:
            block = [
                world.transaction(
                    MINISTRY,
                    *(
                        SetPlan(
                            year=next(years),
                            bucket=Bucket.ROCK_MINING,
                            total=Grams(9),
                            document=digest_of("plan"),
                        )
                        for _ in range(RECORDS[(len(self.transactions) + number) % len(RECORDS)])
                    ),
                )
                for number in range(size)
            ]
            assert not world.commit(*block).left_out
            self.transactions += [(world.height, parsed) for parsed in block]
        self.genesis = world.genesis
        history = prove_blocks(
            self.genesis, blocks_of(world), is_final=lambda height: height not in WITHOUT_PROOF
        )
        for height, (_block, proof) in enumerate(history.rows):
            world.store.write({proof_key(Height(height)): proof})
        self.store = world.store
        self.maker = ReceiptMaker(self.store)

    def verified(self, receipt: Receipt | RecordReceipt) -> ProvenPlace:
        """Check a receipt as somebody does who has nothing but the genesis and the bytes."""
        return self.proven(type(receipt), encode(receipt))

    def proven(self, kind: type[Receipt] | type[RecordReceipt], data: bytes) -> ProvenPlace:
        receipt: Receipt | RecordReceipt = decode(kind, data)
        return verify_receipt(
            receipt, chain_id=self.genesis.chain_id, validators=self.genesis.validators
        )


@lru_cache(maxsize=1)
def ledger() -> Ledger:
    return Ledger()


def anchor_of(height: int) -> int:
    while height in WITHOUT_PROOF:
        height += 1
    return height


def test_every_transaction_has_a_receipt_that_verifies_offline() -> None:
    for height, parsed in ledger().transactions:
        receipt = ledger().maker.receipt(parsed.tx_id)
        proven = ledger().verified(receipt)
        assert (proven.tx_id, proven.height) == (parsed.tx_id, height)
        assert proven.certified_height == anchor_of(height)
        assert receipt.signed == parsed.signed


def test_every_record_has_a_receipt_that_verifies_and_hides_the_others() -> None:
    for height, parsed in ledger().transactions:
        records = parsed.signed.transaction.records
        for index, record in enumerate(records):
            receipt = ledger().maker.record_receipt(parsed.tx_id, index)
            proven = ledger().verified(receipt)
            assert (proven.tx_id, proven.height) == (parsed.tx_id, height)
            assert (receipt.opening.index, receipt.opening.record) == (index, record)
            data = encode(receipt)
            assert not any(other in data for other in records if other != record)
            assert bytes(parsed.signed.transaction.nonce) not in data


def test_a_block_without_a_finalization_of_its_own_is_anchored_in_the_next_one_above() -> None:
    seen = set()
    for height, parsed in ledger().transactions:
        anchor = ledger().maker.receipt(parsed.tx_id).placement.anchor
        if height in WITHOUT_PROOF:
            assert anchor.header is not None
            assert anchor.header.height == anchor_of(height)
            assert anchor.log_path
            seen.add(height)
        else:
            assert (anchor.header, anchor.log_path) == (None, ())
    assert seen == set(WITHOUT_PROOF)


def test_receipts_are_the_same_from_a_remembered_block_and_from_the_store() -> None:
    remembering = ReceiptMaker(ledger().store)
    by_height: dict[int, list[ParsedTransaction]] = {}
    for height, parsed in ledger().transactions:
        by_height.setdefault(height, []).append(parsed)
    for height, transactions in by_height.items():
        data = ledger().store.get(b"B" + height.to_bytes(8, "big"))
        assert data is not None
        remembering.remember(decode_block(data), tuple(transactions))
    for _height, parsed in ledger().transactions:
        assert remembering.receipt(parsed.tx_id) == ledger().maker.receipt(parsed.tx_id)


def test_only_a_few_blocks_are_kept_in_memory() -> None:
    maker = ReceiptMaker(ledger().store)
    for _height, parsed in ledger().transactions * 3:
        maker.receipt(parsed.tx_id)
    assert len(maker._blocks) <= BLOCKS_KEPT_MAX


# ---- tampering


@given(st.data())
def test_a_receipt_with_one_changed_byte_proves_nothing(data: st.DataObject) -> None:
    count = len(ledger().transactions)
    _height, parsed = ledger().transactions[data.draw(st.integers(0, count - 1))]
    whole = data.draw(st.booleans())
    receipt: Receipt | RecordReceipt = (
        ledger().maker.receipt(parsed.tx_id)
        if whole
        else ledger().maker.record_receipt(
            parsed.tx_id, data.draw(st.integers(0, len(parsed.records) - 1))
        )
    )
    encoded = bytearray(encode(receipt))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        ledger().proven(type(receipt), bytes(encoded))


def test_a_receipt_proves_nothing_to_who_trusts_another_genesis() -> None:
    _height, parsed = ledger().transactions[0]
    receipt = ledger().maker.receipt(parsed.tx_id)
    with pytest.raises(WireError, match="chain"):
        verify_receipt(receipt, chain_id=ChainId(bytes(32)), validators=ledger().genesis.validators)


@given(st.data())
def test_parts_of_two_receipts_do_not_make_a_third(data: st.DataObject) -> None:
    count = len(ledger().transactions)
    first = data.draw(st.integers(0, count - 1))
    second = (first + data.draw(st.integers(1, count - 1))) % count
    one, other = ledger().transactions[first][1], ledger().transactions[second][1]
    mixed = Receipt(
        version=1,
        signed=ledger().maker.receipt(one.tx_id).signed,
        placement=ledger().maker.receipt(other.tx_id).placement,
    )
    with pytest.raises(WireError):
        ledger().verified(mixed)


# ---- no receipt


def test_what_is_not_on_the_ledger_has_no_receipt() -> None:
    with pytest.raises(NoReceiptError, match="not on the ledger") as caught:
        ledger().maker.receipt(TxId(bytes(32)))
    assert caught.value.tx_id == bytes(32)


@pytest.mark.parametrize("beyond", [-1, 0, 1_000])
def test_a_record_that_the_transaction_does_not_have_has_no_receipt(beyond: int) -> None:
    _height, parsed = ledger().transactions[0]
    index = beyond if beyond < 0 else len(parsed.records) + beyond
    with pytest.raises(NoReceiptError, match=f"there is no {index}"):
        ledger().maker.record_receipt(parsed.tx_id, index)


def test_without_any_finalization_at_or_above_there_is_no_receipt_yet() -> None:
    world = World()
    parsed = world.transaction(
        MINISTRY,
        SetPlan(year=2100, bucket=Bucket.ROCK_MINING, total=Grams(9), document=digest_of("plan")),
    )
    world.commit(parsed)
    history = prove_blocks(world.genesis, blocks_of(world), is_final=lambda _height: False)
    for height, (_block, proof) in enumerate(history.rows):
        world.store.write({proof_key(Height(height)): proof})
    maker = ReceiptMaker(world.store)
    with pytest.raises(NoReceiptError, match="no finalization"):
        maker.receipt(parsed.tx_id)
    proven = prove_blocks(world.genesis, blocks_of(world))
    world.store.write({proof_key(world.height): proven.rows[world.height][1]})
    receipt = maker.receipt(parsed.tx_id)
    place = verify_receipt(
        receipt, chain_id=world.genesis.chain_id, validators=world.genesis.validators
    )
    assert tx_id_of(receipt.signed.transaction) == place.tx_id == parsed.tx_id


def test_a_store_with_holes_is_told_from_a_transaction_that_is_not_there() -> None:
    holed = MemoryStore()
    holed.write(dict(ledger().store.scan(b"")))
    height, parsed = next(entry for entry in ledger().transactions if entry[0] in WITHOUT_PROOF)
    holed.write({log_node_key(level, index): None for level in range(5) for index in range(16)})
    with pytest.raises(LookupError, match="log node"):
        ReceiptMaker(holed).receipt(parsed.tx_id)
    holed.write({b"B" + height.to_bytes(8, "big"): None})
    with pytest.raises(LookupError, match=f"block {height} is missing"):
        ReceiptMaker(holed).receipt(parsed.tx_id)


def test_the_test_history_is_the_networks() -> None:
    assert ledger().genesis.chain_id == open_test_genesis().chain_id
