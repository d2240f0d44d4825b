"""The nodes of one client: whom to ask, whom next, and when to pause.

Requests go to one preferred node, so that a client reads what it has written; when that node is in
trouble the next one becomes preferred at once, and only when every node was in trouble is there a
pause, doubling from round to round, of random length so that many clients do not come back together.

``proven_height`` is the height of the newest *verified* receipt. A node below it has not seen this
client's own writes yet: its "not found" and its refusals say nothing, so it counts as being in trouble.
Heights that nodes merely claim are not used for this; one lie would put all others out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from client.errors import Busy, NotFound, Unreachable, Unverified, UsageError
from client.timing import Patience, Timing
from client.transport import (
    JSON_TYPE,
    NodeConnection,
    NodeLieError,
    NodeTroubleError,
    Problem,
    Reply,
    json_of,
    problem_of,
)
from ledger.wire.scalars import Height

A = TypeVar("A")


class Deadline:
    """The end of the time for one task."""

    def __init__(self, timing: Timing, total_ms: int) -> None:
        self._timing = timing
        self._end = timing.steady() + total_ms / 1_000

    @property
    def left_ms(self) -> int:
        """Milliseconds that are left; 0 when it is over."""
        return max(0, int((self._end - self._timing.steady()) * 1_000))


class Troubles:
    """What was wrong with each node, for the message if nothing helps."""

    def __init__(self) -> None:
        self.by_node: dict[str, NodeTroubleError] = {}

    def note(self, node: NodeConnection, trouble: NodeTroubleError) -> None:
        """Keep the newest trouble of a node."""
        self.by_node.pop(node.address, None)
        self.by_node[node.address] = trouble

    @property
    def retry_after_ms(self) -> int:
        """The shortest time after which a busy node wants to be asked again; 0 if none said."""
        asked = [trouble.retry_after_ms for trouble in self.by_node.values() if trouble.busy]
        return min(asked, default=0)

    def error(self, what: str, *, advice: str = "") -> Unreachable:
        """Return the error that says so: ``Busy`` when every node that answered was busy."""
        reasons = {node: trouble.reason for node, trouble in self.by_node.items()}
        some_busy = any(trouble.busy for trouble in self.by_node.values())
        others_silent = all(
            trouble.busy or not trouble.may_have_arrived for trouble in self.by_node.values()
        )
        kind = Busy if some_busy and others_silent else Unreachable
        return kind(reasons, what=what, advice=advice)


class NodePool:
    """The nodes that a client may ask, in order of preference."""

    def __init__(
        self,
        connections: Sequence[NodeConnection],
        *,
        timing: Timing,
        patience: Patience,
        jitter: random.Random | None = None,
    ) -> None:
        if not connections:
            raise UsageError(
                "no node is named. Give addresses, or use a profile that has some "
                "(`monazite profile add`)."
            )
        self._connections = tuple(connections)
        self._preferred = 0
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.timing = timing
        self.patience = patience
        self.proven_height = Height(0)

    def deadline(self, total_ms: int | None = None) -> Deadline:
        """Return the end of a task that begins now."""
        return Deadline(self.timing, self.patience.total_ms if total_ms is None else total_ms)

    def in_order(self, *, without: Collection[str] = ()) -> list[NodeConnection]:
        """Return the nodes, the preferred one first, without those whose address is given."""
        order = (*self._connections[self._preferred :], *self._connections[: self._preferred])
        return [node for node in order if node.address not in without]

    def prefer(self, node: NodeConnection) -> None:
        """Ask ``node`` first from now on."""
        self._preferred = self._connections.index(node)

    def demote(self, node: NodeConnection) -> None:
        """Ask another node first if ``node`` is the preferred one."""
        if self._connections[self._preferred] is node:
            self._preferred = (self._preferred + 1) % len(self._connections)

    def note_proven(self, height: Height) -> None:
        """Remember the height of a verified receipt."""
        self.proven_height = max(self.proven_height, height)

    async def pause(self, attempt: int, deadline: Deadline, *, least_ms: int = 0) -> bool:
        """Wait after a round without success; tell whether there is time for another one.

        Waits at least ``least_ms`` and at most as long as there is time.
        """
        left_ms = deadline.left_ms
        if left_ms <= least_ms:
            return False
        longest = self.patience.backoff_ms(attempt)
        wait_ms = min(left_ms, least_ms + self._jitter.randint(longest // 2, longest))
        await self.timing.pause(wait_ms / 1_000)
        return deadline.left_ms > 0

    async def ask(
        self,
        path: str,
        read: Callable[[Reply], A],
        *,
        what: str,
        accept: str = JSON_TYPE,
        params: Mapping[str, str] | None = None,
    ) -> tuple[NodeConnection, A]:
        """Return the first usable answer of any node, and who gave it.

        Args:
            path: Below a node's address.
            read: Reads an answer; raises ``NodeTroubleError`` for one that is not usable, and
                ``NodeLieError`` for one that does not prove what it says.
            what: What is asked for, in words, for messages.
            accept: The content type that is wanted.
            params: Query parameters.

        Raises:
            NotFound: A node that is not behind says that there is no such thing.
            UsageError: A node says that the question cannot be understood.
            Unverified: A node's answer does not verify, and no other node gave one that does.
            Unreachable: No node gave a usable answer in time; ``Busy`` when all were busy.
        """
        deadline = self.deadline(self.patience.question_ms)
        attempt = 0
        while True:
            troubles = Troubles()
            lie: Unverified | None = None
            for node in self.in_order():
                try:
                    reply = await node.request("GET", path, accept=accept, params=params)
                    await self._check_status(node, reply, path, accept)
                    return node, read(reply)
                except NodeTroubleError as trouble:
                    troubles.note(node, trouble)
                    self.demote(node)
                except NodeLieError as error:
                    lie = lie or Unverified(node.address, f"{what}: {error}")
                    self.demote(node)
            if lie is not None:
                raise lie
            if not await self.pause(attempt, deadline, least_ms=troubles.retry_after_ms):
                raise troubles.error(what)
            attempt += 1

    async def ask_json(
        self,
        path: str,
        read: Callable[[dict[str, Any]], A],
        *,
        what: str,
        params: Mapping[str, str] | None = None,
    ) -> A:
        """Return what ``read`` makes of a JSON answer. Raises as ``ask``."""

        def read_fresh(reply: Reply) -> A:
            body = json_of(reply)
            self._check_fresh(body, path)
            return read(body)

        _node, value = await self.ask(path, read_fresh, what=what, params=params)
        return value

    async def _check_status(
        self, node: NodeConnection, reply: Reply, path: str, accept: str
    ) -> None:
        if reply.status == 200:
            if reply.content_type != accept:
                raise NodeTroubleError(f"answered with {reply.content_type} instead of {accept}")
            return
        problem = problem_of(reply)
        if problem.status == 404:
            await self.check_not_behind(node)
            raise NotFound(f"{problem.detail or path} (asked: {node.address})")
        raise UsageError(
            f"{node.address} does not understand the question ({problem.status} {problem.code}): "
            f"{problem.detail}"
        )

    def _check_fresh(self, body: Mapping[str, Any], path: str) -> None:
        """Refuse an answer about the present from a node that has not seen this client's writes."""
        height = body.get("height")
        if path.startswith("/v1/transactions/") or not isinstance(height, int):
            return
        if height < self.proven_height:
            raise behind_trouble(height, self.proven_height)

    async def check_not_behind(self, node: NodeConnection, problem: Problem | None = None) -> None:
        """Check that a node has seen this client's own writes.

        Raises:
            NodeTroubleError: It is behind, or gives no status.
        """
        if not self.proven_height:
            return
        height = problem.height if problem is not None else None
        if height is None:
            height = (await self.status_of(node))[0]
        if height < self.proven_height:
            raise behind_trouble(height, self.proven_height)

    async def status_of(self, node: NodeConnection) -> tuple[Height, int]:
        """Return height and time of a node's committed tip, as it says.

        Raises:
            NodeTroubleError: It gives none.
        """
        reply = await node.request("GET", "/v1/status")
        body = json_of(reply)
        height, time_ms = body.get("height"), body.get("time_ms")
        if reply.status != 200 or not isinstance(height, int) or not isinstance(time_ms, int):
            raise NodeTroubleError("gives no height and time in its status")
        return Height(height), time_ms


def behind_trouble(height: int, proven: int) -> NodeTroubleError:
    """Return the trouble with a node that has not seen this client's writes."""
    return NodeTroubleError(
        f"is at block {height}, {proven - height} behind this client's own records",
        may_have_arrived=False,
        busy=True,
    )
