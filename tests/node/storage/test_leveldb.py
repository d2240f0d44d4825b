"""The store on real files, against the dict that stands in for it elsewhere."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import plyvel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.store import MemoryStore
from node.storage.leveldb import (
    LevelStore,
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreExistsError,
    StoreInUseError,
    StoreMissingError,
    StoreVersionError,
)

KEYS = st.binary(min_size=1, max_size=4).filter(lambda key: key[0] != 0)
# Few different bytes, so that prefixes meet.
CLOSE_KEYS = st.lists(st.sampled_from([1, 2, 254, 255]), min_size=1, max_size=4).map(bytes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(path: Path) -> Iterator[LevelStore]:
    opened = LevelStore(path, create=True)
    yield opened
    opened.close()


def test_going_backwards_finds_a_sole_row_at_the_lower_end(store: LevelStore) -> None:
    store.write({b"a": b"1"}, sync=False)
    assert list(store.scan(b"a", reverse=True)) == [(b"a", b"1")]
    assert list(store.scan(b"a", start=b"a", reverse=True)) == [(b"a", b"1")]
    assert list(store.scan(b"", reverse=True)) == [(b"a", b"1")]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_it_answers_like_the_memory_store(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = LevelStore(tmp_path_factory.mktemp("stores") / "store", create=True)
    memory = MemoryStore()
    keys = KEYS | CLOSE_KEYS
    for batch in data.draw(
        st.lists(st.dictionaries(keys, st.none() | st.binary(max_size=8), max_size=8), max_size=4)
    ):
        store.write(batch, sync=False)
        memory.write(batch)
    for _ in range(20):
        key = data.draw(keys)
        assert store.get(key) == memory.get(key)
        prefix = data.draw(st.just(b"") | keys)
        start = data.draw(st.none() | keys)
        reverse, limit = data.draw(st.booleans()), data.draw(st.none() | st.integers(0, 5))
        assert list(store.scan(prefix, start=start, reverse=reverse, limit=limit)) == list(
            memory.scan(prefix, start=start, reverse=reverse, limit=limit)
        )
    store.close()


def test_what_was_written_is_there_after_reopening(path: Path, store: LevelStore) -> None:
    store.write({b"a": b"1", b"b": b"2"}, sync=True)
    store.write({b"a": None, b"c": b""}, sync=True)
    store.close()
    reopened = LevelStore(path, create=False)
    assert list(reopened.scan(b"")) == [(b"b", b"2"), (b"c", b"")]
    reopened.close()


def test_a_scan_sees_the_store_as_it_was_when_it_was_called(store: LevelStore) -> None:
    store.write({b"a1": b"", b"a3": b""}, sync=False)
    scan = store.scan(b"a")
    store.write({b"a2": b"", b"a3": None}, sync=False)
    assert [key for key, _ in scan] == [b"a1", b"a3"]


def test_the_format_version_is_not_visible_and_not_writable(store: LevelStore) -> None:
    assert list(store.scan(b"")) == []
    assert list(store.scan(b"", reverse=True)) == []
    assert list(store.scan(b"\x00")) == []
    assert store.get(b"\x00monazite.store.version") is None
    for key in (b"", b"\x00", b"\x00monazite.store.version"):
        with pytest.raises(ValueError, match="reserved"):
            store.write({b"a": b"1", key: b""}, sync=False)
    assert store.get(b"a") is None


def test_its_size_grows_with_what_is_in_it(store: LevelStore) -> None:
    before = store.approximate_size()
    store.write({bytes([1, n]): bytes([n]) * 1000 for n in range(100)}, sync=True)
    assert store.approximate_size() > before


# ---- opening


def test_a_store_that_does_not_exist_is_not_opened(path: Path) -> None:
    with pytest.raises(StoreMissingError, match="there is none"):
        LevelStore(path, create=False)
    # LevelDB leaves an empty folder behind; it is still no store.
    with pytest.raises(StoreMissingError):
        LevelStore(path, create=False)


def test_a_store_is_not_created_over_another(path: Path, store: LevelStore) -> None:
    store.close()
    with pytest.raises(StoreExistsError):
        LevelStore(path, create=True)


def test_a_store_that_is_open_here_is_not_opened_again(path: Path, store: LevelStore) -> None:
    with pytest.raises(StoreInUseError, match="stop that one first"):
        LevelStore(path, create=False)


def test_a_store_that_another_process_has_open_is_not_opened(path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from node.storage.leveldb import LevelStore\n"
        "store = LevelStore(pathlib.Path(sys.argv[1]), create=True)\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreInUseError):
            LevelStore(path, create=False)
        holder.communicate()
    LevelStore(path, create=False).close()


def test_a_folder_that_cannot_be_made_is_an_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        LevelStore(tmp_path / "missing" / "store", create=True)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    plyvel.DB(str(path), create_if_missing=True).close()
    with pytest.raises(StoreVersionError, match="no format version"):
        LevelStore(path, create=False)


def test_a_store_of_another_version_is_refused(path: Path, store: LevelStore) -> None:
    store.close()
    database = plyvel.DB(str(path))
    database.put(b"\x00monazite.store.version", (2).to_bytes(4, "big"))
    database.close()
    with pytest.raises(StoreVersionError, match="format version 2, this program reads 1"):
        LevelStore(path, create=False)
    # A refusal leaves the store free.
    plyvel.DB(str(path)).close()


# ---- damage


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    # Behind the first block, which holds the format version.
    for offset in range(len(content) // 4, len(content) // 2, 7):
        content[offset] ^= 0xFF
    file.write_bytes(content)


def fill(store: LevelStore, path: Path) -> Path:
    """Bring rows into a table file and return it."""
    store.write({b"k%05d" % n: b"%d" % n * 200 for n in range(2000)}, sync=True)
    store.close()
    database = plyvel.DB(str(path))
    database.compact_range()
    database.close()
    (table,) = path.glob("*.ldb")
    return table


def test_a_damaged_row_is_never_returned(path: Path, store: LevelStore) -> None:
    damage(fill(store, path))
    reopened = LevelStore(path, create=False)
    with pytest.raises(StoreCorruptError, match="fetch the ledger from a peer"):
        reopened.get(b"k00700")
    with pytest.raises(StoreCorruptError):
        list(reopened.scan(b"k"))
    reopened.close()


def test_a_lost_table_is_damage(path: Path, store: LevelStore) -> None:
    fill(store, path).unlink()
    with pytest.raises(StoreCorruptError):
        LevelStore(path, create=False)


def test_a_damaged_manifest_is_damage(path: Path, store: LevelStore) -> None:
    store.close()
    (path / "CURRENT").write_bytes(b"garbage")
    with pytest.raises(StoreCorruptError, match="do not repair it"):
        LevelStore(path, create=False)


def test_a_damaged_log_is_damage(path: Path, store: LevelStore) -> None:
    store.write({b"a": b"1" * 100}, sync=True)
    store.write({b"b": b"1" * 100}, sync=True)
    store.close()
    (log,) = path.glob("*.log")
    content = bytearray(log.read_bytes())
    content[-150] ^= 0xFF
    log.write_bytes(content)
    with pytest.raises(StoreCorruptError):
        LevelStore(path, create=False)


# ---- failures


FILE_LIMIT_PROGRAM = """
import pathlib, resource, sys
from node.storage.leveldb import LevelStore, StoreFailedError

