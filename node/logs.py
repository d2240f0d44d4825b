"""Structured logs: one event per line, as JSON for machines or coloured text for people.

Events are short names in the past tense (``block_committed``) with named figures; never secrets,
never whole records. ``EVENTS`` is all of them with their levels; ``docs/operating.md`` says what they
mean. What libraries have to say comes out the same way, as one line without a traceback.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Literal, Protocol

import structlog
from typing_extensions import override

Level = Literal["debug", "info", "warning", "error"]

EVENTS: Final[Mapping[str, Level]] = MappingProxyType(
    {
        "accept_failed": "warning",
        "connection_refused": "info",
        "evidence_recorded": "warning",
        "halted": "error",
        "library_reported": "warning",
        "network_failed": "error",
        "node_failed": "error",
        "node_started": "info",
        "node_stopped": "info",
        "peer_connected": "info",
        "peer_disconnected": "info",
        "peer_not_connected": "info",
        "peer_refused": "warning",
        "peer_replaced": "info",
        "peer_suspected": "warning",
        "request_failed": "warning",
        "request_rejected": "info",
    }
)
"""Every event and its level. An event that is not here counts as a warning."""


class Log(Protocol):
    """Takes one event."""

    def __call__(self, event: str, /, **figures: object) -> None:
        """Write an event with its figures."""


def set_up_logs(node: str, *, level: Level, form: Literal["json", "console"]) -> Log:
    """Configure logging for this process and return the node's log."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(node=node)
    writers: dict[Level, Callable[..., object]] = {
        "debug": logger.debug,
        "info": logger.info,
        "warning": logger.warning,
        "error": logger.error,
    }

    def log(event: str, /, **figures: object) -> None:
        # Nobody may be reading any more; a node does not end for that.
        with suppress(OSError, ValueError):
            writers[EVENTS.get(event, "warning")](event, **figures)

    root = logging.getLogger()
    root.handlers = [_Bridge(log)]
    root.setLevel(logging.WARNING)
    return log


class _Bridge(logging.Handler):
    """Writes what libraries log as events."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._log(
            "library_reported",
            library=record.name,
            message=" ".join(record.getMessage().split()),
            **({} if error is None else {"error": f"{type(error).__name__}: {error}"}),
        )
