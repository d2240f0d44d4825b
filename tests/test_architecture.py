"""The import rules hold, and each of them is broken by what it is there to forbid.

The rules themselves stand in ``pyproject.toml`` under ``[tool.importlinter]``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ledger", "consensus", "client", "node")
SEEDED = {
    "ledger-alone": ("ledger/civil.py", "import consensus.engine"),
    "wire-alone": ("ledger/wire/block.py", "import ledger.state.rows"),
    "consensus-wire": ("consensus/tally.py", "import ledger.state.view"),
    "client-ledger": ("client/trust.py", "import consensus.config"),
    "who-imports-client": ("node/service.py", "import client.trust"),
    "pure": ("consensus/timers.py", "import time"),
    "decisions": ("node/replica.py", "import asyncio"),
    "without-extras": ("client/profile.py", "import structlog"),
    "plyvel": ("node/home.py", "import plyvel"),
    "node-layers": ("node/mempool.py", "import node.driver"),
    "ledger-layers": ("ledger/records/set_plan.py", "import ledger.transition"),
}
"""For each rule an import that breaks it: the file, and the line that is added to it."""


def contracts() -> dict[str, str]:
    """Return name by id of every rule."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {rule["id"]: rule["name"] for rule in settings["tool"]["importlinter"]["contracts"]}


def checked(directory: Path) -> dict[str, bool]:
    """Check the packages in a directory; return whether each rule is kept, by name."""
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(directory), "COLUMNS": "200"},
    )
    verdicts = {}
    for line in finished.stdout.splitlines():
        for name in contracts().values():
            rest = line.removeprefix(name)
            if rest != line and rest.split()[:1] in (["KEPT"], ["BROKEN"]):
                verdicts[name] = rest.split()[0] == "KEPT"
    assert len(verdicts) == len(contracts()), finished.stdout + finished.stderr
    return verdicts


@pytest.fixture(scope="module")
def seeded_verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Check a copy of the packages in which every rule is broken once."""
    directory = tmp_path_factory.mktemp("seeded")
    shutil.copy(ROOT / "pyproject.toml", directory)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for path, line in SEEDED.values():
        with (directory / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    return checked(directory)


def test_every_import_rule_holds() -> None:
    broken = [name for name, kept in checked(ROOT).items() if not kept]
    assert not broken, "run .venv/bin/lint-imports to see which imports are in the way"


def test_there_is_a_seeded_violation_for_every_rule() -> None:
    assert set(SEEDED) == set(contracts())


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(SEEDED))
def test_a_rule_is_broken_by_what_it_forbids(rule: str, seeded_verdicts: dict[str, bool]) -> None:
    assert not seeded_verdicts[contracts()[rule]]
