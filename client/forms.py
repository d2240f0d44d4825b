"""Records as JSON that people write: the form behind ``monazite submit``.

    {"type": "OfferTransfer",
     "fields": {"lot": "mine-a/BOX-17", "part_gross": 0, "part_code": "", "buyer": "smelter-b",
                "purpose": "sale", "invoice": "2024-0017", "date": "2024-03-05", "terms": null}}

How each kind of value is written: masses as whole grams; dates as ``2024-03-05``; months as ``2024-03``;
times as milliseconds since 1970 or ``2024-03-05T08:00:00Z``; byte strings as hexadecimal; vocabulary by
its lower-case name (``rock_mining``), elements by symbol; grams per element as
``{"La": 120, "Ce": 240}``; a lot by its id or as ``creator/code``. A field that may be null may be left
out, and so may ``transfer`` beside a lot that is given as ``creator/code``: the open transfer of that
lot is meant.

The form is only another way of writing: what is signed is the canonical encoding of the record that
comes out, and ``form_of`` writes any record so that ``record_of`` reads the same one. Errors name the
place, as in ``[2].children[0].gross``, say what was found and what is wanted, and suggest.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias, get_args, get_origin

import msgspec

from client.days import parse_date, written_date
from client.errors import FormError
from client.form_kinds import (
    FieldKind,
    fields_of,
    is_grams_by_element,
    kind_of,
    vocabulary_of,
    word_of,
    words_of,
)
from client.suggestion import suggestion
from ledger import civil
from ledger.display import plain
from ledger.records import RULES, name_of
from ledger.records.record import Record
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import CivilDate, LotId, Month, TimeMs

FORM_BYTES_MAX: Final = 16 * 1024 * 1024

RECORD_TYPES: Final[dict[str, type[Record]]] = {rule.record.__name__: rule.record for rule in RULES}
"""All record types by name."""


@dataclass(frozen=True, slots=True)
class NamedLot:
    """What a lot's name in a form stands for."""

    id: LotId
    transfer: LotId | None = None
    """The transfer that is open on it."""


LotNames: TypeAlias = Mapping[str, NamedLot]
"""Lots by the name ``creator/code`` that a form uses for them."""

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})\Z")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*\Z")
LOT_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}/[A-Za-z0-9][A-Za-z0-9./_-]{0,63}\Z")


def read_forms(data: bytes) -> list[Any]:
    """Return the forms in a JSON file: one form, a list, or ``{"records": [...]}``.

    Raises:
        FormError: It is no JSON in UTF-8, too large, or none of the three.
    """
    if len(data) > FORM_BYTES_MAX:
        raise FormError("", f"the file has {len(data)} bytes, at most {FORM_BYTES_MAX} are read.")
    try:
        tree = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise FormError("", f"the file is no JSON in UTF-8: {error}.") from error
    if isinstance(tree, dict) and "records" in tree and "type" not in tree:
        unknown = sorted(set(tree) - {"records"})
        if unknown:
            raise FormError(unknown[0], "is not known here; the object has `records` only.")
        tree = tree["records"]
    forms = tree if isinstance(tree, list) else [tree]
    if not forms:
        raise FormError("", "the file holds no record.")
    return forms


def record_of(form: object, path: str = "", *, lots: LotNames | None = None) -> Record:
    """Return the record that a form describes.

    Args:
        form: Parsed JSON.
        path: Where the form stands, for messages.
        lots: What the lot names in the form stand for (``lot_names_in``).

    Raises:
        FormError: It describes no record; the place is named.
    """
    kind, fields = _type_and_fields(form, path)
    place = f"{path}.fields" if path else "fields"
    lots = lots or {}
    record = _read_struct(kind, _with_transfer(kind, fields, lots), place, lots)
    try:
        # The wire's own check comes last: whatever this module allows, the ledger must read.
        return decode(kind, encode(record))
    except WireError as error:
        raise FormError(path, f"is no valid {kind.__name__}: {error}.") from error


def lot_names_in(forms: Sequence[object]) -> tuple[str, ...]:
    """Return the names ``creator/code`` that stand where forms want a lot, each once, in order."""
    names: dict[str, None] = {}
    for form in forms:
        try:
            kind, fields = _type_and_fields(form, "")
        except FormError:
            continue
        for field, annotation in fields_of(kind).items():
            value = fields.get(field)
            if isinstance(value, str) and kind_of(annotation).is_named(LotId):
                names.update({value: None} if LOT_NAME.match(value) else {})
    return tuple(names)


