"""Founders' parts, and how they become a genesis."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from ledger.errors import InvalidDocumentError, InvalidGenesisError
from ledger.founder import (
    FounderPart,
    assemble_genesis,
    check_founder,
    decode_founder,
    encode_founder,
)
from ledger.genesis import open_genesis
from ledger.vocabulary import Element, Role
from tests.support.founding import (
    FOUNDERS,
    GENESIS_MS,
    MINISTRY,
    NETWORK,
    NORTH,
    PARAMETERS,
    genesis_bytes,
    genesis_document,
)
from tests.support.keys import key_of, new_key
from tests.support.world import ore_product, single_product


def parts() -> list[FounderPart]:
    document = genesis_document()
    return [
        FounderPart(version=1, network=NETWORK, member=member, validators=(validator,))
        for member, validator in zip(document.members, document.validators, strict=True)
    ]


def refused(part: FounderPart) -> str:
    with pytest.raises(InvalidGenesisError) as caught:
        check_founder(part, PARAMETERS, GENESIS_MS)
    return caught.value.field


def test_parts_in_any_order_make_the_same_genesis() -> None:
    for order in itertools.permutations(parts()):
        assert assemble_genesis(PARAMETERS, GENESIS_MS, order).data == genesis_bytes()


def test_products_are_put_in_order() -> None:
    products = (single_product("OXI-ND", Element.ND), ore_product())
    genesis = assemble_genesis(PARAMETERS, GENESIS_MS, parts(), products)
    assert [product.code for product in genesis.document.products] == ["ORE-MIX", "OXI-ND"]
    assert open_genesis(genesis.data).header == genesis.header


def test_a_part_survives_its_file() -> None:
    for part in parts():
        assert decode_founder(encode_founder(part)) == part
    with pytest.raises(InvalidDocumentError, match="validators"):
        decode_founder(encode_founder(parts()[0]).replace(b'"validators"', b'"voters"'))


def test_a_founder_without_a_validator_only_follows() -> None:
    follower = msgspec.structs.replace(parts()[3], validators=())
    genesis = assemble_genesis(PARAMETERS, GENESIS_MS, [*parts()[:3], follower])
    assert len(genesis.validators) == 3
    assert len(genesis.document.members) == 4


def test_a_part_for_another_network_is_refused() -> None:
    part = msgspec.structs.replace(parts()[2], network="another")
    assert refused(part) == "north-group.network"


def test_a_part_of_another_version_is_refused() -> None:
    assert refused(msgspec.structs.replace(parts()[2], version=2)) == "north-group.version"


def test_every_key_of_a_founder_is_checked_and_named() -> None:
    for position in range(5):
        part = parts()[2]
        keys = list(part.member.keys)
        keys[position] = msgspec.structs.replace(
            keys[position], proof=new_key(NETWORK, MINISTRY, keys[position].role).proof
        )
        member = msgspec.structs.replace(part.member, keys=tuple(keys))
        tampered = msgspec.structs.replace(part, member=member)
        assert refused(tampered) == f"north-group.keys[{position}].proof"


def test_a_founder_brings_only_its_own_validators_with_its_own_keys() -> None:
    part = parts()[2]
    others = msgspec.structs.replace(part, validators=parts()[3].validators)
    assert refused(others) == "north-group.validators"
    foreign_key = msgspec.structs.replace(part.validators[0], node_key=key_of(MINISTRY, Role.NODE))
    taken = msgspec.structs.replace(part, validators=(foreign_key,))
    assert refused(taken) == "north-group.validators[0].node_key"


def test_parts_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InvalidGenesisError, match=r"members\[1\]"):
        assemble_genesis(PARAMETERS, GENESIS_MS, [parts()[0], *parts()])
    without_ministry = [part for part in parts() if part.member.id != MINISTRY]
    with pytest.raises(InvalidGenesisError, match=r"parameters\.ministry"):
        assemble_genesis(PARAMETERS, GENESIS_MS, without_ministry)
    assert NORTH in FOUNDERS
