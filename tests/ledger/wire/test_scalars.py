"""Ranges of scalars and the names that people type."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ledger.wire import scalars
from ledger.wire.codec import WireStruct, decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import I64_MAX, U16_MAX, U32_MAX


def accepts(kind: Any, value: object) -> bool:  # noqa: ANN401 - any annotation
    holder = msgspec.defstruct(
        "Holder", [("field", kind)], bases=(WireStruct,), frozen=True, array_like=True
    )
    try:
        decoded = decode(holder, encode([value]))
    except NotCanonicalError:
        return False
    assert getattr(decoded, "field") == value  # noqa: B009 - a field made at run time
    return True


@pytest.mark.parametrize(
    ("name", "least", "greatest"),
    [
        ("HeightField", 0, I64_MAX),
        ("ViewField", 0, I64_MAX),
        ("EpochField", 0, I64_MAX),
        ("TimeField", 0, I64_MAX),
        ("GramsField", 0, I64_MAX),
        ("ValidatorIndexField", 0, 62),
        ("CivilDateField", 19700101, 99991231),
        ("MonthField", 197001, 999912),
        ("YearField", 1970, 9999),
        ("CountField", 0, U32_MAX),
        ("VersionField", 1, U16_MAX),
    ],
)
def test_a_number_has_exactly_this_range(name: str, least: int, greatest: int) -> None:
    kind = getattr(scalars, name)
    assert accepts(kind, least)
    assert accepts(kind, greatest)
    assert not accepts(kind, least - 1)
    assert not accepts(kind, greatest + 1)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("DigestField", 32),
        ("ChainIdField", 32),
        ("BlockIdField", 32),
        ("TxIdField", 32),
        ("LotIdField", 16),
        ("PublicKeyField", 32),
        ("SignatureField", 64),
        ("NonceField", 16),
    ],
)
def test_a_byte_string_has_exactly_this_length(name: str, length: int) -> None:
    kind = getattr(scalars, name)
    assert accepts(kind, bytes(length))
    assert not accepts(kind, bytes(length - 1))
    assert not accepts(kind, bytes(length + 1))
    assert not accepts(kind, "0" * length)


@pytest.mark.parametrize("name", ["a", "ministry", "a1-b2", "z" * 32, "x-"])
def test_an_identifier_is_a_letter_then_letters_digits_and_hyphens(name: str) -> None:
    assert accepts(scalars.MemberIdField, name)
    assert accepts(scalars.FacilityIdField, name)


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-a", "a_b", "a.b", "z" * 33, "a\n", "a\0", "ä", "a b", "\u0430b"]
)
def test_other_identifiers_are_refused(name: str) -> None:
    assert not accepts(scalars.MemberIdField, name)
    assert not accepts(scalars.FacilityIdField, name)


@pytest.mark.parametrize("code", ["0", "ORE-MIX", "2846.90/19_b", "Z" * 64])
def test_a_code_is_what_people_print_on_labels(code: str) -> None:
    assert accepts(scalars.CodeField, code)
    assert accepts(scalars.ProductCodeField, code)


@pytest.mark.parametrize("code", ["", "-a", ".a", "a b", "a\n", "Z" * 65, "é", "a:b", "a\0b"])
def test_other_codes_are_refused(code: str) -> None:
    assert not accepts(scalars.CodeField, code)


def test_a_name_is_counted_in_characters() -> None:
    assert accepts(scalars.NameField, "稀" * 128)
    assert not accepts(scalars.NameField, "稀" * 129)
    assert not accepts(scalars.NameField, "")
    assert accepts(scalars.TextField, "")
    assert not accepts(scalars.TextField, "x" * 1_025)