def form_of(record: Record) -> dict[str, Any]:
    """Return the form of a record; ``record_of`` reads the same record from it."""
    fields = {
        name: _written(kind_of(annotation), getattr(record, name))
        for name, annotation in fields_of(type(record)).items()
    }
    return {"type": name_of(record), "fields": fields}


def template_of(type_name: str) -> dict[str, Any]:
    """Return a form of the type with a word for each field that says what to write there.

    Raises:
        FormError: There is no such type.
    """
    kind = _record_type(type_name, "")
    fields = {name: words_of(kind_of(annotation)) for name, annotation in fields_of(kind).items()}
    return {"type": kind.__name__, "fields": fields}


def _with_transfer(kind: type[Record], fields: dict[str, Any], lots: LotNames) -> dict[str, Any]:
    """Fill in the open transfer of a lot that is given by name."""
    lot = lots.get(str(fields.get("lot")))
    if lot is None or lot.transfer is None or "transfer" in fields:
        return fields
    return {**fields, "transfer": lot.transfer.hex()} if "transfer" in fields_of(kind) else fields


def _type_and_fields(form: object, path: str) -> tuple[type[Record], dict[str, Any]]:
    if not isinstance(form, dict):
        raise FormError(
            path, f"a record is an object with `type` and `fields`, not {_shown(form)}."
        )
    unknown = sorted(set(form) - {"type", "fields"})
    if unknown:
        raise FormError(
            f"{path}.{unknown[0]}" if path else unknown[0],
            "is not known; a record has `type` and `fields`, and everything else stands in `fields`.",
        )
    type_name, fields = form.get("type"), form.get("fields")
    if not isinstance(type_name, str):
        raise FormError(path, "`type` is missing: the name of the record's type, as a text.")
    kind = _record_type(type_name, path)
    if not isinstance(fields, dict):
        raise FormError(path, f"`fields` is missing: an object with the fields of {type_name}.")
    return kind, fields


def _record_type(type_name: str, path: str) -> type[Record]:
    kind = RECORD_TYPES.get(type_name)
    if kind is None:
        raise FormError(
            f"{path}.type" if path else "type",
            f"{type_name!r} is no record type.{suggestion(type_name, RECORD_TYPES)} "
            f"There are: {', '.join(sorted(RECORD_TYPES))}.",
        )
    return kind


