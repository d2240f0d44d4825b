"""The canonical encoding: one value, one byte string."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.wire.block import Point
from ledger.wire.codec import VALUE_BYTES_MAX, decode, encode
from ledger.wire.errors import LimitExceededError, NotCanonicalError, WireError
from ledger.wire.scalars import BLOCK_BYTES_MAX
from ledger.wire.transaction import KeySignature, Transaction
from tests.conformance.making import every_wire_type
from tests.support.samples import fields_of, greatest, least, plain, values_of

WIRE_TYPES = every_wire_type()
POINT = Point(epoch=1, view=2, parent_view=3, height=4, block_id=bytes(32))  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_value_has_one_spelling_which_another_package_agrees_with(data: Any) -> None:  # noqa: ANN401
    kind = data.draw(st.sampled_from(WIRE_TYPES))
    value = data.draw(values_of(kind))
    encoded = encode(value)
    assert decode(kind, encoded) == value
    assert msgpack.packb(plain(value), use_bin_type=True) == encoded
    assert msgpack.unpackb(encoded, raw=False) == plain(value)


def accepted_only_if_canonical(kind: type[msgspec.Struct], data: bytes) -> None:
    try:
        value = decode(kind, data)
    except WireError:
        return
    assert encode(value) == data


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WIRE_TYPES), st.binary(max_size=300))
def test_any_bytes_are_refused_or_re_encode_exactly(
    kind: type[msgspec.Struct], data: bytes
) -> None:
    accepted_only_if_canonical(kind, data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_value_is_refused_or_re_encodes_exactly(data: Any) -> None:  # noqa: ANN401
    kind = data.draw(st.sampled_from(WIRE_TYPES))
    encoded = bytearray(encode(greatest(kind)))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(encoded) - 1))
        encoded[position] = data.draw(st.integers(0, 255))
    accepted_only_if_canonical(kind, bytes(encoded))


@pytest.mark.parametrize("kind", WIRE_TYPES, ids=lambda kind: kind.__name__)
def test_every_cut_and_every_addition_is_refused(kind: type[msgspec.Struct]) -> None:
    encoded = encode(least(kind))
    for length in range(len(encoded)):
        with pytest.raises(NotCanonicalError):
            decode(kind, encoded[:length])
    with pytest.raises(NotCanonicalError):
        decode(kind, encoded + b"\xc0")


@pytest.mark.parametrize("kind", WIRE_TYPES, ids=lambda kind: kind.__name__)
def test_a_missing_or_a_further_field_is_refused(kind: type[msgspec.Struct]) -> None:
    fields = plain(greatest(kind))
    for other in (fields[:-1], [*fields, None]):
        with pytest.raises(NotCanonicalError):
            decode(kind, msgpack.packb(other, use_bin_type=True))


@pytest.mark.parametrize("kind", WIRE_TYPES, ids=lambda kind: kind.__name__)
def test_no_field_takes_a_float_a_truth_value_or_a_map(kind: type[msgspec.Struct]) -> None:
    fields = plain(least(kind))
    offset = len(fields) - len(fields_of(kind))
    for position in range(offset, len(fields)):
        for wrong in (1.0, True, False, {}, {"a": 1}):
            changed = [*fields[:position], wrong, *fields[position + 1 :]]
            with pytest.raises(NotCanonicalError):
                decode(kind, msgpack.packb(changed, use_bin_type=True))


@pytest.mark.parametrize(
    "spelling",
    [
        b"\xcc\x01",
        b"\xcd\x00\x01",
        b"\xce\x00\x00\x00\x01",
        b"\xcf\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\xd0\x01",
        b"\xd1\x00\x01",
        b"\xd2\x00\x00\x00\x01",
        b"\xd3\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
    ],
)
def test_a_longer_spelling_of_a_number_is_refused(spelling: bytes) -> None:
    data = encode(POINT)
    assert data[1] == 1
    assert decode(Point, data) == POINT
    with pytest.raises(NotCanonicalError):
        decode(Point, data[:1] + spelling + data[2:])


def test_longer_spellings_of_lengths_are_refused() -> None:
    data = encode(POINT)
    for other in (
        b"\xdc\x00\x05" + data[1:],
        b"\xdd\x00\x00\x00\x05" + data[1:],
        data.replace(b"\xc4\x20", b"\xc5\x00\x20"),
        data.replace(b"\xc4\x20", b"\xc6\x00\x00\x00\x20"),
        data.replace(b"\xc4\x20", b"\xd9\x20"),
    ):
        assert other != data
        with pytest.raises(NotCanonicalError):
            decode(Point, other)


def test_a_map_of_the_fields_is_refused() -> None:
    as_map = {name: getattr(POINT, name) for name in POINT.__struct_fields__}
    with pytest.raises(NotCanonicalError):
        decode(Point, msgpack.packb(as_map, use_bin_type=True))


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    with pytest.raises(NotCanonicalError):
        decode(Transaction, b"\x91" * 100_000 + b"\xc0")


def test_text_that_is_no_utf8_is_refused() -> None:
    data = encode(least(Transaction))
    position = data.index(b"\xa1a") + 1
    with pytest.raises(NotCanonicalError):
        decode(Transaction, data[:position] + b"\xff" + data[position + 1 :])


def test_bytes_over_the_limit_are_not_read() -> None:
    data = encode(least(KeySignature))
    assert decode(KeySignature, data, limit=len(data)) == least(KeySignature)
    with pytest.raises(LimitExceededError) as caught:
        decode(KeySignature, data, limit=len(data) - 1)
    assert (caught.value.found, caught.value.limit) == (len(data), len(data) - 1)
    with pytest.raises(LimitExceededError):
        decode(KeySignature, bytes(VALUE_BYTES_MAX + 1))
    assert VALUE_BYTES_MAX > BLOCK_BYTES_MAX


def test_an_error_names_the_type() -> None:
    with pytest.raises(NotCanonicalError, match="KeySignature"):
        decode(KeySignature, b"")
