"""Execution of decided blocks, and storing what is final.

Decided blocks are executed as soon as their parents are, so that a child can be judged without delay: those
on the way to the newest final block, and those on the way to the tip. Nothing is committed before it is
final; then in height order, each block once.

That a final block is invalid, or does not continue the stored chain, cannot happen while at most ``f``
validators are at fault and execution is deterministic. If it does, the engine stops for good.
"""

from __future__ import annotations

from typing import Final

from consensus.blocks import KnownBlock, Path, Verdict
from consensus.effects import Commit, Drop, FinalizedBlock
from consensus.round.leading import grow_budget
from consensus.round.voting import execute_if_possible
from consensus.state import State, Stored
from ledger.wire.block import Point
from ledger.wire.certificate import PROOF_CERTIFICATES_MAX, Certificate, CertificateKind
from ledger.wire.scalars import BlockId, Height, View

SKIPS_KEPT_MAX: Final = PROOF_CERTIFICATES_MAX - 1
"""Nullifications in a block's proof; one place is for its own notarization."""


def execute_decided(state: State) -> bool:
    """Ask for the execution of decided blocks whose parents were executed."""
    asked = False
    for path in _decided_paths(state):
        for known in path.blocks:
            if known.verdict is Verdict.UNKNOWN:
                asked |= execute_if_possible(state, known.block_id)
                break
            if known.verdict is not Verdict.VALID:
                break
    return asked


def _decided_paths(state: State) -> list[Path]:
    final, linked = state.certificates.final, state.committing.linked
    paths = [state.blocks.path(final.block_id, final.height)]
    if linked is not None:
        paths.append(state.blocks.path(linked.block_id, linked.height))
    tip = state.certificates.tip(state.view)
    if tip is not None and tip != final:
        paths.append(state.blocks.path(tip.block_id, tip.height))
    held = state.proposals.get(state.view)
    if held is not None and held.fault is None:
        point, header = held.proposal.point, held.proposal.block.header
        parent = state.certificates.decided(point.parent_view)
        if parent is not None and parent.block_id == header.parent:
            paths.append(state.blocks.path(parent.block_id, parent.height))
    return [path for path in paths if path.missing is None]


def commit_final(state: State) -> bool:
    """Have the owner store the executed final blocks; tell whether there were any."""
    final, linked = state.certificates.final, state.committing.linked
    if linked is not None and linked.height <= state.blocks.base.height:
        state.committing.linked = linked = None
    targets: list[tuple[BlockId, Height]] = [(final.block_id, final.height)]
    if linked is not None:
        targets.append((linked.block_id, linked.height))
    for block_id, height in targets:
        path = state.blocks.path(block_id, height)
        if path.forks:
            state.halt(
                f"safety violation: the final block {block_id.hex()} at height {height} does not "
                f"continue the stored chain at height {state.blocks.base.height}"
            )
            return False
        if path.missing is None:
            return _commit(state, path)
    return False


def _commit(state: State, path: Path) -> bool:
    finalized: list[FinalizedBlock] = []
    for known in path.blocks:
        if known.verdict is Verdict.INVALID:
            state.halt(
                f"safety violation: the final block {known.block_id.hex()} at height "
                f"{known.header.height} is invalid here: {known.reason}; compare this node's "
                "software and state with the other validators'"
            )
            return False
        if known.verdict is not Verdict.VALID:
            break
        finalized.append(_finalized(state, known))
        if known.header.proposer == state.electorate.own:
            grow_budget(state)
        state.blocks.advance(known)
        stored = Stored(known.block_id, known.header.height, known.header.view)
        state.committing.under_way.append(stored)
    if finalized:
        state.outbox.work(Commit(tuple(finalized)))
    return bool(finalized)


def _finalized(state: State, known: KnownBlock) -> FinalizedBlock:
    header, view = known.header, known.header.view
    parent_view = state.blocks.base_view
    point = Point(
        epoch=header.epoch,
        view=view,
        parent_view=parent_view,
        height=header.height,
        block_id=known.block_id,
    )
    # After a long outage the newest nullifications must do: a proof has a limit, and one over it
    # could be written and never be read again.
    first = max(parent_view + 1, view - SKIPS_KEPT_MAX)
    skipped = (
        state.certificates.get(CertificateKind.NULLIFICATION, View(between))
        for between in range(first, view)
    )
    notarization = state.certificates.get(CertificateKind.NOTARIZATION, view)
    justification: list[Certificate] = [held for held in skipped if held is not None]
    if notarization is not None and notarization.point == point:
        justification.append(notarization)
    return FinalizedBlock(
        block=known.block,
        block_id=known.block_id,
        point=point,
        proof=state.certificates.proof_of(view, known.block_id),
        justification=tuple(justification),
    )


def receive_verdict(state: State, block_id: BlockId, *, valid: bool, reason: str) -> None:
    """Note what execution said about a block; an answer for a forgotten one is ignored."""
    known = state.blocks.get(block_id)
    if known is not None and known.verdict is Verdict.PENDING:
        known.verdict = Verdict.VALID if valid else Verdict.INVALID
        known.reason = reason


def note_committed(state: State, height: Height) -> None:
    """Raise the floor to a block that is stored durably, and forget what it settles."""
    done = [stored for stored in state.committing.under_way if stored.height <= height]
    if not done:
        return
    state.committing.under_way = state.committing.under_way[len(done) :]
    durable = state.committing.durable = done[-1]
    state.own.raise_floor(durable.view)
    state.certificates.prune(durable.view)
    chain = {stored.block_id for stored in done}
    lost = tuple(gone for gone in state.blocks.settle(durable.view) if gone not in chain)
    if lost:
        state.outbox.notice(Drop(lost))
