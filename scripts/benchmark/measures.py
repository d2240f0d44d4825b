"""What is measured against four running nodes, one function each.

Every measure reports, besides what its name says, what it cost: CPU time of each node and of the client per
transaction, growth of the stores, and the nodes' memory at its end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scripts.benchmark.founding import Lane, Participants
from scripts.benchmark.load import LoadClient, Observed
from scripts.benchmark.processes import BenchNodes, Usage
from scripts.benchmark.transactions import Stock

CLIENTS_TRIED: Final = (16, 48, 96, 192)
BATCH_RECORDS: Final = 200
BATCH_CLIENTS: Final = 8
MEASURES: Final = ("one_client", "maximum", "half", "batches", "trades")
"""In this order, because ``half`` needs to know the maximum."""
_ONE_TRANSFER_EACH: Final = ("one_client", "maximum", "half")
_PROBE_PART: Final = 3
"""Numbers of clients are tried for this part of the measuring time each."""
_EXPECTED_RATE: Final = 1_500
"""Transactions a second that are signed in advance for."""

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """A running network, its load client, and how long to measure."""

    participants: Participants
    nodes: BenchNodes
    client: LoadClient
    lanes: Sequence[Lane]
    seconds: float
    clients: int
    """Number of clients of the closed loops; 0: find the one with the most transactions a second."""
    rate: float
    """Transactions a second of the open loop; 0: half of the maximum."""

    def stocks(self, clients: int, *, records_each: int = 1, is_trade: bool = False) -> list[Stock]:
        """Return one stock for each client."""
        return [
            Stock(
                self.participants,
                self.lanes[number % len(self.lanes)],
                records_each=records_each,
                is_trade=is_trade,
            )
            for number in range(clients)
        ]


async def measure(bench: Bench, names: Sequence[str]) -> dict[str, Figures]:
    """Carry out the named measures in order."""
    results: dict[str, Figures] = {}
    before, count_before = bench.nodes.usage(), bench.client.final_count
    for name in names:
        say(f"{name} …")
        if name == "half":
            rate = bench.rate
            if not rate:
                if "maximum" not in results:
                    results["maximum"] = await maximum(bench)
                rate = results["maximum"]["transactions_per_second"] / 2
            results[name] = await half(bench, rate)
        else:
            results[name] = await _BY_NAME[name](bench)
        say(f"{name}: {_summary(results[name])}")
        if name in _ONE_TRANSFER_EACH:
            results["disk"] = _growth(bench, before, bench.client.final_count - count_before)
    return results


def _growth(bench: Bench, before: Usage, transfers: int) -> Figures:
    """Return what one transfer adds to one node's disk, over all measures so far.

    LevelDB writes everything twice, first to a log that it drops when it makes a table: the fewer
    transfers, the more the logs in between blur the figure.
    """
    after = bench.nodes.usage()
    nodes = len(bench.nodes.names)
    store = sum(after.store_bytes.values()) - sum(before.store_bytes.values())
    journal = sum(after.journal_bytes.values()) - sum(before.journal_bytes.values())
    return {
        "transfers": transfers,
        "store_bytes_per_transfer_and_node": store // max(1, transfers) // nodes,
        "journal_bytes_per_transfer_and_node": journal // max(1, transfers) // nodes,
    }


async def one_client(bench: Bench) -> Figures:
    """One client, one transfer at a time; the client verifies each receipt before the next."""
    stocks = bench.stocks(1)
    stocks[0].fill(int(bench.seconds * 400))
    return await _closed(bench, stocks, bench.seconds, verify_at_once=True)


async def maximum(bench: Bench) -> Figures:
    """Most finalized transactions a second with one transfer each."""
    clients = bench.clients or await _best_number_of_clients(bench)
    stocks = bench.stocks(clients)
    _fill(stocks, bench.seconds)
    return await _closed(bench, stocks, bench.seconds)


async def half(bench: Bench, rate: float) -> Figures:
    """Latency at half of the maximum, transactions arriving at random moments."""
    stocks = bench.stocks(len(bench.lanes))
    for stock in stocks:
        stock.fill(int(rate * bench.seconds * 1.3) // len(stocks) + 2)
    seen = await bench.client.open_loop(stocks, rate, bench.seconds)
    figures = _figures(bench, seen, stocks)
    figures["offered_per_second"] = round(rate, 1)
    figures["client_latest_start_ms"] = round(seen.latest_start_seconds * 1e3, 1)
    return figures


async def batches(bench: Bench) -> Figures:
    """Finalized records a second with transactions of 200 records each."""
    stocks = bench.stocks(bench.clients or BATCH_CLIENTS, records_each=BATCH_RECORDS)
    for stock in stocks:
        stock.fill(int(bench.seconds * 8))
    # Leaders begin with small blocks and find out block by block how much work fits.
    return await _closed(bench, stocks, bench.seconds, warm_up=bench.seconds)


async def trades(bench: Bench) -> Figures:
    """Each client offers a part, waits for finality, lets the buyer accept it, and waits again."""
    stocks = bench.stocks(bench.clients or 48, is_trade=True)
    _fill(stocks, bench.seconds)
    return await _closed(bench, stocks, bench.seconds)


_BY_NAME: Final[dict[str, Callable[[Bench], Any]]] = {
    "one_client": one_client,
    "maximum": maximum,
    "batches": batches,
    "trades": trades,
}


async def _best_number_of_clients(bench: Bench) -> int:
    best, best_rate = 0, 0.0
    for clients in CLIENTS_TRIED:
        seconds = bench.seconds / _PROBE_PART
        stocks = bench.stocks(clients)
        _fill(stocks, seconds)
        seen = await bench.client.closed_loop(stocks, seconds, warm_up=seconds / 5)
        rate = seen.transactions / seen.seconds
        say(f"  {clients} clients: {rate:.0f} transactions a second")
        if rate > best_rate:
            best, best_rate = clients, rate
        elif rate < best_rate * 0.9:
            break
    return best


async def _closed(
    bench: Bench,
    stocks: Sequence[Stock],
    seconds: float,
    *,
    warm_up: float = 0.0,
    verify_at_once: bool = False,
) -> Figures:
    seen = await bench.client.closed_loop(
        stocks, seconds, warm_up=warm_up or seconds / 5, verify_at_once=verify_at_once
    )
    figures = _figures(bench, seen, stocks)
    figures["clients"] = len(stocks)
    return figures


def _fill(stocks: Sequence[Stock], seconds: float) -> None:
    for stock in stocks:
        stock.fill(int(_EXPECTED_RATE * seconds * 1.2) // len(stocks) + 8)


def _figures(bench: Bench, seen: Observed, stocks: Sequence[Stock]) -> Figures:
    latencies = sorted(seen.latencies)
    verified = bench.client.verify(seen.receipts)
    return {
        "transactions_per_second": round(seen.transactions / seen.seconds, 1),
        "records_per_second": round(seen.records / seen.seconds, 1),
        "transactions": seen.transactions,
        "seconds": round(seen.seconds, 2),
        "p50_ms": quantile_ms(latencies, 0.50),
        "p99_ms": quantile_ms(latencies, 0.99),
        "max_ms": quantile_ms(latencies, 1.0),
        "blocks_per_second": round(seen.blocks / seen.seconds, 1),
        "transactions_per_block": round(seen.transactions / max(1, seen.blocks), 1),
        "views_given_up": max(0, seen.views - seen.blocks),
        "receipts_verified": verified or seen.transactions,
        **_costs(bench, seen),
        "other_answers": {str(status): count for status, count in seen.other_answers.items()},
        "signed_late": sum(stock.signed_late for stock in stocks),
    }


def _costs(bench: Bench, seen: Observed) -> Figures:
    """Return what the nodes and the client have spent on each transaction that was counted."""
    before, after = seen.before, seen.after
    if before is None or after is None:
        return {}
    count = max(1, seen.transactions)
    names = bench.nodes.names
    cpu = {name: after.cpu_seconds[name] - before.cpu_seconds[name] for name in names}
    all_cpu = seen.client_cpu_seconds + sum(cpu.values())
    return {
        "node_cpu_ms_per_transaction": {
            name: round(spent / count * 1e3, 3) for name, spent in cpu.items()
        },
        "client_cpu_ms_per_transaction": round(seen.client_cpu_seconds / count * 1e3, 3),
        "client_share_of_cpu": round(seen.client_cpu_seconds / max(all_cpu, 0.001), 3),
        "cores_busy": round(all_cpu / seen.seconds, 2),
        "resident_mb": {name: round(after.resident_mb[name], 1) for name in names},
    }


def quantile_ms(ordered: Sequence[float], share: float) -> float | None:
    """Return the latency in milliseconds that ``share`` of them do not exceed; None if there is none."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 2)


def _summary(figures: Figures) -> str:
    return (
        f"{figures['transactions_per_second']} transactions/s, "
        f"{figures['records_per_second']} records/s, p50 {figures['p50_ms']} ms, "
        f"p99 {figures['p99_ms']} ms"
    )


def say(text: str) -> None:
    """Tell people what is going on, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
