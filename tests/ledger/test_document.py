"""Canonical JSON documents: one spelling, and a named field for everything else."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from ledger.document import DOCUMENT_BYTES_MAX, decode_document, encode_document
from ledger.errors import InvalidDocumentError
from ledger.vocabulary import Role
from ledger.wire.scalars import DigestField, NameField, TimeField


class Entry(msgspec.Struct, frozen=True):
    name: NameField
    role: Role


class Sheet(msgspec.Struct, frozen=True):
    version: Annotated[int, Meta(ge=1, le=9)]
    digest: DigestField
    entries: Annotated[tuple[Entry, ...], Meta(max_length=2)]
    time_ms: TimeField


SHEET = Sheet(
    version=1,
    digest=bytes(range(32)),  # type: ignore[arg-type]
    entries=(Entry("Zoë 稀土", Role.ADMIN), Entry('"quoted"\n', Role.CONSENSUS)),
    time_ms=0,  # type: ignore[arg-type]
)
SPELLED = """{
  "digest": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "entries": [
    {
      "name": "Zoë 稀土",
      "role": "admin"
    },
    {
      "name": "\\"quoted\\"\\n",
      "role": "consensus"
    }
  ],
  "time_ms": 0,
  "version": 1
}
"""


def test_a_value_has_this_spelling() -> None:
    assert encode_document(SHEET).decode() == SPELLED
    assert decode_document(Sheet, SPELLED.encode()) == SHEET


def refused(text: str | bytes) -> InvalidDocumentError:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidDocumentError) as caught:
        decode_document(Sheet, data)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"version": 1', '"version": 1,\n  "extra": 1', "extra"),
        ('"time_ms": 0,\n  ', "", "time_ms"),
        ('"version": 1', '"version": 1,\n  "version": 1', "version"),
        ('"role": "admin"', '"role": "admin",\n      "role": "admin"', "entries[0].role"),
        ('"role": "consensus"', '"role": "consensus",\n      "x": 1', "entries[1].x"),
        ('"version": 1', '"version": 0', "version"),
        ('"version": 1', '"version": 10', "version"),
        ('"version": 1', '"version": 1.0', "version"),
        ('"version": 1', '"version": 1e0', "version"),
        ('"version": 1', '"version": NaN', "version"),
        ('"version": 1', '"version": -Infinity', "version"),
        ('"version": 1', '"version": true', "version"),
        ('"version": 1', '"version": "1"', "version"),
        ('"version": 1', '"version": null', "version"),
        ('"time_ms": 0', '"time_ms": -1', "time_ms"),
        ('"time_ms": 0', '"time_ms": 9223372036854775808', "time_ms"),
        ('"admin"', '"Admin"', "entries[0].role"),
        ('"admin"', "1", "entries[0].role"),
        ('"admin"', '["admin"]', "entries[0].role"),
        ('"0001', '"00G1', "digest"),
        ('0a0b', '0A0B', "digest"),
        ('1d1e1f"', '1d1e1"', "digest"),
        ('1d1e1f"', '1d1e"', "digest"),
        ('1d1e1f"', '1d1e1f\\n"', "digest"),
        ('"Zoë 稀土"', '""', "entries[0].name"),
        ('"Zoë 稀土"', "7", "entries[0].name"),
        ('"Zoë 稀土"', '"\\ud800"', "entries[0].name"),
        ('"Zoë 稀土"', '"' + "x" * 129 + '"', "entries[0].name"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_path(old: str, new: str, field: str) -> None:
    assert old in SPELLED
    assert refused(SPELLED.replace(old, new, 1)).field == field


@pytest.mark.parametrize(
    "text",
    ["", "[]x", "{", b"\xff", b"\xef\xbb\xbf{}", "[" * 100_000, '{"version": ' + "9" * 5_000 + "}"],
)
def test_what_is_no_json_is_refused_as_a_whole(text: str | bytes) -> None:
    assert refused(text).field == "document"


@pytest.mark.parametrize("text", ["[]", "1", "null", '"x"'])
def test_a_document_is_an_object(text: str) -> None:
    assert refused(text).field == "document"


def test_too_many_entries_and_other_shapes_are_refused() -> None:
    entry = '{"name": "a", "role": "admin"}'
    start, end = SPELLED.index("["), SPELLED.index("]") + 1
    for shape in (f"[{entry},{entry},{entry}]", "{}", '"x"', "null"):
        assert refused(SPELLED[:start] + shape + SPELLED[end:]).field == "entries"
    assert refused(SPELLED[:start] + "[[]]" + SPELLED[end:]).field == "entries[0]"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("稀", "\\u7a00", 5),
        ("\n}", "}", 14),
        ("}\n", "}", 16),
        ("}\n", "}\n\n", 17),
        ('"version": 1', '"version":  1', 14),
        ("{\n", "{\r\n", 1),
        ('  "digest"', ' "digest"', 2),
    ],
)
def test_another_spelling_is_refused_by_its_line(old: str, new: str, line: int) -> None:
    position = SPELLED.rindex(old) if old.startswith(("}", "\n")) else SPELLED.index(old)
    text = SPELLED[:position] + new + SPELLED[position + len(old) :]
    assert refused(text).field == f"line {line}"


def test_fields_in_another_order_are_refused() -> None:
    tree = json.loads(SPELLED)
    backwards = {name: tree[name] for name in sorted(tree, reverse=True)}
    error = refused(json.dumps(backwards, indent=2, ensure_ascii=False) + "\n")
    assert error.field == "line 2"


def test_a_document_over_the_limit_is_not_read() -> None:
    assert refused(b"{" * (DOCUMENT_BYTES_MAX + 1)).field == "document"


@given(
    st.builds(
        Sheet,
        version=st.integers(1, 9),
        digest=st.binary(min_size=32, max_size=32),
        entries=st.lists(
            st.builds(
                Entry,
                name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128),
                role=st.sampled_from(Role),
            ),
            max_size=2,
        ).map(tuple),
        time_ms=st.integers(0, 2**63 - 1),
    )
)
def test_every_value_is_read_back_as_it_was(sheet: Sheet) -> None:
    data = encode_document(sheet)
    assert decode_document(Sheet, data) == sheet
    assert (
        data == msgspec.json.format(msgspec.json.encode(json.loads(data), order="sorted")) + b"\n"
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_the_one_spelling(data: bytes) -> None:
    try:
        value = decode_document(Sheet, data)
    except InvalidDocumentError:
        return
    assert encode_document(value) == data
