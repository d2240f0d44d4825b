"""What a replica wants done beside the effects of its engine (``consensus.effects``), as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from consensus.effects import Effect, FinalizedBlock
from ledger.refusal import Refused
from ledger.wire.scalars import TxId
from node.chain import ExecutedBlock


class ReplicaTimer(Enum):
    """Timers of the replica itself, beside the engine's."""

    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Forward:
    """Send these signed transactions to ``peer``, or to every validator when it is None."""

    transactions: tuple[bytes, ...]
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class Finalized:
    """This block is durable, with the transactions in it."""

    final: FinalizedBlock
    executed: ExecutedBlock


@dataclass(frozen=True, slots=True)
class Expired:
    """A pending transaction can no longer be included: it is refused for good."""

    tx_id: TxId
    refusal: Refused


@dataclass(frozen=True, slots=True)
class SetReplicaTimer:
    """Call ``on_resend`` at or after ``at_ms`` of the steady clock."""

    timer: ReplicaTimer
    at_ms: int


ReplicaEffect: TypeAlias = Effect | Forward | Finalized | Expired | SetReplicaTimer


class Submission(Enum):
    """What became of a submitted transaction at once."""

    ADMITTED = "admitted"
    PENDING = "pending"
    FINAL = "final"


def joined_forwards(effects: Sequence[ReplicaEffect]) -> list[ReplicaEffect]:
    """Return the effects with everything that goes to all validators in one ``Forward``, the first.

    Under load a turn admits many transactions; one message to each peer carries them all, and the
    peers check their signatures as one batch.
    """
    joined: list[ReplicaEffect] = []
    transactions: list[bytes] = []
    place: int | None = None
    for effect in effects:
        if isinstance(effect, Forward) and effect.peer is None:
            if place is None:
                place = len(joined)
                joined.append(effect)
            transactions.extend(effect.transactions)
        else:
            joined.append(effect)
    if place is not None:
        joined[place] = Forward(tuple(dict.fromkeys(transactions)))
    return joined
