"""Where the time of one node went: its cProfile figures, by function and by part of the program.

cProfile sees the thread of the event loop only, not the threads that check signatures, and makes Python code
slower than it is, small functions most of all: read shares from it, not speeds.
"""

from __future__ import annotations

import pstats
from collections import Counter
from pathlib import Path
from typing import Any, Final

FUNCTIONS_SHOWN: Final = 30
_ROOT: Final = Path(__file__).parents[2]


def summarize(profile: Path, transactions: int) -> dict[str, Any]:
    """Return the functions that took the most time themselves, and the time of each part.

    ``transactions`` were final while the profile ran, warm-up included.
    """
    stats: Any = pstats.Stats(str(profile))
    rows = []
    parts: Counter[str] = Counter()
    for (file, line, function), (_primitive, calls, own, whole, _callers) in stats.stats.items():
        if "select" in function and "poll" in function:
            continue  # waiting for something to do
        parts[_part_of(file, function)] += own
        rows.append((own, whole, calls, f"{_short(file)}:{line}({function})"))
    rows.sort(reverse=True)
    total = sum(parts.values())
    return {
        "transactions": transactions,
        "seconds": round(total, 2),
        "us_per_transaction": round(total / max(1, transactions) * 1e6),
        "parts": {
            name: {
                "share": round(own / total, 3),
                "us_per_transaction": round(own / max(1, transactions) * 1e6, 1),
            }
            for name, own in parts.most_common()
            if own / total >= 0.003
        },
        "functions": [
            {
                "function": name,
                "calls_per_transaction": round(calls / max(1, transactions), 2),
                "own_us_per_transaction": round(own / max(1, transactions) * 1e6, 1),
                "whole_us_per_transaction": round(whole / max(1, transactions) * 1e6, 1),
            }
            for own, whole, calls, name in rows[:FUNCTIONS_SHOWN]
        ],
    }


def table(summary: dict[str, Any]) -> str:
    """Return a summary as people read it."""
    lines = [
        f"{summary['us_per_transaction']} us per transaction under cProfile, "
        f"{summary['transactions']} transactions",
        "",
        f"{'share':>6} {'us/tx':>8}  part",
    ]
    lines += [
        f"{part['share']:6.1%} {part['us_per_transaction']:8.1f}  {name}"
        for name, part in summary["parts"].items()
    ]
    lines += ["", f"{'own us':>8} {'whole us':>9} {'calls':>7}  function (each per transaction)"]
    lines += [
        f"{row['own_us_per_transaction']:8.1f} {row['whole_us_per_transaction']:9.1f} "
        f"{row['calls_per_transaction']:7.2f}  {row['function']}"
        for row in summary["functions"]
    ]
    return "\n".join(lines)


def _short(file: str) -> str:
    for base in (_ROOT, Path(pstats.__file__).parent):
        if file.startswith(f"{base}/"):
            file = file[len(str(base)) + 1 :]
    return file.rpartition("site-packages/")[2]


def _part_of(file: str, function: str) -> str:
    """Return the part of the program that a function belongs to: our module, or another's package."""
    short = _short(file)
    if file.startswith("~"):
        for mark in ("hashlib", "openssl", "sha256", "plyvel", "nacl", "msgspec", "_asyncio", "ssl"):
            if mark in function:
                return f"built in: {mark}"
        return "built in: other"
    head = short.split("/")
    if head[0] in ("ledger", "consensus", "node", "client"):
        return "/".join(head[:2])
    return head[0].removesuffix(".py")
