"""Arithmetic of a campaign: what comes out is the blend of what went in, element by element.

A continuous process mixes many feeds; which gram of neodymium in the product came from which mine
nobody knows. So the ledger says what can be said: per element, every output, the losses and the closing
stock hold the origins and quota statuses in the proportion in which inputs, opening stock and gain held
them. Integers only; the outputs, losses and stock of an element are together exactly what there was.

**Blend.** The contents come one after the other in the order of the record: outputs, then losses; the
closing stock is what remains. Of an element, ``wanted`` grams are taken out of the ``left`` grams that
remain: each cell gives ``floor(cell * wanted / left)``, and the grams still missing come one each from the
cells with the largest remainders of that division, equal ones in canonical order.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.quantity import Composition, Parcels, canonical
from ledger.state.rows import Parcel
from ledger.vocabulary import Element, QuotaStatus
from ledger.wire.scalars import Grams


def blend(pool: Parcels, wanted: Sequence[Composition]) -> tuple[list[Parcels], Parcels]:
    """Return the content of each of ``wanted``, taken out of ``pool`` in order, and what remains.

    Args:
        pool: Everything that was mixed, in canonical form.
        wanted: Grams of oxide per element of each content, elements ascending.

    Raises:
        ValueError: More of an element is wanted than there is.
    """
    columns = _columns(pool)
    contents = [_taken(pool, columns, composition) for composition in wanted]
    rest: list[list[tuple[Element, Grams]]] = [[] for _parcel in pool]
    for element in sorted(columns):
        positions, amounts = columns[element]
        for position, grams in zip(positions, amounts, strict=True):
            if grams:
                rest[position].append((element, Grams(grams)))
    return contents, _parcels(pool, rest)


def debited(parcels: Parcels) -> tuple[Parcels, int]:
    """Return ``parcels`` with every undebited gram debited, and how many those were."""
    owed = sum(
        grams
        for parcel in parcels
        if parcel.status is QuotaStatus.UNDEBITED
        for _element, grams in parcel.grams
    )
    if not owed:
        return parcels, 0
    return canonical(
        Parcel(origin=parcel.origin, status=QuotaStatus.DEBITED, grams=parcel.grams)
        if parcel.status is QuotaStatus.UNDEBITED
        else parcel
        for parcel in parcels
    ), owed


def undebited_grams(parcels: Parcels) -> int:
    """Return how many grams still owe the separation quota."""
    return sum(
        grams
        for parcel in parcels
        if parcel.status is QuotaStatus.UNDEBITED
        for _element, grams in parcel.grams
    )


def _columns(pool: Parcels) -> dict[Element, tuple[list[int], list[int]]]:
    """Return, for each element, in which parcels it is and how much of it."""
    columns: dict[Element, tuple[list[int], list[int]]] = {}
    for position, parcel in enumerate(pool):
        for element, grams in parcel.grams:
            column = columns.get(element)
            if column is None:
                column = columns[element] = ([], [])
            column[0].append(position)
            column[1].append(grams)
    return columns


def _taken(
    pool: Parcels, columns: dict[Element, tuple[list[int], list[int]]], wanted: Composition
) -> Parcels:
    """Take ``wanted`` out of ``columns``, which it changes, and return it as parcels."""
    cells: list[list[tuple[Element, Grams]]] = [[] for _parcel in pool]
    for element, grams in wanted:
        positions, amounts = columns.get(element, ([], []))
        left = sum(amounts)
        if grams > left:
            raise ValueError(f"cannot take {grams} g of {element.symbol} out of {left} g")
        shares = [amount * grams // left for amount in amounts]
        missing = grams - sum(shares)
        if missing:
            # Sorting is stable, which settles ties by canonical order.
            order = sorted(
                range(len(amounts)),
                key=[amount * grams % left for amount in amounts].__getitem__,
                reverse=True,
            )
            for number in order[:missing]:
                shares[number] += 1
        for number, share in enumerate(shares):
            if share:
                amounts[number] -= share
                cells[positions[number]].append((element, Grams(share)))
    return _parcels(pool, cells)


def _parcels(pool: Parcels, cells: list[list[tuple[Element, Grams]]]) -> Parcels:
    return tuple(
        Parcel(origin=parcel.origin, status=parcel.status, grams=tuple(grams))
        for parcel, grams in zip(pool, cells, strict=True)
        if grams
    )
