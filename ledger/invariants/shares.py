"""Sharing of grams as the specification says it, over plain cells.

A cell is (origin, status, element); contents are dicts of cells. This is a second implementation on
purpose, to be compared with ``ledger.quantity``; see there for the rules in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Cell: TypeAlias = tuple[str, int, int]
"""Origin, number of the quota status, atomic number."""
Content: TypeAlias = dict[Cell, int]


def taken(content: Content, gross: int, part: int) -> Content:
    """Return what a part of ``part`` grams out of ``gross`` holds."""
    exact = [(cell, content[cell] * part) for cell in sorted(content)]
    result = {cell: scaled // gross for cell, scaled in exact}
    short = sum(content.values()) * part // gross - sum(result.values())
    # A stable order by what was cut off, most first; then the first cells get a gram each.
    for cell, _scaled in sorted(exact, key=lambda entry: -(entry[1] % gross))[:short]:
        result[cell] += 1
    return without_zeros(result)


def remaining(content: Content, gone: Content) -> Content:
    """Return ``content`` less ``gone``; a cell may come out negative, which is for others to see."""
    return without_zeros({cell: grams - gone.get(cell, 0) for cell, grams in content.items()})


def divided(content: Content, grosses: Sequence[int]) -> list[Content]:
    """Return what children of ``grosses`` grams hold."""
    gross = sum(grosses)
    claims = [0] * len(grosses)
    children: list[Content] = [{} for _child in grosses]
    for cell in sorted(content):
        cut = [content[cell] * weight % gross for weight in grosses]
        claims = [claim + rest for claim, rest in zip(claims, cut, strict=True)]
        for child, weight in zip(children, grosses, strict=True):
            child[cell] = content[cell] * weight // gross
        short = content[cell] - sum(child[cell] for child in children)
        order = sorted(range(len(grosses)), key=lambda number: (-claims[number], number))
        for number in [number for number in order if cut[number]][:short]:
            children[number][cell] += 1
            claims[number] -= gross
    return [without_zeros(child) for child in children]


def without_zeros(content: Content) -> Content:
    """Return ``content`` without its empty cells."""
    return {cell: grams for cell, grams in content.items() if grams}


def by_element(content: Content) -> dict[int, int]:
    """Return the grams of each element over all origins and statuses."""
    totals: dict[int, int] = {}
    for (_origin, _status, element), grams in content.items():
        totals[element] = totals.get(element, 0) + grams
    return totals
