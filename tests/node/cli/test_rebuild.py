"""A store made anew beside a kept journal: the home, and real replicas that go on with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.cli.exit_codes import ExitCode
from client.errors import UsageError
from consensus.effects import Broadcast, Halt, JournalRecord, Send
from consensus.messages import Proposal, Vote
from ledger.parsed import ParsedTransaction
from ledger.records.set_plan import SetPlan
from ledger.store import META_GENESIS, META_TIP
from ledger.vocabulary import Bucket
from ledger.wire.block import Header
from ledger.wire.codec import decode
from ledger.wire.scalars import Digest, Grams
from node.cli.rebuild import rebuild
from node.cli.running import NodeExit
from node.home import Home
from node.storage.journal import Journal
from node.storage.leveldb import LevelStore
from node.storage.lock import HomeLock
from tests.support.founding import MINISTRY
from tests.support.node_network import NodeNetwork, NodeReplica, copy_of
from tests.support.running_node import NodeHome, make_home

REBUILT = "customs"
OTHER = "north-group"


def plan(network: NodeNetwork, year: int) -> ParsedTransaction:
    record = SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(10**9), document=Digest(bytes(32))
    )
    return network.world.transaction(MINISTRY, record)


def write(network: NodeNetwork, *years: int) -> None:
    """Make one plan for each year final on every running node."""
    for year in years:
        transaction = plan(network, year)
        network.submit(MINISTRY, transaction)
        network.finish(transaction)


def signed_views(node: NodeReplica) -> list[int]:
    """Return the views of all votes and proposals that a node has sent."""
    views: list[int] = []
    for effect in node.trace:
        if isinstance(effect, Send | Broadcast):
            if isinstance(effect.message, Vote):
                views.append(effect.message.view)
            elif isinstance(effect.message, Proposal):
                views.append(effect.message.point.view)
    return views


def begin_anew(network: NodeNetwork, beginning: dict[bytes, bytes], *, is_cut: bool) -> int:
    """Rebuild a node as the command does and start it; return the view that it must not vote below."""
    node = network[REBUILT]
    floor = node.replica.status.journal_floor
    if is_cut:
        node.journal[:] = node.replica.checkpoint_records()
    node.store = copy_of(beginning)
    node.trace.clear()
    node.reopen()
    for other in network.others(REBUILT):
        network.connect(REBUILT, other)
        network.connect(other, REBUILT)
    return floor


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_rebuilt_node_catches_up_and_votes_again_but_never_where_it_has_voted(
    *, is_cut: bool
) -> None:
    network = NodeNetwork()
    node = network[REBUILT]
    beginning = dict(node.store.scan(b""))
    write(network, *range(2030, 2040))
    floor = begin_anew(network, beginning, is_cut=is_cut)
    assert floor >= 10
    assert node.height < network[OTHER].height
    network.until(lambda: node.height == network[OTHER].height)
    assert node.replica.chain.tip == network[OTHER].replica.chain.tip
    # Without another one the rebuilt node's vote is needed.
    network[OTHER].running = False
    write(network, 2040, 2041)
    assert not [notice for notice in node.notices if isinstance(notice, Halt)]
    assert node.replica.status.signing
    views = signed_views(node)
    assert max(views) > floor
    if is_cut:
        assert min(views) > floor


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_rebuilt_node_that_hears_nobody_signs_nothing_that_it_has_forgotten(
    *, is_cut: bool
) -> None:
    network = NodeNetwork()
    node = network[REBUILT]
    beginning = dict(node.store.scan(b""))
    write(network, *range(2030, 2036))
    before: set[JournalRecord] = set(node.journal)
    network.isolate(REBUILT)
    floor = begin_anew(network, beginning, is_cut=is_cut)
    network.submit(REBUILT, plan(network, 2050))
    network.pass_time(60_000)
    assert not [notice for notice in node.notices if isinstance(notice, Halt)]
    for effect in node.trace:
        if isinstance(effect, Send | Broadcast) and isinstance(effect.message, Vote):
            recorded = any(
                effect.message == decode(Vote, body) for kind, body in before if kind == 2
            )
            assert recorded or effect.message.view > floor
    assert before or not is_cut


# ---- the command's own part


@pytest.fixture
def place(tmp_path: Path) -> NodeHome:
    return make_home(tmp_path / "home")


def journal_bytes(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.journal.iterdir() if path.is_file()}


def test_the_old_store_is_moved_aside_and_the_journal_is_kept(place: NodeHome) -> None:
    home, kept = place.home, journal_bytes(place.home)
    assert rebuild(home) == home.path / "store.damaged-1"
    assert journal_bytes(home) == kept
    store = LevelStore(home.store, create=False)
    tip = store.get(META_TIP)
    assert tip is not None
    assert decode(Header, tip).height == 0
    assert store.get(META_GENESIS) == home.genesis.read_bytes()
    store.close()
    assert rebuild(home) == home.path / "store.damaged-2"


def test_a_lost_store_is_made_anew(place: NodeHome) -> None:
    place.home.store.rename(place.home.path / "elsewhere")
    assert rebuild(place.home) is None
    assert place.home.store.is_dir()


def test_a_running_node_is_not_rebuilt(place: NodeHome) -> None:
    with HomeLock.acquire(place.home.path), pytest.raises(NodeExit, match="Stop the node") as ended:
        rebuild(place.home)
    assert ended.value.exit_code is ExitCode.STORE_IN_USE
    assert not (place.home.path / "store.damaged-1").exists()


def test_without_its_journal_a_node_is_not_rebuilt(place: NodeHome) -> None:
    assert Journal.exists(place.home.journal)
    place.home.journal.rename(place.home.path / "elsewhere")
    with pytest.raises(NodeExit, match="journal is missing"):
        rebuild(place.home)
    assert place.home.store.is_dir()


def test_without_its_genesis_a_node_is_not_rebuilt(place: NodeHome) -> None:
    place.home.genesis.unlink()
    with pytest.raises(NodeExit, match=r"genesis\.json cannot be read"):
        rebuild(place.home)
    assert place.home.store.is_dir()


def test_a_directory_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no node's home"):
        rebuild(Home(tmp_path))
