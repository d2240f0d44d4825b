"""``monazite verify FILE``: a receipt says what it proves, offline, or that it proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

import client.cli.verify as command
from client.cli.exit_codes import ExitCode
from client.errors import ClientError, UsageError
from ledger.wire.codec import encode
from tests.ledger.test_receipts import ledger
from tests.support.founding import MINISTRY


@pytest.fixture
def genesis_file(tmp_path: Path) -> str:
    path = tmp_path / "genesis.json"
    path.write_bytes(ledger().genesis.data)
    return str(path)


def receipt_file(folder: Path, data: bytes, name: str = "receipt.bin") -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def verify(*arguments: str) -> int:
    app = typer.Typer()
    command.register(app)
    result = typer.main.get_command(app).main(list(arguments), standalone_mode=False)
    assert isinstance(result, int)
    return result


def whole() -> bytes:
    return encode(ledger().maker.receipt(ledger().transactions[0][1].tx_id))


def test_a_receipt_is_verified_without_any_node(
    tmp_path: Path, genesis_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    height, parsed = ledger().transactions[0]
    assert verify(receipt_file(tmp_path, whole()), "--genesis", genesis_file) == ExitCode.GOOD
    out = capsys.readouterr().out
    assert parsed.tx_id.hex() in out
    assert f"final in block {height}," in out
    assert f"by {MINISTRY}: {len(parsed.records)} SetPlan" in out
    assert out.strip().splitlines()[-1].startswith("VERIFIED: 1 of 1")


def test_a_receipt_for_one_record_says_that_the_others_stay_hidden(
    tmp_path: Path, genesis_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parsed = next(entry for _height, entry in ledger().transactions if len(entry.records) > 1)
    data = encode(ledger().maker.record_receipt(parsed.tx_id, 1))
    assert verify(receipt_file(tmp_path, data), "--genesis", genesis_file) == ExitCode.GOOD
    assert f"record 1 of {len(parsed.records)}" in capsys.readouterr().out


def test_any_changed_byte_of_a_receipt_is_tampering(tmp_path: Path, genesis_file: str) -> None:
    data = whole()
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        path = receipt_file(tmp_path, changed)
        assert verify(path, "--genesis", genesis_file) == ExitCode.TAMPERED, place


@pytest.mark.parametrize("data", [b"", b"no receipt", b"\x91" * 5_000, bytes(2 * 1024 * 1024)])
def test_what_is_no_receipt_proves_nothing(tmp_path: Path, genesis_file: str, data: bytes) -> None:
    assert verify(receipt_file(tmp_path, data), "--genesis", genesis_file) == ExitCode.TAMPERED


def test_one_bad_receipt_among_good_ones_decides_the_verdict_and_is_named(
    tmp_path: Path, genesis_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = receipt_file(tmp_path, whole(), "good.bin")
    bad = receipt_file(tmp_path, b"bad", "bad.bin")
    code = verify(good, bad, "--genesis", genesis_file, "--json")
    report = json.loads(capsys.readouterr().out)
    assert (code, report["verdict"]) == (ExitCode.TAMPERED, "TAMPERED")
    assert [finding["target"] for finding in report["findings"]] == [bad]
    assert [entry["verdict"] for entry in report["receipts"]] == ["VERIFIED", "TAMPERED"]


def test_the_digest_of_a_genesis_does_not_name_the_validators(tmp_path: Path) -> None:
    digest = ledger().genesis.chain_id.hex()
    with pytest.raises(UsageError, match="genesis document is needed"):
        verify(receipt_file(tmp_path, whole()), "--genesis", digest)


def test_receipts_and_nodes_are_different_questions(tmp_path: Path, genesis_file: str) -> None:
    with pytest.raises(ClientError, match="verified by themselves"):
        verify(receipt_file(tmp_path, whole()), "http://127.0.0.1:1", "--genesis", genesis_file)
