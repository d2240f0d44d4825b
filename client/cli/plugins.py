"""Commands from other packages: entry points of the group ``monazite.commands``.

An entry point is a function ``mount(app: typer.Typer) -> None`` that adds its commands. One that cannot be
imported, because the extra that it needs is not installed, does not keep the other commands from working:
the commands that it is known to give answer with what to install.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import typer

from client.errors import UsageError

GROUP: Final = "monazite.commands"

COMMANDS_OF_EXTRA: Final[dict[str, tuple[str, ...]]] = {"node": ("demo", "network", "node")}
"""The commands of our own extras by entry point, so that they can be named when it is missing."""


@dataclass(frozen=True, slots=True)
class MissingPlugin:
    """Commands that are not there, and why."""

    name: str
    reason: str

    @property
    def sentence(self) -> str:
        """What is missing and what to do."""
        commands = COMMANDS_OF_EXTRA.get(self.name)
        if commands is None:
            return f"The commands of {self.name!r} could not be loaded: {self.reason}."
        names = ", ".join(f"`monazite {command}`" for command in commands)
        return (
            f"{names} need the extra [{self.name}] ({self.reason}): "
            f"in the checkout, run pip install '.[{self.name}]' (or scripts/setup)."
        )


def mount_plugins(
    app: typer.Typer, points: Iterable[EntryPoint] | None = None
) -> tuple[MissingPlugin, ...]:
    """Add the commands of all plugins to ``app`` and return those that could not be loaded."""
    missing: list[MissingPlugin] = []
    found = entry_points(group=GROUP) if points is None else points
    # A distribution that is on the path twice, as an editable checkout is, counts once.
    by_name = {point.name: point for point in found}
    for point in sorted(by_name.values(), key=lambda point: point.name):
        try:
            mount = point.load()
        except (ImportError, AttributeError) as error:
            missing.append(MissingPlugin(point.name, str(error)))
            for command in COMMANDS_OF_EXTRA.get(point.name, ()):
                _stand_in(app, command, missing[-1])
        else:
            mount(app)
    return tuple(missing)


def _stand_in(app: typer.Typer, command: str, plugin: MissingPlugin) -> None:
    """Add a command that says what to install."""
    app.command(
        command,
        help=f"Needs the extra [{plugin.name}].",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        hidden=True,
    )(_raiser(plugin))


def _raiser(plugin: MissingPlugin) -> Callable[[], None]:
    def say_what_is_missing() -> None:
        raise UsageError(plugin.sentence)

    return say_what_is_missing
