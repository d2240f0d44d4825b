"""What a node logs: one line each, at a level that somebody chose, and nothing that is not described."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from node.logs import EVENTS, set_up_logs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Give the process its logging back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_event_in_the_code_has_a_level_and_stands_on_the_page() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "node").rglob("*.py"))
    called = set(re.findall(r"(?:\blog|_log|_report)\(\s*\"([a-z_]+)\"", code))
    rows = re.findall(
        r"^\| `([a-z_]+)` \| (debug|info|warning|error) \|", PAGE.read_text(encoding="utf-8"), re.M
    )
    assert called == set(EVENTS)
    assert dict(rows) == dict(EVENTS)


def test_an_event_is_one_line_of_json_with_its_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = set_up_logs("north", level="info", form="json")
    log("node_started", height=7, api="http://x")
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "node_started",
        "node": "north",
        "level": "info",
        "height": 7,
        "api": "http://x",
    }


def test_a_halt_is_logged_even_where_only_errors_are(capsys: pytest.CaptureFixture[str]) -> None:
    log = set_up_logs("north", level="error", form="json")
    log("node_started")
    log("peer_suspected", peer="south")
    log("halted", reason="two histories")
    assert [line["event"] for line in lines(capsys)] == ["halted"]


def test_people_read_text(capsys: pytest.CaptureFixture[str]) -> None:
    log = set_up_logs("north", level="info", form="console")
    log("node_started", height=7)
    text = capsys.readouterr().err
    assert "node_started" in text
    assert "height=7" in text


def test_what_a_library_reports_is_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs("north", level="info", form="json")
    library = logging.getLogger("some.library")
    library.info("not worth a line")
    try:
        raise OSError("no more files")
    except OSError:
        library.exception("accepting failed\nin %s", "a socket")
    (line,) = lines(capsys)
    assert line["event"] == "library_reported"
    assert line["library"] == "some.library"
    assert line["message"] == "accepting failed in a socket"
    assert line["error"] == "OSError: no more files"


def test_a_node_goes_on_when_nobody_reads_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stderr", Closed())
    log = set_up_logs("north", level="info", form="json")
    log("node_started")
