"""The kinds of values that records are made of, as their annotations say: what a form has to hold.

A field's annotation is read once: the limits, the names on the way (``LotId``, ``CivilDate``), the plain type
behind them, and whether it may be null. ``words_of`` says in words what to write for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from ledger.vocabulary import Element
from ledger.wire.scalars import (
    CivilDate,
    Digest,
    FacilityId,
    Grams,
    LotId,
    MemberId,
    Month,
    ProductCode,
    TimeMs,
)


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field's annotation asks for."""

    whole: Any
    """The annotation, with its limits."""
    plain: Any
    """The type behind it, without names and limits."""
    names: tuple[Any, ...]
    """The ``NewType`` names on the way, outermost first."""
    optional: bool

    def is_named(self, name: Any) -> bool:  # noqa: ANN401 - a NewType
        """Tell whether ``name`` is one of the names on the way."""
        return name in self.names


@lru_cache(maxsize=128)
def fields_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a struct type
    """Return the annotations of a struct's fields, in order."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


@lru_cache(maxsize=512)
def kind_of(annotation: Any) -> FieldKind:  # noqa: ANN401 - any type form
    """Return what a field's annotation asks for."""
    optional = False
    inner = annotation
    if get_origin(inner) in (Union, UnionType):
        members = [member for member in get_args(inner) if member is not NoneType]
        optional = len(members) < len(get_args(inner))
        inner = members[0]
    whole, names = inner, []
    while True:
        if get_origin(inner) is Annotated:
            inner = get_args(inner)[0]
        elif hasattr(inner, "__supertype__"):
            names.append(inner)
            inner = inner.__supertype__
        else:
            return FieldKind(whole, inner, tuple(names), optional)


def is_grams_by_element(target: Any) -> bool:  # noqa: ANN401 - any type form
    """Tell whether a tuple type is a list of (element, grams)."""
    inner = get_args(target)
    if inner[-1] is not Ellipsis or get_origin(inner[0]) is not tuple:
        return False
    return bool(get_args(inner[0])[0] is Element)


def words_of(kind: FieldKind) -> str:
    """Say in words what to write for a kind of value."""
    for words in _choices_of_words(kind):
        return words + (", or null" if kind.optional else "")
    return "a text"


def _choices_of_words(kind: FieldKind) -> Iterator[str]:
    target = kind.plain
    for name, words in _WORDS_OF_NAME.items():
        if kind.is_named(name):
            yield words
    if get_origin(target) is tuple:
        yield (
            'whole grams of oxide by element, such as {"La": 120}'
            if is_grams_by_element(target)
            else "a list"
        )
        return
    if issubclass(target, msgspec.Struct):
        yield f"an object with {', '.join(target.__struct_fields__)}"
    if issubclass(target, IntEnum):
        yield f"one of {', '.join(word_of(member) for member in target)}"
    if target is bytes:
        yield "hexadecimal digits"
    if target is int:
        yield "a whole number"


_WORDS_OF_NAME: Final[dict[Any, str]] = {
    LotId: "a lot's id (32 hexadecimal digits) or creator/code",
    CivilDate: "a day such as 2024-03-05",
    Month: "a month such as 2024-03",
    Grams: "whole grams, such as 1250000 for 1,250 kg",
    MemberId: "a member's id, such as mine-a",
    FacilityId: "a facility's id, such as pit-a",
    ProductCode: "a product's code, such as ORE-MIX",
    Digest: "a SHA-256, 64 hexadecimal digits as `sha256sum FILE` prints them",
    TimeMs: "milliseconds since 1970, or a time such as 2024-03-05T08:00:00Z",
}


def word_of(member: IntEnum) -> str:
    """Return how people write a member of a vocabulary."""
    return member.symbol if isinstance(member, Element) else member.name.lower()


def vocabulary_of(target: type[IntEnum]) -> dict[str, IntEnum]:
    """Return the members of a vocabulary by the lower-case word for each."""
    return {word_of(member).lower(): member for member in target}
