"""Operator limits of the transport, in one place, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.net.sendqueue import DEFAULT_LIMITS, Priority, QueueLimit


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """How long things may take and how many of them there may be."""

    setup_timeout_ms: int = 5_000
    """A connection, made or accepted, must be set up in this time: TCP, TLS and upgrade."""
    close_timeout_ms: int = 500
    """How long a polite end of a connection may take before it is cut."""
    heartbeat_ms: int = 5_000
    """A connection is probed after this long without data, and lost if half of it passes again."""
    redial_first_ms: int = 200
    """Longest pause before the first new attempt to connect; doubles with each failure."""
    redial_max_ms: int = 10_000
    """Longest pause between attempts; a connection that lasted this long starts anew."""
    quarantine_ms: int = 5_000
    """A peer that sent rubbish is not accepted again before."""
    report_interval_ms: int = 10_000
    """Refused connections are counted always, and logged once in this time for each cause."""
    setups_max: int = 128
    """Accepted connections that are not set up yet, at the same time."""
    setups_per_host_max: int = 32
    """The same, from one address: one machine must not keep all others out."""
    write_buffer_bytes: int = 64 * 1024
    """From this many unsent bytes on, messages wait in their queues, where priority counts."""
    queues: Mapping[Priority, QueueLimit] = field(default_factory=lambda: DEFAULT_LIMITS)
    """What may wait for one peer."""
