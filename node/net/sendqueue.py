"""What waits to be sent to one peer.

Four queues, one for each priority, each bounded in bytes and in messages. Messages leave strictly
by priority and, within one, in the order they came, as many at a time as fit into a frame of 64
KiB; a larger message leaves alone. A full queue never grows:

* votes, proposals and answers drop their **oldest**: newer ones supersede them, and consensus
  sends again what a peer lacks;
* transactions refuse the **newest**: what waits longest goes first, and its sender can be told to
  come back later.

No clock, no socket: ``dialer`` sends what ``take`` hands out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from node.net.framing import COALESCED_BYTES_MAX, LENGTH_BYTES, MESSAGE_BYTES_MAX


class Priority(IntEnum):
    """What goes first, lowest number first."""

    VOTE = 0
    """Votes and certificates."""
    PROPOSAL = 1
    """Block proposals."""
    FETCH = 2
    """Requests, and answers to them."""
    TRANSACTION = 3
    """Transactions on their way to the validators."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """Bound of one queue; a single message may always wait, whatever its size."""

    messages_max: int
    bytes_max: int


_MIB: Final = 1024 * 1024

DEFAULT_LIMITS: Final[Mapping[Priority, QueueLimit]] = {
    Priority.VOTE: QueueLimit(messages_max=4096, bytes_max=2 * _MIB),
    Priority.PROPOSAL: QueueLimit(messages_max=16, bytes_max=16 * _MIB),
    Priority.FETCH: QueueLimit(messages_max=256, bytes_max=16 * _MIB),
    Priority.TRANSACTION: QueueLimit(messages_max=16384, bytes_max=8 * _MIB),
}
"""At most 42 MiB wait for one peer."""


class SendQueue:
    """Messages that wait for one peer."""

    def __init__(self, limits: Mapping[Priority, QueueLimit] = DEFAULT_LIMITS) -> None:
        self._limits = [limits[priority] for priority in Priority]
        self._queues: list[deque[bytes]] = [deque() for _ in Priority]
        self._bytes = [0 for _ in Priority]
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def bytes_waiting(self, priority: Priority) -> int:
        """Return how many bytes wait in one queue."""
        return self._bytes[priority]

    def put(self, priority: Priority, message: bytes) -> int:
        """Add a message; return how many were dropped for want of room: none, older ones, or it.

        Raises:
            ValueError: the message is empty or too long for a frame.
        """
        size = len(message)
        if not 0 < size <= MESSAGE_BYTES_MAX:
            raise ValueError(f"message of {size} bytes, wanted 1 to {MESSAGE_BYTES_MAX}")
        queue, limit = self._queues[priority], self._limits[priority]
        dropped = 0
        while queue and (
            len(queue) >= limit.messages_max or self._bytes[priority] + size > limit.bytes_max
        ):
            if priority is Priority.TRANSACTION:
                return 1
            self._bytes[priority] -= len(queue.popleft())
            self._waiting -= 1
            dropped += 1
        queue.append(message)
        self._bytes[priority] += size
        self._waiting += 1
        return dropped

    def take(self) -> list[bytes]:
        """Remove and return the messages of the next frame; none if nothing waits."""
        taken: list[bytes] = []
        room = COALESCED_BYTES_MAX
        for priority, queue in enumerate(self._queues):
            size = 0
            while queue:
                needed = LENGTH_BYTES + len(queue[0])
                if needed > room and taken:
                    break
                room -= needed
                size += needed - LENGTH_BYTES
                taken.append(queue.popleft())
            self._bytes[priority] -= size
            if queue:
                break
        self._waiting -= len(taken)
        return taken

    def clear(self) -> None:
        """Forget everything that waits."""
        for queue in self._queues:
            queue.clear()
        self._bytes = [0 for _ in self._queues]
        self._waiting = 0
