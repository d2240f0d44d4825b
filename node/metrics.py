"""Metrics of one node in the Prometheus text format; names and meanings are in ``docs/operating.md``.

What happens is counted when it happens; what merely stands somewhere (heights, queue sizes, peers) is read
at the moment of a scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from node.driver import Driver
from node.effects import Finalized
from node.net.traffic import NetworkTraffic

# When a counter began is when the process began, which Prometheus knows.
disable_created_metrics()  # type: ignore[no-untyped-call]

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
    "monazite_halted",
    "monazite_journal_bytes",
    "monazite_peer_rejects_total",
    "monazite_peer_messages_dropped_total",
    "monazite_peer_faults_total",
    "monazite_peer_transactions_dropped_total",
    "monazite_connections_refused_total",
)
"""Every metric of a node."""


class Metrics:
    """The metrics of one node."""

    def __init__(self, driver: Driver, traffic: NetworkTraffic) -> None:
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
        self._registry.register(_Peers(driver, traffic))
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
        driver = self._driver
        replica = driver.replica
        status = replica.status
        connected = driver.peer_connections()
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
            ("halted", "1 when the node has stopped.", lambda: int(driver.halted is not None)),
            ("journal_bytes", "Bytes of the journal's records.", lambda: driver.journal_bytes),
        )
        for name, help_text, read in figures:
            yield GaugeMetricFamily(f"monazite_{name}", help_text, value=read())


class _Peers(Collector):
    """Reads what is counted about peers, at the moment of a scrape."""

    def __init__(self, driver: Driver, traffic: NetworkTraffic) -> None:
        self._driver = driver
        self._traffic = traffic

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one counter for each kind of trouble."""
        peers = sorted(self._traffic.peers.items())
        rejects = _counter(
            "peer_rejects", "Connections of a peer refused or ended, by reason.", "peer", "reason"
        )
        dropped = _counter(
            "peer_messages_dropped", "Messages to a peer not sent, by queue.", "peer", "queue"
        )
        for peer, traffic in peers:
            for reject, count in sorted(traffic.rejects.items()):
                rejects.add_metric([peer, reject.value], count)
            for queue, count in sorted(traffic.dropped.items()):
                dropped.add_metric([peer, queue], count)
        yield rejects
        yield dropped
        intake = self._driver.intake
        faults = _counter("peer_faults", "Faulty transactions from a peer.", "peer")
        for peer, count in sorted(intake.faults.items()):
            faults.add_metric([peer], count)
        yield faults
        unread = _counter(
            "peer_transactions_dropped", "Transactions of a peer dropped for want of room.", "peer"
        )
        for peer, count in sorted(intake.dropped.items()):
            unread.add_metric([peer], count)
        yield unread
        refused = _counter(
            "connections_refused", "Connections refused before it was known whose.", "reason"
        )
        for reject, count in sorted(self._traffic.strangers.items()):
            refused.add_metric([reject.value], count)
        yield refused


def _counter(name: str, help_text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"monazite_{name}", help_text, labels=labels)
