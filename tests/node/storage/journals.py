"""Journals for tests."""

from pathlib import Path

from node.storage.journal import Journal
from node.storage.recovery import segment_name

IDENTITY = b"chain, epoch 1, validators, consensus key"


RECORDS = [(1, b"proposed in view 7"), (2, b""), (255, bytes(range(256))), (3, b"nullified")]


def write_journal(path: Path, records: list[tuple[int, bytes]]) -> None:
    with Journal.create(path, IDENTITY) as journal:
        journal.append(records)
        journal.sync()


def read_journal(path: Path) -> list[tuple[int, bytes]]:
    with Journal.open(path, IDENTITY) as journal:
        return list(journal.replay())


def first_segment(path: Path) -> Path:
    return path / segment_name(1)


def flip(file: Path, offset: int, bits: int = 0x01) -> None:
    content = bytearray(file.read_bytes())
    content[offset] ^= bits
    file.write_bytes(content)
