"""The journal on real files: what was appended comes back, or a named error does."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.storage.journal import Journal
from node.storage.journal_errors import (
    JournalClosedError,
    JournalExistsError,
    JournalFailedError,
    JournalIdentityError,
    JournalMissingError,
)
from node.storage.recovery import JournalOptions, segment_name
from tests.node.storage.journals import (
    IDENTITY,
    RECORDS,
    first_segment,
    read_journal,
    write_journal,
)


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


def test_a_name_is_durable_as_soon_as_it_is_made_or_removed(path: Path) -> None:
    durable: list[tuple[str, list[str]]] = []

    def flush_folder(folder: Path) -> None:
        durable.append((folder.name, sorted(entry.name for entry in folder.iterdir())))

    one, two = segment_name(1), segment_name(2)
    options = JournalOptions(flush_folder=flush_folder)
    parent = path.parent.name
    with Journal.create(path, IDENTITY, options) as journal:
        assert durable == [(parent, ["journal"]), ("journal", [one])]
        journal.roll()
        assert durable[2:] == [("journal", [one, two])]
        journal.drop_before(2)
        assert durable[3:] == [("journal", [two])]
    Journal.open(path, IDENTITY, options).close()
    assert durable[4:] == [("journal", [two])]


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


def test_the_example_of_the_specification_is_what_is_written(path: Path) -> None:
    with Journal.create(path, b"node 1") as journal:
        journal.append([(1, b"vote"), (2, b"")])
        journal.roll()
    page = (Path(__file__).parents[3] / "docs" / "spec" / "journal.md").read_text("utf-8")
    for file in sorted(path.iterdir()):
        _, found, rest = page.partition(f"\n{file.name}\n")
        assert found
        lines = itertools.takewhile(
            lambda line: line != "```" and not line.startswith("segment-"), rest.splitlines()
        )
        assert bytes.fromhex(" ".join(lines)) == file.read_bytes()
