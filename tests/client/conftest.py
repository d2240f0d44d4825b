from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.client.network import Ledger


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    """A trading world with certified blocks; its nodes are stopped at the end."""
    ledger = Ledger()
    yield ledger
    await ledger.close()
