"""The pure packages are pure: no clock, file, randomness, float or order of arrival (by their syntax)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PURE_PACKAGES = ("ledger", "consensus")
FILES = sorted(path for package in PURE_PACKAGES for path in (CHECKOUT / package).rglob("*.py"))

CALLS_FORBIDDEN = {
    "breakpoint", "compile", "eval", "exec", "float", "hash", "id", "input", "open", "print",
    "vars", "globals", "locals", "__import__",
}  # fmt: skip
MODULES_FORBIDDEN = {
    "asyncio", "datetime", "glob", "io", "logging", "multiprocessing", "os", "pathlib", "pickle",
    "plyvel", "queue", "random", "secrets", "select", "shutil", "signal", "socket", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "uuid", "aiohttp", "decimal", "fractions",
    "math", "statistics", "concurrent", "locale", "zoneinfo",
}  # fmt: skip


def impurities(source: str) -> Iterator[str]:
    """Yield every impure piece of syntax in ``source``, with its line."""
    for node in ast.walk(ast.parse(source)):
        for what in (impure_value(node), impure_import(node), impure_flow(node)):
            if what:
                yield f"line {getattr(node, 'lineno', '?')}: {what}"


def impure_value(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=float() | complex()):
            return f"the number {node.value!r}"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "a division by /"
        case ast.Call(func=ast.Name(id=name)) if name in CALLS_FORBIDDEN:
            return f"a call of {name}"
        case _:
            return ""


def impure_import(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            modules = [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            modules = [module]
        case _:
            return ""
    forbidden = [name for name in modules if name.partition(".")[0] in MODULES_FORBIDDEN]
    return f"import of {', '.join(forbidden)}" if forbidden else ""


def impure_flow(node: ast.AST) -> str:
    match node:
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            return "async"
        case ast.Global() | ast.Nonlocal():
            return "a variable of an outer scope is set"
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated) if is_set(iterated):
            return "a loop over a set"
        case _:
            return ""


def is_set(node: ast.expr) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case _:
            return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_pure_module_is_pure(path: Path) -> None:
    assert list(impurities(path.read_text(encoding="utf-8"))) == []


def test_both_packages_are_looked_at() -> None:
    assert {path.relative_to(CHECKOUT).parts[0] for path in FILES} == set(PURE_PACKAGES)
    assert len(FILES) > 40


@pytest.mark.parametrize(
    "source",
    [
        "x = 0.5",
        "x = 1e3",
        "x = 2j",
        "x = 1 / 2",
        "x /= 2",
        "print(1)",
        "open('f')",
        "hash('x')",
        "id(x)",
        "float(1)",
        "import time",
        "import os.path",
        "from datetime import date",
        "from asyncio import sleep",
        "async def f(): pass",
        "for x in {1, 2}: pass",
        "y = [x for x in set(z)]",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_the_check_finds_what_it_is_for(source: str) -> None:
    assert list(impurities(source))


@pytest.mark.parametrize(
    "source", ["x = 1 // 2", "x = 7 % 2", "context.hash()", "from ledger import civil", "x = {1}"]
)
def test_the_check_leaves_pure_code_alone(source: str) -> None:
    assert not list(impurities(source))
