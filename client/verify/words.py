"""Values of the ledger as people write them, and where two values of one type differ.

Masses carry their unit and thousands, times are written in UTC, civil days as 2024-02-29, enumerations by
their lower-case names, digests in hexadecimal, shortened in sentences. The type of a field says
which of these it is, so no list of field names is kept here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from ledger.wire.scalars import CivilDate, Grams, TimeMs

SHOWN_CHARACTERS_MAX: Final = 160
DIFFERENCES_MAX: Final = 8
"""Differences told of one record; a record that differs in more is another record."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same."""

    path: str
    """Such as ``gross`` or ``composition[2]``."""
    expected: str
    found: str

    def sentence(self) -> str:
        """Return the difference for people."""
        return f"{self.path}: {self.expected} → {self.found}"


def shown(value: object, kind: object = None) -> str:
    """Return ``value``, a field of type ``kind``, as people write it; at most 160 characters."""
    text = _shown(value, kind)
    if len(text) <= SHOWN_CHARACTERS_MAX:
        return text
    return text[: SHOWN_CHARACTERS_MAX - 1] + "…"


def _shown(value: object, kind: object) -> str:
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex() or "(empty)"
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(value, kind)
    if isinstance(value, str):
        return printable(value) or "(empty)"
    if isinstance(value, tuple):
        inner = _inner_kinds(kind, len(value))
        return "[" + ", ".join(map(_shown, value, inner)) + "]"
    if isinstance(value, msgspec.Struct):
        hints = hints_of(type(value))
        fields = (
            f"{name} {_shown(getattr(value, name), hints[name])}"
            for name in value.__struct_fields__
        )
        return "(" + ", ".join(fields) + ")"
    return "none" if value is None else str(value)


def _number(value: int, kind: object) -> str:
    if kind is Grams:
        return f"{value:,} g"
    if kind is TimeMs:
        return time_of(value)
    if kind is CivilDate:
        return f"{value // 10_000:04}-{value // 100 % 100:02}-{value % 100:02}"
    return str(value)


def time_of(time_ms: int) -> str:
    """Return a time in milliseconds since 1970 as UTC; as a number when no calendar reaches it."""
    try:
        moment = datetime.datetime.fromtimestamp(time_ms // 1000, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return f"{time_ms} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03} UTC"


def printable(text: str) -> str:
    """Return ``text`` with whatever could steer a terminal written as an escape."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def short(digest: bytes) -> str:
    """Return the beginning of a digest, enough for a sentence."""
    return digest.hex()[:16] + "…"


def differences(expected: object, found: object, kind: object = None) -> list[Difference]:
    """Return where ``found`` differs from ``expected``, a value of the same type; at most 8."""
    result: list[Difference] = []
    for difference in _differences(expected, found, kind, ""):
        result.append(difference)
        if len(result) == DIFFERENCES_MAX:
            break
    return result


def _differences(expected: object, found: object, kind: object, path: str) -> Iterator[Difference]:
    if expected == found and type(expected) is type(found):
        return
    if (
        isinstance(expected, msgspec.Struct)
        and isinstance(found, msgspec.Struct)
        and type(expected) is type(found)
    ):
        hints = hints_of(type(expected))
        for name in expected.__struct_fields__:
            place = f"{path}.{name}" if path else name
            yield from _differences(
                getattr(expected, name), getattr(found, name), hints[name], place
            )
    elif isinstance(expected, tuple) and isinstance(found, tuple) and len(expected) == len(found):
        kinds = _inner_kinds(kind, len(expected))
        for number, (before, after) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(before, after, kinds[number], f"{path}[{number}]")
    else:
        yield Difference(path, shown(expected, kind), shown(found, kind))


@lru_cache(maxsize=256)
def hints_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the types of a struct's fields, without their ranges."""
    return get_type_hints(kind)


def _inner_kinds(kind: object, count: int) -> list[object]:
    """Return the types of the entries of a tuple of type ``kind``."""
    for option in (kind, *get_args(kind)):
        if get_origin(option) is tuple:
            arguments = get_args(option)
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return [arguments[0]] * count
            if len(arguments) == count:
                return list(arguments)
    return [None] * count
