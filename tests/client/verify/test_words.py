"""Values as people write them, and where two of them differ."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from client.verify.compare import damage_in, first_difference
from client.verify.words import differences, printable, shown, time_of
from ledger.vocabulary import Bucket
from ledger.wire.scalars import I64_MAX, CivilDate, Grams, TimeMs
from tests.support.history import BASE, make_history
from tests.support.world import grant


def test_units_come_from_the_type_of_a_field() -> None:
    assert shown(12_900, Grams) == "12,900 g"
    assert shown(20240229, CivilDate) == "2024-02-29"
    assert shown(1_704_153_600_000, TimeMs) == "2024-01-02 00:00:00.000 UTC"
    assert shown(Bucket.ROCK_MINING) == "rock_mining"
    assert shown(b"\x01\xff") == "01ff"
    assert shown(None) == "none"


@given(st.integers(0, I64_MAX))
def test_every_time_has_words(time_ms: int) -> None:
    assert time_of(time_ms)


@given(st.text())
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_values_are_shown_in_a_bounded_length() -> None:
    assert len(shown("x" * 10_000)) == 160


def test_a_changed_field_is_named_with_both_values() -> None:
    before = grant(2024, Bucket.ROCK_MINING, "mine-a", 12_000)
    after = msgspec.structs.replace(before, grams=Grams(12_900), batch=2)
    assert [difference.sentence() for difference in differences(before, after)] == [
        "batch: 1 → 2",
        "grams: 12,000 g → 12,900 g",
    ]
    assert differences(before, before) == []


def test_differences_descend_into_lists() -> None:
    header = make_history().block(BASE).header
    block = make_history().block(BASE)
    turned = msgspec.structs.replace(block, transactions=block.transactions[::-1])
    assert [difference.path for difference in differences(block, turned)] == [
        "transactions[0]",
        "transactions[1]",
    ]
    assert differences(header, header) == []


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_first_difference_is_the_first(before: bytes, after: bytes) -> None:
    at = first_difference(before, after)
    assert before[:at] == after[:at]
    if before != after:
        assert before[at : at + 1] != after[at : at + 1]
    else:
        assert at == len(before)


@given(st.data())
def test_damage_anywhere_in_a_block_has_words(data: st.DataObject) -> None:
    history = make_history()
    good = history.rows[BASE][0]
    at = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.integers(0, len(good)))
    damaged = (good[:at] + data.draw(st.binary(max_size=5)) + good[at + 1 :])[:length]
    if damaged != good:
        assert damage_in(history.block(BASE), damaged).what
