"""The leader's part: when to propose, on what, and how much.

A leader proposes on the tip, as soon as it enters the view if there is something to put into a block, at
the latest when something comes. A block without transactions is made only on top of a tip that stayed
notarized and not final for the bury delay (A7), or for a heartbeat. When too many blocks wait to become
final, only such blocks are made: a network that notarizes and cannot finalize must not run away. The owner
may have a reason of its own for an empty block, and says so with ``on_work``: a transaction that has expired
is refused by the time of the next block.

The work budget adapts to the machine: it starts small, grows by a tenth with every own block that becomes
final, and halves when a view with an own proposal is nullified; with a fixed budget every full block could
outlast the time-outs and be nullified again and again.
"""

from __future__ import annotations

from consensus.blocks import Verdict
from consensus.config import UNFINALIZED_DEPTH_MAX
from consensus.effects import Build, Drop
from consensus.inputs import Instant
from consensus.messages import JUSTIFICATION_MAX
from consensus.round.signing import make_proposal
from consensus.state import HeldProposal, State
from ledger.wire.block import FLAG_SEAL, Block, Header, Point
from ledger.wire.scalars import Height, TimeMs, View


class BuiltBlockError(Exception):
    """The owner built another block than it was asked for; the message says where it differs."""


def propose_if_leader(state: State, now: Instant) -> bool:
    """Ask the owner for a block if it is this validator's turn and there is reason for one."""
    if not state.leads or not state.may_sign or state.leading.building is not None:
        return False
    if not state.own.may_propose(state.view):
        return False
    tip = state.certificates.tip(state.view)
    if tip is None or not state.blocks.is_executed(tip.block_id):
        return False
    parent = state.blocks.header_of(tip.block_id)
    if parent is None or parent.flags & FLAG_SEAL:
        return False
    request = _request(state, tip, parent, now)
    if request is None:
        return False
    state.leading.building = request
    state.outbox.work(request)
    return True


def _request(state: State, tip: Point, parent: Header, now: Instant) -> Build | None:
    final = state.certificates.final
    bury = state.work.bury_due and tip.view > final.view
    too_deep = tip.height - final.height >= UNFINALIZED_DEPTH_MAX
    may_be_empty = bury or state.empty_block_wanted()
    if not may_be_empty and (too_deep or not state.work.pending or state.leading.declined):
        return None
    return Build(
        view=state.view,
        parent_id=tip.block_id,
        height=Height(parent.height + 1),
        time_ms=TimeMs(max(parent.time_ms + 1, now.wall_ms)),
        must_be_empty=too_deep,
        may_be_empty=may_be_empty,
        budget_units=state.leading.budget_units,
    )


def receive_built(state: State, request: Build, block: Block | None, now: Instant) -> None:
    """Propose the block that the owner made, unless the view has passed meanwhile.

    Raises:
        BuiltBlockError: It is not what was asked for.
    """
    if block is not None:
        _check_built(state, request, block)
    if request != state.leading.building:
        if block is not None:
            _discard(state, block)
        return
    state.leading.building = None
    if block is None:
        state.leading.declined = True
        return
    parent = state.certificates.tip(request.view)
    if (
        parent is None
        or parent.block_id != request.parent_id
        or not (state.may_sign and state.own.may_propose(request.view))
    ):
        _discard(state, block)
        return
    _propose(state, block, parent, now)


def _propose(state: State, block: Block, parent: Point, now: Instant) -> None:
    header = block.header
    point = Point(
        epoch=header.epoch,
        view=header.view,
        parent_view=parent.view,
        height=header.height,
        block_id=header.block_id,
    )
    justification = state.certificates.justification(parent.view, header.view, JUSTIFICATION_MAX)
    proposal = make_proposal(state, point, block, justification)
    known = state.blocks.add(block, point.block_id)
    known.verdict, known.recorded = Verdict.VALID, True
    state.proposals[point.view] = HeldProposal(proposal, now.wall_ms, None)


def _discard(state: State, block: Block) -> None:
    block_id = block.header.block_id
    if state.blocks.get(block_id) is None:
        state.outbox.notice(Drop((block_id,)))


def _check_built(state: State, request: Build, block: Block) -> None:
    header = block.header
    expected = (
        ("chain_id", header.chain_id, state.electorate.chain_id),
        ("epoch", header.epoch, state.electorate.epoch),
        ("validators_digest", header.validators_digest, state.electorate.validators.digest),
        ("view", header.view, request.view),
        ("height", header.height, request.height),
        ("parent", header.parent, request.parent_id),
        ("time_ms", header.time_ms, request.time_ms),
        ("proposer", header.proposer, state.electorate.own),
    )
    for name, found, wanted in expected:
        if found != wanted:
            raise BuiltBlockError(
                f"the block built for view {request.view} has {name} {found!r}, wanted {wanted!r}"
            )
    if not block.transactions and not request.may_be_empty:
        raise BuiltBlockError(f"the block built for view {request.view} is empty; wanted none")
    if block.transactions and request.must_be_empty:
        raise BuiltBlockError(f"the block built for view {request.view} must be empty")


def shrink_budget(state: State, view: View) -> None:
    """Halve the budget if ``view``, now nullified, had an own proposal."""
    if state.own.proposal(view) is not None:
        half = state.leading.budget_units // 2
        state.leading.budget_units = max(state.config.budget_units_min, half)


def grow_budget(state: State) -> None:
    """Grow the budget by a tenth: an own block became final."""
    grown = state.leading.budget_units + max(1, state.leading.budget_units // 10)
    state.leading.budget_units = min(state.config.budget_units_max, grown)
