"""What is missing, and answering others who miss something.

After every event the needs are worked out anew from what is known:

* blocks on the way from the stored chain to a final block: one by one when at most two are missing,
  otherwise as a range in height order;
* blocks on the way to the tip, and to the parent of the current proposal;
* certificates: of the highest view whose end is unknown and hides the tip, and those by which the current
  proposal may skip views, asked of its leader first (A5).

Requests are answered from memory, or by the owner from its store; what is asked for is never trusted to
exist.
"""

from __future__ import annotations

from collections.abc import Iterator

from consensus.catchup.exchange import VIEWS_PER_REQUEST, send_certificates
from consensus.catchup.requests import Need
from consensus.effects import ServeRange, Timer
from consensus.inputs import Instant
from consensus.messages import (
    CERTIFICATES_PER_MESSAGE_MAX,
    BlockReply,
    BlockRequest,
    CertificatesRequest,
    RangeRequest,
)
from consensus.state import State
from ledger.wire.certificate import CertificateKind, certificate_signers
from ledger.wire.scalars import BlockId, Height, View

SINGLE_BLOCKS_MAX = 2
REQUEST_TOKENS = 1
RANGE_TOKENS = 4


def update_requests(state: State, now: Instant) -> None:
    """Ask for what is missing, and arm the repair timer."""
    state.requests.update(needs(state), now.steady_ms)
    due_ms = state.requests.next_due_ms()
    if due_ms is None:
        state.timers.cancel(Timer.REPAIR)
    else:
        state.timers.set(Timer.REPAIR, max(due_ms, now.steady_ms + 1))


def needs(state: State) -> list[Need]:
    """Return everything that is missing, without repetition."""
    found: dict[object, Need] = {}
    for need in (*_final_needs(state), *_tip_needs(state), *_proposal_needs(state)):
        found.setdefault(need.request, need)
    return list(found.values())


def _final_needs(state: State) -> Iterator[Need]:
    final = state.certificates.final
    path = state.blocks.path(final.block_id, final.height)
    if path.missing is None or state.committing.linked is not None:
        return
    block_id, height = path.missing
    base_height = state.blocks.base.height
    if height - base_height <= SINGLE_BLOCKS_MAX:
        yield Need(BlockRequest(block_id=block_id, height=height), _holders(state, final.view))
        return
    request = RangeRequest(
        from_height=Height(base_height + 1), max_blocks=state.config.range_blocks_max
    )
    yield Need(request, state.peers.ahead(Height(base_height + 1)))


def _tip_needs(state: State) -> Iterator[Need]:
    hole = state.certificates.hole(state.view)
    if hole is not None:
        first = max(state.certificates.final.view + 1, hole - VIEWS_PER_REQUEST + 1)
        yield _certificates_need(state, View(first), hole, ())
    tip = state.certificates.tip(state.view)
    final = state.certificates.final
    if tip is not None and tip.view > final.view:
        yield from _block_needs(state, tip.block_id, tip.height, _holders(state, tip.view))


def _proposal_needs(state: State) -> Iterator[Need]:
    held = state.proposals.get(state.view)
    if held is None or held.fault is not None:
        return
    point = held.proposal.point
    leader = (state.electorate.names[state.electorate.leader(point.view)],)
    if not state.certificates.final.view <= point.parent_view < point.view:
        return
    unknown = [
        View(view)
        for view in range(point.parent_view + 1, point.view)
        if state.certificates.get(CertificateKind.NULLIFICATION, View(view)) is None
    ]
    if state.certificates.decided(point.parent_view) is None:
        unknown.insert(0, point.parent_view)
    if unknown:
        last = min(unknown[-1], View(unknown[0] + VIEWS_PER_REQUEST - 1))
        yield _certificates_need(state, unknown[0], View(last), leader)
        return
    header = held.proposal.block.header
    yield from _block_needs(state, header.parent, Height(header.height - 1), leader)


def _block_needs(
    state: State, block_id: BlockId, height: Height, hints: tuple[str, ...]
) -> Iterator[Need]:
    path = state.blocks.path(block_id, height)
    final = state.certificates.final
    if path.missing is not None and path.missing[1] > final.height:
        missing_id, missing_height = path.missing
        yield Need(BlockRequest(block_id=missing_id, height=missing_height), hints)


def _certificates_need(state: State, first: View, last: View, hints: tuple[str, ...]) -> Need:
    request = CertificatesRequest(epoch=state.electorate.epoch, from_view=first, to_view=last)
    return Need(request, hints)


def _holders(state: State, view: View) -> tuple[str, ...]:
    """Return who must have had the block decided in ``view``: its leader, and who signed for it."""
    leader = state.electorate.names[state.electorate.leader(view)]
    certificate = state.certificates.get(
        CertificateKind.NOTARIZATION, view
    ) or state.certificates.get(CertificateKind.FINALIZATION, view)
    if certificate is None:
        return (leader,)
    signers = (state.electorate.names[index] for index in certificate_signers(certificate))
    return (leader, *signers)


# ---------- answering


def answer_block_request(state: State, peer: str, request: BlockRequest, now: Instant) -> None:
    """Send the block from memory, or have the owner send it from its store."""
    if not state.peers.spend(peer, REQUEST_TOKENS, now.steady_ms):
        return
    known = state.blocks.get(request.block_id)
    if known is not None:
        state.outbox.send(peer, BlockReply(block=known.block))
    elif 0 < request.height <= state.committing.durable.height:
        state.outbox.work(ServeRange(peer, request.height, 1))


def answer_certificates_request(
    state: State, peer: str, request: CertificatesRequest, now: Instant
) -> None:
    """Send what is held of the views asked for, and the newest finalization."""
    if request.epoch != state.electorate.epoch:
        return
    if not state.peers.spend(peer, REQUEST_TOKENS, now.steady_ms):
        return
    found = state.certificates.between(
        request.from_view, request.to_view, CERTIFICATES_PER_MESSAGE_MAX
    )
    send_certificates(state, peer, found)


def answer_range_request(state: State, peer: str, request: RangeRequest, now: Instant) -> None:
    """Have the owner answer from its store, if the store holds what is asked for."""
    if not 0 < request.from_height <= state.committing.durable.height:
        return
    if not state.peers.spend(peer, RANGE_TOKENS, now.steady_ms):
        return
    count = min(request.max_blocks, state.config.range_blocks_max)
    state.outbox.work(ServeRange(peer, request.from_height, count))
