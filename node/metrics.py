"""Metrics of one node in the Prometheus text format; names and meanings are in ``docs/operating.md``.

What happens is counted when it happens; what merely stands somewhere (heights, queue sizes, peers) is read
at the moment of a scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from node.driver import Driver
from node.replica import Finalized

_LATENCY_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

METRIC_NAMES: Final = (
    "monazite_blocks_total",
    "monazite_transactions_total",
    "monazite_records_total",
    "monazite_request_seconds",
    "monazite_height",
    "monazite_view",
    "monazite_mempool_transactions",
    "monazite_mempool_bytes",
    "monazite_peers_connected",
    "monazite_evidence",
    "monazite_signing",
    "monazite_leader_budget_units",
)
"""Every metric of a node."""


class Metrics:
    """The metrics of one node."""

    def __init__(self, driver: Driver) -> None:
        self._registry = CollectorRegistry()
        self._blocks = Counter("monazite_blocks", "Blocks made durable.", registry=self._registry)
        self._transactions = Counter(
            "monazite_transactions", "Transactions made durable.", registry=self._registry
        )
        self._records = Counter(
            "monazite_records", "Records made durable.", registry=self._registry
        )
        self.requests: Histogram = Histogram(
            "monazite_request_seconds",
            "Time to answer a request.",
            ("route", "status"),
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Standing(driver))
        driver.listeners.finalized.append(self._count)

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self._registry)

    def _count(self, finalized: Finalized) -> None:
        transactions = finalized.executed.transactions
        self._blocks.inc()
        self._transactions.inc(len(transactions))
        self._records.inc(sum(len(parsed.records) for parsed in transactions))


class _Standing(Collector):
    """Reads the driver at the moment of a scrape."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one gauge for each standing figure."""
        replica = self._driver.replica
        status = replica.status
        connected = self._driver.peer_connections()
        figures: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("height", "Height of the committed tip.", lambda: replica.chain.tip.height),
            ("view", "View of the consensus engine.", lambda: status.view),
            ("mempool_transactions", "Pending transactions.", lambda: len(replica.mempool)),
            (
                "mempool_bytes",
                "Bytes of pending transactions.",
                lambda: replica.mempool.bytes_count,
            ),
            ("peers_connected", "Peers that can be reached.", lambda: sum(connected.values())),
            ("evidence", "Proven double signings seen.", lambda: status.evidence_count),
            ("signing", "1 while this node may vote.", lambda: int(status.signing)),
            (
                "leader_budget_units",
                "Work units that this node puts into a block.",
                lambda: status.budget_units,
            ),
        )
        for name, help_text, read in figures:
            yield GaugeMetricFamily(f"monazite_{name}", help_text, value=read())
