"""Canonical JSON documents: files that people read, compare and sign for, with one spelling each.

The genesis document and a founder's part of it are JSON, because founders read them before they agree.
So that the digest of a file names what it says, a value has exactly one spelling:

* objects with their fields in alphabetical order, indented by two spaces, one line feed at the end;
* UTF-8 without escapes that are not needed, whole numbers only, no ``null``;
* byte strings in lower-case hexadecimal; members of an enumeration by their lower-case names.

``decode_document`` reads a document as one struct type and refuses whatever does not fit, by the path
of the field (``members[2].keys[0].proof``): unknown, missing and duplicate fields, other types and values
out of range. In the end it encodes what it has read and compares byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from ledger.errors import InvalidDocumentError
from ledger.wire.scalars import BLOCK_BYTES_MAX

DOCUMENT_BYTES_MAX: Final = BLOCK_BYTES_MAX
"""A document is read whole; no larger one is looked at."""
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*\Z")

T = TypeVar("T", bound=msgspec.Struct)


def encode_document(value: msgspec.Struct) -> bytes:
    """Return the one spelling of ``value``."""
    text = json.dumps(_plain(value), sort_keys=True, indent=2, ensure_ascii=False)
    return text.encode() + b"\n"


def decode_document(kind: type[T], data: bytes) -> T:
    """Return the value that ``data`` spells.

    Raises:
        InvalidDocumentError: It is no JSON, no value of ``kind``, or another spelling of one; the
            error names the field or the line.
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise InvalidDocumentError(
            "document", f"{len(data)} bytes, at most {DOCUMENT_BYTES_MAX} are allowed"
        )
    try:
        tree = json.loads(
            data.decode(),
            object_pairs_hook=_Fields,
            parse_float=_Unwanted,
            parse_constant=_Unwanted,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidDocumentError("document", f"no JSON in UTF-8: {error}") from error
    value = cast("T", _read(kind, tree, ""))
    expected = encode_document(value)
    if expected != data:
        raise InvalidDocumentError(*_first_difference(expected, data))
    return value


class _Fields(list[tuple[str, Any]]):
    """The fields of a JSON object as they stand, duplicates included."""


class _Unwanted:
    """A number that is not whole, NaN or an infinity."""

    def __init__(self, text: str) -> None:
        self.text = text


def _plain(value: object) -> object:
    """Return ``value`` as what the JSON encoder writes."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, IntEnum):
        return value.name.lower()
    return value


def _read(kind: Any, tree: object, path: str) -> object:  # noqa: ANN401 - any type form
    """Return the value of ``kind`` that a parsed JSON tree holds at ``path``."""
    plain_kind, rules = kind, ()
    if get_origin(kind) is Annotated:
        plain_kind, *rules = get_args(kind)  # type: ignore[assignment]
    plain_kind = getattr(plain_kind, "__supertype__", plain_kind)
    if get_origin(plain_kind) is tuple:
        return _read_list(get_args(plain_kind)[0], tree, path, rules)
    reader: Callable[[Any, object, str], object]
    if issubclass(plain_kind, msgspec.Struct):
        return _read_struct(plain_kind, tree, path)
    if issubclass(plain_kind, IntEnum):
        return _read_name(plain_kind, tree, path)
    if plain_kind is bytes:
        reader = _read_hex
    elif plain_kind is int:
        reader = _read_whole
    else:
        reader = _read_text
    return reader(kind, tree, path)


def _read_struct(kind: type[msgspec.Struct], tree: object, path: str) -> object:
    if not isinstance(tree, _Fields):
        raise InvalidDocumentError(path or "document", f"an object is needed, not {_shown(tree)}")
    hints = _hints(kind)
    values: dict[str, object] = {}
    for name, item in tree:
        place = f"{path}.{name}" if path else name
        if name in values:
            raise InvalidDocumentError(place, "the field stands twice")
        if name not in hints:
            raise InvalidDocumentError(place, f"unknown field; known are {', '.join(hints)}")
        values[name] = _read(hints[name], item, place)
    for name in hints:
        if name not in values:
            raise InvalidDocumentError(f"{path}.{name}" if path else name, "the field is missing")
    return kind(**values)


def _read_list(kind: Any, tree: object, path: str, rules: Sequence[Any]) -> object:  # noqa: ANN401
    if not isinstance(tree, list) or isinstance(tree, _Fields):
        raise InvalidDocumentError(path, f"a list is needed, not {_shown(tree)}")
    for rule in rules:
        if not (rule.min_length or 0) <= len(tree) <= (rule.max_length or len(tree)):
            raise InvalidDocumentError(
                path,
                f"{len(tree)} entries, {rule.min_length or 0} to {rule.max_length} are allowed",
            )
    return tuple(_read(kind, item, f"{path}[{place}]") for place, item in enumerate(tree))


def _read_name(kind: type[IntEnum], tree: object, path: str) -> object:
    for member in kind:
        if member.name.lower() == tree:
            return member
    names = ", ".join(member.name.lower() for member in kind)
    raise InvalidDocumentError(path, f"{_shown(tree)} is none of {names}")


def _read_hex(kind: Any, tree: object, path: str) -> object:  # noqa: ANN401
    if not isinstance(tree, str) or not _HEX.match(tree):
        raise InvalidDocumentError(
            path, f"an even number of lower-case hexadecimal digits is needed, not {_shown(tree)}"
        )
    return _checked(kind, bytes.fromhex(tree), path)


def _read_whole(kind: Any, tree: object, path: str) -> object:  # noqa: ANN401
    if type(tree) is not int:
        raise InvalidDocumentError(path, f"a whole number is needed, not {_shown(tree)}")
    return _checked(kind, tree, path)


def _read_text(kind: Any, tree: object, path: str) -> object:  # noqa: ANN401
    if not isinstance(tree, str):
        raise InvalidDocumentError(path, f"a text is needed, not {_shown(tree)}")
    try:
        tree.encode()
    except UnicodeEncodeError as error:
        raise InvalidDocumentError(path, "half of a surrogate pair stands in the text") from error
    return _checked(kind, tree, path)


def _checked(kind: Any, value: object, path: str) -> object:  # noqa: ANN401
    """Return ``value`` after checking the range or length or pattern that ``kind`` asks for."""
    try:
        return msgspec.convert(value, kind, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise InvalidDocumentError(path, str(error)) from error


@lru_cache(maxsize=64)
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


def _shown(tree: object) -> str:
    if isinstance(tree, _Fields):
        return "an object"
    if isinstance(tree, list):
        return "a list"
    if isinstance(tree, _Unwanted):
        return tree.text
    return json.dumps(tree)


def _first_difference(expected: bytes, found: bytes) -> tuple[str, str]:
    """Return place and reason of the first line of ``found`` that is spelled otherwise."""
    expected_lines, found_lines = expected.split(b"\n"), found.split(b"\n")
    line = 0
    while (
        line < min(len(expected_lines), len(found_lines))
        and expected_lines[line] == found_lines[line]
    ):
        line += 1
    wanted = expected_lines[line].decode() if line < len(expected_lines) else "nothing"
    reason = (
        f"another spelling of what it says; it is written {wanted!r} "
        "(fields in alphabetical order, two spaces, one line feed at the end)"
    )
    return f"line {line + 1}", reason
