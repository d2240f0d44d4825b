"""The journal on real files: what was appended comes back, or a named error does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.storage.journal import Journal
from node.storage.journal_errors import (
    JournalClosedError,
    JournalCorruptError,
    JournalError,
    JournalExistsError,
    JournalFailedError,
    JournalIdentityError,
    JournalMissingError,
)
from node.storage.recovery import JournalOptions, segment_name

IDENTITY = b"chain, epoch 1, validators, consensus key"
RECORDS = [(1, b"proposed in view 7"), (2, b""), (255, bytes(range(256))), (3, b"nullified")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


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


# ---- what is appended comes back


@settings(max_examples=40, deadline=None)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=5), max_size=8
    ),
    segment_bytes_max=st.sampled_from([1, 200, 1000, 1 << 20]),
)
def test_what_was_appended_comes_back_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[tuple[int, bytes]]],
    segment_bytes_max: int,
) -> None:
    path = tmp_path_factory.mktemp("journals") / "journal"
    options = JournalOptions(segment_bytes_max=segment_bytes_max)
    with Journal.create(path, IDENTITY, options) as journal:
        for batch in batches:
            journal.append(batch)
        journal.sync()
    with Journal.open(path, IDENTITY, options) as journal:
        appended = [record for batch in batches for record in batch]
        assert list(journal.replay()) == appended
        journal.append([(9, b"after a restart")])
        assert list(journal.replay()) == [*appended, (9, b"after a restart")]


def test_appending_goes_on_behind_what_was_there(path: Path) -> None:
    write_journal(path, RECORDS)
    with Journal.open(path, IDENTITY) as journal:
        journal.append([(4, b"more")])
        journal.sync()
    assert read_journal(path) == [*RECORDS, (4, b"more")]


def test_a_record_of_the_largest_size_comes_back(path: Path) -> None:
    options = JournalOptions(record_bytes_max=1 << 16)
    with Journal.create(path, IDENTITY, options) as journal:
        journal.append([(1, bytes(1 << 16))])
    with Journal.open(path, IDENTITY, options) as journal:
        assert list(journal.replay()) == [(1, bytes(1 << 16))]


@pytest.mark.parametrize("record", [(-1, b""), (256, b""), (1, bytes(65))])
def test_a_record_out_of_bounds_is_refused_and_nothing_of_its_batch_is_written(
    path: Path, record: tuple[int, bytes]
) -> None:
    with Journal.create(path, IDENTITY, JournalOptions(record_bytes_max=64)) as journal:
        with pytest.raises(ValueError, match="record"):
            journal.append([(1, b"good"), record])
        assert list(journal.replay()) == []


# ---- creating and opening


def test_a_journal_that_does_not_exist_is_not_opened(path: Path) -> None:
    assert not Journal.exists(path)
    with pytest.raises(JournalMissingError, match="must not vote"):
        Journal.open(path, IDENTITY)
    path.mkdir()
    assert not Journal.exists(path)
    with pytest.raises(JournalMissingError):
        Journal.open(path, IDENTITY)
    with pytest.raises(JournalMissingError):
        Journal.read_identity(path)


def test_a_journal_is_not_created_over_another(path: Path) -> None:
    write_journal(path, RECORDS)
    assert Journal.exists(path)
    with pytest.raises(JournalExistsError):
        Journal.create(path, IDENTITY)
    assert read_journal(path) == RECORDS


def test_a_creation_that_was_cut_short_can_be_repeated(path: Path) -> None:
    path.mkdir()
    (path / "segment-0000000001.unfinished").write_bytes(b"half a hea")
    with Journal.create(path, IDENTITY) as journal:
        journal.append(RECORDS)
    assert read_journal(path) == RECORDS


def test_a_journal_needs_a_parent_folder(tmp_path: Path) -> None:
    with pytest.raises(JournalFailedError, match="folder"):
        Journal.create(tmp_path / "missing" / "journal", IDENTITY)


def test_another_identity_is_refused_and_named(path: Path) -> None:
    write_journal(path, RECORDS)
    with pytest.raises(JournalIdentityError) as caught:
        Journal.open(path, b"another key")
    assert caught.value.found == IDENTITY
    assert caught.value.expected == b"another key"
    assert Journal.read_identity(path) == IDENTITY


def test_a_journal_of_another_identity_is_left_as_it_is(path: Path) -> None:
    write_journal(path, RECORDS)
    file = first_segment(path)
    file.write_bytes(file.read_bytes()[:-1])
    before = file.read_bytes()
    with pytest.raises(JournalIdentityError):
        Journal.open(path, b"another key")
    assert file.read_bytes() == before


def test_an_identity_that_is_too_long_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="identity"):
        Journal.create(path, bytes(4097))


# ---- damage


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


# ---- segments


@pytest.fixture
def segmented(path: Path) -> Iterator[Journal]:
    with Journal.create(path, IDENTITY) as journal:
        for number in range(1, 5):
            journal.append([(number, b"in segment %d" % number)])
            assert journal.roll() == number + 1
        journal.append([(5, b"in segment 5")])
        journal.sync()
        yield journal


def test_a_full_segment_is_followed_by_a_new_one(path: Path) -> None:
    options = JournalOptions(segment_bytes_max=300)
    with Journal.create(path, IDENTITY, options) as journal:
        for _ in range(20):
            before = journal.segment_number
            journal.append([(1, bytes(100))])
            assert journal.segment_number - before in {0, 1}
        assert journal.segment_number > 3
        assert len(list(journal.replay())) == 20


def test_dropping_leaves_the_records_of_later_segments(segmented: Journal, path: Path) -> None:
    assert segmented.drop_before(3) == 2
    assert segmented.oldest_segment_number == 3
    assert [kind for kind, _ in segmented.replay()] == [3, 4, 5]
    segmented.close()
    assert [kind for kind, _ in read_journal(path)] == [3, 4, 5]


def test_the_current_segment_is_never_dropped(segmented: Journal, path: Path) -> None:
    assert segmented.drop_before(10**9) == 4
    assert segmented.drop_before(10**9) == 0
    assert sorted(entry.name for entry in path.iterdir()) == [segment_name(5)]
    segmented.append([(6, b"still usable")])
    assert [kind for kind, _ in segmented.replay()] == [5, 6]


def test_what_was_appended_again_is_durable_before_the_old_is_dropped(path: Path) -> None:
    synced: list[int] = []
    options = JournalOptions(flush=lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    with Journal.create(path, IDENTITY, options) as journal:
        journal.append([(1, b"still needed")])
        mark = journal.roll()
        journal.append([(1, b"still needed")])
        assert journal.drop_before(mark) == 1
        assert synced[-1] == (path / segment_name(2)).stat().st_size


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


def test_replay_stops_at_the_newest_identity(path: Path) -> None:
    with Journal.create(path, b"epoch 1") as journal:
        journal.append([(1, b"old")])
        journal.roll()
        journal.append([(1, b"old too")])
        number = journal.roll(b"epoch 2")
        assert list(journal.replay()) == []
        journal.append([(2, b"new")])
        journal.roll()
        journal.append([(2, b"new too")])
        journal.sync()
        assert list(journal.replay()) == [(2, b"new"), (2, b"new too")]
    assert Journal.read_identity(path) == b"epoch 2"
    with pytest.raises(JournalIdentityError):
        Journal.open(path, b"epoch 1")
    with Journal.open(path, b"epoch 2") as journal:
        assert list(journal.replay()) == [(2, b"new"), (2, b"new too")]
        assert journal.drop_before(number) == 2


def test_an_identity_that_is_too_long_does_not_spoil_the_journal(path: Path) -> None:
    with Journal.create(path, IDENTITY) as journal:
        with pytest.raises(ValueError, match="identity"):
            journal.roll(bytes(5000))
        journal.append([(1, b"still usable")])
        assert list(journal.replay()) == [(1, b"still usable")]


# ---- failures of the operating system


class Disk:
    """Flushes for real until it is told to fail."""

    def __init__(self) -> None:
        self.fails = False
        self.flushes = 0

    def flush(self, descriptor: int) -> None:
        self.flushes += 1
        if self.fails:
            raise OSError(5, "Input/output error")
        os.fdatasync(descriptor)


def check_refuses_everything(journal: Journal) -> None:
    for call in (
        lambda: journal.append([(1, b"")]),
        journal.sync,
        lambda: list(journal.replay()),
        journal.roll,
        lambda: journal.drop_before(1),
    ):
        with pytest.raises(JournalFailedError, match="end the process"):
            call()


def test_after_a_failed_flush_every_call_fails_and_no_flush_is_repeated(path: Path) -> None:
    disk = Disk()
    with Journal.create(path, IDENTITY, JournalOptions(flush=disk.flush)) as journal:
        journal.append(RECORDS)
        disk.fails = True
        with pytest.raises(JournalFailedError, match="Input/output error"):
            journal.sync()
        flushes = disk.flushes
        disk.fails = False
        check_refuses_everything(journal)
        assert disk.flushes == flushes


def test_after_a_failed_write_every_call_fails(path: Path) -> None:
    with Journal.create(path, IDENTITY) as journal:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, journal._descriptor)
        os.close(full)
        with pytest.raises(JournalFailedError, match="No space left"):
            journal.append(RECORDS)
        check_refuses_everything(journal)


def test_after_a_segment_could_not_be_begun_every_call_fails(path: Path) -> None:
    journal = Journal.create(path, IDENTITY)
    journal.append(RECORDS)
    (path / "segment-0000000002.unfinished").mkdir()
    with pytest.raises(JournalFailedError, match="beginning a segment"):
        journal.roll()
    check_refuses_everything(journal)
    journal.close()
    (path / "segment-0000000002.unfinished").rmdir()
    assert read_journal(path) == RECORDS


def test_after_a_segment_could_not_be_removed_every_call_fails(
    segmented: Journal, path: Path
) -> None:
    (path / segment_name(1)).unlink()
    with pytest.raises(JournalFailedError, match="removing a segment"):
        segmented.drop_before(3)
    check_refuses_everything(segmented)


def test_a_journal_whose_end_cannot_be_flushed_is_not_opened(path: Path) -> None:
    write_journal(path, RECORDS)
    disk = Disk()
    disk.fails = True
    with pytest.raises(JournalFailedError):
        Journal.open(path, IDENTITY, JournalOptions(flush=disk.flush))


def test_nothing_is_flushed_twice(path: Path) -> None:
    disk = Disk()
    with Journal.create(path, IDENTITY, JournalOptions(flush=disk.flush)) as journal:
        journal.append(RECORDS)
        journal.sync()
        flushes = disk.flushes
        journal.sync()
        assert disk.flushes == flushes


def test_a_closed_journal_says_so(path: Path) -> None:
    journal = Journal.create(path, IDENTITY)
    journal.close()
    journal.close()
    with pytest.raises(JournalClosedError):
        journal.append(RECORDS)


def test_a_change_under_an_open_journal_is_found_by_replay(path: Path) -> None:
    write_journal(path, RECORDS)
    with Journal.open(path, IDENTITY) as journal:
        file = first_segment(path)
        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(JournalCorruptError, match="since the journal was opened"):
            list(journal.replay())


# ---- a process that is killed

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
