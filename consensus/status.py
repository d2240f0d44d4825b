"""What an engine tells people about itself: one value, for ``node status`` and for metrics."""

from __future__ import annotations

from dataclasses import dataclass

from consensus.round.views import has_work
from consensus.state import State
from ledger.wire.scalars import BlockId, Epoch, Height, ValidatorIndex, View


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What is known about one peer."""

    peer: str
    heard_ms: int | None
    """Steady clock when something authenticated last came from it; None if never."""
    view: View
    final_height: Height
    suspicions: int
    """How often it sent something that no correct peer sends."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Where an engine stands."""

    epoch: Epoch
    view: View
    leader: ValidatorIndex
    own: ValidatorIndex | None
    signing: bool
    """It may vote: it has a key, and did not stop signing."""
    halted: str | None
    """Why it stopped signing or stopped altogether; None if it did not."""
    final_view: View
    final_height: Height
    final_block_id: BlockId
    committed_height: Height
    tip_height: Height | None
    """Height of the highest block that a next one may build on; None while a certificate is missing."""
    tip_view: View | None
    depth: int
    """Blocks that are notarized and not final, up to the tip."""
    work: bool
    """There is something to do: timers run."""
    timers: tuple[tuple[str, int], ...]
    """Armed timers by name, with the steady clock's time in milliseconds."""
    requests: tuple[str, ...]
    """What it has asked peers for and not yet received."""
    journal_floor: View
    budget_units: int
    evidence_count: int
    peers: tuple[PeerStatus, ...]


def describe(state: State) -> EngineStatus:
    """Return what ``state`` says, for people."""
    final = state.certificates.final
    tip = state.certificates.tip(state.view)
    return EngineStatus(
        epoch=state.electorate.epoch,
        view=state.view,
        leader=state.electorate.leader(state.view),
        own=state.electorate.own,
        signing=state.may_sign and state.halted is None,
        halted=state.halted or state.stopped,
        final_view=final.view,
        final_height=final.height,
        final_block_id=final.block_id,
        committed_height=state.committing.durable.height,
        tip_height=tip.height if tip else None,
        tip_view=tip.view if tip else None,
        depth=tip.height - final.height if tip else 0,
        work=has_work(state),
        timers=state.timers.all(),
        requests=state.requests.all(),
        journal_floor=state.own.floor,
        budget_units=state.leading.budget_units,
        evidence_count=len(state.evidence),
        peers=tuple(
            PeerStatus(
                peer=peer.name,
                heard_ms=peer.heard_ms if peer.heard else None,
                view=peer.view,
                final_height=peer.final_height,
                suspicions=peer.suspicions,
            )
            for peer in state.peers.all()
        ),
    )
