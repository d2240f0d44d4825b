"""What an engine wants done, as values; the order within one answer is the contract.

An answer is a tuple of effects, to be carried out front to back:

1. at most one ``Persist``. With ``sync`` it must be on the disk before the next effect is begun
   (durable before sent); an error ends the process;
2. ``Send`` and ``Broadcast``;
3. timers;
4. work whose result comes back as an event: ``Execute``, ``Build``, ``ServeRange``, ``Commit``;
5. notices: ``Drop``, ``Accuse``, ``Suspect``, ``Halt``.

A process may die between any two of them. Messages may be lost; ``Execute``, ``Build`` and ``Commit``
may not, except by dying. An owner that carries out several answers together may join their ``Persist``
records into one write and one sync, as long as it precedes the first message of any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from consensus.evidence import Evidence
from consensus.messages import Message
from ledger.wire.block import Block, Point
from ledger.wire.certificate import Certificate, FinalityProof
from ledger.wire.scalars import BlockId, Height, TimeMs, View

JournalRecord: TypeAlias = tuple[int, bytes]
"""Type and body of one journal record; ``consensus.journal`` knows what they mean."""


class Timer(Enum):
    """One timer of each kind at most is armed; setting it again moves it."""

    LEAD = "lead"
    ADVANCE = "advance"
    RETRY = "retry"
    BURY = "bury"
    STATUS = "status"
    PUSH = "push"
    REPAIR = "repair"
    CLOCK = "clock"
    HEARTBEAT = "heartbeat"


class HaltScope(Enum):
    """How much stops."""

    SIGNING = "signing"
    """The node signs nothing more, and goes on as an observer (A11)."""
    ENGINE = "engine"
    """Safety is broken, here or in the network: the engine does nothing more at all."""


@dataclass(frozen=True, slots=True)
class FinalizedBlock:
    """One final block, ready to be stored."""

    block: Block
    block_id: BlockId
    point: Point
    """Where it was decided."""
    proof: FinalityProof | None
    """Its own finalization; None if it is final through a descendant."""
    justification: tuple[Certificate, ...]
    """Its notarization and the nullifications of the views skipped below it, as far as held: they
    prove that each skip was legal, and are stored with the block."""


@dataclass(frozen=True, slots=True)
class Persist:
    """Append these records to the journal, in order."""

    records: tuple[JournalRecord, ...]
    sync: bool
    """Wait until they are durable before going on."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send to one peer, if it is connected; otherwise forget it."""

    peer: str
    message: Message


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send to every connected peer, observers included."""

    message: Message


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call ``on_timer`` once at or after ``at_ms`` of the steady clock; replaces an earlier setting."""

    timer: Timer
    at_ms: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer. A call that was already under way does no harm."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Execute:
    """Apply the block to its parent's state, compare all roots, keep the overlay, and report.

    The answer goes to ``on_executed``. The parent is the last committed block, or was executed
    before. The verdict must be a function of
    parent state and block alone; a lack of anything else is a reason to wait, never a verdict.
    """

    block: Block
    block_id: BlockId
    parent_id: BlockId


@dataclass(frozen=True, slots=True)
class Build:
    """Make and execute a block on ``parent_id``, and report with ``on_built``.

    The header must say exactly these values; its overlay is kept under its id like an executed one.
    """

    view: View
    parent_id: BlockId
    height: Height
    time_ms: TimeMs
    """Time of the block: now, or just after the parent."""
    must_be_empty: bool
    may_be_empty: bool
    """Without a transaction, make an empty block rather than none."""
    budget_units: int
    """Work units that the block may hold."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Store these blocks, in this order, and report each with ``on_committed`` when it is durable.

    They continue the stored chain, were executed and found valid. Nothing about them may become
    visible outside before.
    """

    blocks: tuple[FinalizedBlock, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """These blocks can never become final: forget their overlays, free their transactions."""

    block_ids: tuple[BlockId, ...]


@dataclass(frozen=True, slots=True)
class ServeRange:
    """Answer ``peer`` from the store with a ``RangeReply`` (``consensus.catchup.serve``)."""

    peer: str
    from_height: Height
    max_blocks: int


@dataclass(frozen=True, slots=True)
class Accuse:
    """A validator provably broke the rules: raise an alarm and keep the evidence."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Suspect:
    """A peer sent something that no correct peer sends; not provable to others."""

    peer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop, and call an operator."""

    scope: HaltScope
    reason: str


Effect: TypeAlias = (
    Persist
    | Send
    | Broadcast
    | SetTimer
    | CancelTimer
    | Execute
    | Build
    | Commit
    | Drop
    | ServeRange
    | Accuse
    | Suspect
    | Halt
)
