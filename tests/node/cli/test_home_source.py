"""The homes of stopped nodes as targets of the auditor: whose they are, and what is read of them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from client.cli.exit_codes import ExitCode
from client.errors import UsageError
from client.verify.anchor import PinnedGenesis
from client.verify.findings import FindingCode
from client.verify.report import AuditReport, make_report, report_lines
from client.verify.run import conduct
from client.verify.source import AnswerUnusable, HistorySource, SourceInUse, SourceSilent
from client.verify.verdict import AuditVerdict
from ledger.store import META_GENESIS, META_TIP, block_key, proof_key
from ledger.wire.codec import encode
from ledger.wire.scalars import Height
from node.cli.home_source import HomeSource, node_name
from node.home import Home
from node.storage.leveldb import LevelStore
from node.storage.lock import HomeLock
from tests.client.verify.auditing import MemorySource
from tests.support.history import History, make_history


def make_home(path: Path, history: History, name: str | None) -> Path:
    """Return a home that keeps a history, with a configuration that names the node."""
    path.mkdir()
    home = Home(path)
    store = LevelStore(home.store, create=True)
    rows: dict[bytes, bytes | None] = {
        META_GENESIS: history.genesis.data,
        META_TIP: encode(history.block(history.tip).header),
    }
    for number, (block, proof) in enumerate(history.rows):
        rows[block_key(Height(number))] = block
        if proof:
            rows[proof_key(Height(number))] = proof
    store.write(rows, sync=False)
    store.close()
    if name is not None:
        home.configuration.write_text(f'[node]\nname = "{name}"\n', encoding="utf-8")
    return path


def audit(*sources: HistorySource | Path) -> AuditReport:
    """Audit these sources and homes, the test genesis pinned."""
    genesis = make_history().genesis

    async def run() -> AuditReport:
        opened = [HomeSource(str(it)) if isinstance(it, Path) else it for it in sources]
        try:
            pinned = PinnedGenesis(genesis.chain_id, genesis.data, "pinned by the test")
            return make_report(await conduct(opened, pinned))
        finally:
            for source in opened:
                await source.close()

    return asyncio.run(run())


def codes(report: AuditReport) -> list[FindingCode]:
    return [finding.code for finding in report.findings]


def test_homes_of_two_nodes_are_two_witnesses(tmp_path: Path) -> None:
    history = make_history()
    report = audit(
        make_home(tmp_path / "a", history, "north"), make_home(tmp_path / "b", history, "south")
    )
    assert (report.verdict, codes(report)) == (AuditVerdict.VERIFIED, [])


def test_a_home_and_its_copy_are_one_witness(tmp_path: Path) -> None:
    home = make_home(tmp_path / "a", make_history(), "north")
    shutil.copytree(home, tmp_path / "copy")
    report = audit(home, tmp_path / "copy")
    assert report.exit_code is ExitCode.INCOMPLETE
    assert codes(report) == [FindingCode.SAME_NODE_TWICE, FindingCode.END_NOT_FIXED]


def test_a_home_and_the_address_of_the_same_node_are_one_witness(tmp_path: Path) -> None:
    history = make_history()
    home = make_home(tmp_path / "a", history, "north")
    report = audit(home, MemorySource("https://north.example", history, node="north"))
    assert report.exit_code is ExitCode.INCOMPLETE
    assert codes(report) == [FindingCode.SAME_NODE_TWICE, FindingCode.END_NOT_FIXED]


def test_a_copy_without_its_configuration_is_no_further_witness(tmp_path: Path) -> None:
    history = make_history()
    home = make_home(tmp_path / "a", history, "north")
    bare = make_home(tmp_path / "bare", history, None)
    other = make_home(tmp_path / "other", history, None)
    for sources in ((home, bare), (bare, other)):
        report = audit(*sources)
        assert report.exit_code is ExitCode.INCOMPLETE
        assert codes(report) == [FindingCode.END_NOT_FIXED]


def test_a_home_that_was_stopped_earlier_is_compared_to_its_own_end(tmp_path: Path) -> None:
    history = make_history(40)
    report = audit(
        make_home(tmp_path / "early", history.cut_to(9), "north"),
        MemorySource("https://a", history),
        MemorySource("https://b", history),
    )
    assert (report.verdict, codes(report)) == (AuditVerdict.VERIFIED, [])
    assert any(
        "(north): compared to block 9; it ends at block 9, stopped" in line
        for line in report_lines(report)
    )


@pytest.mark.parametrize(
    "configuration",
    [
        b"",
        b"name = 'north'",
        b"node = 'north'",
        b"[node]\nname = 3",
        b"[node]\nname = ''",
        b"[node]\nother = 'north'",
        b"[node\nname = 'north'",
        b"[node]\nname = '\xff'",
        b"a = " + b"[" * 100_000,
        b"#" * (1024 * 1024 + 1),
    ],
)
def test_a_configuration_that_gives_no_readable_name_gives_none(
    tmp_path: Path, configuration: bytes
) -> None:
    home = Home(tmp_path)
    assert node_name(home) == "", "without a configuration"
    home.configuration.write_bytes(configuration)
    assert node_name(home) == ""


def test_a_name_is_bounded_and_cannot_steer_a_terminal(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.configuration.write_text('[node]\nname = "\\u001b]0;x' + "n" * 1000 + '"\n')
    assert "\x1b" not in node_name(home)
    assert len(node_name(home)) < 300


def test_a_directory_without_a_store_is_no_home(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no node's home"):
        HomeSource(str(tmp_path))


def test_the_home_of_a_running_node_is_in_use(tmp_path: Path) -> None:
    home = make_home(tmp_path / "a", make_history(), "north")
    lock = HomeLock.acquire(home)
    with pytest.raises(SourceInUse, match="Stop the node"):
        HomeSource(str(home))
    lock.release()
    asyncio.run(HomeSource(str(home)).close())


def test_a_store_without_a_ledger_is_silent_and_a_damaged_tip_is_unusable(tmp_path: Path) -> None:
    home = Home(make_home(tmp_path / "a", make_history(), "north"))

    async def claims(tip: bytes | None) -> None:
        store = LevelStore(home.store, create=False)
        store.write({META_TIP: tip, META_GENESIS: None}, sync=False)
        store.close()
        source = HomeSource(str(home.path))
        try:
            with pytest.raises(SourceSilent):
                await source.genesis()
            await source.tip()
        finally:
            await source.close()

    with pytest.raises(SourceSilent):
        asyncio.run(claims(None))
    with pytest.raises(AnswerUnusable):
        asyncio.run(claims(b"\xc1"))
