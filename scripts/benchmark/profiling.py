"""Where the time of one profiled node went, by part of the program and by function.

Times are the shares that ``profiled_node`` found, of the CPU time of the node's process, so that they add up
to what the operating system counted. The wait for something to do is left out.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

FUNCTIONS_SHOWN: Final = 30
PART_SHARE_MIN: Final = 0.003
_ROOT: Final = Path(__file__).parents[2]
_STANDARD_LIBRARY: Final = Path(asyncio.__file__).parents[1]
_WAITING: Final = ("EpollSelector.select", "<method 'poll' of 'select.epoll' objects>")
_BUILT_IN_MARKS: Final = ("hashlib", "plyvel", "sodium", "msgspec", "_asyncio", "ssl", "socket")


def summarize(profile: Path, transactions: int) -> dict[str, Any]:
    """Return how a node spent its CPU time while ``transactions`` became final."""
    found = json.loads(profile.read_text(encoding="utf-8"))
    clocks = found["clocks"]
    functions = [entry for entry in found["functions"] if entry["function"] not in _WAITING]
    busy = sum(entry["own"] for entry in functions)
    us_per_transaction = clocks["process_cpu_seconds"] * 1e6 / max(1, transactions)
    parts: Counter[str] = Counter()
    for entry in functions:
        parts[_part_of(entry)] += entry["own"] / busy
    functions.sort(key=lambda entry: -entry["own"])
    return {
        "transactions": transactions,
        "samples": found["samples"],
        **{name: round(seconds, 2) for name, seconds in clocks.items()},
        "us_per_transaction": round(us_per_transaction, 1),
        "parts": {
            name: {"share": round(share, 4), "us": round(share * us_per_transaction, 1)}
            for name, share in parts.most_common()
            if share >= PART_SHARE_MIN
        },
        "functions": [
            _row(entry, us_per_transaction / busy, transactions)
            for entry in functions[:FUNCTIONS_SHOWN]
        ],
        "whole": [
            _row(entry, us_per_transaction / busy, transactions)
            for entry in sorted(functions, key=lambda entry: -entry["whole"])
            if _is_ours(entry)
        ][:FUNCTIONS_SHOWN],
    }


def table(summary: dict[str, Any]) -> str:
    """Return a summary as people read it."""
    clocks = ("wall", "loop_cpu", "process_cpu")
    counts = f"{summary['transactions']} transactions, {summary['samples'] or 'no'} samples"
    lines = [
        f"{summary['us_per_transaction']} us of CPU per transaction; {counts}",
        "seconds: " + ", ".join(f"{summary[f'{name}_seconds']} {name}" for name in clocks),
        "",
        f"{'share':>6} {'us':>8}  part of the program (each per transaction)",
    ]
    lines += [
        f"{part['share']:6.1%} {part['us']:8.1f}  {name}" for name, part in summary["parts"].items()
    ]
    for title, key in (("by its own time", "functions"), ("ours, with what it calls", "whole")):
        lines += ["", f"{'own us':>8} {'whole us':>9} {'calls':>7}  function, {title}"]
        lines += [
            f"{row['own_us']:8.1f} {row['whole_us']:9.1f} {row['calls'] or '':>7}  {row['function']}"
            for row in summary[key]
        ]
    return "\n".join(lines)


def _row(entry: dict[str, Any], us_per_share: float, transactions: int) -> dict[str, Any]:
    calls = entry["calls"]
    return {
        "function": f"{_short(entry['file'])}:{entry['line']} {entry['function']}",
        "own_us": round(entry["own"] * us_per_share, 1),
        "whole_us": round(entry["whole"] * us_per_share, 1),
        "calls": None if calls is None else round(calls / max(1, transactions), 2),
    }


def _short(file: str) -> str:
    for base in (_ROOT, _STANDARD_LIBRARY):
        file = file.removeprefix(f"{base}/")
    return file.rpartition("site-packages/")[2]


def _is_ours(entry: dict[str, Any]) -> bool:
    return _short(entry["file"]).partition("/")[0] in ("ledger", "consensus", "node", "client")


def _part_of(entry: dict[str, Any]) -> str:
    """Return the part of the program that a function belongs to: our module, or another's package."""
    if entry["file"].startswith("~"):
        marks = [mark for mark in _BUILT_IN_MARKS if mark in entry["function"]]
        return f"built in: {marks[0] if marks else 'other'}"
    head = _short(entry["file"]).split("/")
    if _is_ours(entry):
        return "/".join(head[:2])
    return head[0].removesuffix(".py")
