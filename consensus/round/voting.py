"""Proposals and votes: what is accepted, and when this validator votes.

A proposal gets a notarize vote when

1. it is the first of its view, signed by the view's leader, and its header says what the view demands;
2. its parent is notarized or final in ``parent_view``, and every view between is nullified (A5);
3. its header continues the parent's: height, later time, the parent's own view, no sealed parent;
4. its time is at most 2 s ahead of the wall clock (otherwise the vote waits), and was at most 5 s behind
   it when the proposal first came (otherwise this voter gives none: "not now", never "invalid");
5. the block was executed on its parent and found valid (A12).

What can never become true (a wrong header, another parent decided, an invalid block) makes the voter
nullify the view; what is merely missing makes it ask and wait, and the view's time-out bounds the wait.
"""

from __future__ import annotations

from enum import Enum

from consensus.blocks import Verdict
from consensus.catchup.exchange import send_certificates
from consensus.config import (
    BLOCK_AHEAD_MAX_MS,
    BLOCK_BEHIND_MAX_MS,
    PROPOSALS_AHEAD_MAX,
    VIEWS_AHEAD_MAX,
    VOTE_WINDOW_VIEWS,
)
from consensus.effects import Execute, Timer
from consensus.evidence import EvidenceKind, make_evidence, signed
from consensus.inputs import Instant
from consensus.messages import Proposal, Vote
from consensus.round.deciding import receive_certificate
from consensus.round.signing import accuse, cast, stop_signing
from consensus.round.views import nullify
from consensus.state import HeldProposal, State
from ledger.wire.block import FLAG_SEAL, HEADER_VERSION, Header
from ledger.wire.certificate import CertificateKind
from ledger.wire.scalars import BlockId

EXIT_TOKENS = 1


class Readiness(Enum):
    """What a voter does about the current proposal."""

    WAIT = "wait"
    REFUSE = "refuse"
    VOTE = "vote"


# ---------- receiving


def receive_vote(state: State, peer: str, vote: Vote, now: Instant) -> None:
    """Take a vote from its voter; help the voter if it lags."""
    if vote.epoch != state.electorate.epoch:
        return
    if not state.electorate.is_vote_shaped(vote):
        state.suspect(peer, "vote that is not well formed")
        return
    if vote.voter == state.electorate.own:
        _check_own_vote(state, peer, vote)
        return
    if state.electorate.names[vote.voter] != peer:
        state.suspect(peer, f"vote of {state.electorate.names[vote.voter]}, which is not its own")
        return
    known = state.peers.get(peer)
    if known is not None:
        known.view = max(known.view, vote.view)
    if not state.view - VOTE_WINDOW_VIEWS < vote.view <= state.view + VIEWS_AHEAD_MAX:
        _help_straggler(state, peer, vote, now)
        return
    added = state.tally.add(vote)
    for evidence in added.evidence:
        accuse(state, evidence)
    if added.forged:
        state.suspect(peer, "vote with a bad signature")
    if vote.view > state.certificates.final.view:
        state.uncounted[vote.view, vote.kind] = None
    _help_straggler(state, peer, vote, now)


def _check_own_vote(state: State, peer: str, vote: Vote) -> None:
    if not state.own.is_foreign_vote(vote):
        return
    if not state.electorate.is_vote_signed(vote):
        state.suspect(peer, "vote with a bad signature")
        return
    stop_signing(state, f"a {vote.kind.name.lower()} vote in view {vote.view}")


def _help_straggler(state: State, peer: str, vote: Vote, now: Instant) -> None:
    """Send a voter what ended the view that it is still trying to end (A4)."""
    nullify_vote = vote.kind is CertificateKind.NULLIFICATION
    if vote.view >= state.view or not (nullify_vote or vote.view < state.certificates.final.view):
        return
    known = state.peers.get(peer)
    if known is not None and known.view > vote.view and not nullify_vote:
        return
    proof = state.certificates.exit_of(vote.view)
    if proof and state.peers.spend(peer, EXIT_TOKENS, now.steady_ms):
        send_certificates(state, peer, proof)


def receive_proposal(state: State, peer: str, proposal: Proposal, now: Instant) -> None:
    """Take a proposal: its justification always, the block if it is the first and near enough."""
    point = proposal.point
    lowest, highest = state.certificates.final.view, state.view + VIEWS_AHEAD_MAX
    if point.epoch != state.electorate.epoch or not lowest < point.view <= highest:
        return
    first = state.proposal_points.get(point.view)
    if first is not None and first.point == point:
        return
    if not state.electorate.is_proposal_signed(proposal):
        state.suspect(peer, "proposal that its leader did not sign")
        return
    leader = state.electorate.leader(point.view)
    if leader == state.electorate.own:
        if state.own.is_foreign_proposal(proposal):
            stop_signing(state, f"a proposal in view {point.view}")
        return
    if first is not None:
        pair = (first, signed(point, proposal.signature))
        place = (point.epoch, point.view, leader)
        accuse(state, make_evidence(EvidenceKind.TWO_PROPOSE, place, *pair))
        return
    if all(receive_certificate(state, peer, proof, now) for proof in proposal.justification):
        _keep_proposal(state, peer, proposal, now)


