"""What the documents say is there, and their examples run."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADR = ROOT / "docs" / "adr"
PACKAGES = ("ledger", "consensus", "client", "node")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FILE_NAME = re.compile(r"`((?:ledger|consensus|client|node|tests|scripts|docs)/[\w./-]*)(?::\w+)?`")
RUNNABLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADR_PARTS = ("Context", "Decision", "Consequences", "How we would notice it was wrong")
ADR_LINES = range(40, 101)
README_LINES_MAX = 90
MODULES_OF = {"prometheus-client": "prometheus_client", "pynacl": "nacl", "pyyaml": "yaml"}
"""Under which name a distribution is imported, where the two differ by more than a hyphen."""
USED_WITHOUT_IMPORT = {
    *("import-linter", "mypy", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "ruff"),
}
"""Programs and plug-ins."""


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def records() -> list[Path]:
    """Return the decision records, by number."""
    return sorted(ADR.glob("[0-9]*.md"))


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the names of a document's headings, as links spell them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("path", documents(), ids=short)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _hash, anchor = target.partition("#")
        found = (path.parent / name) if name else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", documents(), ids=short)
def test_every_file_that_is_named_exists(path: Path) -> None:
    names = FILE_NAME.findall(path.read_text(encoding="utf-8"))
    missing = [name for name in names if not (ROOT / name).exists() and "…" not in name]
    assert not missing


@pytest.mark.parametrize("path", documents(), ids=short)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run blocks marked ``python``; of those that wait for a network only the imports.

    What is no whole example is marked ``python fragment``.
    """
    monkeypatch.setenv("MONAZITE_CONFIG_DIR", str(tmp_path))
    for number, block in enumerate(RUNNABLE.findall(path.read_text(encoding="utf-8"))):
        name = f"{short(path)}, example {number + 1}"
        tree = ast.parse(checked_syntax(block, name))
        if any(
            isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor) for node in ast.walk(tree)
        ):
            tree.body = [
                node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
            ]
        exec(compile(tree, name, "exec"), {})  # noqa: S102


def checked_syntax(block: str, name: str) -> str:
    """Return a block that is Python, ``await`` outside of functions allowed.

    Raises:
        SyntaxError: It is none.
    """
    compile(block, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return block


def test_functions_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name, function in re.findall(r"`([\w/]+\.py):(\w+)`", text):
        assert f"\ndef {function}(" in (ROOT / name).read_text(encoding="utf-8"), (name, function)


def test_modules_that_a_newcomer_reads_say_what_they_are_for() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    order = architecture.partition("## 7. Reading order")[2]
    modules = [ROOT / name for name in FILE_NAME.findall(order) if name.endswith(".py")]
    assert len(modules) >= 8
    for module in modules:
        text = module.read_text(encoding="utf-8")
        assert text.startswith('"""'), short(module)
        assert len(text.split('"""')[1]) > 80, short(module)


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES_MAX
    first = text.split("```")[1]
    assert re.findall(r"^scripts/\w+", first, re.MULTILINE) == ["scripts/demo", "scripts/test"]
    for picture in PACKAGES:
        assert re.search(rf"^ .*\b{picture}\b", text, re.MULTILINE), (
            "the picture shows all packages"
        )


@pytest.mark.parametrize("path", records(), ids=short)
def test_a_decision_record_has_all_its_parts(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = int(path.name[:4])
    assert lines[0].startswith(f"# {number}. ")
    assert re.match(r"Status: (proposed|accepted|superseded), \d{4}-\d{2}-\d{2}\.", lines[2])
    assert len(lines) in ADR_LINES
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert headings[0] == "Context"
    assert "Consequences" in headings, "the bad ones too"


def test_decision_records_are_numbered_without_gap_and_all_in_the_index() -> None:
    names = [path.name for path in records()]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    index = (ADR / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[\d{4}\]\(([\w.-]+)\)", index, re.MULTILINE) == names


def test_the_template_has_the_parts_of_a_record() -> None:
    headings = re.findall(
        r"^## (.*)$", (ADR / "template.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [heading for heading in headings if heading in ADR_PARTS] == list(ADR_PARTS)


def declared() -> dict[str, set[str]]:
    """Return the names of all dependencies by where they are declared; "" is the base."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        group: {re.split(r"[<>=!~;\[ ]", entry)[0] for entry in entries}
        for group, entries in groups.items()
    }


def test_every_dependency_is_explained_in_its_section() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    explained = [
        set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) for section in sections
    ]
    groups = declared()
    assert explained == [groups[""], groups["node"], groups["test"]]


def imported(*folders: str) -> set[str]:
    """Return the top-level names of everything that is imported below the folders."""
    pattern = re.compile(r"^\s*(?:from|import) ([a-zA-Z_]\w*)", re.MULTILINE)
    return {
        name
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }


def modules_of(dependencies: set[str]) -> set[str]:
    return {MODULES_OF.get(name, name.replace("-", "_")) for name in dependencies}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    groups = declared()
    own = {*PACKAGES, "tests", "scripts"}
    known = own | set(sys.stdlib_module_names)
    base = imported("ledger", "consensus", "client") - known
    assert base <= modules_of(groups[""])
    node = imported("node") - known
    assert node <= modules_of(groups[""] | groups["node"])
    assert modules_of(groups[""]) <= base | node
    assert modules_of(groups["node"]) <= node
    tests = imported("tests")
    assert modules_of(groups["test"] - USED_WITHOUT_IMPORT) <= tests


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"


def headings_of(name: str) -> Iterator[str]:
    yield from re.findall(r"^## (.*)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    assert next(headings_of("CHANGELOG.md")) == "Unreleased"


def test_the_glossary_gives_every_word_one_meaning() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [
        word
        for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
        for word in cell.split(", ")
        if cell not in ("word", "---")
    ]
    assert len(words) == len(set(words)) > 60
