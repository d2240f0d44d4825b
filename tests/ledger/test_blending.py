"""What comes out of a mixture is its blend: parcels always sum to the whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.blending import blend, debited, undebited_grams
from ledger.invariants.production_book import drawn
from ledger.invariants.shares import Content, remaining
from ledger.quantity import Composition, Parcels, canonical, merge, totals_of
from ledger.state.rows import Parcel
from ledger.vocabulary import Element, QuotaStatus
from ledger.wire.scalars import Grams
from tests.support.production import elements

ELEMENTS = (Element.LA, Element.CE, Element.ND)


@st.composite
def pools(draw: st.DrawFn) -> Parcels:
    count = draw(st.integers(1, 8))
    return canonical(
        Parcel(
            origin=f"mine/pit-{number % 5}",
            status=draw(st.sampled_from(QuotaStatus)),
            grams=tuple((element, Grams(draw(st.integers(0, 10**12)))) for element in ELEMENTS),
        )
        for number in range(count)
    )


@st.composite
def shares(draw: st.DrawFn, pool: Parcels) -> list[Composition]:
    left = dict(totals_of(pool))
    wanted: list[Composition] = []
    for _ in range(draw(st.integers(0, 6))):
        part: dict[Element, Grams] = {}
        for element in sorted(left):
            grams = draw(st.integers(0, left[element]))
            if grams:
                part[element] = Grams(grams)
                left[element] = Grams(left[element] - grams)
        wanted.append(tuple(part.items()))
    return wanted


@settings(deadline=None)
@given(st.data())
def test_contents_and_rest_are_exactly_the_pool_and_each_is_what_was_wanted(
    data: st.DataObject,
) -> None:
    pool = data.draw(pools())
    wanted = data.draw(shares(pool))
    contents, rest = blend(pool, wanted)
    assert merge((*contents, rest)) == pool
    for composition, content in zip(wanted, contents, strict=True):
        assert totals_of(content) == composition
        assert canonical(content) == content
    assert canonical(rest) == rest


@settings(deadline=None)
@given(st.data())
def test_a_second_implementation_agrees_gram_for_gram(data: st.DataObject) -> None:
    pool = data.draw(pools())
    wanted = data.draw(shares(pool))
    contents, rest = blend(pool, wanted)
    cells = as_cells(pool)
    for composition, content in zip(wanted, contents, strict=True):
        expected = drawn(cells, {int(element): grams for element, grams in composition})
        assert as_cells(content) == {cell: grams for cell, grams in expected.items() if grams}
        cells = remaining(cells, expected)
    assert as_cells(rest) == cells


@settings(deadline=None)
@given(st.data())
def test_no_cell_is_off_its_share_of_what_was_left_by_a_gram(data: st.DataObject) -> None:
    pool = data.draw(pools())
    totals = dict(totals_of(pool))
    part = tuple(
        (element, Grams(data.draw(st.integers(1, grams)))) for element, grams in totals.items()
    )
    ((content,), _rest) = blend(pool, [part])
    cells, wanted = as_cells(content), dict(part)
    for (origin, status, element), grams in as_cells(pool).items():
        kind = Element(element)
        exact = grams * wanted[kind]
        found = cells.get((origin, status, element), 0) * totals[kind]
        assert abs(found - exact) < totals[kind]


def test_largest_remainders_get_the_missing_grams_and_ties_go_by_canonical_order() -> None:
    pool = tuple(
        Parcel(origin=origin, status=QuotaStatus.EXEMPT, grams=elements(Nd=grams))
        for origin, grams in (("a", 1), ("b", 1), ("c", 2))
    )
    ((first, second), rest) = blend(pool, [elements(Nd=1), elements(Nd=2)])
    assert [(parcel.origin, parcel.grams) for parcel in first] == [("c", elements(Nd=1))]
    assert [parcel.origin for parcel in second] == ["a", "b"]
    assert [parcel.origin for parcel in rest] == ["c"]


def test_more_than_there_is_cannot_be_taken() -> None:
    pool = (Parcel(origin="a", status=QuotaStatus.EXEMPT, grams=elements(Nd=5)),)
    for wanted in (elements(Nd=6), elements(Ce=1)):
        with pytest.raises(ValueError, match="cannot take"):
            blend(pool, [wanted])


def test_debiting_leaves_no_gram_that_owes_and_counts_each_once() -> None:
    pool = (
        Parcel(origin="a", status=QuotaStatus.UNDEBITED, grams=elements(Ce=3, Nd=5)),
        Parcel(origin="a", status=QuotaStatus.DEBITED, grams=elements(Nd=7)),
        Parcel(origin="b", status=QuotaStatus.EXEMPT, grams=elements(Nd=11)),
    )
    after, grams = debited(pool)
    assert grams == undebited_grams(pool) == 8
    assert after == (
        Parcel(origin="a", status=QuotaStatus.DEBITED, grams=elements(Ce=3, Nd=12)),
        pool[2],
    )
    assert debited(after) == (after, 0)


def as_cells(parcels: Parcels) -> Content:
    return {
        (parcel.origin, int(parcel.status), int(element)): grams
        for parcel in parcels
        for element, grams in parcel.grams
    }
