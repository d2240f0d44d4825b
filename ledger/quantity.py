"""Arithmetic of parcels: integers only, nothing appears and nothing is lost.

A lot's content is a tuple of parcels; a *cell* is one element of one parcel, in whole grams of oxide. In
*canonical form* parcels are sorted by origin and status, each pair occurs once, elements ascend, and no
cell and no parcel is empty. Everything here takes canonical parcels and returns canonical parcels, so
the order in which parcels were brought together never shows.

How a quantity is shared, the only ways there are:

* **take**: a part of ``p`` of ``g`` gross grams holds ``floor(all oxide * p / g)`` grams of oxide. Each cell
  gives ``floor(cell * p / g)``; the grams that are then missing come one each from the cells with the
  largest remainders, equal ones in canonical order. The rest keeps exactly what the part does not hold.
* **divide** into several children: each cell is shared on its own, ``floor(cell * child / g)`` for each
  child; the grams that are then missing go one each to the children that are owed most so far, over all
  cells up to this one, equal ones in the order of the children. The children add up exactly.
* **merge**: cells of the same origin, status and element add up.
* **fold**: over 64 origins, the smallest become one origin that names where they met; elements and
  statuses keep their sums.

In all of them a cell differs by less than a gram from its exact share and never gives more than it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from ledger.state.rows import Parcel
from ledger.vocabulary import Element, QuotaStatus
from ledger.wire.scalars import ORIGINS_PER_LOT_MAX, Grams

Parcels: TypeAlias = tuple[Parcel, ...]
"""The content of a lot in canonical form."""
Composition: TypeAlias = tuple[tuple[Element, Grams], ...]
"""Grams of oxide per element, by ascending atomic number, none of them zero."""

NOTHING: Final[Parcels] = ()


def canonical(parcels: Iterable[Parcel]) -> Parcels:
    """Return ``parcels`` in canonical form: merged by origin and status, sorted, without empty cells."""
    merged: dict[tuple[str, QuotaStatus], dict[Element, int]] = {}
    for parcel in parcels:
        cells = merged.setdefault((parcel.origin, parcel.status), {})
        for element, grams in parcel.grams:
            cells[element] = cells.get(element, 0) + grams
    result: list[Parcel] = []
    for origin, status in sorted(merged):
        grams_by_element = _sorted_grams(merged[origin, status])
        if grams_by_element:
            result.append(Parcel(origin=origin, status=status, grams=grams_by_element))
    return tuple(result)


def merge(contents: Iterable[Parcels]) -> Parcels:
    """Return the content of several lots poured together; the order of ``contents`` does not matter."""
    return canonical(parcel for parcels in contents for parcel in parcels)


def reo_of(parcels: Iterable[Parcel]) -> int:
    """Return the grams of oxide of all elements together."""
    return sum(grams for parcel in parcels for _element, grams in parcel.grams)


def totals_of(parcels: Iterable[Parcel]) -> Composition:
    """Return the grams of oxide per element over all origins and statuses."""
    totals: dict[Element, int] = {}
    for parcel in parcels:
        for element, grams in parcel.grams:
            totals[element] = totals.get(element, 0) + grams
    return _sorted_grams(totals)


def add_compositions(one: Composition, other: Composition) -> Composition:
    """Return the sum of two compositions, element by element."""
    totals: dict[Element, int] = dict(one)
    for element, grams in other:
        totals[element] = totals.get(element, 0) + grams
    return _sorted_grams(totals)


def take(parcels: Parcels, gross: int, part_gross: int) -> tuple[Parcels, Parcels]:
    """Return the content of a part of ``part_gross`` grams out of ``gross``, and that of the rest.

    Raises:
        ValueError: The part is negative or larger than the whole, or the whole is nothing.
    """
    if not 0 <= part_gross <= gross or gross == 0:
        raise ValueError(f"cannot take {part_gross} g out of {gross} g")
    if part_gross == gross:
        return parcels, NOTHING
    cells = [grams for parcel in parcels for _element, grams in parcel.grams]
    part: list[int] = []
    remainders: list[int] = []
    for grams in cells:
        share, remainder = divmod(grams * part_gross, gross)
        part.append(share)
        remainders.append(remainder)
    missing = sum(cells) * part_gross // gross - sum(part)
    if missing:
        # Sorting is stable, which settles ties by canonical order.
        by_remainder = sorted(range(len(cells)), key=remainders.__getitem__, reverse=True)
        for position in by_remainder[:missing]:
            part[position] += 1
    rest = [grams - share for grams, share in zip(cells, part, strict=True)]
    return _with_cells(parcels, part), _with_cells(parcels, rest)


def divide(parcels: Parcels, grosses: Sequence[int]) -> tuple[Parcels, ...]:
    """Return the contents of children of ``grosses`` grams, which together are the whole.

    Raises:
        ValueError: A child is nothing or negative, or there is none.
    """
    if not grosses or min(grosses) <= 0:
        raise ValueError(f"cannot divide into children of {list(grosses)} g")
    gross = sum(grosses)
    owed = [0] * len(grosses)
    shares_by_child: list[list[int]] = [[] for _child in grosses]
    for grams in (grams for parcel in parcels for _element, grams in parcel.grams):
        for shares, share in zip(shares_by_child, _share(grams, grosses, gross, owed), strict=True):
            shares.append(share)
    return tuple(_with_cells(parcels, shares) for shares in shares_by_child)


def fold(parcels: Parcels, met_at: str) -> Parcels:
    """Return ``parcels`` with at most 64 origins: the smallest become the origin ``met_at``.

    Args:
        parcels: Canonical content with any number of origins.
        met_at: Names the campaign or the merge in which they met, such as ``merge/<lot>``.
    """
    by_origin: dict[str, int] = {}
    for parcel in parcels:
        by_origin[parcel.origin] = by_origin.get(parcel.origin, 0) + reo_of((parcel,))
    if len(by_origin) <= ORIGINS_PER_LOT_MAX:
        return parcels
    by_size = sorted(by_origin, key=lambda origin: (-by_origin[origin], origin))
    kept = frozenset(by_size[: ORIGINS_PER_LOT_MAX - 1])
    return canonical(
        parcel
        if parcel.origin in kept
        else Parcel(origin=met_at, status=parcel.status, grams=parcel.grams)
        for parcel in parcels
    )


def _share(grams: int, grosses: Sequence[int], gross: int, owed: list[int]) -> list[int]:
    """Share one cell among children, and carry what each is owed, in ``1 / gross`` grams."""
    shares: list[int] = []
    candidates: list[int] = []
    for child, child_gross in enumerate(grosses):
        share, remainder = divmod(grams * child_gross, gross)
        shares.append(share)
        owed[child] += remainder
        if remainder:
            candidates.append(child)
    candidates.sort(key=owed.__getitem__, reverse=True)
    for child in candidates[: grams - sum(shares)]:
        shares[child] += 1
        owed[child] -= gross
    return shares


def _with_cells(parcels: Parcels, cells: Sequence[int]) -> Parcels:
    """Return ``parcels`` with other amounts, cell by cell, leaving out what has become empty."""
    amounts = iter(cells)
    result: list[Parcel] = []
    for parcel in parcels:
        grams = tuple(
            (element, Grams(amount))
            for (element, _grams), amount in zip(parcel.grams, amounts, strict=False)
            if amount
        )
        if grams:
            result.append(Parcel(origin=parcel.origin, status=parcel.status, grams=grams))
    return tuple(result)


def _sorted_grams(totals: dict[Element, int]) -> Composition:
    return tuple((element, Grams(totals[element])) for element in sorted(totals) if totals[element])
