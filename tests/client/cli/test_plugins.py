from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
import typer

import client.cli.main
from client.cli.plugins import GROUP, mount_plugins


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def invoke(app: typer.Typer, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(client.cli.main, "build_app", lambda _first_word: (app, ()))
    return client.cli.main.run(arguments)


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    return app


def test_a_plugin_adds_its_commands(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("some_plugin")

    def mount(program: typer.Typer) -> None:
        program.command("hello")(lambda: typer.echo("hello"))

    module.mount = mount  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_plugin", module)
    assert mount_plugins(app, [point("greeting", "some_plugin:mount")] * 2) == ()
    assert invoke(app, "hello", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "hello\n"


def test_the_commands_of_a_missing_extra_say_what_to_install(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (missing,) = mount_plugins(app, [point("node", "not_installed_at_all.mount:mount")])
    assert "`monazite demo`, `monazite network`, `monazite node`" in missing.sentence
    for command in (["node", "run", "HOME"], ["demo"], ["network", "--config", "x"]):
        assert invoke(app, *command, monkeypatch=monkeypatch) == 2
        told = capsys.readouterr().err
        assert "pip install '.[node]'" in told
        assert "not_installed_at_all" in told


def test_a_foreign_plugin_that_cannot_be_loaded_is_named(app: typer.Typer) -> None:
    (missing,) = mount_plugins(app, [point("strange", "not_installed_at_all:mount")])
    assert "The commands of 'strange' could not be loaded" in missing.sentence


def test_a_plugin_without_its_function_is_named(app: typer.Typer) -> None:
    (missing,) = mount_plugins(app, [point("strange", "json:mount")])
    assert "mount" in missing.reason


def test_an_unknown_command_tells_about_plugins_that_are_missing(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = mount_plugins(app, [point("strange", "not_installed_at_all:mount")])
    monkeypatch.setattr(client.cli.main, "build_app", lambda _first_word: (app, missing))
    assert client.cli.main.run(["odd"]) == 2
    assert "commands of 'strange' could not be loaded" in capsys.readouterr().err


def test_the_plugins_of_this_installation_are_found() -> None:
    app = typer.Typer()
    mount_plugins(app)
