from __future__ import annotations

from pathlib import Path

import pytest

from client.composing import prepare, sign
from client.errors import UsageError
from client.outbox import Outbox, OutboxEntry, entry_of
from ledger.vocabulary import Role
from ledger.wire.scalars import ChainId, MemberId, TimeMs
from tests.client.network import keys_of
from tests.support.trading import MINE, output


def entry(valid_until_ms: int = 1_000, code: str = "C-1") -> OutboxEntry:
    transaction = prepare(
        [output(code=code)],
        chain_id=ChainId(bytes(32)),
        author=MemberId(MINE),
        valid_until_ms=TimeMs(valid_until_ms),
    )
    return entry_of(sign(transaction, [keys_of(MINE)[Role.OPERATOR]]))


def test_what_was_added_comes_back_and_can_be_removed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "deep" / "outbox")
    later, sooner = entry(2_000), entry(1_000)
    outbox.add(later)
    outbox.add(sooner)
    outbox.add(sooner)
    assert outbox.entries() == (sooner, later)
    assert sooner.tx_id in outbox
    outbox.remove(sooner.tx_id)
    outbox.remove(sooner.tx_id)
    assert outbox.entries() == (later,)


def test_an_outbox_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert Outbox(tmp_path / "none").entries() == ()


def test_files_of_others_and_unfinished_ones_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / f".{'0' * 64}.tx.abc123").write_bytes(b"half")
    assert Outbox(tmp_path).entries() == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    kept = entry()
    outbox.add(kept)
    path = tmp_path / f"{kept.tx_id.hex()}.tx"
    path.write_bytes(kept.signed_bytes[:-1])
    with pytest.raises(UsageError, match=rf"outbox file .*{path.name}: is damaged"):
        outbox.entries()


def test_a_file_under_another_name_is_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    kept = entry()
    (tmp_path / f"{'ab' * 32}.tx").write_bytes(kept.signed_bytes)
    with pytest.raises(UsageError, match=f"holds transaction {kept.tx_id.hex()}, not the one"):
        outbox.entries()


def test_when_it_cannot_be_written_nothing_may_be_sent(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UsageError, match=r"cannot be written.*Nothing was sent"):
        Outbox(blocked).add(entry())