def _read(annotation: Any, tree: object, path: str, lots: LotNames) -> Any:  # noqa: ANN401
    """Return the value that ``tree`` describes for a field with this annotation."""
    kind = kind_of(annotation)
    if tree is None:
        if kind.optional:
            return None
        raise FormError(path, f"must not be null; {words_of(kind)}.")
    value = _read_plain(kind, tree, path, lots)
    try:
        return msgspec.convert(value, kind.whole, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise FormError(path, f"{_shown(tree)} is not allowed: {error}.") from error


def _read_plain(kind: FieldKind, tree: object, path: str, lots: LotNames) -> Any:  # noqa: ANN401
    target = kind.plain
    if get_origin(target) is tuple:
        return _read_list(target, tree, path, lots)
    if issubclass(target, msgspec.Struct):
        if not isinstance(tree, dict):
            raise FormError(path, f"an object is needed, not {_shown(tree)}.")
        return _read_struct(target, tree, path, lots)
    if issubclass(target, IntEnum):
        return _read_word(target, tree, path)
    if target is bytes:
        return _read_bytes(kind, tree, path, lots)
    if target is int:
        return _read_number(kind, tree, path)
    if not isinstance(tree, str):
        raise FormError(path, f"a text is needed, not {_shown(tree)}.")
    return tree


def _read_struct(kind: Any, fields: dict[str, Any], path: str, lots: LotNames) -> Any:  # noqa: ANN401
    hints = fields_of(kind)
    for name in fields:
        if name not in hints:
            raise FormError(
                f"{path}.{name}",
                f"is no field of {kind.__name__}.{suggestion(name, hints)} "
                f"Its fields are: {', '.join(hints)}.",
            )
    values: dict[str, Any] = {}
    for name, annotation in hints.items():
        if name in fields:
            values[name] = _read(annotation, fields[name], f"{path}.{name}", lots)
        elif kind_of(annotation).optional:
            values[name] = None
        else:
            raise FormError(f"{path}.{name}", f"is missing; {words_of(kind_of(annotation))}.")
    return kind(**values)


def _read_list(target: Any, tree: object, path: str, lots: LotNames) -> tuple[Any, ...]:  # noqa: ANN401
    inner = get_args(target)
    if isinstance(tree, dict) and is_grams_by_element(target):
        tree = [[symbol, grams] for symbol, grams in tree.items()]
        pairs = _read_list(target, tree, path, lots)
        return tuple(sorted(pairs))
    if not isinstance(tree, list):
        raise FormError(path, f"a list is needed, not {_shown(tree)}.")
    if inner[-1] is not Ellipsis:
        if len(tree) != len(inner):
            raise FormError(path, f"{len(inner)} entries are needed, not {len(tree)}.")
        return tuple(
            _read(annotation, item, f"{path}[{number}]", lots)
            for number, (annotation, item) in enumerate(zip(inner, tree, strict=True))
        )
    return tuple(
        _read(inner[0], item, f"{path}[{number}]", lots) for number, item in enumerate(tree)
    )


def _read_word(target: type[IntEnum], tree: object, path: str) -> IntEnum:
    words = vocabulary_of(target)
    if isinstance(tree, str) and tree.lower() in words:
        return words[tree.lower()]
    shown = ", ".join(word_of(member) for member in target)
    close = suggestion(tree, words) if isinstance(tree, str) else ""
    raise FormError(path, f"{_shown(tree)} is none of {shown}.{close}")


def _read_bytes(kind: FieldKind, tree: object, path: str, lots: LotNames) -> bytes:
    if isinstance(tree, str) and kind.is_named(LotId) and tree in lots:
        return lots[tree].id
    if not isinstance(tree, str) or not _HEX.match(tree):
        raise FormError(path, f"{_shown(tree)} is not hexadecimal; {words_of(kind)}.")
    return bytes.fromhex(tree)


def _read_number(kind: FieldKind, tree: object, path: str) -> int:
    if isinstance(tree, str):
        number = _dated(kind, tree)
        if number is not None:
            return number
    if type(tree) is not int:
        raise FormError(path, f"{_shown(tree)} does not fit; {words_of(kind)}.")
    if kind.is_named(CivilDate) and not civil.is_date(tree):
        raise FormError(path, f"{tree} is no day; {words_of(kind)}.")
    if kind.is_named(Month) and not civil.is_month(tree):
        raise FormError(path, f"{tree} is no month; {words_of(kind)}.")
    return tree


def _dated(kind: FieldKind, text: str) -> int | None:
    """Return a date, month or time that is written in words, or None if it is none."""
    if kind.is_named(CivilDate):
        return parse_date(text)
    if kind.is_named(Month) and (found := _MONTH.match(text)):
        month = int(found.group(1)) * 100 + int(found.group(2))
        return month if civil.is_month(month) else None
    if kind.is_named(TimeMs):
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return since // datetime.timedelta(milliseconds=1)
    return None


def _written(kind: FieldKind, value: Any) -> Any:  # noqa: ANN401 - a field's value in, JSON out
    if value is None:
        return None
    if kind.is_named(CivilDate):
        return written_date(value)
    if kind.is_named(Month):
        return f"{value // 100:04}-{value % 100:02}"
    if get_origin(kind.plain) is tuple:
        if is_grams_by_element(kind.plain):
            return {element.symbol: grams for element, grams in value}
        inner = get_args(kind.plain)
        kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        return [_written(kind_of(each), item) for each, item in zip(kinds, value, strict=True)]
    if isinstance(value, msgspec.Struct):
        return {
            name: _written(kind_of(annotation), getattr(value, name))
            for name, annotation in fields_of(type(value)).items()
        }
    return plain(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name!r} stands twice in one object")
        found[name] = value
    return found


def _shown(tree: object) -> str:
    if isinstance(tree, dict):
        return "an object"
    if isinstance(tree, list):
        return "a list"
    return json.dumps(tree, ensure_ascii=False)
