"""A folder for a journal, and a journal of five segments."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.journal import Journal
from tests.node.storage.journals import IDENTITY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def segmented(path: Path) -> Iterator[Journal]:
    with Journal.create(path, IDENTITY) as journal:
        for number in range(1, 5):
            journal.append([(number, b"in segment %d" % number)])
            assert journal.roll() == number + 1
        journal.append([(5, b"in segment 5")])
        journal.sync()
        yield journal
