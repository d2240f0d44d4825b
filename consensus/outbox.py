"""Collects what one event brings about, and hands it out in the order that is the contract.

The decisions of one event are made one after the other, but everything that must be durable goes first
and together, so that one sync serves all votes of the event (see ``consensus.effects``).
"""

from __future__ import annotations

from consensus.effects import (
    Accuse,
    Broadcast,
    Build,
    CancelTimer,
    Commit,
    Drop,
    Effect,
    Execute,
    Halt,
    JournalRecord,
    Persist,
    Send,
    ServeRange,
    SetTimer,
    Suspect,
)
from consensus.messages import Message


class Outbox:
    """Effects of the event that is being handled."""

    def __init__(self) -> None:
        self._records: list[JournalRecord] = []
        self._sync = False
        self._messages: list[Send | Broadcast] = []
        self._timers: list[SetTimer | CancelTimer] = []
        self._work: list[Execute | Build | ServeRange | Commit] = []
        self._notices: list[Drop | Accuse | Suspect | Halt] = []

    def persist(self, record: JournalRecord, *, sync: bool) -> None:
        """Append a record; with ``sync`` it is durable before any message of this event leaves."""
        self._records.append(record)
        self._sync = self._sync or sync

    def send(self, peer: str, message: Message) -> None:
        """Send to one peer."""
        self._messages.append(Send(peer, message))

    def broadcast(self, message: Message) -> None:
        """Send to all connected peers."""
        self._messages.append(Broadcast(message))

    def timer(self, effect: SetTimer | CancelTimer) -> None:
        """Set or cancel a timer."""
        self._timers.append(effect)

    def work(self, effect: Execute | Build | ServeRange | Commit) -> None:
        """Ask the owner for something that takes time."""
        self._work.append(effect)

    def notice(self, effect: Drop | Accuse | Suspect | Halt) -> None:
        """Tell the owner something."""
        self._notices.append(effect)

    def flush(self) -> tuple[Effect, ...]:
        """Return everything collected, in order, and begin anew."""
        persist = (Persist(tuple(self._records), self._sync),) if self._records else ()
        effects: tuple[Effect, ...] = (
            *persist,
            *self._messages,
            *self._timers,
            *self._work,
            *self._notices,
        )
        self.__init__()  # type: ignore[misc]
        return effects
