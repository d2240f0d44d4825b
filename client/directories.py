"""Where the SDK keeps its files: one directory per user, or where ``MONAZITE_CONFIG_DIR`` says.

<directory>/settings.toml                 the current profile
<directory>/profiles/<name>/profile.toml  nodes, member, keys
<directory>/profiles/<name>/genesis.json  the pinned genesis, byte for byte
<directory>/profiles/<name>/outbox/       transactions that are not known to be final
<directory>/profiles/<name>/imports/      which rows of imported files are on the ledger
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

DIRECTORY_VARIABLE: Final = "MONAZITE_CONFIG_DIR"


def config_directory() -> Path:
    """Return the user's directory; it need not exist yet."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_config_dir("monazite"))


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put ``data`` at ``path``, whole or not at all, and make it outlive a power cut.

    Raises:
        OSError: It could not be written; what stood there before still stands.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if os.name == "posix":
            Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make names that were added to or removed from ``directory`` outlive a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
