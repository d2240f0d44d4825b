"""What the world needs of a node: events in, effects out, nothing else.

A node is made from a disk and dies without notice; everything that it keeps is on the disk. Effects that
mean local work (``Execute``, ``Build``, ``Commit``, …) come back to the same node through ``perform`` when
the simulated work is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consensus.effects import Build, Commit, Drop, Execute, ServeRange, Timer
from consensus.inputs import Instant
from consensus.messages import Message
from node.effects import ReplicaEffect

LocalWork = Execute | Build | Commit | Drop | ServeRange


class SimulatedNode(Protocol):
    def start(self, now: Instant) -> Sequence[ReplicaEffect]: ...

    def receive(self, peer: str, message: Message, now: Instant) -> Sequence[ReplicaEffect]: ...

    def fire(self, timer: Timer, now: Instant) -> Sequence[ReplicaEffect]: ...

    def submit(self, transaction: bytes, now: Instant) -> Sequence[ReplicaEffect]: ...

    def perform(self, work: LocalWork, now: Instant) -> Sequence[ReplicaEffect]: ...
