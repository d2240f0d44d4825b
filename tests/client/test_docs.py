"""The examples in the guides run as they stand, and their tables say what the code does."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

import client
from client.importing.columns import COLUMNS, SheetKind
from client.reading import Reader
from client.timing import Patience
from ledger.vocabulary import Activity
from tests.client.desk import Desk
from tests.support.founding import MINISTRY
from tests.support.trading import BUYER

DOCS = Path(__file__).parents[2] / "docs"
SDK, IMPORT = DOCS / "sdk.md", DOCS / "import.md"


def blocks(path: Path, language: str) -> list[tuple[str, str]]:
    """Return what stands behind the language of each code block, and the block."""
    found = re.findall(rf"```{language}([^\n]*)\n(.*?)```", path.read_text(), re.DOTALL)
    return [(words.strip(), text) for words, text in found]


def run_python(text: str, namespace: dict[str, Any]) -> None:
    """Run a block that may await at its top level, as a notebook does."""
    code = compile(text, "docs", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result: object = eval(code, namespace)  # noqa: S307 - our own documentation
    if isinstance(result, Awaitable):
        asyncio.run(_wait_for(result))


async def _wait_for(work: Awaitable[object]) -> None:
    await work


def test_the_examples_of_the_sdk_run_in_their_order(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.profile(MINISTRY)
    desk.profile("newcomer")
    admission = desk.ledger.world.admission(
        "newcomer", activities=(Activity.MINING,), licences=("LIC-pit-new",)
    )
    desk.ledger.world.apply(MINISTRY, admission)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    examples = blocks(SDK, "python")
    for _words, text in examples:
        run_python(text, namespace)
    assert len(examples) >= 8
    assert namespace["quota"].left == 2_000_000 - 500_000 - 30_000
    assert all(result.is_final for result in namespace["results"])
    assert len(namespace["receipt_for_both"].records) == 1
    assert namespace["shown"].tx_id == namespace["receipt"].tx_id
    assert namespace["holder"] == "mine-a"


def test_the_json_of_the_sdk_guide_is_submitted_as_it_stands(desk: Desk) -> None:
    examples = blocks(SDK, "json")
    for words, text in examples:
        member, name = words.split()
        ran = desk.run("submit", desk.file(name, text), "--profile", member)
        assert ran.code == 0, (name, ran.err)
    lot = desk.run("lot", "show", "mine-a/BOX-18", "--json").json
    assert lot["transfer"]["buyer"] == BUYER
    assert len(examples) == 2


def test_the_files_of_the_import_guide_are_imported_in_their_order(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.profile(BUYER)
    monkeypatch.chdir(tmp_path)
    examples = blocks(IMPORT, "csv")
    for words, text in examples:
        member, name = words.split()
        path = desk.file(name, text)
        ran = desk.run("import", path, "--profile", member)
        assert ran.code == 0, (name, ran.err)
        again = desk.run("import", path, "--profile", member, "--json")
        assert again.json["already"] == again.json["rows"]
    assert {Path(words.split()[1]).stem for words, _text in examples} == set(SheetKind)
    lot = desk.run("lot", "show", "mine-a/BAG-1", "--profile", BUYER, "--json").json
    assert (lot["holder"], lot["gross"]) == (BUYER, 249_900)
    rerun = (tmp_path / "outputs.csv").read_text().replace("BOX-", "CAN-").replace("400000", "4000")
    smaller = rerun.replace("50000", "500").replace("100000", "1000").replace("10000", "100")
    (tmp_path / "outputs.csv").write_text(smaller.replace("40000", "400"))
    namespace: dict[str, Any] = {}
    for _words, text in blocks(IMPORT, "python"):
        run_python(text, namespace)
    assert namespace["result"].records_count == 2


def test_the_import_guide_names_the_columns_of_every_kind() -> None:
    text = IMPORT.read_text()
    for kind, columns in COLUMNS.items():
        (row,) = re.findall(rf"^\| {kind.value} \|[^|]*\|(.*)\|$", text, re.MULTILINE)
        assert tuple(re.findall(r"`([^`]+)`", row)) == tuple(columns)


def test_the_sdk_guide_names_every_question_every_error_and_every_setting() -> None:
    text = SDK.read_text()
    for name, method in inspect.getmembers(Reader):
        if not name.startswith("_") and name != "products":
            assert f"`{name}`" in text, (name, method)
    errors = [name for name in client.__all__ if issubclass(_kind(name), Exception)]
    for name in errors:
        if name != "ClientError":
            assert f"`{name}`" in text, name
    for setting in ("total_ms", "question_ms", "wait_ms", "request_ms"):
        assert setting in Patience.__dataclass_fields__
        assert f"`{setting}`" in text


def _kind(name: str) -> type:
    value = getattr(client, name)
    return value if isinstance(value, type) else object


def test_everything_that_the_package_promises_is_there() -> None:
    for name in client.__all__:
        assert getattr(client, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = client.Nothing
