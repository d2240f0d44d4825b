"""Canonical encoding: one value, one byte string.

Wire types are frozen ``msgspec`` structs that encode as MessagePack arrays in field order, never as
maps. MessagePack readers accept several spellings of one value (``cd 00 05`` and ``05`` are both
five), so a decoder here re-encodes what it has read and compares byte for byte: two spellings would
be two transaction ids for one wish. Exact types and ranges come from the annotations; ``true`` is
not a number, and there are no floats on the wire.

The codec does not know what the values mean. Reading a stream of many values without a type is the
business of an archive reader, not of this module.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar, cast

import msgspec

from ledger.wire.errors import LimitExceededError, NotCanonicalError
from ledger.wire.scalars import BLOCK_BYTES_MAX

VALUE_BYTES_MAX: Final = BLOCK_BYTES_MAX + 256 * 1024
"""No single value on the wire is larger: a full block with its header, certificates and framing."""

T = TypeVar("T")

_encoder: Final = msgspec.msgpack.Encoder(decimal_format="string", uuid_format="canonical")


class WireStruct(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of everything that is signed, hashed, sent or stored: an array in field order."""


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:  # noqa: ANN401 - any type form
    return msgspec.msgpack.Decoder(kind, strict=True)


def encode(value: object) -> bytes:
    """Return the canonical encoding of ``value``, a wire struct or a plain list of them."""
    return _encoder.encode(value)


def decode(kind: type[T], data: bytes, *, limit: int = VALUE_BYTES_MAX) -> T:
    """Decode ``data`` as one value of ``kind``.

    Args:
        kind: A wire struct, or a union of tagged ones.
        data: The bytes; all of them must belong to the value.
        limit: The largest number of bytes to look at.

    Raises:
        LimitExceededError: ``data`` is longer than ``limit``; it was not read.
        NotCanonicalError: It is no value of the type, or not its canonical encoding.
    """
    name = getattr(kind, "__name__", "value")
    if len(data) > limit:
        raise LimitExceededError(name, found=len(data), limit=limit, unit="bytes")
    try:
        value: T = _decoder(cast("Any", kind)).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise NotCanonicalError(name, str(error) or type(error).__name__) from error
    if _encoder.encode(value) != data:
        raise NotCanonicalError(name, "the bytes are another spelling of the value they hold")
    return value
