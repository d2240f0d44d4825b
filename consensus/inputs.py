"""What the owner of an engine gives it besides messages: the time, and where its store stands.

The engine reads no clock. Each event comes with an ``Instant`` of two clocks that are never mixed:
the steady one orders timers and never goes back; the wall clock is compared with block times only,
and may jump.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.wire.block import Header, Point
from ledger.wire.certificate import Certificate
from ledger.wire.scalars import TimeMs


@dataclass(frozen=True, slots=True)
class Instant:
    """The moment at which an event happens."""

    steady_ms: int
    """Milliseconds of a clock that never goes back; its zero means nothing."""
    wall_ms: TimeMs
    """Milliseconds since 1970-01-01T00:00:00Z, as this machine believes."""


@dataclass(frozen=True, slots=True)
class FinalizedTip:
    """The last block that the store holds durably."""

    point: Point
    header: Header
    certificate: Certificate | None
    """Its finalization. None for the genesis block, and for a block that became final through a
    descendant that the store did not yet hold when the node stopped."""


def genesis_point(header: Header) -> Point:
    """Return the point of the block that an epoch starts from: view 0, on no other view."""
    return Point(
        epoch=header.epoch,
        view=header.view,
        parent_view=header.view,
        height=header.height,
        block_id=header.block_id,
    )
