"""The home of a node: making it once, and opening only what belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.commit import open_committed
from ledger.genesis import Genesis
from ledger.vocabulary import Role
from node.home import (
    Home,
    HomeError,
    create_ledger,
    identity_of,
    open_journal,
    open_store,
    read_genesis,
)
from node.storage.journal_errors import JournalIdentityError
from tests.support.founding import CUSTOMS, MINISTRY, open_test_genesis, sole_genesis
from tests.support.keys import key_of

KEY = key_of(MINISTRY, Role.CONSENSUS)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with genesis, store and journal."""
    made = Home(tmp_path)
    made.genesis.write_bytes(open_test_genesis().data)
    create_ledger(made, open_test_genesis(), KEY)
    return made


def test_a_new_ledger_holds_the_genesis_block(home: Home) -> None:
    genesis = read_genesis(home)
    store = open_store(home, genesis)
    assert open_committed(store).header == genesis.header
    store.close()
    journal = open_journal(home, genesis, KEY)
    assert list(journal.replay()) == []
    journal.close()


def test_a_ledger_is_made_once(home: Home) -> None:
    with pytest.raises(HomeError, match="there is a store already"):
        create_ledger(home, open_test_genesis(), KEY)


def test_a_node_without_a_consensus_key_gets_no_journal_that_could_vote(tmp_path: Path) -> None:
    made = Home(tmp_path)
    made.genesis.write_bytes(open_test_genesis().data)
    create_ledger(made, open_test_genesis(), None)
    with pytest.raises(HomeError, match="must not vote"):
        open_journal(made, open_test_genesis(), KEY)


def test_a_store_of_another_network_is_not_opened_and_not_held(home: Home) -> None:
    home.genesis.write_bytes(sole_genesis().data)
    with pytest.raises(HomeError, match="another network"):
        open_store(home, sole_genesis())
    home.genesis.write_bytes(open_test_genesis().data)
    open_store(home, open_test_genesis()).close()


@pytest.mark.parametrize(
    ("genesis", "member"), [(open_test_genesis(), CUSTOMS), (sole_genesis(), MINISTRY)]
)
def test_a_journal_of_another_key_or_network_is_not_opened(
    home: Home, genesis: Genesis, member: str
) -> None:
    with pytest.raises(JournalIdentityError):
        open_journal(home, genesis, key_of(member, Role.CONSENSUS))


def test_the_identity_of_a_journal_names_network_epoch_set_and_key() -> None:
    identities = {
        identity_of(genesis, key_of(member, Role.CONSENSUS))
        for genesis in (open_test_genesis(), sole_genesis())
        for member in (MINISTRY, CUSTOMS)
    }
    assert len(identities) == 4
    assert all(len(identity) == 32 + 8 + 32 + 32 for identity in identities)


def test_a_home_without_a_genesis_or_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="copy the network's here"):
        read_genesis(Home(tmp_path))
    with pytest.raises(HomeError, match="monazite node join"):
        open_store(Home(tmp_path), open_test_genesis())
