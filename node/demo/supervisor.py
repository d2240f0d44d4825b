"""The processes of a demo network: started, watched, stopped and started again.

Each node is a process of its own, ``monazite node run HOME``. The supervisor takes orders on a
Unix socket in the demo's directory, one line of JSON each, so that ``monazite demo stop NODE``,
``demo start NODE`` and ``demo tamper`` work from another terminal:

    {"order": "stop" | "start", "node": NAME}   ->   {"done": true} or {"error": WORDS}

Nothing but processes that it started itself is ever ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp

from node.demo.founding import LOOPBACK, DemoDirectory, NodePorts

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
ORDER_BYTES_MAX: Final = 4_096
_POLL_SECONDS: Final = 0.05
_WATCH_SECONDS: Final = 0.5


class SupervisorError(Exception):
    """A node of the demo did not do as it was told."""


class Supervisor:
    """Runs the nodes of one demo network."""

    def __init__(self, directory: DemoDirectory, ports: Mapping[str, NodePorts]) -> None:
        self.directory = directory
        self.ports = dict(ports)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._server: asyncio.Server | None = None
        self._accounted: set[int] = set()
        """Process ids whose end was ordered, or announced."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all nodes."""
        return tuple(self.ports)

    def api(self, node: str) -> str:
        """Return the URL of a node's API."""
        return f"http://{LOOPBACK}:{self.ports[node].api}"

    async def start_all(self) -> None:
        """Start every node and wait until each is ready.

        Raises:
            SupervisorError: One did not become ready; the end of its log is in the message.
        """
        for node in self.names:
            self._spawn(node)
        await asyncio.gather(
            *(self._until_ready(node, self._ready_url(node)) for node in self.names)
        )

    async def start(self, node: str) -> None:
        """Start one node and wait until it answers."""
        self._check_name(node)
        if self._is_running(node):
            raise SupervisorError(f"{node} is running already")
        self._spawn(node)
        # Its API is the last thing that a node opens; a quorum may not be there to be ready for.
        await self._until_ready(node, f"{self.api(node)}/v1/status")

    async def stop(self, node: str) -> None:
        """Stop one node and wait until its process has ended."""
        self._check_name(node)
        process = self._processes.get(node)
        if process is None or process.poll() is not None:
            raise SupervisorError(f"{node} is not running")
        self._accounted.add(process.pid)
        await _end(process)

    async def watch(self, announce: Callable[[str, int, Path], None]) -> None:
        """Announce every node that ends without an order, with its exit code and log; until cancelled."""
        while True:
            for node, process in self._processes.items():
                code = process.poll()
                if code is not None and process.pid not in self._accounted:
                    self._accounted.add(process.pid)
                    announce(node, code, self._log_file(node))
            await asyncio.sleep(_WATCH_SECONDS)

    async def stop_all(self) -> None:
        """Stop every node that runs."""
        running = [process for process in self._processes.values() if process.poll() is None]
        await asyncio.gather(*(_end(process) for process in running))

    async def listen(self) -> None:
        """Take orders on the control socket."""
        with suppress(FileNotFoundError):
            self.directory.control.unlink()
        self._server = await asyncio.start_unix_server(
            self._take_order, self.directory.control, limit=ORDER_BYTES_MAX
        )

    async def close(self) -> None:
        """Take no more orders and stop every node."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        with suppress(FileNotFoundError):
            self.directory.control.unlink()
        await self.stop_all()

    async def _take_order(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer: dict[str, object] = {"done": True}
        try:
            order = json.loads(await reader.readline())
            if order["order"] == "stop":
                await self.stop(order["node"])
            elif order["order"] == "start":
                await self.start(order["node"])
            else:
                answer = {"error": f"unknown order {order['order']!r}"}
        except SupervisorError as error:
            answer = {"error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"not an order: {error!r}"}
        with suppress(ConnectionError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()

    def _spawn(self, node: str) -> None:
        home = self.directory.home(node)
        log = self._log_file(node)
        with log.open("ab") as output:
            self._processes[node] = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "node", "run", str(home.path)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "random"},
            )

    def _ready_url(self, node: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[node].health}/readyz"

    async def _until_ready(self, node: str, url: str) -> None:
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while asyncio.get_running_loop().time() < deadline:
                if not self._is_running(node):
                    raise SupervisorError(f"{node} has ended: {self._last_words(node)}")
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url) as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(_POLL_SECONDS)
        raise SupervisorError(f"{node} is not ready after {READY_SECONDS:.0f} s")

    def _is_running(self, node: str) -> bool:
        process = self._processes.get(node)
        return process is not None and process.poll() is None

    def _check_name(self, node: str) -> None:
        if node not in self.ports:
            raise SupervisorError(f"there is no node {node!r}; there are {', '.join(self.names)}")

    def _log_file(self, node: str) -> Path:
        return self.directory.home(node).path / "log"

    def _last_words(self, node: str) -> str:
        lines = self._log_file(node).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"


async def order(directory: DemoDirectory, what: str, node: str) -> None:
    """Give an order to the supervisor of a running demo.

    Raises:
        SupervisorError: There is none, or it could not do it.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(directory.control)
    except OSError as error:
        raise SupervisorError(
            f"no demo network runs in {directory.path}; start one with `monazite demo`"
        ) from error
    writer.write(json.dumps({"order": what, "node": node}).encode() + b"\n")
    await writer.drain()
    answer = json.loads(await reader.readline() or b"{}")
    writer.close()
    if not answer.get("done"):
        raise SupervisorError(str(answer.get("error", "the demo network did not answer")))


async def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    loop = asyncio.get_running_loop()
    try:
        await asyncio.wait_for(loop.run_in_executor(None, process.wait), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await loop.run_in_executor(None, process.wait)
