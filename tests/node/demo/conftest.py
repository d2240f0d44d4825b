"""The whole demo history and its files, made once: what most tests here look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.demo.files import write
from node.demo.history import generate
from node.demo.records import DemoHistory


@pytest.fixture(scope="session")
def history() -> DemoHistory:
    return generate()


@pytest.fixture(scope="session")
def written(history: DemoHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "history"
    write(history, directory)
    return directory