def _keep_proposal(state: State, peer: str, proposal: Proposal, now: Instant) -> None:
    point, block = proposal.point, proposal.block
    if not state.certificates.final.view < point.view <= state.view + PROPOSALS_AHEAD_MAX:
        return
    if block.header.block_id != point.block_id or not state.payload_matches(block):
        state.suspect(peer, "proposal whose block is not the one that its point names")
        return
    fault = header_fault(state, proposal)
    known = state.peers.of(state.electorate.leader(point.view))
    if known is not None:
        known.view = max(known.view, point.view)
    state.proposal_points[point.view] = signed(point, proposal.signature)
    state.proposals[point.view] = HeldProposal(proposal, now.wall_ms, fault)
    if fault is None:
        state.blocks.add(block, point.block_id)


def header_fault(state: State, proposal: Proposal) -> str | None:
    """Return what a header says that its view, epoch and leader do not allow, if anything."""
    header, point = proposal.block.header, proposal.point
    expected = (
        ("version", header.version, HEADER_VERSION),
        ("chain", header.chain_id, state.electorate.chain_id),
        ("epoch", header.epoch, state.electorate.epoch),
        ("validator set", header.validators_digest, state.electorate.validators.digest),
        ("view", header.view, point.view),
        ("height", header.height, point.height),
        ("proposer", header.proposer, state.electorate.leader(point.view)),
    )
    for name, found, wanted in expected:
        if found != wanted:
            return f"wrong {name}"
    return None


# ---------- voting


def vote_if_ready(state: State, now: Instant) -> bool:
    """Vote for the proposal of the current view, or nullify the view, as soon as that is decided."""
    held = state.proposals.get(state.view)
    if held is None or not state.may_sign:
        return False
    point = held.proposal.point
    if not state.own.may_vote(CertificateKind.NOTARIZATION, state.view, point):
        return False
    match judge(state, held, now):
        case Readiness.VOTE:
            return cast(state, CertificateKind.NOTARIZATION, state.view, point)
        case Readiness.REFUSE:
            return nullify(state, now)
        case Readiness.WAIT:
            return False


def judge(state: State, held: HeldProposal, now: Instant) -> Readiness:
    """Decide about the current proposal; may ask for its execution or arm the clock timer."""
    point, header = held.proposal.point, held.proposal.block.header
    final = state.certificates.final
    if held.fault is not None or not final.view <= point.parent_view < point.view:
        return Readiness.REFUSE
    parent = state.certificates.decided(point.parent_view)
    if parent is None or not state.certificates.skips_proven(point.parent_view, point.view):
        return Readiness.WAIT
    if parent.block_id != header.parent:
        return Readiness.REFUSE
    parent_header = state.blocks.header_of(header.parent)
    if parent_header is None:
        return Readiness.WAIT
    parent_view = state.blocks.view_of(parent_header, header.parent)
    if link_fault(header, parent_header) or parent_view != point.parent_view:
        return Readiness.REFUSE
    if not _is_timely(state, held, now):
        return Readiness.WAIT
    return _executed(state, held)


def link_fault(header: Header, parent: Header) -> str | None:
    """Return why a header cannot follow its parent's, if it cannot."""
    if header.height != parent.height + 1:
        return f"height {header.height} on a parent of height {parent.height}"
    if header.time_ms <= parent.time_ms:
        return f"time {header.time_ms} ms is not later than the parent's {parent.time_ms} ms"
    if parent.flags & FLAG_SEAL:
        return "its parent ended the epoch"
    return None


def _is_timely(state: State, held: HeldProposal, now: Instant) -> bool:
    """Tell whether the block's time allows a vote now (D10)."""
    header = held.proposal.block.header
    early_ms = header.time_ms - (now.wall_ms + BLOCK_AHEAD_MAX_MS)
    if early_ms > 0:
        state.timers.set(Timer.CLOCK, now.steady_ms + early_ms)
        return False
    if header.proposer == state.electorate.own:
        return True
    return header.time_ms >= held.received_wall_ms - BLOCK_BEHIND_MAX_MS


def _executed(state: State, held: HeldProposal) -> Readiness:
    known = state.blocks.get(held.proposal.point.block_id)
    if known is None:
        return Readiness.WAIT
    if known.verdict is Verdict.UNKNOWN:
        execute_if_possible(state, known.block_id)
    if known.verdict is Verdict.INVALID:
        return Readiness.REFUSE
    return Readiness.VOTE if known.verdict is Verdict.VALID else Readiness.WAIT


def execute_if_possible(state: State, block_id: BlockId) -> bool:
    """Ask for a block's execution if its parent was executed; tell whether anything changed."""
    known = state.blocks.get(block_id)
    if known is None or known.verdict is not Verdict.UNKNOWN:
        return False
    parent_id = known.header.parent
    parent = state.blocks.get(parent_id)
    if parent is not None and parent.verdict is Verdict.INVALID:
        known.verdict, known.reason = Verdict.INVALID, "its parent is invalid"
        return True
    if not state.blocks.is_executed(parent_id):
        return False
    known.verdict = Verdict.PENDING
    state.outbox.work(Execute(known.block, block_id, parent_id))
    return True
