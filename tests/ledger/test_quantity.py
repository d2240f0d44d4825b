"""Whatever is shared, merged or folded: not a gram appears, not a gram is lost."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.quantity import (
    NOTHING,
    Parcels,
    add_compositions,
    canonical,
    divide,
    fold,
    merge,
    reo_of,
    take,
    totals_of,
)
from ledger.state.rows import Parcel
from ledger.vocabulary import Element, QuotaStatus
from ledger.wire.scalars import ORIGINS_PER_LOT_MAX, Grams

ELEMENTS = tuple(Element)
Cells = Counter[tuple[str, QuotaStatus, Element]]


def parcel(origin: str, status: QuotaStatus, **grams: int) -> Parcel:
    cells = tuple((Element[name.upper()], Grams(amount)) for name, amount in grams.items())
    return Parcel(origin=origin, status=status, grams=cells)


def cells_of(parcels: Parcels) -> Cells:
    cells: Cells = Counter()
    for each in parcels:
        for element, grams in each.grams:
            cells[each.origin, each.status, element] += grams
    return cells


def is_canonical(parcels: Parcels) -> bool:
    names = [(each.origin, each.status) for each in parcels]
    elements = [[element for element, _grams in each.grams] for each in parcels]
    amounts = [grams for each in parcels for _element, grams in each.grams]
    return (
        names == sorted(set(names))
        and all(row == sorted(set(row)) and row for row in elements)
        and all(grams > 0 for grams in amounts)
    )


grams_st = st.one_of(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 10**12))


@st.composite
def loose_parcels(draw: st.DrawFn, origins: int = 6) -> list[Parcel]:
    return [
        Parcel(
            origin=f"mine/m{draw(st.integers(1, origins))}",
            status=draw(st.sampled_from(QuotaStatus)),
            grams=tuple(
                (element, Grams(draw(grams_st)))
                for element in draw(st.lists(st.sampled_from(ELEMENTS), max_size=5))
            ),
        )
        for _ in range(draw(st.integers(0, 6)))
    ]


@st.composite
def wholes(draw: st.DrawFn) -> tuple[Parcels, int]:
    """A content and a gross mass; the gross may be smaller than the oxide, as for metals."""
    return canonical(draw(loose_parcels())), draw(st.integers(1, 10**12))


@given(loose_parcels(), st.randoms(use_true_random=False))
def test_canonical_form_does_not_depend_on_the_order_of_parcels_or_cells(
    loose: list[Parcel], rng: random.Random
) -> None:
    expected = canonical(loose)
    shuffled = [
        Parcel(
            origin=each.origin,
            status=each.status,
            grams=tuple(rng.sample(each.grams, len(each.grams))),
        )
        for each in rng.sample(loose, len(loose))
    ]
    assert canonical(shuffled) == expected
    assert canonical(expected) == expected
    assert is_canonical(expected)
    counted: Cells = Counter()
    for each in loose:
        for element, grams in each.grams:
            counted[each.origin, each.status, element] += grams
    assert cells_of(expected) == +counted


@given(wholes(), st.data())
def test_a_part_and_the_rest_are_the_whole_cell_by_cell(
    whole: tuple[Parcels, int], data: st.DataObject
) -> None:
    parcels, gross = whole
    part_gross = data.draw(st.integers(0, gross))
    part, rest = take(parcels, gross, part_gross)
    assert is_canonical(part)
    assert is_canonical(rest)
    all_cells, part_cells = cells_of(parcels), cells_of(part)
    assert part_cells + cells_of(rest) == all_cells
    assert reo_of(part) == reo_of(parcels) * part_gross // gross
    for cell, grams in all_cells.items():
        assert 0 <= part_cells[cell] <= grams
        assert abs(part_cells[cell] - Fraction(grams * part_gross, gross)) < 1


@given(wholes())
def test_taking_everything_leaves_nothing_and_taking_nothing_leaves_everything(
    whole: tuple[Parcels, int],
) -> None:
    parcels, gross = whole
    assert take(parcels, gross, gross) == (parcels, NOTHING)
    assert take(parcels, gross, 0) == (NOTHING, parcels)


@pytest.mark.parametrize(("gross", "part"), [(10, 11), (10, -1), (0, 0)])
def test_a_part_that_is_not_one_is_a_mistake_of_the_caller(gross: int, part: int) -> None:
    with pytest.raises(ValueError, match="cannot take"):
        take(NOTHING, gross, part)


def test_missing_grams_go_to_the_largest_remainders_and_ties_to_the_first_cell() -> None:
    # A tenth of 15 + 15 + 29 is 5.9, so 5 g: 1 + 1 + 2 by rounding down, and one gram more for the .9.
    whole = (
        parcel("mine/a", QuotaStatus.UNDEBITED, la=15, ce=15),
        parcel("mine/b", QuotaStatus.UNDEBITED, la=29),
    )
    part, _rest = take(whole, 100, 10)
    assert [cell.grams for cell in part] == [((57, 1), (58, 1)), ((57, 3),)]
    # Half of 15 + 15 is 15: both remainders are .5, the gram goes to the first.
    part, rest = take(whole[:1], 100, 50)
    assert part[0].grams == ((57, 8), (58, 7))
    assert rest[0].grams == ((57, 7), (58, 8))


@given(wholes(), st.lists(st.integers(1, 10**9), min_size=1, max_size=12))
def test_children_are_the_whole_and_each_cell_is_within_a_gram_of_its_share(
    whole: tuple[Parcels, int], grosses: list[int]
) -> None:
    parcels, gross = whole[0], sum(grosses)
    children = divide(parcels, grosses)
    assert len(children) == len(grosses)
    assert all(map(is_canonical, children))
    all_cells = cells_of(parcels)
    total: Cells = Counter()
    for child, child_gross in zip(children, grosses, strict=True):
        cells = cells_of(child)
        total += cells
        for cell, grams in all_cells.items():
            assert abs(cells[cell] - Fraction(grams * child_gross, gross)) < 1
    assert total == all_cells


@given(st.integers(1, 64), st.lists(st.integers(1, 1000), min_size=2, max_size=64))
def test_no_child_collects_the_odd_grams_of_many_cells(cell_grams: int, grosses: list[int]) -> None:
    many = tuple(
        Parcel(
            origin=f"mine/m{number:02}",
            status=QuotaStatus.UNDEBITED,
            grams=tuple((element, Grams(cell_grams)) for element in ELEMENTS),
        )
        for number in range(16)
    )
    gross = sum(grosses)
    for child, child_gross in zip(divide(many, grosses), grosses, strict=True):
        share = Fraction(reo_of(many) * child_gross, gross)
        assert abs(reo_of(child) - share) < 3


def test_dividing_into_nothing_is_a_mistake_of_the_caller() -> None:
    for grosses in ([], [0, 5], [-1, 6]):
        with pytest.raises(ValueError, match="cannot divide"):
            divide(NOTHING, grosses)


@given(st.lists(loose_parcels(), max_size=4), st.randoms(use_true_random=False))
def test_merging_adds_cells_up_in_any_order(loose: list[list[Parcel]], rng: random.Random) -> None:
    contents = [canonical(each) for each in loose]
    merged = merge(contents)
    assert merge(rng.sample(contents, len(contents))) == merged
    assert cells_of(merged) == sum((cells_of(each) for each in contents), Counter())
    assert totals_of(merged) == totals_of([each for content in contents for each in content])


@given(loose_parcels(), loose_parcels())
def test_compositions_add_up_element_by_element(one: list[Parcel], other: list[Parcel]) -> None:
    assert add_compositions(totals_of(one), totals_of(other)) == totals_of([*one, *other])


@given(st.integers(60, 90), st.randoms(use_true_random=False))
def test_folding_keeps_each_element_and_status_and_the_largest_origins(
    origins: int, rng: random.Random
) -> None:
    whole = canonical(
        Parcel(
            origin=f"mine/m{number:02}",
            status=rng.choice(list(QuotaStatus)),
            grams=((rng.choice(ELEMENTS), Grams(rng.randint(1, 50))),),
        )
        for number in range(origins)
    )
    folded = fold(whole, "merge/aa")
    assert is_canonical(folded)
    assert len({each.origin for each in folded}) == min(origins, ORIGINS_PER_LOT_MAX)
    assert _by_element_and_status(folded) == _by_element_and_status(whole)
    kept = {each.origin for each in folded}
    gone = [reo_of((each,)) for each in whole if each.origin not in kept]
    stayed = [reo_of((each,)) for each in whole if each.origin in kept]
    assert not gone or max(gone) <= min(stayed)
    assert fold(folded, "merge/bb") == folded


def test_64_origins_are_not_folded_and_65_are() -> None:
    def of(count: int) -> Parcels:
        return canonical(
            parcel(f"mine/m{number:02}", QuotaStatus.UNDEBITED, la=number + 1)
            for number in range(count)
        )

    assert fold(of(64), "merge/aa") == of(64)
    folded = fold(of(65), "merge/aa")
    assert len(folded) == 64
    assert folded[0] == parcel("merge/aa", QuotaStatus.UNDEBITED, la=1 + 2)


def _by_element_and_status(parcels: Parcels) -> Counter[tuple[QuotaStatus, Element]]:
    sums: Counter[tuple[QuotaStatus, Element]] = Counter()
    for (_origin, status, element), grams in cells_of(parcels).items():
        sums[status, element] += grams
    return sums
