"""The smallest state machine that can catch a mistake: its state is the digest of all that happened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ledger.wire.block import Block, Header
from ledger.wire.scalars import (
    BlockId,
    ChainId,
    Digest,
    Epoch,
    Height,
    MemberId,
    TimeMs,
    ValidatorIndex,
    View,
)
from ledger.wire.signing import Sign, public_key_of, signer
from ledger.wire.validators import Validator, ValidatorSet

CHAIN_ID = ChainId(hashlib.sha256(b"simulated network").digest())
EPOCH = Epoch(0)
GENESIS_TIME_MS = TimeMs(1_790_000_000_000)
ZERO = BlockId(bytes(32))


def validator_names(count: int) -> tuple[MemberId, ...]:
    return tuple(MemberId(f"validator-{index:02}") for index in range(count))


def validator_keys(count: int) -> tuple[Sign, ...]:
    return tuple(signer(_seed(index)) for index in range(count))


def _seed(index: int) -> bytes:
    return hashlib.sha256(b"validator key %d" % index).digest()


def validator_set(count: int) -> ValidatorSet:
    return ValidatorSet(
        validators=tuple(
            Validator(name=name, member=name, consensus_key=public_key_of(_seed(index)))
            for index, name in enumerate(validator_names(count))
        )
    )


def payload_root(transactions: tuple[bytes, ...]) -> Digest:
    return Digest(
        hashlib.sha256(b"".join(hashlib.sha256(t).digest() for t in transactions)).digest()
    )


def payload_matches(block: Block) -> bool:
    return (
        block.header.tx_count == len(block.transactions)
        and payload_root(block.transactions) == block.header.tx_root
    )


def genesis(validators: ValidatorSet) -> Block:
    header = Header(
        version=1,
        chain_id=CHAIN_ID,
        epoch=EPOCH,
        validators_digest=validators.digest,
        height=Height(0),
        view=View(0),
        parent=ZERO,
        time_ms=GENESIS_TIME_MS,
        proposer=ValidatorIndex(0),
        rules_version=1,
        tx_count=0,
        tx_root=payload_root(()),
        state_root=Digest(bytes(32)),
        log_root=Digest(bytes(32)),
        next_validators_digest=validators.digest,
        flags=0,
    )
    return Block(header=header, transactions=())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new block is to stand."""

    view: View
    time_ms: TimeMs
    proposer: ValidatorIndex


def make_block(parent: Header, place: Place, transactions: tuple[bytes, ...]) -> Block:
    tx_root = payload_root(transactions)
    parent_id = parent.block_id
    header = Header(
        version=1,
        chain_id=parent.chain_id,
        epoch=parent.epoch,
        validators_digest=parent.validators_digest,
        height=Height(parent.height + 1),
        view=place.view,
        parent=parent_id,
        time_ms=place.time_ms,
        proposer=place.proposer,
        rules_version=1,
        tx_count=len(transactions),
        tx_root=tx_root,
        state_root=Digest(hashlib.sha256(parent.state_root + tx_root).digest()),
        log_root=Digest(hashlib.sha256(parent.log_root + parent_id).digest()),
        next_validators_digest=parent.next_validators_digest,
        flags=0,
    )
    return Block(header=header, transactions=transactions)


def fault_of(block: Block, parent: Header) -> str:
    """Return why a block is invalid on its parent; empty if it is valid."""
    header = block.header
    place = Place(header.view, header.time_ms, header.proposer)
    if make_block(parent, place, block.transactions).header != header:
        return "the header's roots are not those of the block"
    if any(transaction.startswith(b"bad") for transaction in block.transactions):
        return "a transaction does not apply"
    return ""
