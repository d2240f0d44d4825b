"""Tables: the typed face of the one ordered map that is the state.

A table knows the prefix of its keys, how a key is spelled, and the type of its rows. Rules read and
write rows through tables (``view.get(MEMBERS, member_id)``), so the layout of keys is known here and
nowhere else. All tables are declared in ``ledger.state.tables``.

A key is the table's prefix byte followed by its parts: integers as eight bytes big-endian, byte strings
as they are (their length is fixed per table), text as UTF-8 ended by a zero byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from ledger.wire.codec import WireStruct

KeyPart: TypeAlias = str | bytes | int
Row_co = TypeVar("Row_co", bound=WireStruct, covariant=True)


@dataclass(frozen=True, slots=True)
class Table(Generic[Row_co]):
    """A kind of row in the state."""

    name: str
    """What people call it, in the plural."""
    prefix: bytes
    """One byte, unique among all tables."""
    kind: type[Row_co]
    """The type of its rows."""

    def key(self, *parts: KeyPart) -> bytes:
        """Return the state key of the row that ``parts`` name."""
        return b"".join((self.prefix, *map(encode_key_part, parts)))


def encode_key_part(part: KeyPart) -> bytes:
    """Return how one part of a key is spelled."""
    if isinstance(part, str):
        return part.encode() + b"\0"
    if isinstance(part, bytes):
        return part
    return part.to_bytes(8, "big")
