"""What a command that waits for finality shows meanwhile, and what it says when it is stopped.

At a terminal, a line on stderr tells from the second second on where the transaction was sent and for how
long it has been waited for; now and then the node is asked for its status, so that the line can say when
no quorum is reachable. Elsewhere nothing is shown. Ctrl-C ends with ``Interrupted``, which says what becomes
of the transaction: it is in the outbox, and it may still become final.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar, Final, TypeVar

from rich.console import Console
from rich.status import Status as Spinner
from rich.text import Text

from client.answers import Status, answer_of
from client.errors import ClientError
from client.session import Client
from client.settlement import Settlement
from client.transport import NodeTroubleError, json_of

T = TypeVar("T")

SILENT_SECONDS: Final = 1.0
"""What takes no longer is not worth a word."""
TICK_SECONDS: Final = 0.5
STATUS_TICKS: Final = 6
"""The node is asked for its status once in so many ticks."""


class Interrupted(ClientError):  # noqa: N818 - says what it is
    """Somebody pressed Ctrl-C while a transaction was waited for."""

    code: ClassVar[str] = "interrupted"

    def __init__(self, tx_ids: list[str]) -> None:
        self.tx_ids = tx_ids
        super().__init__("\n".join(["stopped.", *map(_left_behind, tx_ids)]))

    def as_dict(self) -> dict[str, object]:
        """Return which transactions were left behind."""
        return {**super().as_dict(), "tx_ids": self.tx_ids}


def run_waiting(
    client: Client, work: Coroutine[Any, Any, T], show: Callable[[str], None] | None = None
) -> T:
    """Run ``work`` and show what it waits for.

    Args:
        client: Whose submissions are waited for; ``work`` opens it.
        work: What has to be done.
        show: Takes the line to show; a line of its own on stderr when left out.

    Raises:
        Interrupted: Ctrl-C; the transactions that are left in the outbox are named.
    """
    try:
        return asyncio.run(_watched(client, work, show))
    except KeyboardInterrupt as error:
        raise Interrupted([item.entry.tx_id.hex() for item in client.under_way]) from error


async def _watched(
    client: Client, work: Coroutine[Any, Any, T], show: Callable[[str], None] | None
) -> T:
    if not sys.stderr.isatty():
        return await work
    line = _Line()
    watcher = asyncio.create_task(_watch(client, show or line.show))
    try:
        return await work
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        line.clear()


class _Line:
    """One line with a spinner on stderr, gone when the waiting is over."""

    def __init__(self) -> None:
        self._spinner: Spinner | None = None

    def show(self, text: str) -> None:
        """Show ``text`` instead of what was shown before; nothing when it is empty."""
        if not text:
            self.clear()
        elif self._spinner is None:
            self._spinner = Console(stderr=True, highlight=False).status(Text(text))
            self._spinner.start()
        else:
            self._spinner.update(Text(text))

    def clear(self) -> None:
        """Remove the line."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None


async def _watch(client: Client, show: Callable[[str], None]) -> None:
    """Show what is waited for until cancelled."""
    began: dict[bytes, float] = {}
    trouble, ticks = "", 0
    while True:
        under_way = client.under_way
        if under_way:
            settlement = under_way[-1]
            since = began.setdefault(settlement.entry.tx_id, time.monotonic())
            waited = time.monotonic() - since
            if waited >= SILENT_SECONDS:
                if ticks % STATUS_TICKS == 0:
                    trouble = await _trouble_of(settlement)
                ticks += 1
                show(waiting_line(settlement, int(waited), trouble))
        else:
            trouble, ticks = "", 0
            show("")
        await asyncio.sleep(TICK_SECONDS)


def waiting_line(settlement: Settlement, seconds: int, trouble: str = "") -> str:
    """Return in words what a submission waits for: where it was sent, for how long, and why."""
    node = settlement.holder or settlement.asking
    why = trouble or settlement.reason.rstrip(".")
    if node is None:
        doing = "no node takes it now, trying again"
        why = why or settlement.newest_trouble.rstrip(".")
    else:
        doing = f"sent to {node.address}, waiting for finality"
    return f"{doing}, {seconds} s{f' ({why})' if why else ''}"


async def _trouble_of(settlement: Settlement) -> str:
    """Return why the node that was asked cannot make anything final, as it says; else nothing."""
    node = settlement.holder or settlement.asking or settlement.pool.in_order()[0]
    try:
        found = answer_of(Status, json_of(await node.request("GET", "/v1/status")))
    except NodeTroubleError:
        return ""
    return found.without_quorum


def _left_behind(tx_id: str) -> str:
    return (
        f"Transaction {tx_id} lies in the outbox. If it reached a node, it will still be taken: do "
        "not write it anew. `monazite outbox resume` brings it to its end."
    )
