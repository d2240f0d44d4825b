"""Wire values as plain JSON values, for people and programs that do not read MessagePack.

Byte strings become lower-case hex, vocabulary its lower-case name, elements their symbol, tuples
lists, structs objects by field name. The result holds everything of the value; it is not a signed form.
"""

from __future__ import annotations

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
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    return value


def plain_record(record: Record) -> dict[str, Any]:
    """Return a record as its type and its fields."""
    return {"type": name_of(record), "fields": plain(record)}


def plain_transaction(parsed: ParsedTransaction) -> dict[str, Any]:
    """Return what a transaction says."""
    return {
        "tx_id": parsed.tx_id.hex(),
        "author": parsed.author,
        "valid_until_ms": parsed.valid_until_ms,
        "signatures": [entry.key.hex() for entry in parsed.signed.signatures],
        "records": [plain_record(record) for record in parsed.records],
    }


def plain_header(header: Header) -> dict[str, Any]:
    """Return a header with its id."""
    return {"block_id": header.block_id.hex(), **plain(header)}
