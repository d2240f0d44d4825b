"""The benchmark measures what it says; no test here says how fast anything is."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.parsed import parse_transaction
from ledger.records import RULES
from node.demo.founding import DemoDirectory
from scripts.benchmark.founding import SELLERS, found_network
from scripts.benchmark.load import arrivals
from scripts.benchmark.measures import quantile_ms
from scripts.benchmark.memory import MemoryLedger
from scripts.benchmark.profiling import summarize, table
from scripts.benchmark.transactions import Stock

ROOT = Path(__file__).parents[2]


def benchmark(*arguments: str) -> dict[str, Any]:
    """Run the benchmark and return the one line that it prints."""
    finished = subprocess.run(
        [sys.executable, "-m", "scripts.benchmark", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert len(lines) == 1, finished.stdout
    result: dict[str, Any] = json.loads(lines[0])
    return result


def test_a_quantile_is_one_of_the_latencies_that_were_seen() -> None:
    seen = [number / 1_000 for number in range(1, 101)]
    assert quantile_ms(seen, 0.5) == 51
    assert quantile_ms(seen, 0.99) == 100
    assert quantile_ms(seen, 1.0) == 100
    assert quantile_ms([0.007], 0.99) == 7
    assert quantile_ms([], 0.5) is None


def test_arrivals_are_random_but_the_same_in_every_run_and_of_the_wanted_rate() -> None:
    moments = list(arrivals(200.0, 50.0))
    assert moments == list(arrivals(200.0, 50.0))
    assert moments == sorted(moments)
    assert moments[-1] < 50
    assert 9_000 < len(moments) < 11_000
    assert len({round(after - before, 6) for before, after in itertools.pairwise(moments)}) > 1_000


def test_everything_that_is_sent_applies_in_the_order_in_which_it_is_sent(tmp_path: Path) -> None:
    participants = found_network(DemoDirectory(tmp_path))
    ledger = MemoryLedger(participants)
    lanes = ledger.open()
    offers = Stock(participants, lanes[0])
    batch = Stock(participants, lanes[1], records_each=3)
    trades = Stock(participants, lanes[2], is_trade=True)
    offers.fill(5)
    sent = [offers.take() for _ in range(5)]
    sent += [batch.take()]
    sent += [trades.take() for _ in range(4)]
    built = ledger.commit(sent)  # raises when one does not apply
    authors = [parse_transaction(data).author for data in built.block.transactions]
    assert authors[:5] == [SELLERS[0]] * 5
    assert [one.records for one in sent] == [1, 1, 1, 1, 1, 3, 1, 1, 1, 1]
    assert authors[6:] == [SELLERS[2], "separator"] * 2
    assert (offers.signed_late, batch.signed_late > 0, trades.signed_late > 0) == (0, True, True)


def test_a_profile_adds_up_to_the_cpu_time_of_the_process(tmp_path: Path) -> None:
    file = tmp_path / "profile"
    ours = str(ROOT / "ledger" / "tree.py")
    waiting = {"file": "selectors.py", "line": 1, "function": "EpollSelector.select"}
    functions = [
        {"file": ours, "line": 7, "function": "update", "calls": None, "own": 0.6, "whole": 0.8},
        {"file": "~", "line": 0, "function": "<sha256>", "calls": 50, "own": 0.2, "whole": 0.2},
        {**waiting, "calls": None, "own": 0.2, "whole": 0.2},
    ]
    clocks = {"wall_seconds": 2.0, "loop_cpu_seconds": 0.9, "process_cpu_seconds": 1.0}
    file.write_text(
        json.dumps({"clocks": clocks, "samples": 9, "functions": functions}), encoding="utf-8"
    )
    summary = summarize(file, 1_000)
    assert summary["us_per_transaction"] == 1_000
    assert summary["parts"]["ledger/tree.py"] == {"share": 0.75, "us": 750.0}
    assert sum(part["us"] for part in summary["parts"].values()) == 1_000
    assert [row["function"] for row in summary["whole"]] == ["ledger/tree.py:7 update"]
    assert summary["functions"][1]["calls"] == 0.05
    assert "ledger/tree.py:7 update" in table(summary)


MEASURED_RECORDS = {
    *("AdmitMember", "SuspendMember", "AddKey", "RevokeKey", "RegisterFacility", "DefineProduct"),
    *("SetPlan", "GrantQuota", "MineOutput", "SplitLot"),
    *("OfferTransfer", "AcceptTransfer", "RejectTransfer", "CancelTransfer"),
}


@pytest.mark.slow
def test_single_steps_are_measured_for_the_records_of_everyday() -> None:
    result = benchmark("--micro", "--rounds", "1")
    applied = result["micro_us"]["apply_one_record"]
    names = {name.partition(" ")[0] for name in applied}
    assert names == MEASURED_RECORDS
    assert names <= {rule.record.__name__ for rule in RULES}
    assert all(figure > 0 for figure in applied.values())
    assert result["machine"]["cores"] >= 1


@pytest.mark.slow
def test_four_nodes_are_loaded_and_every_receipt_is_verified() -> None:
    result = benchmark("--seconds", "1", "--clients", "4", "--only", "one_client", "--only", "half")
    assert result["schema"] == "monazite.bench/1"
    assert {"commit", "load_before_1_min", "python", "date"} <= set(result["machine"])
    figures = result["results"]
    for name in ("one_client", "half"):
        assert figures[name]["receipts_verified"] == figures[name]["transactions"] > 0
        assert figures[name]["p50_ms"] <= figures[name]["p99_ms"]
        assert set(figures[name]["resident_mb"]) == set(
            figures[name]["node_cpu_ms_per_transaction"]
        )
    assert figures["disk"]["store_bytes_per_transfer_and_node"] > 0
