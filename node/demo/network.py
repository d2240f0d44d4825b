"""A whole demo network: founded, started, loaded, told about, and taken down again.

Each has a profile that pins its genesis: ``demo``, or ``demo-2`` and so on while that name belongs to a
demo network that still runs, or to somebody who made a profile of that name by hand. Only the own profile
is removed at the end.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from client.directories import write_durably
from client.profile import (
    Profile,
    current_profile_name,
    profile_directory,
    profile_names,
    save_profile,
    use_profile,
)
from ledger import civil
from ledger.genesis import Genesis
from ledger.vocabulary import Role
from ledger.wire.scalars import CivilDate, MemberId, TimeMs
from node.clock import SteppedClock
from node.demo.files import write
from node.demo.founding import DemoDirectory, NodePorts, found, free_ports, make_homes
from node.demo.history import generate
from node.demo.master import CIVIL_OFFSET_MINUTES, MINISTRY
from node.demo.records import DemoHistory
from node.demo.supervisor import Supervisor

PROFILE: Final = "demo"
NOTE: Final = "directory"
"""File in the profile of a demo network: where that network is."""
FIRST_PORT: Final = 8_500
FIRST_DAY: Final = CivilDate(2023_01_01)


@dataclass(slots=True)
class DemoNetwork:
    """A demo network that runs."""

    directory: DemoDirectory
    history: DemoHistory
    genesis: Genesis
    supervisor: Supervisor
    clock: SteppedClock
    profile: str
    """Name of the profile when it has to be given; empty when it is the current one."""


@asynccontextmanager
async def running_network(
    path: Path | None, *, seed: int, months: int
) -> AsyncIterator[DemoNetwork]:
    """Found and start a network; stop it at the end, and remove it unless ``path`` says where to keep it.

    Raises:
        SupervisorError: A node did not start.
        FileExistsError: ``path`` is not empty.
    """
    directory = _new_directory(path)
    try:
        history = generate(seed, months)
        start = civil.start_of(FIRST_DAY, CIVIL_OFFSET_MINUTES)
        clock = SteppedClock.create(directory.clock)
        clock.set_wall_ms(start)
        genesis = found(directory, history, TimeMs(start - civil.DAY_MS))
        write(history, directory.path / "files")
        ports = free_ports(history.validators, FIRST_PORT)
        make_homes(directory, genesis, ports)
        supervisor = Supervisor(directory, ports)
        try:
            await supervisor.start_all()
            await supervisor.listen()
            name = _free_profile_name()
            profile = _save_profile(name, directory, genesis, supervisor)
            yield DemoNetwork(directory, history, genesis, supervisor, clock, profile)
        finally:
            await supervisor.close()
    finally:
        if path is None:
            shutil.rmtree(directory.path, ignore_errors=True)
            for name in _names_of(directory):
                shutil.rmtree(profile_directory(name), ignore_errors=True)


def _new_directory(path: Path | None) -> DemoDirectory:
    root = Path(tempfile.mkdtemp(prefix="monazite-demo-")) if path is None else path.resolve()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name an empty or new directory for the demo")
    return DemoDirectory(root)


def _save_profile(
    name: str, directory: DemoDirectory, genesis: Genesis, supervisor: Supervisor
) -> str:
    """Pin the genesis in a profile, and use it if no other profile is in use; return what to name."""
    # Each demo has another genesis, and a pinned one is never replaced: begin anew.
    shutil.rmtree(profile_directory(name), ignore_errors=True)
    save_profile(
        Profile(
            name=name,
            directory=profile_directory(name),
            nodes=tuple(supervisor.api(node) for node in supervisor.names),
            chain_id=genesis.chain_id,
            genesis=genesis.data,
            network=genesis.document.network,
            member=MemberId(MINISTRY),
            keys={
                role: directory.key(MINISTRY, role)
                for role in (Role.ADMIN, Role.OPERATOR, Role.FILING)
            },
        )
    )
    write_durably(profile_directory(name) / NOTE, str(directory.path).encode())
    try:
        current = current_profile_name()
    except Exception:  # noqa: BLE001 - whatever is wrong with the reader's settings is not ours
        current = ""
    if current in ("", name):
        use_profile(name)
        return ""
    return name


def _free_profile_name() -> str:
    """Return the first name that no running demo network and no other profile has."""
    for number in count(1):
        name = PROFILE if number == 1 else f"{PROFILE}-{number}"
        if not profile_directory(name).exists():
            return name
        known = _directory_of(name)
        if known is not None and not is_running(known):
            return name
    raise AssertionError("numbers do not end")


def is_running(directory: DemoDirectory) -> bool:
    """Tell whether a supervisor takes orders in this directory."""
    with socket.socket(socket.AF_UNIX) as control:
        try:
            control.connect(str(directory.control))
        except OSError:
            return False
    return True


def _directory_of(profile: str) -> DemoDirectory | None:
    note = profile_directory(profile) / NOTE
    return DemoDirectory(Path(note.read_text(encoding="utf-8"))) if note.is_file() else None


def _names_of(directory: DemoDirectory) -> list[str]:
    """Return the profiles of the demo network in this directory."""
    return [name for name in profile_names() if _directory_of(name) == directory]


def last_directory() -> DemoDirectory | None:
    """Return the directory of the demo that was started last, if its profile is still there."""
    notes = [profile_directory(name) / NOTE for name in profile_names()]
    known = [note for note in notes if note.is_file()]
    if not known:
        return None
    newest = max(known, key=lambda note: note.stat().st_mtime_ns)
    return DemoDirectory(Path(newest.read_text(encoding="utf-8")))


def remember(
    directory: DemoDirectory, ports: dict[str, NodePorts], told: dict[str, object]
) -> None:
    """Write what was started into the demo's directory."""
    document = {
        "ports": {name: [entry.api, entry.health, entry.peers] for name, entry in ports.items()},
        "story": told,
        "written_ms": time.time_ns() // 1_000_000,
    }
    write_durably(directory.network, json.dumps(document, indent=2).encode())
