"""``DefineProduct``: the catalogue and its versions."""

from __future__ import annotations

import msgspec
import pytest

from ledger.records.define_product import DefineProduct
from ledger.refusal import RefusalCode
from ledger.state.tables import PRODUCT_VERSIONS, PRODUCTS
from ledger.vocabulary import Element, OreKind, ProductClass, QuotaStatus
from tests.support.founding import MINISTRY, NORTH
from tests.support.refusals import assert_refused
from tests.support.world import World, ore_product, single_product

NDPR = single_product("OXI-NDPR", Element.PR, Element.ND)


def changed(record: DefineProduct = NDPR, **fields: object) -> DefineProduct:
    return msgspec.structs.replace(record, **fields)


def test_a_new_version_becomes_the_newest_and_the_old_one_stays_readable() -> None:
    world = World()
    world.apply(MINISTRY, NDPR)
    world.apply(MINISTRY, changed(version=2, reo_permille_low=985))
    assert world.expect(PRODUCTS, NDPR.code).version == 2
    first = world.expect(PRODUCT_VERSIONS, NDPR.code, 1)
    second = world.expect(PRODUCT_VERSIONS, NDPR.code, 2)
    assert (first.reo_permille_low, second.reo_permille_low) == (990, 985)
    assert world.expect(PRODUCTS, NDPR.code) == second


@pytest.mark.parametrize("version", [2, 7])
def test_a_new_product_begins_with_version_1(version: int) -> None:
    refusal = World().refusal(MINISTRY, changed(version=version))
    assert_refused(refusal, RefusalCode.PRODUCT_VERSION, field="version", found=version, expected=1)


@pytest.mark.parametrize("version", [1, 3])
def test_versions_follow_each_other_without_gaps(version: int) -> None:
    world = World()
    world.apply(MINISTRY, NDPR)
    refusal = world.refusal(MINISTRY, changed(version=version))
    assert_refused(refusal, RefusalCode.PRODUCT_VERSION, field="version", found=version, expected=2)


def test_a_product_keeps_its_class() -> None:
    world = World()
    world.apply(MINISTRY, NDPR)
    refusal = world.refusal(MINISTRY, changed(version=2, product_class=ProductClass.METAL))
    assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="product_class")


def test_only_the_ministry_defines_products() -> None:
    assert_refused(World().refusal(NORTH, NDPR), RefusalCode.NOT_THE_MINISTRY, field="")


@pytest.mark.parametrize("elements", [(Element.ND, Element.PR), (Element.ND, Element.ND)])
def test_elements_stand_once_each_in_order(elements: tuple[Element, ...]) -> None:
    refusal = World().refusal(MINISTRY, changed(elements=elements))
    assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="elements")


def test_the_range_of_oxide_may_be_one_value_and_not_empty() -> None:
    world = World()
    world.apply(MINISTRY, changed(reo_permille_low=990, reo_permille_high=990))
    for low, high in ((991, 990), (0, 0)):
        record = changed(code="OXI-X", reo_permille_low=low, reo_permille_high=high)
        refusal = world.refusal(MINISTRY, record)
        assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="reo_permille_high")


@pytest.mark.parametrize(
    ("product_class", "high", "is_defined"),
    [
        (ProductClass.COMPOUND, 1_000, True),
        (ProductClass.COMPOUND, 1_001, False),
        (ProductClass.MAGNET, 1_001, False),
        (ProductClass.METAL, 1_001, True),
        (ProductClass.ALLOY, 2_000, True),
    ],
)
def test_only_metal_and_alloy_exceed_1000_grams_of_oxide_in_1000(
    product_class: ProductClass, high: int, *, is_defined: bool
) -> None:
    world = World()
    record = changed(product_class=product_class, reo_permille_high=high)
    if is_defined:
        world.apply(MINISTRY, record)
    else:
        refusal = world.refusal(MINISTRY, record)
        assert_refused(
            refusal,
            RefusalCode.PRODUCT_INVALID,
            field="reo_permille_high",
            high_permille=high,
        )


ORE = ore_product()
MIXED = changed(code="MIX-CAR", elements=())


@pytest.mark.parametrize(
    ("record", "allowed"),
    [
        (ORE, {QuotaStatus.UNDEBITED}),
        (MIXED, {QuotaStatus.UNDEBITED}),
        (NDPR, {QuotaStatus.DEBITED, QuotaStatus.EXEMPT}),
        (changed(product_class=ProductClass.METAL), {QuotaStatus.DEBITED, QuotaStatus.EXEMPT}),
        (changed(product_class=ProductClass.ALLOY), {QuotaStatus.DEBITED, QuotaStatus.EXEMPT}),
        (changed(product_class=ProductClass.MAGNET), {QuotaStatus.DEBITED, QuotaStatus.EXEMPT}),
        (changed(product_class=ProductClass.SCRAP), {QuotaStatus.EXEMPT}),
    ],
)
def test_the_status_at_the_origin_fits_the_class(
    record: DefineProduct, allowed: set[QuotaStatus]
) -> None:
    for status in QuotaStatus:
        world = World()
        stated = changed(record, status_at_origin=status)
        if status in allowed:
            world.apply(MINISTRY, stated)
        else:
            refusal = world.refusal(MINISTRY, stated)
            assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="status_at_origin")


def test_an_ore_comes_from_a_kind_of_mine_and_nothing_else_does() -> None:
    world = World()
    for record in (changed(ORE, ore_kind=OreKind.NONE), changed(ore_kind=OreKind.ROCK)):
        refusal = world.refusal(MINISTRY, record)
        assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="ore_kind")


def test_a_customs_code_is_named_once() -> None:
    refusal = World().refusal(MINISTRY, changed(customs_codes=("2846.90", "2846.90")))
    assert_refused(refusal, RefusalCode.PRODUCT_INVALID, field="customs_codes")
