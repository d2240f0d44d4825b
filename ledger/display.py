"""Wire values as plain JSON values, for people and programs that do not read MessagePack.

Byte strings become lower-case hex, vocabulary its lower-case name, elements their symbol, tuples
lists, structs and dataclasses objects by field name, records objects with their type. The result
holds everything of the value; it is not a signed form.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from ledger.parsed import ParsedTransaction
from ledger.records import name_of
from ledger.records.record import Record
from ledger.vocabulary import Element
from ledger.wire.block import Header

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | bool | None


def plain(value: Any) -> Any:  # noqa: ANN401 - any wire value in, JSON out
    """Return ``value`` as plain JSON values."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Element):
        return value.symbol
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Record):
        return {"type": name_of(value), "fields": _fields(value)}
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    return value


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: plain(getattr(value, name)) for name in value.__struct_fields__}


def plain_transaction(parsed: ParsedTransaction) -> dict[str, Any]:
    """Return what a transaction says."""
    return {
        "tx_id": parsed.tx_id.hex(),
        "author": parsed.author,
        "valid_until_ms": parsed.valid_until_ms,
        "signatures": [entry.key.hex() for entry in parsed.signed.signatures],
        "records": [plain(record) for record in parsed.records],
    }


def plain_header(header: Header) -> dict[str, Any]:
    """Return a header with its id."""
    return {"block_id": header.block_id.hex(), **plain(header)}
