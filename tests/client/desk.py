"""A network and a clerk's desk for tests of commands: a node in a thread, a profile, key files, files."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from client.cli.main import run
from client.keystore import write_key_file
from client.profile import Profile, profile_directory, save_profile
from ledger.vocabulary import Role
from ledger.wire.scalars import MemberId
from tests.client.network import Ledger, Node
from tests.support.founding import NETWORK
from tests.support.keys import seed_of

T = TypeVar("T")


@dataclass(slots=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(self.out)


@dataclass(slots=True)
class Desk:
    """One node over one ledger, and a directory for a clerk's files."""

    path: Path
    capture: pytest.CaptureFixture[str]
    ledger: Ledger = field(init=False)
    node: Node = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _thread: threading.Thread = field(init=False)

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.ledger = Ledger()
        # Commands go by the system's clock.
        self.ledger.world.move_to(time.time_ns() // 1_000_000)
        self.node = self._await(self.ledger.node())

    def stop(self) -> None:
        self._await(self.ledger.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def profile(self, member: str | None, name: str | None = None) -> Profile:
        """Write a profile with an operator key for ``member``."""
        keys = {}
        if member is not None:
            key = self.path / f"{member}.pem"
            if not key.exists():
                write_key_file(key, seed_of(member, Role.OPERATOR), None)
            keys = {Role.OPERATOR: key}
        name = name or member or "reader"
        profile = Profile(
            name=name,
            directory=profile_directory(name),
            nodes=(self.node.address,),
            chain_id=self.ledger.world.chain_id,
            genesis=self.ledger.genesis,
            network=NETWORK,
            member=None if member is None else MemberId(member),
            keys=keys,
        )
        save_profile(profile)
        return profile

    def run(self, *arguments: str | Path) -> Ran:
        """Run a command in this process."""
        self.capture.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = self.capture.readouterr()
        return Ran(code, captured.out, captured.err)

    def file(self, name: str, content: str | bytes | Sequence[Any]) -> Path:
        """Write a file: text, bytes, or anything else as JSON."""
        path = self.path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")
        return path

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
