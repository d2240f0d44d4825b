"""The condition of the machine before a run: figures of two machines, or two moments, are not comparable.

Besides names and versions it measures three things that our figures hang on: one SHA-256 of 64 bytes, one
Ed25519 verification, and one synced write of 4 KiB where the nodes will keep their stores.
"""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.wire.signing import SigningDomain, is_signature_valid, public_key_of, signer

_ROUNDS = 2_000
_SYNCS = 40


def condition(directory: Path) -> dict[str, Any]:
    """Return what was the case before the run; ``directory`` is where the stores will be."""
    load_1, load_5, _load_15 = os.getloadavg()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_before_1_min": round(load_1, 2),
        "load_before_5_min": round(load_5, 2),
        "sha256_us": _sha256_us(),
        "ed25519_verify_us": _verify_us(),
        "synced_write_ms": _synced_write_ms(directory),
    }


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - the git that people use
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()

    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{name} with changes" if git("status", "--porcelain") else name


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _sha256_us() -> float:
    data = bytes(64)
    started = time.perf_counter()
    for _ in range(_ROUNDS):
        hashlib.sha256(data).digest()
    return round((time.perf_counter() - started) / _ROUNDS * 1e6, 2)


def _verify_us() -> float:
    seed = bytes(32)
    key, signature = public_key_of(seed), signer(seed)(SigningDomain.TRANSACTION, bytes(32))
    started = time.perf_counter()
    for _ in range(_ROUNDS):
        is_signature_valid(key, SigningDomain.TRANSACTION, bytes(32), signature)
    return round((time.perf_counter() - started) / _ROUNDS * 1e6, 1)


def _synced_write_ms(directory: Path) -> float:
    path = directory / "synced-write"
    seconds = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            file.write(bytes(4_096))
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    path.unlink()
    return round(statistics.median(seconds) * 1e3, 2)
