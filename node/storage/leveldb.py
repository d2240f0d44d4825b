"""The node's store: an ordered map from bytes to bytes in LevelDB.

The only module that imports plyvel. It offers what ``ledger.store.Reader`` asks for (``get``,
``scan``) and one way to write: a batch that is applied as a whole or not at all. The rules:

* One process holds a store. Creating and opening are different acts: opening what is not there is
  an error, so that a wrong path never looks like an empty ledger.
* A row that no caller sees holds the format version of the store; another version is not opened.
* Every block read from disk is checked against its checksum, in reads and in compactions.
* After one failed write the store refuses everything. LevelDB may or may not have applied the
  batch, and a flush that failed must not be tried again (``disk``); the process has to end and be
  started anew.
* A damaged store is never repaired here. LevelDB's repair drops what it cannot read, and a ledger
  with silent holes is worse than none: restore from a peer or from a backup.

What it does not do: caches of decoded values, snapshots across calls (one ``scan`` sees the store
as it was when it was called), and any knowledge of the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import plyvel

from node.storage.disk import flush_directory

FORMAT_VERSION: Final = 1

BLOCK_CACHE_BYTES: Final = 64 * 1024 * 1024
WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
BLOOM_FILTER_BITS: Final = 10
OPEN_FILES_MAX: Final = 512

_RESERVED: Final = b"\x00"
"""First byte of the rows that belong to this module. No other key may begin with it."""
_VERSION_KEY: Final = _RESERVED + b"monazite.store.version"
_FIRST_KEY: Final = b"\x01"


class StoreError(Exception):
    """Something about the store at ``path`` is not as it must be."""

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        super().__init__(f"store {path}: {message}")


class StoreMissingError(StoreError):
    """There is no store here."""


class StoreExistsError(StoreError):
    """There is a store here already."""


class StoreInUseError(StoreError):
    """Another process, or this one, has the store open."""


class StoreVersionError(StoreError):
    """The store was written in another format."""


class StoreCorruptError(StoreError):
    """What is on disk is not what was written."""


class StoreFailedError(StoreError):
    """A write failed, now or earlier; the process must end."""


class StoreClosedError(StoreError):
    """The store was closed by its owner."""


class _Iterator(Protocol):
    def __iter__(self) -> Iterator[tuple[bytes, bytes]]: ...
    def __next__(self) -> tuple[bytes, bytes]: ...
    def close(self) -> None: ...


class _WriteBatch(Protocol):
    def put(self, key: bytes, value: bytes) -> None: ...
    def delete(self, key: bytes) -> None: ...
    def write(self) -> None: ...


class _Database(Protocol):
    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None: ...
    def iterator(
        self,
        *,
        start: bytes | None,
        stop: bytes | None,
        include_stop: bool,
        reverse: bool,
        verify_checksums: bool,
    ) -> _Iterator: ...
    def write_batch(self, *, sync: bool) -> _WriteBatch: ...
    def close(self) -> None: ...


class LevelStore:
    """The store in the directory ``path``, open until ``close``. Calls may come from any thread.

    Raises:
        StoreMissingError: ``create`` is false and there is no store.
        StoreExistsError: ``create`` is true and there is one.
        StoreInUseError: it is open already.
        StoreVersionError: another version of the program wrote it, or its creation did not finish.
        StoreCorruptError: its files are damaged.
        StoreError: the operating system refused (permission, disk full, not a directory).
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self._failure: BaseException | None = None
        self._database = _open(path, create=create)
        try:
            self._mark_version() if create else self._check_version()
        except BaseException:
            self._database.close()
            raise

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None.

        Raises:
            StoreCorruptError: the block that holds it is damaged.
            StoreFailedError: an earlier write failed.
            StoreClosedError: the store is closed.
        """
        self._check_usable()
        if key[:1] == _RESERVED:
            return None
        try:
            return self._database.get(key, verify_checksums=True)
        except (plyvel.Error, RuntimeError) as error:
            raise self._explain(error) from error

    def scan(
        self,
        prefix: bytes,
        *,
        start: bytes | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys with ``prefix`` in order, from ``start`` (inclusive).

        With ``reverse`` the order is descending and ``start`` is the highest key wanted. At most
        ``limit`` pairs. Holds one block in memory, whatever the length; sees the store as it is
        at the call. Raises like ``get``, while it yields too.
        """
        self._check_usable()
        low, high, include_high = max(prefix, _FIRST_KEY), _end_of_prefix(prefix), False
        if start is not None and not reverse:
            low = max(low, start)
        elif start is not None and (high is None or start < high):
            high, include_high = start, True
        if high is not None and high < low:
            return iter(())
        try:
            rows = self._database.iterator(
                # plyvel 1.5.1, going backwards, leaves out a sole row that equals its start.
                start=None if reverse else low,
                stop=high,
                include_stop=include_high,
                reverse=reverse,
                verify_checksums=True,
            )
        except (plyvel.Error, RuntimeError) as error:
            raise self._explain(error) from error
        return self._walk(rows, low, limit)

    def write(self, batch: Mapping[bytes, bytes | None], *, sync: bool) -> None:
        """Apply ``batch`` as a whole: values by key, None deletes. On disk at return if ``sync``.

        Raises:
            ValueError: a key begins with a zero byte or is empty; nothing was written.
            StoreFailedError: the write failed; the batch may or may not be there after a restart.
            StoreClosedError: the store is closed.
        """
        self._check_usable()
        for key in batch:
            if key[:1] <= _RESERVED:
                raise ValueError(
                    f"store {self.path}: key {key[:16].hex() or '(empty)'} is reserved"
                )
        self._write(batch, sync=sync)

    def approximate_size(self) -> int:
        """Return how many bytes the store's files take, about."""
        self._check_usable()
        return sum(_size_of(entry) for entry in self.path.iterdir())

    def close(self) -> None:
        """Close the store. Open scans end with StoreClosedError. Calling it again does nothing."""
        self._database.close()

    def _mark_version(self) -> None:
        self._write({_VERSION_KEY: FORMAT_VERSION.to_bytes(4, "big")}, sync=True)
        try:
            flush_directory(self.path)
            flush_directory(self.path.parent)
        except OSError as error:
            raise StoreFailedError(self.path, f"its directory was not flushed: {error}") from error

    def _check_version(self) -> None:
        try:
            row = self._database.get(_VERSION_KEY, verify_checksums=True)
        except plyvel.Error as error:
            raise self._explain(error) from error
        if row is None:
            raise StoreVersionError(
                self.path,
                "no format version in it: its creation did not finish, or it is not a node's "
                "store; remove the directory and create the store again",
            )
        found = int.from_bytes(row, "big")
        if found != FORMAT_VERSION:
            raise StoreVersionError(
                self.path,
                f"format version {found}, this program reads {FORMAT_VERSION}; "
                "use the program that wrote it, or fetch the ledger from a peer into a new store",
            )

    def _write(self, batch: Mapping[bytes, bytes | None], *, sync: bool) -> None:
        try:
            writes = self._database.write_batch(sync=sync)
        except RuntimeError as error:
            raise self._explain(error) from error
        for key, value in batch.items():
            if value is None:
                writes.delete(key)
            else:
                writes.put(key, value)
        try:
            writes.write()
        except BaseException as error:
            self._failure = error
            raise StoreFailedError(
                self.path, f"a write failed ({_text(error)}); end the process, do not try again"
            ) from error

    def _walk(
        self, rows: _Iterator, low: bytes, limit: int | None
    ) -> Iterator[tuple[bytes, bytes]]:
        try:
            for pair in islice(rows, limit):
                self._check_usable()
                if pair[0] < low:
                    return
                yield pair
        except (plyvel.Error, RuntimeError) as error:
            raise self._explain(error) from error
        finally:
            rows.close()

    def _explain(self, error: Exception) -> StoreError:
        if isinstance(error, plyvel.CorruptionError):
            return _corrupt(self.path, error)
        if isinstance(error, plyvel.Error):
            return StoreError(self.path, f"reading failed: {_text(error)}")
        # plyvel raises RuntimeError for one reason only: the database was closed.
        return StoreClosedError(self.path, "it is closed")

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise StoreFailedError(
                self.path,
                f"an earlier write failed ({_text(self._failure)}); end the process",
            )


