"""The catalogue."""

from __future__ import annotations

import msgspec

from ledger.queries.products import product, product_versions, products
from ledger.vocabulary import Element
from ledger.wire.scalars import ProductCode
from tests.support.founding import MINISTRY
from tests.support.world import World, ore_product, single_product


def test_a_product_is_found_in_its_newest_and_in_every_version() -> None:
    world = World()
    world.define_ore()
    world.apply(MINISTRY, msgspec.structs.replace(ore_product(version=2), reo_permille_low=250))
    code = ProductCode("ORE-MIX")
    newest, first = product(world.store, code), product(world.store, code, version=1)
    assert newest is not None
    assert first is not None
    assert (newest.version, newest.reo_permille_low) == (2, 250)
    assert (first.version, first.reo_permille_low) == (1, 300)
    assert product_versions(world.store, code) == (first, newest)
    assert product(world.store, code, version=3) is None
    assert product(world.store, ProductCode("ORE")) is None
    assert product_versions(world.store, ProductCode("ORE")) == ()


def test_the_catalogue_comes_in_pages_by_code() -> None:
    world = World()
    for element in (Element.ND, Element.LA, Element.CE):
        world.apply(MINISTRY, single_product(f"OXI-{element.name}", element))
    page = products(world.store, limit=2)
    assert [listed.code for listed in page.items] == ["OXI-CE", "OXI-LA"]
    assert page.next_after == b"OXI-LA"
    rest = products(world.store, after=ProductCode("OXI-LA"))
    assert [listed.code for listed in rest.items] == ["OXI-ND"]
    assert rest.next_after is None
