"""A whole demo network: founded, started, loaded, told about, and taken down again."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.directories import write_durably
from client.profile import (
    Profile,
    current_profile_name,
    profile_directory,
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
            profile = _save_profile(directory, genesis, supervisor)
            yield DemoNetwork(directory, history, genesis, supervisor, clock, profile)
        finally:
            await supervisor.close()
    finally:
        if path is None:
            shutil.rmtree(directory.path, ignore_errors=True)
            shutil.rmtree(_demo_profile_directory(), ignore_errors=True)


def _new_directory(path: Path | None) -> DemoDirectory:
    root = Path(tempfile.mkdtemp(prefix="monazite-demo-")) if path is None else path.resolve()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name an empty or new directory for the demo")
    return DemoDirectory(root)


def _save_profile(directory: DemoDirectory, genesis: Genesis, supervisor: Supervisor) -> str:
    """Pin the genesis in the profile ``demo``, and use it if no other profile is in use."""
    # Each demo has another genesis, and a pinned one is never replaced: begin anew.
    shutil.rmtree(_demo_profile_directory(), ignore_errors=True)
    save_profile(
        Profile(
            name=PROFILE,
            directory=_demo_profile_directory(),
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
    write_durably(_demo_profile_directory() / "directory", str(directory.path).encode())
    try:
        current = current_profile_name()
    except Exception:  # noqa: BLE001 - whatever is wrong with the reader's settings is not ours
        current = ""
    if current in ("", PROFILE):
        use_profile(PROFILE)
        return ""
    return PROFILE


def _demo_profile_directory() -> Path:
    return profile_directory(PROFILE)


def last_directory() -> DemoDirectory | None:
    """Return the directory of the demo that was started last, if its profile is still there."""
    note = _demo_profile_directory() / "directory"
    if not note.exists():
        return None
    return DemoDirectory(Path(note.read_text(encoding="utf-8")))


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
