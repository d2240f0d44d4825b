"""Wire values as JSON: everything of the value, in types that JSON has, told the same way each time."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.display import plain, plain_header, plain_transaction
from ledger.records import RULES, name_of
from ledger.records.record import Record
from ledger.vocabulary import Bucket, Element, Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import LotId
from tests.support.founding import MINISTRY, open_test_genesis
from tests.support.trading import MINE, offer, output, trading_world
from tests.support.world import World, grant, mine, ore_product

JSON_TYPES = (dict, list, str, int, bool, type(None))


class Shown(WireStruct, frozen=True, array_like=True):
    data: bytes
    role: Role
    pair: tuple[Element, int]
    nothing: None = None


@dataclass(frozen=True)
class Outer:
    inner: Shown
    many: tuple[Shown, ...]


SHOWN = Shown(data=b"\x00\xff", role=Role.OPERATOR, pair=(Element.ND, 7))
SHOWN_PLAIN = {"data": "00ff", "role": "operator", "pair": ["Nd", 7], "nothing": None}


def assert_plain(value: object) -> None:
    assert isinstance(value, JSON_TYPES), value
    assert type(value) in JSON_TYPES, type(value)
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        for item in value.values():
            assert_plain(item)
    elif isinstance(value, list):
        for item in value:
            assert_plain(item)


def test_each_kind_of_value_has_its_form() -> None:
    assert plain(SHOWN) == SHOWN_PLAIN
    assert plain(Outer(SHOWN, (SHOWN,))) == {"inner": SHOWN_PLAIN, "many": [SHOWN_PLAIN]}
    assert plain({Bucket.ROCK_MINING: b"\x01", "x": (True, None)}) == {
        "rock_mining": "01",
        "x": [True, None],
    }


def test_a_record_is_shown_with_its_type() -> None:
    record = output()
    shown = plain(record)
    assert shown["type"] == name_of(record) == "MineOutput"
    assert shown["fields"]["gross"] == record.gross
    assert shown["fields"]["elements"][0] == ["La", 125_000]
    assert shown["fields"]["assay_digest"] == record.assay_digest.hex()


@pytest.mark.parametrize(
    "record",
    [
        grant(2024, Bucket.ROCK_MINING, "mine-a", 5),
        mine("mine-a", "pit"),
        ore_product(),
        output(),
        World().admission("smelter-e"),
    ],
)
def test_a_record_as_json_is_plain_and_complete(record: Record) -> None:
    shown = plain(record)
    assert_plain(shown)
    assert tuple(shown["fields"]) == record.__struct_fields__
    assert json.loads(json.dumps(shown)) == shown


def test_every_type_of_record_has_a_name_of_its_own() -> None:
    names = [rule.record.__name__ for rule in RULES]
    assert len(set(names)) == len(names)


def test_a_transaction_is_shown_with_author_keys_and_records() -> None:
    world = trading_world()
    parsed = world.transaction(MINE, output(), offer(LotId(bytes(16))))
    shown = plain_transaction(parsed)
    assert_plain(shown)
    assert shown["tx_id"] == parsed.tx_id.hex()
    assert (shown["author"], shown["valid_until_ms"]) == (MINE, parsed.valid_until_ms)
    assert shown["signatures"] == [entry.key.hex() for entry in parsed.signed.signatures]
    assert [record["type"] for record in shown["records"]] == ["MineOutput", "OfferTransfer"]


def test_a_header_is_shown_with_its_id() -> None:
    header = open_test_genesis().header
    shown = plain_header(header)
    assert_plain(shown)
    assert shown["block_id"] == header.block_id.hex()
    assert tuple(shown) == ("block_id", *header.__struct_fields__)
    assert shown["parent"] == "00" * 32


@given(
    st.recursive(
        st.one_of(
            st.binary(max_size=4), st.integers(), st.booleans(), st.none(), st.sampled_from(Role)
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.dictionaries(st.sampled_from(["a", Bucket.ROCK_MINING, b"\x01"]), inner),
        ),
        max_leaves=8,
    )
)
def test_whatever_is_nested_becomes_plain(value: object) -> None:
    assert_plain(plain(value))


def test_the_ministry_is_shown_by_its_name() -> None:
    world = World()
    assert plain_transaction(world.transaction(MINISTRY, ore_product()))["author"] == "ministry"
