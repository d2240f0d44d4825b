"""The rules of the ledger say yes to the whole demo history, without an alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.state.tables import ALERTS, LOTS, QUOTAS
from ledger.vocabulary import Bucket
from node.demo.records import DemoHistory
from tests.node.demo.loading import Loader
from tests.node.demo.replay import Replay
from tests.support.founding import FOUNDERS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo-ledger")]


@pytest.fixture(scope="module")
def loaded(written: Path) -> Loader:
    loader = Loader(written)
    loader.load()
    return loader


def test_every_record_applies(loaded: Loader, history: DemoHistory) -> None:
    # The founders stand in the genesis document.
    assert loaded.records == history.record_count - len(FOUNDERS)


def test_nothing_raises_an_alert(loaded: Loader) -> None:
    rows = [key for block in loaded.blocks for key in block.overlay.rows]
    assert rows
    assert not [key for key in rows if key.startswith(ALERTS.prefix)]


def test_the_ledger_and_the_replay_agree_on_every_lot(loaded: Loader, written: Path) -> None:
    for name, lot in Replay(written).run().lots.items():
        row = loaded.world.expect(LOTS, loaded.lots[name])
        assert (row.owner, row.gross) == (lot.owner, lot.gross_g)
        assert (row.transfer is not None) == (lot.offered is not None)


def test_mining_quotas_are_used_up_and_separation_quotas_untouched(
    loaded: Loader, history: DemoHistory
) -> None:
    for grant in history.grants:
        bucket = Bucket[grant.bucket.upper()]
        account = loaded.world.expect(QUOTAS, grant.year, int(bucket), grant.grantee)
        assert account.used == (0 if bucket is Bucket.SEPARATION else account.granted)
