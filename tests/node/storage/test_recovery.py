"""A journal after damage and crashes: a prefix of what was appended, or a named error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.storage.journal import Journal
from node.storage.journal_errors import (
    JournalCorruptError,
    JournalError,
)
from node.storage.recovery import JournalOptions, segment_name
from tests.node.storage.journals import (
    IDENTITY,
    RECORDS,
    first_segment,
    flip,
    read_journal,
    write_journal,
)


def test_a_journal_cut_at_any_offset_gives_a_prefix_or_a_named_error(path: Path) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    whole = file.read_bytes()
    lengths: list[int] = []
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        try:
            found = read_journal(path)
        except JournalCorruptError as error:
            assert error.offset == 0  # noqa: PT017 - the header is never torn
            continue
        assert found == RECORDS[: len(found)]
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert set(lengths) == set(range(len(RECORDS)))


@pytest.mark.slow
@pytest.mark.parametrize("bits", [0x01, 0x80, 0xFF])
def test_a_byte_flipped_at_any_offset_is_always_a_named_error(path: Path, bits: int) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    whole = file.read_bytes()
    for offset in range(len(whole)):
        flip(file, offset, bits)
        with pytest.raises(JournalCorruptError) as caught:
            read_journal(path)
        assert caught.value.segment == file.name
        assert caught.value.offset <= offset
        assert str(caught.value.offset) in str(caught.value)
        file.write_bytes(whole)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_ever_yields_a_record_that_was_not_appended(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journals") / "journal"
    write_journal(path, RECORDS)
    file = first_segment(path)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 40)))
        content[start:end] = data.draw(
            st.one_of(st.binary(max_size=40), st.just(bytes(end - start)), st.just(bytes(600)))
        )
    file.write_bytes(content)
    try:
        found = read_journal(path)
    except JournalError:
        return
    assert found == RECORDS[: len(found)]


def test_a_torn_end_is_cut_off_before_anything_is_appended(path: Path) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    file.write_bytes(file.read_bytes()[:-3])
    with Journal.open(path, IDENTITY) as journal:
        journal.append([(7, b"new")])
        journal.sync()
    assert read_journal(path) == [*RECORDS[:-1], (7, b"new")]


def test_a_cut_is_durable_before_anything_is_appended(path: Path) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    file.write_bytes(file.read_bytes()[:-3])
    lengths: list[int] = []
    options = JournalOptions(flush=lambda descriptor: lengths.append(os.fstat(descriptor).st_size))
    torn = file.stat().st_size
    Journal.open(path, IDENTITY, options).close()
    assert lengths == [torn, file.stat().st_size]
    assert file.stat().st_size < torn


@pytest.mark.parametrize("zeros", [1, 11, 12, 511, 512, 5000])
def test_zeros_behind_the_last_record_are_a_torn_end(path: Path, zeros: int) -> None:
    write_journal(path, RECORDS)
    with first_segment(path).open("ab") as file:
        file.write(bytes(zeros))
    assert read_journal(path) == RECORDS


def test_a_last_record_whose_last_sectors_never_arrived_is_a_torn_end(path: Path) -> None:
    write_journal(path, [*RECORDS, (5, b"\xaa" * 5000)])
    file = first_segment(path)
    content = file.read_bytes()
    file.write_bytes(content[:2048] + bytes(len(content) - 2048))
    assert read_journal(path) == RECORDS


def test_a_complete_last_record_that_was_damaged_is_an_error(path: Path) -> None:
    write_journal(path, [*RECORDS, (5, b"\xaa" * 5000)])
    file = first_segment(path)
    content = file.read_bytes()
    file.write_bytes(content[:2048] + bytes(512) + content[2560:])
    with pytest.raises(JournalCorruptError):
        read_journal(path)


def test_a_damaged_length_does_not_hide_the_records_behind_it(path: Path) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    offset = file.read_bytes().index(b"proposed") - 13
    flip(file, offset + 1)  # the record now claims to go on far past the end of the file
    with pytest.raises(JournalCorruptError, match="length"):
        read_journal(path)


def test_a_record_that_was_moved_or_doubled_is_an_error(path: Path) -> None:
    write_journal(path, [(1, b"first vote"), (1, b"other vote")])
    file = first_segment(path)
    content = file.read_bytes()
    size = 13 + len(b"first vote")
    head, one, two = content[: -2 * size], content[-2 * size : -size], content[-size:]
    for damaged in (head + two + one, head + one + one, head + two, content + one):
        file.write_bytes(damaged)
        with pytest.raises(JournalCorruptError):
            read_journal(path)


def test_a_record_longer_than_the_limit_is_not_read_into_memory(path: Path) -> None:
    write_journal(path, [(1, bytes(100))])
    with pytest.raises(JournalCorruptError, match="was the limit lowered"):
        Journal.open(path, IDENTITY, JournalOptions(record_bytes_max=99))


def test_a_segment_missing_in_between_is_an_error(segmented: Journal, path: Path) -> None:
    segmented.close()
    (path / segment_name(3)).unlink()
    with pytest.raises(JournalCorruptError, match="missing") as caught:
        read_journal(path)
    assert caught.value.segment == segment_name(3)


def test_an_older_segment_that_was_cut_short_is_an_error(segmented: Journal, path: Path) -> None:
    segmented.close()
    file = path / segment_name(2)
    content = file.read_bytes()
    record_bytes = 13 + len(b"in segment 2")
    for length in (len(content) - 1, len(content) - record_bytes):
        file.write_bytes(content[:length])
        with pytest.raises(JournalCorruptError):
            read_journal(path)


def test_zeros_behind_an_older_segment_are_an_error(segmented: Journal, path: Path) -> None:
    segmented.close()
    with (path / segment_name(2)).open("ab") as file:
        file.write(bytes(600))
    with pytest.raises(JournalCorruptError, match="segments follow"):
        read_journal(path)


def test_segments_that_changed_places_are_an_error(segmented: Journal, path: Path) -> None:
    segmented.close()
    two, three, aside = (path / segment_name(2), path / segment_name(3), path / "aside")
    two.rename(aside)
    three.rename(two)
    aside.rename(three)
    with pytest.raises(JournalCorruptError, match="says segment 3"):
        read_journal(path)


def test_a_segment_of_another_journal_is_an_error(segmented: Journal, tmp_path: Path) -> None:
    segmented.close()
    other = tmp_path / "other"
    with Journal.create(other, IDENTITY) as journal:
        journal.append([(1, b"another past")])
        journal.roll()
    file = segmented.path / segment_name(2)
    for newer in range(3, 6):
        (segmented.path / segment_name(newer)).unlink()
    file.write_bytes((other / segment_name(2)).read_bytes())
    with pytest.raises(JournalCorruptError, match="does not follow"):
        read_journal(segmented.path)


def test_a_segment_that_was_never_finished_is_removed(segmented: Journal, path: Path) -> None:
    segmented.close()
    stray = path / "segment-0000000006.unfinished"
    stray.write_bytes(b"half a hea")
    assert len(read_journal(path)) == 5
    assert not stray.exists()


KILLED_PROGRAM = """
import pathlib, sys
from node.storage.journal import Journal
from node.storage.recovery import JournalOptions

options = JournalOptions(segment_bytes_max=3000)
journal = Journal.create(pathlib.Path(sys.argv[1]), b"identity", options)
number = 0
while True:
    journal.append([(1, number.to_bytes(4, "big") * 20), (2, b"unsynced rest")])
    journal.sync()
    print(number, flush=True)
    number += 1
"""


def test_what_a_killed_process_reported_as_durable_is_there(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_PROGRAM, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 200:
            pass
        writer.kill()
        reported = [int(line) for line in writer.stdout.read().split()]
    with Journal.open(path, b"identity") as journal:
        numbers = [int.from_bytes(body[:4], "big") for kind, body in journal.replay() if kind == 1]
        assert journal.segment_number > 2
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > max(reported, default=200)


def test_a_change_under_an_open_journal_is_found_by_replay(path: Path) -> None:
    write_journal(path, RECORDS)
    with Journal.open(path, IDENTITY) as journal:
        file = first_segment(path)
        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(JournalCorruptError, match="since the journal was opened"):
            list(journal.replay())
