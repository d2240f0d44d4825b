"""Histories for tests of the auditor: real blocks with real certificates, and ways to spoil them.

    history = make_history()                 genesis and a few blocks of transfers, as a node keeps them
    history.rows                             (block bytes, proof bytes) by height
    history.with_block(3, spoiled)           the same with other bytes at one height

Proofs are signed with the founders' consensus keys. A finalization stands on every block unless a test asks
for another distribution. Two histories that part at a height share everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from ledger.genesis import Genesis
from ledger.store import block_key
from ledger.vocabulary import Bucket, Role
from ledger.wire.block import Block, Header, Point, decode_block
from ledger.wire.certificate import (
    DOMAIN_OF_KIND,
    BlockProof,
    Certificate,
    CertificateKind,
    nullify_body,
    point_body,
)
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import ChainId, Epoch, Height, View
from tests.support.founding import MINISTRY
from tests.support.keys import sign_of
from tests.support.world import World, grant, ore_product

Row = tuple[bytes, bytes]
QUORUM = (0, 1, 2)
EVERYBODY = (0, 1, 2, 3)
NORTH_MINE = "mine-north"
SOUTH_MINE = "mine-south"
BASE = 6
"""Height of the last block that every history here has in common; it holds two transactions."""


@dataclass(frozen=True)
class History:
    """What one node keeps."""

    genesis: Genesis
    rows: tuple[Row, ...]

    @property
    def tip(self) -> int:
        return len(self.rows) - 1

    def block(self, height: int) -> Block:
        return decode_block(self.rows[height][0])

    def proof(self, height: int) -> BlockProof:
        return decode(BlockProof, self.rows[height][1])

    def with_block(self, height: int, data: bytes) -> History:
        return self.with_row(height, (data, self.rows[height][1]))

    def with_proof(self, height: int, data: bytes) -> History:
        return self.with_row(height, (self.rows[height][0], data))

    def with_row(self, height: int, row: Row) -> History:
        return replace(self, rows=(*self.rows[:height], row, *self.rows[height + 1 :]))

    def cut_to(self, tip: int) -> History:
        return replace(self, rows=self.rows[: tip + 1])


def point_of(header: Header, below: Header) -> Point:
    return Point(
        epoch=header.epoch,
        view=header.view,
        parent_view=below.view,
        height=header.height,
        block_id=header.block_id,
    )


def certify(
    genesis: Genesis,
    kind: CertificateKind,
    point: Point | None,
    *,
    view: View | None = None,
    epoch: Epoch | None = None,
    signers: Iterable[int] = QUORUM,
    chain_id: ChainId | None = None,
) -> Certificate:
    """Return a certificate of the founders with these indices, whatever it is worth."""
    chain = genesis.chain_id if chain_id is None else chain_id
    stated_epoch = (point.epoch if point else Epoch(0)) if epoch is None else epoch
    if point is None:
        assert view is not None, "a nullification is of a view"
        body = nullify_body(chain, genesis.validators, stated_epoch, view)
    else:
        point = msgspec.structs.replace(point, epoch=stated_epoch)
        view = point.view
        body = point_body(chain, genesis.validators, point)
    names = [genesis.validators.validators[index].name for index in signers]
    return Certificate(
        kind=kind,
        epoch=stated_epoch,
        view=view,
        point=point,
        signers=sum({1 << index for index in signers}),
        signatures=tuple(
            sign_of(name, Role.CONSENSUS)(DOMAIN_OF_KIND[kind], body) for name in names
        ),
    )


def prove(
    genesis: Genesis,
    header: Header,
    below: Header,
    *,
    signers: Iterable[int] = QUORUM,
    is_final: bool = True,
) -> BlockProof:
    """Return what a node keeps beside a block, with the notarization of its parent."""
    signers = tuple(signers)
    point = point_of(header, below)
    finalization = certify(genesis, CertificateKind.FINALIZATION, point, signers=signers)
    notarization = certify(genesis, CertificateKind.NOTARIZATION, point, signers=signers)
    skipped = tuple(
        certify(genesis, CertificateKind.NULLIFICATION, None, view=View(view), signers=signers)
        for view in range(below.view + 1, header.view)
    )
    return BlockProof(
        point=point,
        finalization=finalization if is_final else None,
        justification=(notarization, *skipped),
    )


def prove_blocks(
    genesis: Genesis,
    blocks: Iterable[bytes],
    *,
    signers: Callable[[int], Iterable[int]] = lambda _height: QUORUM,
    is_final: Callable[[int], bool] = lambda _height: True,
) -> History:
    """Return a history of these blocks, from 0 upward, each with its proof."""
    rows: list[Row] = []
    below: Header | None = None
    for height, data in enumerate(blocks):
        header = decode_block(data).header
        proof = b""
        if below is not None:
            proof = encode(
                prove(genesis, header, below, signers=signers(height), is_final=is_final(height))
            )
        rows.append((data, proof))
        below = header
    return History(genesis, tuple(rows))


def blocks_of(world: World) -> list[bytes]:
    """Return the encoded blocks that a world has made."""
    blocks = []
    for height in range(world.height + 1):
        data = world.store.get(block_key(Height(height)))
        assert data is not None, f"block {height} is not in the store"
        blocks.append(data)
    return blocks


def grow(world: World, blocks: int, *, grams: int = 12_000) -> None:
    """Add blocks of one grant to an enterprise group each; ``grams`` tells histories apart."""
    for _ in range(blocks):
        batch = world.height + 1
        world.apply(
            MINISTRY, grant(2024, Bucket.ROCK_MINING, NORTH_MINE, grams + batch, batch=batch)
        )


def make_world() -> World:
    """Return a world with a product, a plan and one block of two transactions, at height 6."""
    world = World()
    world.admit_mine(NORTH_MINE, "pit-north")
    world.admit_mine(SOUTH_MINE, "pit-south")
    world.plan(2024, Bucket.ROCK_MINING, 10**9)
    world.commit(
        world.transaction(
            MINISTRY,
            grant(2024, Bucket.ROCK_MINING, SOUTH_MINE, 7_000, batch=1),
            grant(2024, Bucket.ROCK_MINING, SOUTH_MINE, 8_000, batch=2),
        ),
        world.transaction(MINISTRY, grant(2024, Bucket.ROCK_MINING, NORTH_MINE, 12_000, batch=3)),
    )
    return world


@lru_cache(maxsize=4)
def make_history(blocks: int = 4) -> History:
    """Return a history of a few blocks above the six of ``make_world``."""
    world = make_world()
    grow(world, blocks)
    return prove_blocks(world.genesis, blocks_of(world))


@lru_cache(maxsize=4)
def make_branch(part_at: int, blocks: int, signers: tuple[int, ...] = QUORUM) -> History:
    """Return a history that equals ``make_history`` below ``part_at`` and differs from there on."""
    world = make_world()
    grow(world, part_at - 1 - world.height)
    grow(world, blocks, grams=99_000)
    return prove_blocks(
        world.genesis,
        blocks_of(world),
        signers=lambda height: signers if height >= part_at else QUORUM,
    )


@lru_cache(maxsize=1)
def make_small_history() -> History:
    """Return a history of two small blocks, for tests that try every byte."""
    world = World()
    world.apply(MINISTRY, ore_product())
    world.plan(2024, Bucket.ROCK_MINING, 10**9)
    return prove_blocks(world.genesis, blocks_of(world))
