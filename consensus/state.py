"""What one engine knows, as passive data; the decisions are in ``consensus.round`` and ``consensus.catchup``.

The parts with rules of their own are objects with their own modules: what the own key signed
(``own``), certificates, votes, blocks, peers, timers, requests. What is left is a few plain fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from consensus.blocks import BlockStore
from consensus.catchup.requests import RequestBook
from consensus.certificates import CertificateStore
from consensus.config import ConsensusConfig
from consensus.effects import Build, Halt, HaltScope, Suspect
from consensus.electorate import Electorate
from consensus.evidence import Evidence, EvidenceKind, Signed
from consensus.messages import Proposal
from consensus.outbox import Outbox
from consensus.own import OwnStatements
from consensus.payload import PayloadCheck
from consensus.peers import PeerBook
from consensus.tally import Slot, Tally
from consensus.timers import TimerBook
from ledger.wire.certificate import Certificate
from ledger.wire.scalars import BlockId, Height, TimeMs, ValidatorIndex, View
from ledger.wire.signing import Sign


@dataclass(frozen=True, slots=True)
class HeldProposal:
    """The first proposal of a view that came from its leader."""

    proposal: Proposal
    received_wall_ms: TimeMs
    """Wall clock at first receipt."""
    fault: str | None
    """What is wrong with it by itself, for ever; None if nothing is."""


@dataclass(slots=True)
class Work:
    """Why there may be something to do."""

    pending: bool = False
    """The owner has a transaction that wants a block."""
    empty_wanted: bool = False
    """The owner wants a block even if there is nothing to put into it."""
    bury_due: bool = False
    """This view lasts longer than the bury delay (A7)."""
    heartbeat_due: bool = False


@dataclass(slots=True)
class Leading:
    """The leader's side of the current view."""

    budget_units: int
    building: Build | None = None
    """The block that the owner is making."""
    declined: bool = False
    """The owner had nothing to put into a block."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A block whose ``Commit`` was asked for."""

    block_id: BlockId
    height: Height
    view: View


@dataclass(slots=True)
class Committing:
    """How far the stored chain is."""

    durable: Stored
    """The last block that the store holds."""
    under_way: list[Stored] = field(default_factory=list)
    """Blocks whose ``Commit`` was asked for, in order, not durable yet."""
    linked: Stored | None = None
    """The highest block that a verified range proved to be final."""


@dataclass(slots=True)
class PendingPush:
    """A certificate that may have to be sent on."""

    certificate: Certificate
    source: str | None
    """The peer that it came from."""


@dataclass(slots=True, kw_only=True)
class State:
    """Everything that one engine knows."""

    config: ConsensusConfig
    electorate: Electorate
    sign: Sign | None
    payload_matches: PayloadCheck
    outbox: Outbox
    timers: TimerBook
    own: OwnStatements
    certificates: CertificateStore
    tally: Tally
    blocks: BlockStore
    peers: PeerBook
    requests: RequestBook
    committing: Committing
    leading: Leading
    view: View
    started_ms: TimeMs
    """Wall clock at the start."""
    work: Work = field(default_factory=Work)
    proposals: dict[View, HeldProposal] = field(default_factory=dict)
    proposal_points: dict[View, Signed] = field(default_factory=dict)
    """First signed point of each view in the window, for evidence."""
    uncounted: dict[Slot, None] = field(default_factory=dict)
    """Places with a vote that was not counted yet, in order of arrival."""
    unfinalized: list[Certificate] = field(default_factory=list)
    """Notarizations for which a finalize vote was not considered yet."""
    pushes: list[PendingPush] = field(default_factory=list)
    evidence: dict[tuple[EvidenceKind, ValidatorIndex], Evidence] = field(default_factory=dict)
    retries: int = 0
    """Retry timers set so far; varies their length."""
    stopped: str | None = None
    """Why the own key signs nothing more (A11)."""
    halted: str | None = None
    """Why the engine does nothing more."""

    @property
    def may_sign(self) -> bool:
        """The engine has a key and may use it."""
        return self.electorate.own is not None and self.stopped is None

    @property
    def leads(self) -> bool:
        """The own validator leads the current view."""
        return self.electorate.leader(self.view) == self.electorate.own

    @property
    def views_since_final(self) -> int:
        """Views that passed without anything becoming final."""
        return self.view - self.certificates.final.view - 1

    def tip_waits(self) -> bool:
        """Tell whether the tip is notarized and not final."""
        tip = self.certificates.tip(self.view)
        return tip is not None and tip.view > self.certificates.final.view

    def empty_block_wanted(self) -> bool:
        """Tell whether a block is worth making for its own sake, and none is under way."""
        due = self.work.heartbeat_due or self.work.empty_wanted
        return due and not self.tip_waits()

    def suspect(self, peer: str, reason: str) -> None:
        """Count something against a peer that no correct peer sends."""
        known = self.peers.get(peer)
        if known is not None:
            known.suspicions += 1
        self.outbox.notice(Suspect(peer, reason))

    def halt(self, reason: str) -> None:
        """Stop for good: safety is broken."""
        if self.halted is None:
            self.halted = reason
            self.outbox.notice(Halt(HaltScope.ENGINE, reason))