def _open(path: Path, *, create: bool) -> _Database:
    try:
        database: _Database = plyvel.DB(
            str(path),
            create_if_missing=create,
            error_if_exists=create,
            paranoid_checks=True,
            lru_cache_size=BLOCK_CACHE_BYTES,
            write_buffer_size=WRITE_BUFFER_BYTES,
            bloom_filter_bits=BLOOM_FILTER_BITS,
            max_open_files=OPEN_FILES_MAX,
            # Most of a ledger is hashes and signatures: compressing costs more than it saves.
            compression=None,
        )
    except plyvel.CorruptionError as error:
        raise _corrupt(path, error) from error
    except plyvel.Error as error:
        raise _refusal(path, error) from error
    return database


def _refusal(path: Path, error: Exception) -> StoreError:
    """Return what LevelDB's message means for an operator; LevelDB has no finer error types."""
    text = _text(error)
    if "does not exist (create_if_missing is false)" in text:
        return StoreMissingError(path, "there is none; create it, or check the path")
    if "exists (error_if_exists is true)" in text:
        return StoreExistsError(path, "there is one already; open it, or choose another path")
    if "/LOCK:" in text and ("already held" in text or "temporarily unavailable" in text):
        return StoreInUseError(path, "another process has it open; stop that one first")
    if "missing files" in text:
        return _corrupt(path, error)
    return StoreError(path, f"cannot be opened: {text}")


def _corrupt(path: Path, error: Exception) -> StoreCorruptError:
    return StoreCorruptError(
        path,
        f"damaged ({_text(error)}); do not repair it: move it away, fetch the ledger from a peer "
        "or restore a backup, and look at the disk",
    )


def _text(error: BaseException) -> str:
    """Return the message of an error; plyvel carries LevelDB's as bytes."""
    parts = (a.decode("utf-8", "replace") if isinstance(a, bytes) else str(a) for a in error.args)
    return " ".join(parts) or type(error).__name__


def _end_of_prefix(prefix: bytes) -> bytes | None:
    """Return the least key after all keys with ``prefix``; None if there is no such key."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def _size_of(entry: Path) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        # A compaction removes files while they are counted.
        return 0
