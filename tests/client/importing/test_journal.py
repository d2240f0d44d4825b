from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from client.errors import UsageError
from client.importing.journal import Journal
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import Height, TxId

ROW, OTHER = plain_digest(b"row"), plain_digest(b"other")
TX, LATER = TxId(bytes(32)), TxId(bytes([1]) * 32)


def test_rows_are_final_open_or_free(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "imports")
    assert journal.read().final == set()
    journal.note_sent(TX, (ROW, OTHER))
    assert journal.read().unsettled == {TX: (ROW, OTHER)}
    journal.note_refused(TX)
    assert journal.read().unsettled == {}
    journal.note_sent(LATER, (ROW,))
    journal.note_final(LATER, Height(7))
    state = journal.read()
    assert state.final == {ROW}
    assert state.unsettled == {}


def test_a_last_line_that_was_cut_off_by_a_crash_is_passed_over_for_ever(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    journal.note_sent(TX, (ROW,))
    journal.note_final(TX, Height(1))
    with journal.path.open("ab") as stream:
        stream.write(b'{"event": "sent", "tx_')
    assert journal.read().final == {ROW}
    journal.note_sent(LATER, (OTHER,))
    state = journal.read()
    assert state.final == {ROW}
    assert state.unsettled == {LATER: (OTHER,)}


@pytest.mark.parametrize(
    "line", [b"nonsense", b"{}", b'{"event": "eaten", "tx_id": "00"}', b"7", b'{"tx_id": 5}']
)
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, line: bytes) -> None:
    journal = Journal(tmp_path)
    journal.note_sent(TX, (ROW,))
    journal.path.write_bytes(line + b"\n" + journal.path.read_bytes())
    with pytest.raises(UsageError, match=r"journal.jsonl, line 1: is damaged.*restore it"):
        journal.read()


def test_a_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        Journal(blocked).note_sent(TX, (ROW,))
    with pytest.raises(UsageError, match="journal"):
        Journal(blocked).read()


def test_imports_that_run_side_by_side_lose_no_line(tmp_path: Path) -> None:
    rows = tuple(plain_digest(bytes([number])) for number in range(200))
    transactions = [TxId(number.to_bytes(32, "big")) for number in range(64)]

    def note(tx_id: TxId) -> None:
        journal = Journal(tmp_path)
        journal.note_sent(tx_id, rows)
        journal.note_refused(TxId(bytes([255]) * 32))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, transactions))
    assert Journal(tmp_path).read().unsettled == dict.fromkeys(transactions, rows)
