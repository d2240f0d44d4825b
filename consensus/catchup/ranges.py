"""Blocks that were asked for: checked against hashes and certificates before anything is kept.

A single block is kept only if its own id is one that is needed. A range is kept only if

* its blocks follow each other and the stored chain by parent id and height, with rising times, in this
  epoch, each with the payload that its header names;
* every certificate in it verifies and fits its block;
* its last block is proven final: by its own certificate, by headers that lead up to a certificate
  (``links`` and ``anchor``), or because it is the block that is known here to be final.

Nothing is stored under a height or name that the sender chose. A bad answer counts against its peer, and
the next one is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from consensus.catchup.repair import needs
from consensus.inputs import Instant
from consensus.messages import (
    BlockReply,
    BlockRequest,
    RangeReply,
    RangeRequest,
)
from consensus.round.deciding import is_news, keep_certificate, keep_proof
from consensus.round.voting import link_fault
from consensus.state import State, Stored
from ledger.wire.block import Block, Header
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import BlockId, View


class RangeFaultError(Exception):
    """A range proves nothing; the message says where it breaks."""


class UnprovenRangeError(RangeFaultError):
    """A range may be right, but its end is not proven; a correct peer may have no better answer."""


@dataclass(frozen=True, slots=True)
class VerifiedRange:
    """Blocks that continue the stored chain, all of them final."""

    blocks: tuple[tuple[Block, BlockId], ...]
    certificates: tuple[Certificate, ...]
    """Finalizations that came along, all verified, by height."""


def receive_block(state: State, peer: str, reply: BlockReply, now: Instant) -> None:
    """Take one block if it is needed, whoever sends it."""
    _take_needed(state, peer, reply.block, now)


def receive_range(state: State, peer: str, reply: RangeReply, now: Instant) -> None:
    """Take a range that was asked of this peer, or single blocks that are needed."""
    for request in state.requests.find(BlockRequest, peer):
        if isinstance(request, BlockRequest) and request.height == reply.from_height:
            for entry in reply.entries:
                _take_needed(state, peer, entry.block, now)
            return
    asked = [
        request
        for request in state.requests.find(RangeRequest, peer)
        if isinstance(request, RangeRequest) and request.from_height == reply.from_height
    ]
    if not asked or not reply.entries:
        return
    try:
        verified = verify_range(state, reply, asked[0].max_blocks)
    except RangeFaultError as error:
        if not isinstance(error, UnprovenRangeError):
            state.suspect(peer, f"range from height {reply.from_height}: {error}")
        state.requests.fail(asked[0], now.steady_ms)
        return
    state.peers.note_answer(peer, good=True)
    for block, block_id in verified.blocks:
        state.blocks.add(block, block_id)
    last, last_id = verified.blocks[-1]
    state.committing.linked = Stored(last_id, last.header.height, last.header.view)
    for certificate in verified.certificates:
        if is_news(state, certificate):
            keep_certificate(state, certificate, peer, now)
        else:
            keep_proof(state, certificate)


def _take_needed(state: State, peer: str, block: Block, now: Instant) -> None:
    block_id = block.header.block_id
    wanted = [
        need.request
        for need in needs(state)
        if isinstance(need.request, BlockRequest) and need.request.block_id == block_id
    ]
    if not wanted:
        return
    if not state.payload_matches(block):
        state.suspect(peer, f"block {block_id.hex()} with a payload that is not its own")
        for request in state.requests.find(BlockRequest, peer):
            state.requests.fail(request, now.steady_ms)
        return
    state.peers.note_answer(peer, good=True)
    state.blocks.add(block, block_id)


def verify_range(state: State, reply: RangeReply, blocks_max: int) -> VerifiedRange:
    """Check a range against the stored chain.

    Raises:
        RangeFaultError: It does not continue the chain, or its end is not proven final.
    """
    if len(reply.entries) > blocks_max:
        raise RangeFaultError(f"{len(reply.entries)} blocks, {blocks_max} were asked for")
    parent, parent_id = state.blocks.base, state.blocks.base_id
    blocks: list[tuple[Block, BlockId]] = []
    certificates: list[Certificate] = []
    for entry in reply.entries:
        parent_id = _check_header(state, entry.block.header, parent, parent_id)
        parent = entry.block.header
        if not state.payload_matches(entry.block):
            raise RangeFaultError(f"the payload at height {parent.height} is not its header's")
        blocks.append((entry.block, parent_id))
        if entry.proof is not None:
            certificates.append(_check_proof(state, entry.proof, parent, parent_id))
    final = state.certificates.final
    if reply.entries[-1].proof is None and parent_id != final.block_id:
        certificates.extend(_check_links(state, reply, parent, parent_id))
    return VerifiedRange(tuple(blocks), tuple(certificates))


def _check_links(
    state: State, reply: RangeReply, parent: Header, parent_id: BlockId
) -> list[Certificate]:
    for header in reply.links:
        parent_id = _check_header(state, header, parent, parent_id)
        parent = header
        if parent_id == state.certificates.final.block_id:
            return []
    if reply.anchor is None:
        raise UnprovenRangeError(f"nothing proves that height {parent.height} is final")
    return [_check_proof(state, reply.anchor, parent, parent_id)]


def _check_header(state: State, header: Header, parent: Header, parent_id: BlockId) -> BlockId:
    fault = link_fault(header, parent)
    if fault is not None:
        raise RangeFaultError(fault)
    if header.parent != parent_id:
        raise RangeFaultError(f"height {header.height} does not follow the block below it")
    electorate = state.electorate
    if (header.chain_id, header.epoch, header.validators_digest) != (
        electorate.chain_id,
        electorate.epoch,
        electorate.validators.digest,
    ):
        raise RangeFaultError(f"height {header.height} is of another chain or epoch")
    return header.block_id


def _check_proof(
    state: State, proof: Certificate, header: Header, block_id: BlockId
) -> Certificate:
    point = proof.point
    if (
        proof.kind is not CertificateKind.FINALIZATION
        or point is None
        or (point.block_id, point.height, point.view) != (block_id, header.height, header.view)
    ):
        raise RangeFaultError(f"the proof at height {header.height} is for something else")
    if state.certificates.proof_of(View(point.view), block_id) is not None:
        return proof
    fault = state.electorate.certificate_fault(proof)
    if fault is not None:
        raise RangeFaultError(f"the proof at height {header.height}: {fault}")
    return proof
