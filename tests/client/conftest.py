from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.client.desk import Desk
from tests.client.network import Ledger
from tests.support.trading import MINE


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    """A trading world with certified blocks; its nodes are stopped at the end."""
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture(autouse=True)
def config_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the files of whoever runs it."""
    directory = tmp_path / "config"
    monkeypatch.setenv("MONAZITE_CONFIG_DIR", str(directory))
    for variable in ("MONAZITE_PROFILE", "MONAZITE_PASSPHRASE", "MONAZITE_TRACEBACK"):
        monkeypatch.delenv(variable, raising=False)
    return directory


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A node in a thread and a clerk's desk, with the profile of a mine in use."""
    desk = Desk(tmp_path, capsys)
    desk.start()
    desk.profile(MINE)
    yield desk
    desk.stop()
