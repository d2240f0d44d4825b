"""Structured logs: one event per line, as JSON for machines or coloured text for people.

Events are short names in the past tense (``block_committed``) with named figures; never secrets, never
whole records.
"""

from __future__ import annotations

import logging
import sys
from typing import Final, Literal, Protocol

import structlog

WARNING_EVENTS: Final = frozenset(
    {"evidence_recorded", "halted", "peer_sent_bad_signatures", "peer_suspected", "request_failed"}
)
"""Events that an operator should look at; all others are information."""


class Log(Protocol):
    """Takes one event."""

    def __call__(self, event: str, /, **figures: object) -> None:
        """Write an event with its figures."""


def set_up_logs(
    node: str,
    *,
    level: Literal["debug", "info", "warning", "error"],
    form: Literal["json", "console"],
) -> Log:
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
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(node=node)

    def log(event: str, /, **figures: object) -> None:
        if event in WARNING_EVENTS:
            logger.warning(event, **figures)
        else:
            logger.info(event, **figures)

    return log
