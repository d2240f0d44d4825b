"""Repeatable draws, and shares that add up.

``Draws`` is SplitMix64, written out here because its whole output is then fixed by these few
lines: the sequence for a seed is the same on every machine and Python version, which the
standard library promises for one of its methods only. It is for inventing data, never for
secrets.

``apportion`` divides an integer by weights with the largest-remainder method: the parts add up
to the whole exactly and each differs from its exact share by less than one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

_Item = TypeVar("_Item")

_MASK: Final = 2**64 - 1
_INCREMENT: Final = 0x9E3779B97F4A7C15


class Draws:
    """A stream of draws that depends on its seed and its purpose only.

    Streams of different purposes are independent: one more draw for one of them does not move
    the others.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, purpose: str) -> None:
        digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
        self._state = int.from_bytes(digest[:8], "big")

    def below(self, limit: int) -> int:
        """Draw a whole number from 0 to ``limit - 1``; raise ValueError when there is none."""
        if limit < 1:
            raise ValueError(f"cannot draw a number below {limit}")
        self._state = (self._state + _INCREMENT) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        mixed ^= mixed >> 31
        # The high bits of a product pick the number; the bias is below limit / 2**64.
        return (mixed * limit) >> 64

    def between(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def happens(self, permille: int) -> bool:
        """Draw whether something happens that does so ``permille`` times in a thousand."""
        return self.below(1000) < permille

    def one_of(self, items: Sequence[_Item]) -> _Item:
        """Draw one item, all equally likely."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[_Item], weights: Sequence[int]) -> _Item:
        """Draw one item, each in proportion to its weight."""
        point = self.below(sum(weights))
        for item, weight in zip(items, weights, strict=True):
            if point < weight:
                return item
            point -= weight
        raise AssertionError("a point below the sum of all weights lies in one of them")

    def around(self, value: int, permille: int) -> int:
        """Draw a number at most ``permille`` thousandths of ``value`` away from it."""
        return value * self.between(1000 - permille, 1000 + permille) // 1000


def apportion(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide ``total`` in proportion to ``weights``; the parts add up to it exactly.

    What the whole parts leave over goes, one by one, to the largest remainders; the earlier part
    wins among equal ones. Raises ValueError for a negative number or when no weight is positive.
    """
    whole = sum(weights)
    if total < 0 or whole < 1 or min(weights) < 0:
        raise ValueError(f"cannot divide {total} in proportion to {list(weights)}")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


def digest_of(*words: object) -> str:
    """Give the SHA-256 of ``words``, in hex, standing for a document that the demo does not have."""
    return hashlib.sha256("/".join(("monazite demo", *map(str, words))).encode()).hexdigest()
