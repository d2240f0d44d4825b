"""What neither linter nor type checker sees: names, and the shape of the tree.

What pure packages may not say is in ``test_purity.py``, what packages may import in ``pyproject.toml``.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import ledger

ROOT = Path(__file__).parents[1]
PRODUCT = ("ledger", "consensus", "client", "node")
SOURCES = (*PRODUCT, "scripts", "tests")
FOLDERS = {*PRODUCT, "tests", "scripts", "docs"}

SAYS_NOTHING = {
    *("base", "common", "constants", "helper", "helpers", "manager", "misc", "shared"),
    *("stuff", "types", "util", "utilities", "utils"),
}
"""Names of modules that tell nobody what is in them."""

TWICE_ON_PURPOSE = {
    "Client": "client.session is for programs with an event loop, client.sync for those without",
    "Journal": "node.driver says what it needs of a journal, node.storage.journal is one",
    "Log": "node.net says what it needs of a log, node.logs is one",
}
"""Class names that one package has twice, and why."""


def files(*folders: str) -> list[Path]:
    """Return every Python file below the folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_package_has_a_class_name_twice() -> None:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for package in PRODUCT:
        for path in files(package):
            for node in tree_of(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[package, node.name].append(short(path))
    twice = {name: found for (_package, name), found in places.items() if len(found) > 1}
    assert set(twice) <= set(TWICE_ON_PURPOSE), twice


def test_names_of_modules_say_what_is_in_them() -> None:
    assert not [short(path) for path in files(*SOURCES) if path.stem in SAYS_NOTHING]


def test_every_module_says_what_it_is_for() -> None:
    wanted = files(*PRODUCT, "scripts")
    assert not [short(path) for path in wanted if not ast.get_docstring(tree_of(path))]


def test_nothing_is_left_for_later_in_a_comment() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    found = [
        short(path)
        for path in (*files(*SOURCES), *documents, *scripts)
        if path != Path(__file__) and marks.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in files("tests")}
    assert not [short(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_packages_of_tests_do_not_take_the_place_of_ours() -> None:
    # Without tests/__init__.py, pytest would import tests/ledger under the name of ledger.
    assert "tests" not in Path(ledger.__file__).relative_to(ROOT).parts


def test_test_files_mirror_what_they_test() -> None:
    strays = []
    for path in files("tests"):
        parts = path.relative_to(ROOT / "tests").parts
        if parts[0] in PRODUCT and not (ROOT.joinpath(*parts[:-1])).is_dir():
            strays.append(short(path))
    assert not strays, "a folder of tests has the name of the package folder that it tests"


def test_the_top_level_holds_only_the_known_folders() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # no repository: an unpacked archive
        names = {path.name for path in ROOT.iterdir() if path.is_dir()}
    else:
        names = {line.partition("/")[0] for line in listed.stdout.splitlines() if "/" in line}
    strangers = {name for name in names if not name.startswith(".") and name not in FOLDERS}
    assert not {name for name in strangers if not name.endswith(".egg-info")}
