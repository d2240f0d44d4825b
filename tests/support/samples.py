# ruff: noqa: ANN401 - everything here works on type forms
"""Values of any wire type, made from its annotations: the least, the greatest, and random ones.

``least(kind)`` and ``greatest(kind)`` are the ends of every range, so the golden vectors of
``tests/conformance`` cover each field of each type without anybody writing them down, and a new wire
type is covered on the day it is added. ``values_of(kind)`` is the hypothesis strategy for the same type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec import Meta

from ledger.wire.scalars import I64_MAX

ENTRIES_MAX = 3
"""Entries of a list in a sample, unless its type asks for more."""

_TEXTS: Final = ("", "a", "z" + "9" * 31, "z" * 64)
"""Least to greatest; each pattern of the wire fits at least one of them."""
_TEXT = st.characters(exclude_categories=["Cs"])


class _Shape:
    """One annotation taken apart: plain type, bounds, entries."""

    def __init__(self, kind: Any) -> None:
        self.rules: list[Meta] = []
        if get_origin(kind) is Annotated:
            kind, *rules = get_args(kind)
            self.rules = [rule for rule in rules if isinstance(rule, Meta)]
        self.kind = getattr(kind, "__supertype__", kind)
        self.origin = get_origin(self.kind)

    def bound(self, name: str) -> Any:
        found = [getattr(rule, name) for rule in self.rules if getattr(rule, name) is not None]
        return found[0] if found else None

    @property
    def alternatives(self) -> tuple[Any, ...]:
        return get_args(self.kind) if self.origin in (Union, UnionType) else ()

    @property
    def entries(self) -> tuple[int, int]:
        least = self.bound("min_length") or 0
        most = self.bound("max_length")
        return least, max(least, min(ENTRIES_MAX, ENTRIES_MAX if most is None else most))

    @property
    def whole_range(self) -> tuple[int, int]:
        least, most, below = self.bound("ge"), self.bound("le"), self.bound("lt")
        if most is None:
            most = I64_MAX if below is None else below - 1
        return -(2**63) if least is None else least, most


def fields_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the annotations of a struct's fields, in order."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


def least(kind: Any) -> Any:
    """Return the least value of a wire type."""
    return _end(kind, is_greatest=False)


def greatest(kind: Any) -> Any:
    """Return the greatest value of a wire type, with lists of a few entries."""
    return _end(kind, is_greatest=True)


def _end(kind: Any, *, is_greatest: bool) -> Any:
    shape = _Shape(kind)
    if shape.alternatives:
        return _end_of_union(shape, is_greatest=is_greatest)
    if shape.origin is tuple:
        kinds = get_args(shape.kind)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            count = shape.entries[is_greatest]
            return tuple(_end(kinds[0], is_greatest=is_greatest) for _ in range(count))
        return tuple(_end(entry, is_greatest=is_greatest) for entry in kinds)
    if issubclass(shape.kind, msgspec.Struct):
        return shape.kind(
            **{
                name: _end(field, is_greatest=is_greatest)
                for name, field in fields_of(shape.kind).items()
            }
        )
    if issubclass(shape.kind, IntEnum):
        return list(shape.kind)[-is_greatest]
    if shape.kind is int:
        return shape.whole_range[is_greatest]
    if shape.kind is bytes:
        return (
            b"\xff" * _length(shape, 64) if is_greatest else bytes(shape.bound("min_length") or 0)
        )
    return _end_of_text(shape, is_greatest=is_greatest)


def _end_of_union(shape: _Shape, *, is_greatest: bool) -> Any:
    kinds = [kind for kind in shape.alternatives if kind is not NoneType]
    if len(kinds) < len(shape.alternatives) and not is_greatest:
        return None
    return _end(kinds[-is_greatest], is_greatest=is_greatest)


def _end_of_text(shape: _Shape, *, is_greatest: bool) -> str:
    pattern = shape.bound("pattern")
    if pattern is not None:
        texts = [text for text in _TEXTS if re.search(pattern, text)]
        return texts[-is_greatest]
    if is_greatest:
        return "\U0001f7e2稀é" * (_length(shape, 30) // 3)
    return "x" * (shape.bound("min_length") or 0)


def _length(shape: _Shape, otherwise: int) -> int:
    most = shape.bound("max_length")
    return otherwise if most is None else min(most, max(otherwise, shape.bound("min_length") or 0))


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a wire type."""
    shape = _Shape(kind)
    if shape.alternatives:
        return st.one_of(
            *(st.none() if entry is NoneType else values_of(entry) for entry in shape.alternatives)
        )
    if shape.origin is tuple:
        kinds = get_args(shape.kind)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            fewest, most = shape.entries
            return st.lists(values_of(kinds[0]), min_size=fewest, max_size=most).map(tuple)
        return st.tuples(*map(values_of, kinds))
    if issubclass(shape.kind, msgspec.Struct):
        return st.builds(
            shape.kind,
            **{name: values_of(field) for name, field in fields_of(shape.kind).items()},
        )
    if issubclass(shape.kind, IntEnum):
        return st.sampled_from(shape.kind)
    return _scalars(shape)


def _scalars(shape: _Shape) -> st.SearchStrategy[Any]:
    fewest, most = shape.bound("min_length") or 0, shape.bound("max_length")
    if shape.kind is int:
        return st.integers(*shape.whole_range)
    if shape.kind is bytes:
        return st.binary(min_size=fewest, max_size=min(most or 64, max(64, fewest)))
    pattern = shape.bound("pattern")
    if pattern is not None:
        return st.from_regex(pattern)
    return st.text(_TEXT, min_size=fewest, max_size=min(most or 30, 30))


def plain(value: Any) -> Any:
    """Return a wire value as lists, numbers, texts and byte strings: what its encoding holds."""
    if isinstance(value, msgspec.Struct):
        tag = type(value).__struct_config__.tag
        fields = [plain(getattr(value, name)) for name in value.__struct_fields__]
        return fields if tag is None else [tag, *fields]
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    return int(value) if isinstance(value, IntEnum) else value


def wire_types(base: type[msgspec.Struct], *, package: str) -> list[type[msgspec.Struct]]:
    """Return every struct below ``base`` that is defined in ``package`` and has fields, by name."""
    found: dict[str, type[msgspec.Struct]] = {}
    pending: list[type[msgspec.Struct]] = [base]
    grown: Callable[[type[msgspec.Struct]], list[type[msgspec.Struct]]] = type.__subclasses__
    while pending:
        kind = pending.pop()
        pending += grown(kind)
        if kind.__struct_fields__ and kind.__module__.startswith(package):
            found[kind.__name__] = kind
    return [found[name] for name in sorted(found)]