store = LevelStore(pathlib.Path(sys.argv[1]), create=True)
store.write({b"before": b"kept"}, sync=True)
scan = store.scan(b"b")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
batch = {b"k%d" % n: bytes(1000) for n in range(100)}
for call in (
    lambda: store.write(batch, sync=True),
    lambda: store.write({b"a": b"1"}, sync=True),
    lambda: store.get(b"before"),
    lambda: store.scan(b""),
    lambda: next(scan),
    store.approximate_size,
):
    try:
        call()
    except StoreFailedError as error:
        assert "end the process" in str(error), error
    else:
        raise SystemExit("a failed store answered")
store.close()
print("refused")
"""


def test_after_a_failed_write_the_store_refuses_everything(path: Path) -> None:
    # A real failed write: the process may not make files longer than 4 KiB.
    ran = subprocess.run(
        [sys.executable, "-c", FILE_LIMIT_PROGRAM, str(path)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.stdout == "refused\n", ran.stderr
    reopened = LevelStore(path, create=False)
    assert reopened.get(b"before") == b"kept"
    assert reopened.get(b"a") is None
    reopened.close()


def test_a_closed_store_says_so(store: LevelStore) -> None:
    store.write({b"a1": b"", b"a2": b""}, sync=False)
    scan = store.scan(b"a")
    next(scan)
    store.close()
    store.close()
    with pytest.raises(StoreClosedError):
        next(scan)
    with pytest.raises(StoreClosedError):
        store.get(b"a1")
    with pytest.raises(StoreClosedError):
        store.scan(b"a")
    with pytest.raises(StoreClosedError):
        store.write({b"a": b""}, sync=True)
